"""The windows of an interval, computed from the sources that the options name."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from gpucost.app.cli.arguments import Interval
from gpucost.app.cli.messages import tell
from gpucost.app.cli.progress import Progress
from gpucost.app.computed import compute_ledgers
from gpucost.app.pipeline import Witness
from gpucost.app.settings import Settings
from gpucost.model.errors import GpuCostError
from gpucost.model.ledger import Ledger


def batches_of(
    options: argparse.Namespace, settings: Settings, interval: Interval, witness: Witness | None = None
) -> Iterator[tuple[Ledger, ...]]:
    """Batch by batch, with a progress bar; at the end it tells what the sources had to leave out.

    Raises GpuCostError where a source that was named cannot be used.
    """
    from gpucost.app.cli.sources import Sources  # noqa: PLC0415 - kopf and kubernetes take a second to import

    with _naming_the_option(options):
        sources = Sources(options, settings, seen_at=interval.end)
        count = (interval.end - interval.start) // settings.window
        with Progress("windows", count) as progress:
            yield from compute_ledgers(
                sources.pipeline, interval.start, interval.end, settings.window, progress=progress.show, witness=witness
            )
    for problem in sources.problems:
        tell(problem)


@contextmanager
def _naming_the_option(options: argparse.Namespace) -> Iterator[None]:
    """Messages about Prometheus name the key of the configuration; whoever gave an option looks for that."""
    try:
        yield
    except GpuCostError as error:
        if not options.prometheus:
            raise
        raise type(error)(str(error).replace("prometheus.url", "--prometheus")) from error

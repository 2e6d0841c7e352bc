"""The windows of an interval, computed from the sources that the options name."""

import argparse
from collections.abc import Iterator, Sequence

from gpucost.app.cli.arguments import Interval, naming_the_option
from gpucost.app.cli.messages import tell
from gpucost.app.cli.progress import Progress
from gpucost.app.computing.computed import compute_ledgers
from gpucost.app.computing.pipeline import Witness
from gpucost.app.configuration.settings import Settings
from gpucost.model.ledger import Ledger


def batches_of(
    options: argparse.Namespace, settings: Settings, interval: Interval, witness: Witness | None = None
) -> Iterator[Sequence[Ledger]]:
    """Batch by batch, with a progress bar; at the end it tells what the sources had to leave out.

    What Prometheus answers only in part, or not at all any more, is taken as it is, with notes in the ledgers.

    Raises GpuCostError where a source that was named cannot be used.
    """
    from gpucost.app.cli.sources import Sources  # noqa: PLC0415 - kopf and kubernetes take a second to import

    with naming_the_option(options):
        sources = Sources(options, settings, seen_at=interval.end)
        count = (interval.end - interval.start) // settings.window
        with Progress("windows", count) as progress:
            yield from compute_ledgers(
                sources.settling(interval.end, witness).compute,
                interval.start,
                interval.end,
                settings.window,
                progress=progress.show,
            )
    for problem in sources.problems:
        tell(problem)

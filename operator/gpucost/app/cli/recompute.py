"""``gpucost recompute``: what reports would be with today's prices, and with ``--apply`` these figures in them."""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gpucost.app.cli.arguments import add_output, moment, naming_the_option, settings_of
from gpucost.app.cli.filters import add_filters, in_words, is_wanted
from gpucost.app.cli.messages import tell, write
from gpucost.app.cli.progress import Progress
from gpucost.app.computing.pipeline import Pipeline
from gpucost.app.configuration.durations import LONGEST
from gpucost.app.configuration.settings import Settings
from gpucost.app.told_once import named
from gpucost.model.errors import ConfigurationError, GpuCostError
from gpucost.model.time import DAY, Period, PeriodKind, Window, format_time, period_of, start_of_day
from gpucost.reports.recompute_output import (
    Row,
    recompute_csv,
    recompute_json,
    recompute_rows,
    recompute_table,
    recompute_yaml,
)

if TYPE_CHECKING:
    from gpucost.app.recomputing.recompute import Outcome


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "recompute",
        help="what the reports of past days would be with today's prices; --apply writes it into Open ones",
        description="Computes the windows that the reports of UTC days hold with the rate cards of today, and shows the"
        " difference by team. Only --apply writes: into reports that are Open, with an adjustment that says so.",
    )
    group = parser.add_argument_group("which days (UTC, whole)")
    group.add_argument(
        "--from", dest="start", type=_midnight, metavar="T", required=True, help="the first day, such as 2026-11-24"
    )
    group.add_argument("--to", dest="end", type=_midnight, metavar="T", help="its midnight ends them; default: now")
    parser.add_argument("--apply", action="store_true", help="write it into the reports that are Open")
    add_filters(parser)
    add_output(parser)
    sources = parser.add_argument_group("where the data comes from")
    sources.add_argument("--config", type=Path, metavar="FILE", help="the operator's configuration; --apply needs it")
    sources.add_argument("--kubeconfig", type=Path, metavar="FILE", help="the cluster (default: $KUBECONFIG)")
    sources.add_argument("--context", metavar="NAME", help="the kubeconfig's context to use")
    sources.add_argument("--prometheus", metavar="URL", help="the Prometheus that scrapes dcgm-exporter")
    parser.set_defaults(call=call, refuse=parser.error, cluster_dir=None, rates=None)


def utc_now() -> datetime:
    return datetime.now(UTC)


def call(options: argparse.Namespace, clock: Callable[[], datetime] = utc_now) -> int:
    _check(options, clock())
    settings = settings_of(options)
    outcomes: dict[Period, Outcome | None] = {}
    try:
        with naming_the_option(options):
            for period, outcome in _outcomes(options, settings, clock):
                outcomes[period] = outcome
    except GpuCostError:
        if options.apply and any(outcomes.values()):  # what was written before it is to be seen
            _print(options, outcomes)
        raise
    return _print(options, outcomes)


def _outcomes(
    options: argparse.Namespace, settings: Settings, clock: Callable[[], datetime]
) -> Iterator[tuple[Period, "Outcome | None"]]:
    from gpucost.app.cli.sources import Sources  # noqa: PLC0415 - kopf and kubernetes take a second to import
    from gpucost.app.recomputing.recompute import Recomputer  # noqa: PLC0415
    from gpucost.cluster.connection import connect  # noqa: PLC0415
    from gpucost.reports.storage.store import ReportStore  # noqa: PLC0415

    asked: list[Sources] = []

    def make_pipeline() -> Pipeline:
        asked.append(Sources(options, settings, seen_at=clock()))
        return asked[-1].pipeline

    client = connect(options.kubeconfig, context=options.context)
    store = ReportStore(client, operator_namespace=settings.namespace)
    recomputer = Recomputer(store, make_pipeline, settings, clock=clock)
    for period in _days(options.start, options.end or clock()):
        count = (min(period.end, clock()) - period.start) // settings.window
        with Progress(f"windows of {period.name}", count) as progress:
            recompute = recomputer.apply if options.apply else recomputer.show
            outcome = recompute(period, progress.show)
        yield period, outcome
    for problem in dict.fromkeys(problem for sources in asked for problem in sources.problems):
        tell(problem)


def _print(options: argparse.Namespace, outcomes: Mapping[Period, "Outcome | None"]) -> int:
    """The exit code."""
    without = [period.name for period, outcome in outcomes.items() if outcome is None]
    if without:
        tell(f"There is no report of {named(without)}, so nothing of it is recomputed.")
    found = [outcome for outcome in outcomes.values() if outcome is not None]
    rows = [row for outcome in found for row in recompute_rows(outcome.day) if _is_wanted(options, row)]
    if found and not rows:
        tell(f"Nothing is reported{in_words(options)} in these days.")
    write(_text(rows, options.output))
    refusals = [outcome.refusal for outcome in found if outcome.refusal]
    for refusal in refusals:
        tell(f"{refusal}.")
    return 1 if refusals else 0


def _check(options: argparse.Namespace, now: datetime) -> None:
    """Ends the command as wrong usage where the options contradict each other.

    Raises ConfigurationError where the first day is still to come.
    """
    if options.end and options.start >= options.end:
        options.refuse(
            f"--from {format_time(options.start)} is not before --to {format_time(options.end)}; exchange the two"
        )
    if (options.end or now) - options.start > LONGEST:
        options.refuse(f"--from {format_time(options.start)} is more than {LONGEST.days}d before the end")
    if options.apply and (options.namespace is not None or options.team is not None):
        options.refuse("-n and --team choose what is shown; --apply writes whole days, so leave them out")
    if options.apply and not options.config:
        options.refuse("--apply needs --config FILE, the operator's configuration: the figures rest on it")
    if options.start > now:
        raise ConfigurationError(f"--from {format_time(options.start)} is still to come; name a day that has begun")


def _midnight(text: str) -> datetime:
    read = moment(text)
    if read != start_of_day(read):
        raise argparse.ArgumentTypeError(f'"{text}" is no UTC midnight; days are recomputed whole: {read:%Y-%m-%d}')
    return read


def _days(start: datetime, end: datetime) -> Iterator[Period]:
    while start < end:
        yield period_of(Window(start, start), PeriodKind.DAY)
        start += DAY


def _is_wanted(options: argparse.Namespace, row: Row) -> bool:
    """A filter asks for some teams; the rows of the node bill are about all of them."""
    return is_wanted(options, row["namespace"], row["team"])


def _text(rows: Sequence[Row], output: str) -> str:
    match output:
        case "json":
            return recompute_json(rows)
        case "yaml":
            return recompute_yaml(rows)
        case "csv":
            return recompute_csv(rows)
        case _:
            return recompute_table(rows, wide=output == "wide")

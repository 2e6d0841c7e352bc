"""``gpucost allocations``: one row per holder, and what nobody held; the cost column adds up to the node bill."""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import yaml

from gpucost.app.cli.arguments import add_filters, add_interval, add_output, add_sources, interval_of, settings_of
from gpucost.app.cli.messages import tell
from gpucost.app.cli.progress import Progress
from gpucost.app.computed import compute_ledgers
from gpucost.model.ledger import Ledger
from gpucost.model.time import format_time
from gpucost.reports.allocation_output import allocations_csv, allocations_json, allocations_table
from gpucost.reports.allocations import Row, allocation_rows, allocation_rows_by_window

BY_INTERVAL, BY_WINDOW = "interval", "window"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "allocations",
        help="who held which device and what it cost, one row per holder",
        description="One row per holder (container, device), and per node one for what nobody held: the cost column"
        " adds up to the node bill.",
    )
    add_interval(parser)
    parser.add_argument(
        "--by",
        choices=[BY_INTERVAL, BY_WINDOW],
        default=BY_INTERVAL,
        help="window: one row a window (default: interval)",
    )
    add_filters(parser)
    add_output(parser)
    add_sources(parser)
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    from gpucost.app.cli.sources import Sources  # noqa: PLC0415 - kopf and kubernetes take a second to import

    settings = settings_of(options)
    interval = interval_of(options, settings, datetime.now(UTC))
    sources = Sources(options, settings, seen_at=interval.end)
    count = (interval.end - interval.start) // settings.window
    ledgers: list[Ledger] = []
    with Progress("windows", count) as progress:
        for batch in compute_ledgers(sources.pipeline, interval.start, interval.end, settings.window, progress.show):
            ledgers += batch
    for problem in sources.problems():
        tell(problem)
    rows = [row for row in _rows(ledgers, options.by) if _is_wanted(row, options)]
    if not rows:
        tell(
            f"No GPU node was there, or nothing fits the filter, in {format_time(interval.start)} - "
            f"{format_time(interval.end)}."
        )
    _print(rows, options.output)
    return 0


def _rows(ledgers: Sequence[Ledger], by: str) -> Sequence[Row]:
    return list(allocation_rows_by_window(ledgers)) if by == BY_WINDOW else allocation_rows(ledgers)


def _is_wanted(row: Row, options: argparse.Namespace) -> bool:
    return options.namespace in (None, row["namespace"]) and options.team in (None, row["team"])


def _print(rows: Sequence[Row], output: str) -> None:
    match output:
        case "json":
            sys.stdout.write(allocations_json(rows))
        case "yaml":
            sys.stdout.write(yaml.safe_dump(json.loads(allocations_json(rows)), sort_keys=False, allow_unicode=True))
        case "csv":
            sys.stdout.write(allocations_csv(rows))
        case _ if rows:
            sys.stdout.write(allocations_table(rows, wide=output == "wide"))
        case _:
            pass

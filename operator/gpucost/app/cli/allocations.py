"""``gpucost allocations``: one row per holder, and what nobody held; the cost column adds up to the node bill."""

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import yaml

from gpucost.app.cli.arguments import add_interval, add_output, add_sources, interval_of, settings_of
from gpucost.app.cli.conditions import troubles_of
from gpucost.app.cli.filters import add_filters, filtered, in_words, is_wanted
from gpucost.app.cli.messages import tell, write
from gpucost.app.cli.windows import batches_of
from gpucost.app.computing.computed import build_reports
from gpucost.model.ledger import Ledger
from gpucost.model.time import PeriodKind, format_time
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
    now = datetime.now(UTC)
    settings = settings_of(options)
    interval = interval_of(options, settings, now)
    batches = list(batches_of(options, settings, interval))
    told = filtered(options, build_reports(batches, PeriodKind.MONTH, now))
    for trouble in troubles_of(told.cluster_reports or told.reports):
        tell(trouble)
    rows = _rows([ledger for batch in batches for ledger in batch], options.by)
    shown = [row for row in rows if is_wanted(options, row["namespace"], row["team"])]
    if not shown:
        what = "Nobody held a GPU" if rows else "There was no GPU node"
        tell(f"{what} in {format_time(interval.start)} - {format_time(interval.end)}{in_words(options)}.")
    write(_text(shown, options.output))
    return 0


def _rows(ledgers: Sequence[Ledger], by: str) -> Sequence[Row]:
    return list(allocation_rows_by_window(ledgers)) if by == BY_WINDOW else allocation_rows(ledgers)


def _text(rows: Sequence[Row], output: str) -> str:
    match output:
        case "json":
            return allocations_json(rows)
        case "yaml":
            return yaml.safe_dump(json.loads(allocations_json(rows)), sort_keys=False, allow_unicode=True)
        case "csv":
            return allocations_csv(rows)
        case _:
            return allocations_table(rows, wide=output == "wide") if rows else ""

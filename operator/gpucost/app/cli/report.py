"""``gpucost report``: the reports of an interval, computed now; nothing is written."""

import argparse
import json
from datetime import UTC, datetime

import yaml

from gpucost.app.cli.arguments import add_interval, add_output, add_sources, interval_of, settings_of
from gpucost.app.cli.conditions import troubles_of
from gpucost.app.cli.filters import add_filters, filtered, in_words
from gpucost.app.cli.messages import tell, write
from gpucost.app.cli.windows import batches_of
from gpucost.app.computing.computed import Computed, build_reports
from gpucost.model.time import PeriodKind, format_time
from gpucost.reports.build import Object, build_list
from gpucost.reports.report_csv import reports_csv
from gpucost.reports.tables import cluster_report_table, report_table


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "report",
        help="GpuCostReports and the ClusterGpuCostReport of an interval, computed now; nothing is written",
        description="Computes what the operator would write, and writes nothing. `-o json` prints a List that"
        " `kubectl apply --server-side -f -` takes.",
    )
    add_interval(parser)
    parser.add_argument(
        "--period", choices=[str(kind) for kind in PeriodKind], default=str(PeriodKind.DAY), help="default: Day"
    )
    add_filters(parser)
    add_output(parser)
    add_sources(parser)
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    now = datetime.now(UTC)
    settings = settings_of(options)
    interval = interval_of(options, settings, now)
    batches = batches_of(options, settings, interval)
    shown = filtered(options, build_reports(batches, PeriodKind(options.period), now))
    for trouble in troubles_of(shown.cluster_reports or shown.reports):
        tell(trouble)
    if not shown.reports:
        tell(f"No team held a GPU in {format_time(interval.start)} - {format_time(interval.end)}{in_words(options)}.")
    write(_text(shown, options.output))
    return 0


def _text(shown: Computed, output: str) -> str:
    objects: list[Object] = [*shown.reports, *shown.cluster_reports]
    match output:
        case "json":
            return json.dumps(build_list(objects), indent=2) + "\n"
        case "yaml":
            return yaml.safe_dump(build_list(objects), sort_keys=False, allow_unicode=True)
        case "csv":
            return reports_csv(shown.reports)
        case _:
            wide = output == "wide"
            tables = (report_table(shown.reports, wide=wide), cluster_report_table(shown.cluster_reports, wide=wide))
            return "\n".join(table for table in tables if table)

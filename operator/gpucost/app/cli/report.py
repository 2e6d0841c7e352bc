"""``gpucost report``: the reports of an interval, computed now; nothing is written."""

import argparse
import json
import sys
from datetime import UTC, datetime

import yaml

from gpucost.app.cli.arguments import add_filters, add_interval, add_output, add_sources, interval_of, settings_of
from gpucost.app.cli.messages import tell
from gpucost.app.cli.progress import Progress
from gpucost.app.computed import Computed, build_reports, compute_ledgers
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
    from gpucost.app.cli.sources import Sources  # noqa: PLC0415 - kopf and kubernetes take a second to import

    now = datetime.now(UTC)
    settings = settings_of(options)
    interval = interval_of(options, settings, now)
    sources = Sources(options, settings, seen_at=interval.end)
    count = (interval.end - interval.start) // settings.window
    with Progress("windows", count) as progress:
        batches = compute_ledgers(sources.pipeline, interval.start, interval.end, settings.window, progress.show)
        computed = build_reports(batches, PeriodKind(options.period), now)
    for problem in sources.problems():
        tell(problem)
    _print(options, _filtered(computed, options), f"{format_time(interval.start)} - {format_time(interval.end)}")
    return 0


def _filtered(computed: Computed, options: argparse.Namespace) -> Computed:
    """A filter asks for some teams' reports; the cluster's is about all of them, so it is left out."""
    if not options.namespace and not options.team:
        return computed
    reports = tuple(
        report
        for report in computed.reports
        if options.namespace in (None, report["metadata"]["namespace"])
        and options.team in (None, report["spec"]["team"])
    )
    return Computed(reports=reports, cluster_reports=())


def _print(options: argparse.Namespace, computed: Computed, interval: str) -> None:
    objects: list[Object] = [*computed.reports, *computed.cluster_reports]
    match options.output:
        case "json":
            print(json.dumps(build_list(objects), indent=2))
        case "yaml":
            print(yaml.safe_dump(build_list(objects), sort_keys=False, allow_unicode=True), end="")
        case "csv":
            sys.stdout.write(reports_csv(computed.reports))
        case output:
            wide = output == "wide"
            if computed.reports:
                sys.stdout.write(report_table(computed.reports, wide=wide))
            else:
                tell(f"No team held a GPU in {interval}{_where(options)}.")
            if computed.cluster_reports:
                sys.stdout.write("\n" + cluster_report_table(computed.cluster_reports, wide=wide))


def _where(options: argparse.Namespace) -> str:
    namespace = f" in namespace {options.namespace}" if options.namespace else ""
    return namespace + (f" as team {options.team}" if options.team else "")

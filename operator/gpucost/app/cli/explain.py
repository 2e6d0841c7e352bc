"""``gpucost explain``: what one pod costs and why, from samples to cents."""

import argparse
from datetime import UTC, datetime

from gpucost.app.cli.arguments import add_interval, add_sources, interval_of, settings_of
from gpucost.app.cli.conditions import troubles_of
from gpucost.app.cli.messages import tell, write
from gpucost.app.cli.windows import batches_of
from gpucost.app.computing.computed import build_reports
from gpucost.app.explaining.explain import Explainer
from gpucost.app.windows.gaps import GAPS
from gpucost.model.time import PeriodKind
from gpucost.reports.explain_json import explanation_json
from gpucost.reports.explain_text import explanation_text

BY_INTERVAL, BY_WINDOW = "interval", "window"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "explain",
        help="what one pod costs and why, from samples to cents",
        description="Every factor of what a pod costs, where it comes from, and what was estimated. The figures are"
        " those of `gpucost allocations`.",
    )
    parser.add_argument("pod", metavar="POD", help="name of the pod")
    parser.add_argument("-n", "--namespace", metavar="NS", help="its namespace (default: whichever has such a pod)")
    add_interval(parser)
    parser.add_argument(
        "--by",
        choices=[BY_INTERVAL, BY_WINDOW],
        default=BY_INTERVAL,
        help="window: window by window (default: summed over the interval)",
    )
    parser.add_argument("-o", "--output", choices=["table", "json"], default="table", help="default: table")
    add_sources(parser)
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    settings = settings_of(options)
    now = datetime.now(UTC)
    interval = interval_of(options, settings, now)
    explainer = Explainer(options.pod, options.namespace, settings.policy)
    batches = list(batches_of(options, settings, interval, explainer))
    for gap in troubles_of(build_reports(batches, PeriodKind.MONTH, now).cluster_reports, types=GAPS):
        tell(gap)
    explanation, by_window = explainer.explanation(), options.by == BY_WINDOW
    to_text = explanation_json if options.output == "json" else explanation_text
    write(to_text(explanation, by_window=by_window))
    return 0

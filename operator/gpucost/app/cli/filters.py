"""``-n`` and ``--team``: which part of what was computed is shown."""

import argparse

from gpucost.app.computing.computed import Computed
from gpucost.reports.build import Object


def add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-n", "--namespace", metavar="NS", help="only this namespace")
    parser.add_argument("--team", metavar="X", help="only this team")


def is_wanted(options: argparse.Namespace, namespace: object, team: object) -> bool:
    return options.namespace in (None, namespace) and options.team in (None, team)


def filtered(options: argparse.Namespace, computed: Computed) -> Computed:
    """A filter asks for some teams' reports; the cluster's is about all of them, so it is left out."""
    if options.namespace is None and options.team is None:
        return computed
    return Computed(reports=tuple(report for report in computed.reports if _fits(options, report)), cluster_reports=())


def _fits(options: argparse.Namespace, report: Object) -> bool:
    return is_wanted(options, report["metadata"]["namespace"], report["spec"]["team"])


def in_words(options: argparse.Namespace) -> str:
    """`` in namespace ml as team vision``; empty where nothing is filtered."""
    namespace = f" in namespace {options.namespace}" if options.namespace is not None else ""
    return namespace + (f" as team {options.team}" if options.team is not None else "")

"""``gpucost run``: the operator."""

import argparse
from pathlib import Path

from gpucost.app.process.logs import configure_logging


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("run", help="the operator: keeps the reports of the cluster up to date")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="the configuration, a YAML file")
    parser.add_argument("--kubeconfig", type=Path, metavar="FILE", help="default: the pod's account or $KUBECONFIG")
    parser.add_argument("--context", metavar="NAME", help="the kubeconfig's context to use")
    parser.add_argument("--verbose", action="store_true", help="log what the libraries do, too")
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    from gpucost.app.process.operator import run_operator  # noqa: PLC0415 - kopf takes a second to import
    from gpucost.cluster.connection import connect  # noqa: PLC0415

    configure_logging(verbose=options.verbose)
    return run_operator(options.config, lambda: connect(options.kubeconfig, context=options.context))

"""Picks the command; every error that is meant for people becomes one sentence on stderr."""

import argparse
from collections.abc import Sequence

from gpucost import __version__
from gpucost.app.cli import allocations, demo, doctor, explain, exporter, rates, recompute, report, run
from gpucost.app.cli.messages import flush, tell
from gpucost.model.errors import GpuCostError

_COMMANDS = (run, report, allocations, explain, rates, recompute, doctor, demo, exporter)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = make_parser()
    command = parser.prog
    try:
        options = _parse(parser, arguments)
        command = f"{parser.prog} {options.command}"
        code: int = options.call(options)
    except GpuCostError as error:
        tell(f"{command}: {error}")
        return 1
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        return 130
    return code


def _parse(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    try:
        return parser.parse_args(arguments)
    finally:
        flush()  # --help and --version print on stdout


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gpucost",
        description="Who pays for the GPUs: cost per team, product and cost centre, reconciled with the node bill.",
    )
    parser.add_argument("--version", action="version", version=f"gpucost {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in _COMMANDS:
        module.add_parser(commands)
    return parser

"""Picks the command; every error that is meant for people becomes one sentence on stderr."""

import argparse
import os
import sys
from collections.abc import Sequence

from gpucost import __version__
from gpucost.app.cli import allocations, demo, report, run
from gpucost.model.errors import GpuCostError

_COMMANDS = (run, report, allocations, demo)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = make_parser()
    options = parser.parse_args(arguments)
    try:
        code: int = options.call(options)
    except GpuCostError as error:
        print(f"gpucost {options.command}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read us has seen enough; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code


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

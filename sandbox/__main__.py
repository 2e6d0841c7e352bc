"""``python -m sandbox``"""

import argparse
import signal
import sys

from gpucost.model.errors import GpuCostError
from sandbox import commands
from sandbox.state import state_folder

_ABOUT = """\
A GPU cluster on this machine, without containers and without root: a real Kubernetes API server and a real
Prometheus that show a simulated fleet of five nodes. Prometheus holds its last hours and goes on scraping it; pods
come and go. There is no scheduler and no kubelet: nothing really runs.
"""
_FOLDER = """\
Data, logs and the kubeconfig lie in $GPUCOST_SANDBOX_DIR, else in the user's cache. Programs that are not in
$KUBEBUILDER_ASSETS or on the PATH are built once with Go and kept in the cache.
"""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    folder = state_folder()
    try:
        match options.command:
            case "up":
                commands.up(folder, hours=options.hours, seed=options.seed)
            case "down":
                commands.down(folder)
            case "status":
                commands.status(folder)
            case "env":
                commands.env(folder)
            case _:
                commands.binaries()
    except GpuCostError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description=_ABOUT,
        epilog=_FOLDER,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    which = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = which.add_parser("up", help="start it, fill it, and leave it running")
    up.add_argument(
        "--hours", type=_hours, default=24.0, metavar="N", help="hours of history to load (default: 24, most: 720)"
    )
    up.add_argument("--seed", type=int, default=1, metavar="N", help="same seed and times, same fleet (default: 1)")
    which.add_parser("down", help="stop every server and delete the data")
    which.add_parser("status", help="say what runs where; exit code 1 where nothing does")
    which.add_parser("env", help='print shell exports, for: eval "$(python -m sandbox env)"')
    which.add_parser("binaries", help="build or fetch every program that is missing, and start nothing")
    return parser


def _hours(text: str) -> float:
    hours = float(text)
    if not 0 < hours <= 720:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 720")
    return hours


if __name__ == "__main__":
    sys.exit(main())

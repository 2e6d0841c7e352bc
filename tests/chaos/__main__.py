"""``python -m tests.chaos``: the long forms, on a real API server and a real Prometheus of their own."""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.chaos.chaos import Chaos, Plan, Say
from tests.chaos.quiet import undisturbed
from tests.chaos.restarts import Restarts
from tests.chaos.soak import soak
from tests.chaos.world import World, differences

MOST_MEGABYTES = 1.0
"""That a process may grow with 1,000 windows."""


def main() -> int:
    options = _parser().parse_args()
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {text}", file=sys.stderr, flush=True)

    if options.seed is None:
        options.seed = int(time.time())
    folder = Path(tempfile.mkdtemp(prefix="gpucost-chaos-"))
    print(f"seed {options.seed}: the same again with --seed {options.seed}; logs in {folder}", flush=True)
    forms = {"chaos": _chaos, "restarts": _restarts, "soak": _soak}
    with World.start(folder, seed=options.seed, days=options.days, nodes=options.node, say=say) as world:
        wrong = list(forms[options.form](world, options, say))
    for line in wrong:
        print(line)
    if not wrong:
        shutil.rmtree(folder)
    print("wrong" if wrong else "all is as it should be", f"after {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


def _chaos(world: World, options: argparse.Namespace, say: Say) -> Iterator[str]:
    """What is wrong in the end, a line each."""
    expected = undisturbed(world)
    say(f"an operator that was left alone wrote {len(expected)} reports")
    plan = Plan(
        seed=options.seed,
        kills=options.kills,
        faults=options.faults,
        operators=options.operators,
        share=options.share,
    )
    summary = Chaos(world, plan, say).run()
    print("\n".join(summary.lines()))
    print(f"{world.span.length // world.window} windows in {len(expected)} reports")
    yield from differences(world.snapshot(), expected)
    yield from (f"the operator ended by itself: {said}" for said in summary.ended_by_itself)
    world.assert_true()


def _restarts(world: World, _options: argparse.Namespace, say: Say) -> Iterator[str]:
    yield from Restarts(world).run(1, say)


def _soak(world: World, options: argparse.Namespace, say: Say) -> Iterator[str]:
    growth = soak(world, options.windows, say)
    print("\n".join(growth.lines()))
    if growth.megabytes_per_1000 > MOST_MEGABYTES:
        yield f"it grows by more than {MOST_MEGABYTES:g} MB per 1,000 windows"
    if growth.descriptors[1] > growth.descriptors[0]:
        yield "it opens more and more files"
    if growth.threads[1] > growth.threads[0]:
        yield "it starts more and more threads"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("form", choices=("chaos", "restarts", "soak"), nargs="?", default="chaos")
    parser.add_argument("--seed", type=int, metavar="N", help="replays the schedule of an earlier run")
    parser.add_argument("--kills", type=int, default=200, metavar="N")
    parser.add_argument("--faults", type=int, default=1000, metavar="N")
    parser.add_argument("--days", type=int, default=2, metavar="N", help="simulated days (default: 2)")
    parser.add_argument("--operators", type=int, default=1, metavar="N", help="replicas at once (default: 1)")
    parser.add_argument("--share", type=float, default=0.05, metavar="X", help="part of the calls that get a fault")
    parser.add_argument("--windows", type=int, default=2000, metavar="N", help="of the soak, a minute each")
    parser.add_argument("--node", action="append", default=[], metavar="NAME", help="only what runs on this node")
    return parser


if __name__ == "__main__":
    sys.exit(main())

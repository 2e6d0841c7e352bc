"""The process that owns the servers of a sandbox that outlives its ``up``.

It is started tethered to ``up`` and lets go when all is ready: an ``up`` that dies half way leaves nothing behind.
"""

import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

from gpucost.model.errors import GpuCostError
from gpucost.model.time import Window, floor_to
from gpucost.simulation.fleet import make_fleet
from sandbox.session import Sandbox
from sandbox.state import State, own_until_death, write_state
from sandbox.tether import tether

SEAM = timedelta(minutes=5)
"""History ends on a multiple of it, so that no window holds both loaded and scraped samples."""
LIVE_FOR = timedelta(days=7)


def main(folder: str, hours: str, seed: str) -> int:
    signal.signal(signal.SIGTERM, _leave)
    try:
        own_until_death(Path(folder))
        _serve(Path(folder), float(hours), int(seed))
    except GpuCostError as error:
        print(error, flush=True)
        return 1
    return 0


def _serve(folder: Path, hours: float, seed: int) -> None:
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)

    end = floor_to(datetime.now(UTC), SEAM)
    history = Window(end - timedelta(hours=hours), end)
    fleet = make_fleet(seed=seed, start=history.start, end=end + LIVE_FOR)
    with Sandbox.start(folder, fleet=fleet, history=history, live=True, say=say) as sandbox:
        tether(0)
        state = State(
            pid=os.getpid(),
            api_url=sandbox.plane.url,
            kubeconfig=sandbox.kubeconfig,
            prometheus_url=sandbox.prometheus_url,
            seed=seed,
            history_start=history.start,
            history_end=history.end,
            live_until=fleet.end,
        )
        write_state(folder, state)
        while True:
            signal.pause()


def _leave(_signal: int, _frame: FrameType | None) -> None:
    """Ends every block, which stops what it started; a second signal must not cut that short."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

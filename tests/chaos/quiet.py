"""Operators to whom nothing befalls: what they write is what all others must have written in the end."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from gpucost.model.errors import GpuCostError
from tests.chaos.operators import Operator
from tests.chaos.world import Snapshot, World
from tests.integration.operator_process import Pace

LATENESS = timedelta(hours=12)
"""Longer than any window stays undecided here: so none is closed with less than there is to know."""
SETTINGS = {"lateness": "12h", "backfillMaxAge": "30d"}
FIRST_SETTINGS = {**SETTINGS, "backfillMaxAge": "24h"}
"""Until there is a report: so the first window is that of the first day."""

LAST_WINDOW_CLOSED = timedelta(seconds=80)
"""After the lateness: the delay in which samples settle, and a little."""

_PATIENCE_SECONDS = 180.0


class Ended(GpuCostError):
    """The operator is gone."""


def undisturbed(world: World) -> Snapshot:
    """What an operator writes whom nothing befalls, half a day at a time; nothing is left of it."""
    with Operator(world, "undisturbed", haste=100) as operator:
        step, moment = timedelta(hours=12), world.span.start + timedelta(hours=6)
        while moment < world.span.end:
            operator.go_by(Pace.still(moment))
            if not operator.is_running:
                operator.start(**FIRST_SETTINGS)
            wait_until(partial(_is_at, world, moment), operator)
            moment += step
        finish(world, [operator])
    found = world.snapshot()
    world.clear()
    return found


def wait_until(holds: Callable[[], bool], operator: Operator, seconds: float = _PATIENCE_SECONDS) -> None:
    """Raises GpuCostError where it does not hold in time, or the operator ends."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise GpuCostError(f"the operator does not get on; see {operator.log}")
        if not operator.is_running:
            raise Ended(f"the operator has ended; see {operator.log}")
        time.sleep(0.1)


def finish(world: World, operators: Sequence[Operator]) -> None:
    """Left alone until every day is closed, and no window after the last is over; then stopped."""
    for operator in operators:
        operator.go_by(Pace.still(world.span.end + LATENESS + LAST_WINDOW_CLOSED))
        if not operator.is_running:
            operator.start(**SETTINGS)
    wait_until(world.is_closed, operators[0])
    for operator in operators:
        operator.stop()
        if "Traceback" in operator.log.read_text():
            raise GpuCostError(f"there is a traceback in {operator.log}")


def _is_at(world: World, moment: datetime) -> bool:
    committed = world.committed_until()
    return committed is not None and committed > moment - timedelta(minutes=10)

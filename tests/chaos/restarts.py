"""Kill -9 before and after every call of a first batch, of a live window and of a day's close, one at a time."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from gpucost.model.errors import GpuCostError
from gpucost.model.time import DAY, Window
from tests.chaos.operators import Operator
from tests.chaos.quiet import LAST_WINDOW_CLOSED, SETTINGS, Ended, wait_until
from tests.chaos.world import Snapshot, World, differences
from tests.integration.fault_proxy import Call, Mode
from tests.integration.operator_process import Pace

Say = Callable[[str], None]

HALF_DAY = timedelta(hours=12)
_HASTE = 100
_LATENESS = timedelta(minutes=2)
_SETTINGS = {**SETTINGS, "lateness": "2m", "backfillMaxAge": "24h"}


@dataclass(frozen=True, slots=True)
class _Step:
    """The operator's work from one moment to the next: that it finds at its start, then that of a running process."""

    name: str
    clock: timedelta
    """Into the day."""


_STEPS = (
    _Step("a first window, with no report there yet", HALF_DAY + LAST_WINDOW_CLOSED),
    _Step("a window and the day's and the month's close", DAY + _LATENESS + LAST_WINDOW_CLOSED),
)


class _Killer:
    """Kills at one call of a step: before the server hears of it, or when it has answered."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self.calls = 0
        self.has_killed = False
        """The process that was started last."""
        self._at = 0
        self._after = False
        operator.choose, operator.on_answer = self._chosen, self._answered

    def set(self, at: int, *, after: bool) -> None:
        """``at`` 0: never."""
        self.calls, self._at, self._after = 0, at, after

    def _chosen(self, _server: str, call: Call) -> Mode:
        if _is_by_the_clock(call):
            return Mode.THROUGH
        self.calls += 1
        if self.calls == self._at:
            if self._after:
                return Mode.LOST
            self._kill()
            return Mode.REFUSE
        return Mode.THROUGH

    def _answered(self, _server: str, call: Call) -> None:
        if self._after and self.calls == self._at and not _is_by_the_clock(call):
            self._kill()

    def _kill(self) -> None:
        self.has_killed = True
        self._operator.signal(signal.SIGKILL)


class Restarts:
    """One day of two windows, again and again; each time another call is the last of a process."""

    def __init__(self, world: World) -> None:
        first_day = Window(world.span.start, world.span.start + DAY)
        self._world = replace(world, span=first_day, window=HALF_DAY)

    def run(self, every: int, say: Say) -> Iterator[str]:
        """What is not as without a kill, a line each.

        ``every`` 1: each call, before and after; else each ``every``-th, before and after in turns.
        """
        with Operator(self._world, "restarted", haste=_HASTE) as operator:
            killer = _Killer(operator)
            calls = [self._do(operator, killer, step, at=0, after=False) for step in _STEPS]
            expected = self._end(operator)
            for turn, number in enumerate(range(1, max(calls) + 1, every)):
                for after in (False, True) if every == 1 else (turn % 2 == 1,):
                    say(f"killed {'after' if after else 'before'} call {number} of {max(calls)}")
                    yield from self._try(operator, killer, number, after=after, expected=expected)

    def _try(self, operator: Operator, killer: _Killer, number: int, *, after: bool, expected: Snapshot) -> list[str]:
        for step in _STEPS:
            self._do(operator, killer, step, at=number, after=after)
        where = f"killed {'after' if after else 'before'} call {number}"
        return [f"{where}: {line}" for line in differences(self._end(operator), expected)]

    def _do(self, operator: Operator, killer: _Killer, step: _Step, *, at: int, after: bool) -> int:
        """The number of calls that the step took."""
        killer.set(at, after=after)
        operator.go_by(Pace.still(self._world.span.start + step.clock))
        while True:
            if not operator.is_running:
                killer.has_killed = False
                operator.start(**_SETTINGS)
            try:
                wait_until(lambda: self._is_done(step), operator)
                break
            except Ended:
                if not killer.has_killed:
                    raise
        return killer.calls

    def _is_done(self, step: _Step) -> bool:
        if step is _STEPS[-1]:
            return self._world.is_closed()
        return self._world.committed_until() == self._world.span.start + HALF_DAY

    def _end(self, operator: Operator) -> Snapshot:
        """What there is, which is taken away, and the operator with it."""
        found = self._world.snapshot()
        operator.kill()
        if "Traceback" in operator.log.read_text():
            raise GpuCostError(f"there is a traceback in {operator.log}")
        self._world.clear()
        return found


def _is_by_the_clock(call: Call) -> bool:
    """Of threads beside the window loop."""
    return call.is_kopf or "/leases" in call.target

"""Kills, faults, pauses and wrong clocks over simulated days; at the end no cent is lost or doubled."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from gpucost.model.time import format_time
from tests.chaos.operators import Operator
from tests.chaos.quiet import FIRST_SETTINGS, SETTINGS, finish
from tests.chaos.schedule import MOST_SECONDS, Life, fault_of, lives
from tests.chaos.world import World
from tests.integration.fault_proxy import Call, Mode
from tests.integration.operator_process import Pace

Say = Callable[[str], None]

_MOST_BEHIND = timedelta(hours=3)
"""Then time stands still until the operator has caught up."""
_LOOK_SECONDS = 0.3
_TICK_SECONDS = 0.02
_SAY_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    seed: int
    kills: int
    faults: int
    operators: int = 1
    share: float = 0.05
    """Of calls that have a fault."""


@dataclass
class Summary:
    kills: int = 0
    pauses: int = 0
    wrong_clocks: int = 0
    ended_by_itself: list[str] = field(default_factory=list)
    """What the operator said last, each time."""
    faults: Counter[str] = field(default_factory=Counter)
    """Server and kind to how many."""
    calls: int = 0
    seconds: float = 0.0

    def lines(self) -> Iterator[str]:
        yield f"{self.kills} kills, {self.pauses} pauses, {self.wrong_clocks} lives with a wrong clock"
        yield f"{self.faults.total()} faults in {self.calls} calls:"
        yield from (f"  {count:5} {kind}" for kind, count in sorted(self.faults.items()))
        yield f"{self.seconds:.0f} s"


class Chaos:
    """One run, in one thread; proxies choose faults in theirs."""

    def __init__(self, world: World, plan: Plan, say: Say) -> None:
        self._world, self._plan, self._say = world, plan, say
        self.summary = Summary()
        self._lock = Lock()
        speed = world.span.length.total_seconds() / (plan.kills * MOST_SECONDS / 2 / plan.operators)
        self._speed = 2 * speed  # so that time waits for the kills, not the kills for time
        self._pace = Pace.still(world.span.start + timedelta(minutes=1))
        self._committed: datetime | None = None
        self._looked_at = self._said_at = 0.0

    def run(self) -> Summary:
        """Raises GpuCostError where the operator does not come to the end once it is left alone."""
        began = time.monotonic()
        with ExitStack() as stack:
            slots = [
                _Slot(self, stack.enter_context(self._operator(f"operator-{number}")), self._plan.seed)
                for number in range(self._plan.operators)
            ]
            while self._progress < 1:
                self._keep_time(slots)
                for slot in slots:
                    slot.turn()
                self._report()
                time.sleep(_TICK_SECONDS)
            for slot in slots:
                slot.leave_alone()
            finish(self._world, [slot.operator for slot in slots])
        self.summary.seconds = time.monotonic() - began
        return self.summary

    @property
    def is_installed(self) -> bool:
        """Whether the first window is in: until then the clock decides which one that is."""
        return self._committed is not None

    def settings(self) -> dict[str, str]:
        return SETTINGS if self.is_installed else FIRST_SETTINGS

    def _operator(self, name: str) -> Operator:
        def choose(server: str, call: Call) -> Mode:
            mode = fault_of(self._plan.seed, name, server, call, self._plan.share)
            with self._lock:
                self.summary.calls += 1
                if mode is not Mode.THROUGH:
                    self.summary.faults[f"{server}: {mode.value}"] += 1
            return mode

        return Operator(self._world, name, haste=self._speed, settings={}, choose=choose)

    @property
    def may_kill(self) -> bool:
        """Not while faults lag behind the kills."""
        return self._killed <= self._faulted + 1 / self._plan.kills

    @property
    def _killed(self) -> float:
        return self.summary.kills / self._plan.kills

    @property
    def _faulted(self) -> float:
        return self.summary.faults.total() / self._plan.faults

    @property
    def _progress(self) -> float:
        return min(self._killed, self._faulted)

    def _keep_time(self, slots: Sequence["_Slot"]) -> None:
        """Time goes no further than kills and faults have got, and not too far ahead of the operator."""
        if time.monotonic() - self._looked_at > _LOOK_SECONDS:
            self._looked_at = time.monotonic()
            self._committed = self._world.committed_until()
        span = self._world.span
        behind = (self._committed or span.start) + _MOST_BEHIND
        until = min(behind, span.start + span.length * self._progress + timedelta(minutes=30))
        if until > self._pace.until:
            self._pace = Pace(self._pace.now(), time.time(), self._speed, until)
        for slot in slots:
            slot.go_by(self._pace)

    def _report(self) -> None:
        if time.monotonic() - self._said_at > _SAY_SECONDS:
            self._said_at = time.monotonic()
            done = self.summary
            self._say(
                f"{done.kills} of {self._plan.kills} kills, {done.faults.total()} of {self._plan.faults} faults;"
                f" it is {format_time(self._pace.now())}, windows are in until"
                f" {format_time(self._committed) if self._committed else 'none'}"
            )


class _Slot:
    """One replica, and what befalls it."""

    def __init__(self, chaos: Chaos, operator: Operator, seed: int) -> None:
        self.operator = operator
        self._chaos = chaos
        self._lives = lives(seed, operator.name)
        self._life: Life | None = None
        self._born = 0.0
        self._calls = 0
        self._choose = operator.choose
        self._paused: bool | None = None
        """None: it has no pause before it; True: it is in it."""
        operator.choose, operator.on_answer = self._chosen, self._answered

    def go_by(self, pace: Pace) -> None:
        if pace != self.operator.pace:
            self.operator.go_by(pace)

    def turn(self) -> None:
        if self._life is None:
            self._begin()
            return
        age = time.monotonic() - self._born
        if not self.operator.is_running:
            self._end()
        elif age >= self._life.seconds and not self._paused and self._chaos.may_kill:
            self.operator.kill()
            self._end()
        else:
            self._pause(self._life, age)

    def leave_alone(self) -> None:
        """From now on nothing befalls it."""
        self._life = None
        self.operator.choose = lambda _server, _call: Mode.THROUGH
        self.operator.on_answer = lambda _server, _call: None
        self.operator.kill()
        self.operator.skew = timedelta(0)

    def _begin(self) -> None:
        life = next(self._lives)
        self._calls, self._born = 0, time.monotonic()
        self._paused = False if life.pause_at is not None else None
        self.operator.skew = life.skew if self._chaos.is_installed else timedelta(0)
        assert self.operator.pace is not None
        self.operator.go_by(self.operator.pace)
        self._chaos.summary.wrong_clocks += bool(self.operator.skew)
        self.operator.start(**self._chaos.settings())
        self._life = life

    def _end(self) -> None:
        assert self.operator.process is not None
        if self.operator.process.exitcode == -signal.SIGKILL:
            self._chaos.summary.kills += 1
        else:
            last = self.operator.log.read_text().splitlines()[-1:]
            self._chaos.summary.ended_by_itself += last or ["nothing"]
        self._life = None

    def _pause(self, life: Life, age: float) -> None:
        if self._paused is False and life.pause_at is not None and age >= life.pause_at:
            self.operator.signal(signal.SIGSTOP)
            self._chaos.summary.pauses += 1
            self._paused = True
        elif self._paused and life.pause_at is not None and age >= life.pause_at + life.pause_seconds:
            self.operator.signal(signal.SIGCONT)
            self._paused = None

    def _chosen(self, server: str, call: Call) -> Mode:
        life = self._life
        if life is not None and not call.is_kopf:
            self._calls += 1
            if self._calls == life.call and not life.after and self._chaos.may_kill:
                self.operator.signal(signal.SIGKILL)
                return Mode.REFUSE
        return self._choose(server, call)

    def _answered(self, _server: str, call: Call) -> None:
        life = self._life
        if life is None or call.is_kopf or not self._chaos.may_kill:
            return
        if life.after and self._calls == life.call:
            self.operator.signal(signal.SIGKILL)

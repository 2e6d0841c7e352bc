"""Who of several replicas leads: one Lease (``coordination.k8s.io``), acquired, renewed and released as client-go does.

What it guarantees: of all that ask `Lease.is_held`, at most one is told True at any moment. A holder counts from the
start of its last renewal and stops a margin early; a rival counts from when it last saw the Lease change, and waits for
the whole duration. Both use their monotonic clock alone, so wall clocks may be wrong, stand still or step. A process
that was paused knows when it wakes up that its time is over, without any call.

What it does not guarantee: that a write which was begun while the Lease was held arrives before it is lost. Who leads
may be paused between asking and writing, and a request may be long on its way. So every write must be one that a stale
leader can do no harm with: create only, or with the resourceVersion of what was read
(`gpucost.app.committing.commit`). The Lease keeps two from doing the same work; it is not what keeps the figures right.
Three things break even the guarantee:
monotonic clocks whose rates differ by more than an eighth (that of a machine which is suspended as a whole stands
still), a holder's name that somebody changes by hand, and a Lease that somebody deletes just as a replica starts.
"""

import random
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from gpucost.model.errors import ConfigurationError, Conflict, GpuCostError

MOST_DURATION = 300
"""Seconds. A Lease that says more was broken by somebody: nobody would ever take it over."""

_MOST_TRANSITIONS = 2**31 - 1
_RELEASED_DURATION = 1
"""Seconds; the API server takes no 0."""
_NOT_HELD = float("-inf")
_ABSENT = ""


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """What a Lease says."""

    holder: str
    """Empty: nobody has it."""
    duration: int | None
    """Seconds for which it is the holder's after each change; None: not told."""
    acquired: str
    """As ``2026-11-24T00:05:00.000000Z``, like ``renewed``: for people, nobody reckons with them. Empty: not told."""
    renewed: str
    transitions: int
    """How often it went from one holder to another."""


@dataclass(frozen=True, slots=True)
class StoredLease:
    """A Lease as it was read."""

    record: LeaseRecord
    version: str
    """Another one after each change."""
    metadata: dict[str, Any]
    """To be sent back with a replacement."""


class LeaseApi(Protocol):
    """Each call is one attempt, and bounded in time. They raise SourceUnavailable, Refused or Conflict."""

    name: str
    """For people."""

    def read(self) -> StoredLease | None: ...

    def create(self, record: LeaseRecord) -> None:
        """Conflict: there is one already."""

    def replace(self, stored: StoredLease, record: LeaseRecord) -> None:
        """Conflict: it is not as it was read any more."""


@dataclass(frozen=True, slots=True)
class LeaseTiming:
    """How long things take, in seconds, all from how long a Lease outlives its holder."""

    duration: int = 15
    """Whole seconds, as the Lease has them."""

    def __post_init__(self) -> None:
        if not 1 <= self.duration <= MOST_DURATION:
            raise ConfigurationError(
                f"The duration of the Lease, {self.duration} s, is out of range; set it from 1 s to {MOST_DURATION} s"
            )

    @property
    def margin(self) -> float:
        """By so much the holder stops before its rivals may begin: for clocks that run differently."""
        return self.duration / 8

    @property
    def renew(self) -> float:
        """Between two renewals: short enough that one may fail, and hang until it does."""
        return self.duration / 3

    @property
    def retry(self) -> float:
        """Between two looks of who does not hold it, and after a failure."""
        return self.duration / 8

    @property
    def call(self) -> float:
        """The longest for one call."""
        return self.duration / 4


def new_identity() -> str:
    """The pod's name and something random: a process that is started anew in its pod is another candidate."""
    return f"{socket.gethostname()}_{secrets.token_hex(4)}"


class Lease:
    """One candidate for it. `step` and `release` are for one thread; all else may be read by any."""

    def __init__(
        self,
        api: LeaseApi,
        identity: str,
        timing: LeaseTiming,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        draw: random.Random | None = None,
    ) -> None:
        self.name = api.name
        self.identity = identity
        self.holder = ""
        """Who had it when it was last looked at; empty: nobody."""
        self.problem = ""
        """Why the last step failed, a sentence; empty: it did not."""
        self._api = api
        self._timing = timing
        self._clock = clock
        self._wall_clock = wall_clock
        self._draw = draw or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._held_until = _NOT_HELD
        self._was_there = False
        self._version: str | None = None
        """When last looked at; None: nothing is known."""
        self._changed_at = 0.0
        """When that was first seen, which is later than when it was written."""
        self._patience = timing.duration
        """Seconds for which whoever has it, or had it when it was last there, may reckon with it."""

    def is_held(self) -> bool:
        """Whether this candidate leads now; to be asked before each write."""
        return self._clock() < self._held_until

    def step(self) -> float:
        """Acquire it where it is free, renew it where it is ours; the seconds until the next step."""
        pause, problem = self._timing.retry, ""
        try:
            if self._attempt():
                pause = self._timing.renew
        except Conflict:
            pass  # another wrote at the same time: who has it now is seen at the next step
        except GpuCostError as error:
            problem = str(error)
        self.problem = problem
        pause *= 0.5 + self._draw.random() / 2
        left = self._held_until - self._clock()
        return min(pause, left) if left > 0 else pause

    def release(self) -> None:
        """Not held from the call on; where it is still ours, others may take it at once.

        Raises GpuCostError where it cannot be given back; then it runs out by itself.
        """
        self._held_until = _NOT_HELD
        stored = self._api.read()
        if stored is None or stored.record.holder != self.identity:
            return
        now = self._new_time(stored.record)
        self._api.replace(stored, LeaseRecord("", _RELEASED_DURATION, now, now, stored.record.transitions))
        self.holder = ""

    def _attempt(self) -> bool:
        """Whether it is ours now."""
        stored = self._api.read()
        self._observe(stored)
        if stored is None:
            if not self._may_create():
                return False
            started = self._clock()
            self._api.create(self._claim(None))
        else:
            if not self._may_take(stored.record):
                self._held_until = _NOT_HELD
                return False
            started = self._clock()
            self._api.replace(stored, self._claim(stored.record))
        self._held_until = started + self._timing.duration - self._timing.margin
        self._was_there, self._version = True, None
        self.holder = self.identity
        return True

    def _observe(self, stored: StoredLease | None) -> None:
        version = stored.version if stored else _ABSENT
        if version != self._version:
            self._version, self._changed_at = version, self._clock()
        self.holder = stored.record.holder if stored else ""
        if stored is not None:
            self._was_there = True
            # Ours, where it says less: somebody may have written that into it, and its holder does not know yet.
            self._patience = max(self._timing.duration, min(stored.record.duration or 0, MOST_DURATION))

    def _may_create(self) -> bool:
        """The holder of a Lease that somebody deleted leads on until its time is over."""
        return not self._was_there or self.is_held() or self._is_patience_over()

    def _may_take(self, record: LeaseRecord) -> bool:
        return record.holder in ("", self.identity) or self._is_patience_over()

    def _is_patience_over(self) -> bool:
        return self._clock() - self._changed_at >= self._patience

    def _claim(self, old: LeaseRecord | None) -> LeaseRecord:
        now = self._new_time(old)
        if old is None:
            return LeaseRecord(self.identity, self._timing.duration, now, now, transitions=0)
        if old.holder == self.identity:
            return LeaseRecord(self.identity, self._timing.duration, old.acquired or now, now, old.transitions)
        transitions = min(old.transitions + 1, _MOST_TRANSITIONS)
        return LeaseRecord(self.identity, self._timing.duration, now, now, transitions)

    def _new_time(self, old: LeaseRecord | None) -> str:
        """Other than the last: the API server takes the same again for no change, and rivals would not see it."""
        now = self._wall_clock()
        text = _format(now)
        return text if old is None or text != old.renewed else _format(now + timedelta(microseconds=1))


def _format(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

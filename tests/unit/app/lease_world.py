"""Candidates for one Lease in simulated time: calls take time and get lost, processes pause and die.

Each candidate is a thread, and only one runs at a time: whose event is next. So a run is the same every time.
"""

import heapq
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, repeat
from random import Random
from threading import Semaphore, Thread
from typing import Self, TypeVar

from gpucost.app.leading.lease import Lease, LeaseRecord, LeaseTiming, StoredLease
from gpucost.model.errors import Conflict, SourceUnavailable

START = datetime(2026, 11, 24, tzinfo=UTC)
TIMING = LeaseTiming(16)

T = TypeVar("T")


class Server:
    """One Lease, as an API server keeps it."""

    def __init__(self) -> None:
        self.stored: StoredLease | None = None
        self._versions = count(1)

    def read(self) -> StoredLease | None:
        return self.stored

    def create(self, record: LeaseRecord) -> None:
        if self.stored is not None:
            raise Conflict("it exists already")
        self.put(record)

    def replace(self, stored: StoredLease, record: LeaseRecord) -> None:
        if self.stored is None or self.stored.version != stored.version:
            raise Conflict("it changed meanwhile")
        if record != self.stored.record:  # the same again is no change
            self.put(record)

    def put(self, record: LeaseRecord) -> None:
        self.stored = StoredLease(record, str(next(self._versions)), {})

    def touch(self) -> None:
        """Somebody writes a label."""
        if self.stored is not None:
            self.put(self.stored.record)

    def delete(self) -> None:
        self.stored = None


@dataclass(frozen=True)
class Way:
    """How one call goes; seconds."""

    there: float = 0.01
    back: float = 0.01
    arrives: bool = True
    returns: bool = True
    pause_before: float = 0.0
    """For which the process is stopped before it sends, and then after it has the answer."""
    pause_after: float = 0.0


class World:
    """A context manager: all its threads have ended at its end."""

    def __init__(self) -> None:
        self.now = 0.0
        self.server = Server()
        self.candidates: list[Candidate] = []
        self.after_each_event: Callable[[], None] = lambda: None
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for candidate in self.candidates:
            candidate.fiber.end()

    def at(self, moment: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._order), act))

    def run(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            self.now, _, act = heapq.heappop(self._events)
            act()
            self.after_each_event()
        self.now = until

    def run_until(self, holds: Callable[[], bool], most: float = 1000.0) -> float:
        """The time when it first held."""
        while not holds():
            assert self._events[0][0] < most, "it never held"
            self.run(self._events[0][0])
        return self.now

    def join(self, name: str = "", **traits: object) -> "Candidate":
        candidate = Candidate(self, name or f"pod-{len(self.candidates)}", **traits)  # type: ignore[arg-type]
        self.candidates.append(candidate)
        self.at(self.now, candidate.fiber.resume)
        return candidate

    def leaders(self) -> list[str]:
        return [each.name for each in self.candidates if each.is_held()]


@dataclass
class Candidate:
    """A process that keeps trying for the Lease."""

    world: World
    name: str
    ways: Iterator[Way] = field(default_factory=lambda: repeat(Way()))
    rate: float = 1.0
    """Of its monotonic clock."""
    wall_clock: Callable[[], datetime] | None = None
    duration: int = TIMING.duration
    is_dead: bool = False
    is_stopping: bool = False
    has_seen: bool = False
    """Whether it knows that there is a Lease."""
    creating: int = 0
    """Creates that are on their way."""
    lease: Lease = field(init=False)
    fiber: "Fiber" = field(init=False)

    def __post_init__(self) -> None:
        self.fiber = Fiber(self.world, self._live)
        self.lease = Lease(
            WorldApi(self),
            self.name,
            LeaseTiming(self.duration),
            clock=lambda: self.rate * self.world.now + 1000.0 * len(self.name),
            wall_clock=self.wall_clock or (lambda: START + timedelta(seconds=self.world.now)),
            draw=Random(self.name),
        )

    def is_held(self) -> bool:
        return not self.is_dead and self.lease.is_held()

    def die(self) -> None:
        """As by kill -9: what it has sent may still arrive."""
        self.is_dead = True

    def stop(self) -> None:
        """As by SIGTERM: once its pause is over it gives the Lease back."""
        self.is_stopping = True

    def _live(self) -> None:
        while not self.is_dead and not self.is_stopping:
            self.fiber.sleep(self.lease.step() / self.rate)
        if self.is_stopping and not self.is_dead:
            with suppress(Conflict, SourceUnavailable):
                self.lease.release()


@dataclass
class WorldApi:
    """A `LeaseApi` whose calls take what the next `Way` says."""

    candidate: Candidate
    name: str = "Lease gpucost in namespace gpucost"

    def read(self) -> StoredLease | None:
        stored = self._call(self.candidate.world.server.read)
        self.candidate.has_seen |= stored is not None
        return stored

    def create(self, record: LeaseRecord) -> None:
        def arrive() -> None:
            self.candidate.creating -= 1
            self.candidate.world.server.create(record)

        self.candidate.creating += 1
        self._call(arrive)
        self.candidate.has_seen = True

    def replace(self, stored: StoredLease, record: LeaseRecord) -> None:
        self._call(lambda: self.candidate.world.server.replace(stored, record))

    def _call(self, act: Callable[[], T]) -> T:
        world, fiber, limit = self.candidate.world, self.candidate.fiber, LeaseTiming(self.candidate.duration).call
        way = next(self.candidate.ways)
        results: list[T | Conflict] = []

        def arrive() -> None:
            try:
                results.append(act())
            except Conflict as conflict:
                results.append(conflict)

        fiber.sleep(way.pause_before)
        if way.arrives:
            world.at(world.now + way.there, arrive)
        is_answered = way.arrives and way.returns and way.there + way.back <= limit
        fiber.sleep(way.there + way.back if is_answered else limit)
        fiber.sleep(way.pause_after)
        if not is_answered:
            raise SourceUnavailable("no answer in time")
        (result,) = results
        if isinstance(result, Conflict):
            raise result
        return result


class _Ended(BaseException):
    """Unwinds the thread of a world that is over."""


class Fiber:
    """A thread that runs only between `resume` and its next `sleep`."""

    def __init__(self, world: World, body: Callable[[], None]) -> None:
        self._world = world
        self._body = body
        self._go, self._back = Semaphore(0), Semaphore(0)
        self._is_ended = self._has_returned = False
        self._error: Exception | None = None
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def resume(self) -> None:
        if self._has_returned:
            return
        self._go.release()
        self._back.acquire()
        if self._error is not None:
            raise self._error

    def sleep(self, seconds: float) -> None:
        if not seconds:
            return
        self._world.at(self._world.now + seconds, self.resume)
        self._back.release()
        self._go.acquire()
        if self._is_ended:
            raise _Ended

    def end(self) -> None:
        self._is_ended = True
        self.resume()
        self._thread.join()

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self._is_ended:
                self._body()
        except _Ended:
            pass
        except Exception as error:  # noqa: BLE001 - raised again by `resume`
            self._error = error
        finally:
            self._has_returned = True
            self._back.release()

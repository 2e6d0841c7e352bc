"""The window loop: decide every window that is over, oldest first, and bring the reports forward."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from threading import Event
from typing import Protocol

from gpucost.app.backoff import Backoff
from gpucost.app.committing.commit import Committer
from gpucost.app.committing.standing import Standing
from gpucost.app.computing.pipeline import Pipeline, Witness
from gpucost.app.plan import (
    MOST_SPAN,
    Timing,
    blind_until,
    count_windows,
    first_start,
    next_batch,
    over_until,
    settled_until,
)
from gpucost.app.windows.asking import AnsweringTelemetry, Asking
from gpucost.app.windows.state import LoopState
from gpucost.model.errors import GpuCostError, IncompleteAnswer
from gpucost.model.time import Window, format_time
from gpucost.reports.record import WindowRecord, record_of
from gpucost.telemetry.replies import Overloaded

IDLE_SECONDS = 5.0
"""Between two looks at the clock: small against a window."""

BEHIND = timedelta(hours=1)
"""Who is further behind than this is told how far."""

logger = logging.getLogger(__name__)


class SampleClock(AnsweringTelemetry, Protocol):
    """What of telemetry tells whether a window is over, and how far its answers go."""

    def newest_sample(self) -> datetime | None: ...

    def server_time(self) -> datetime: ...


class Closing(Protocol):
    """Makes periods final."""

    def step(self, now: datetime) -> bool:
        """Closes what is due; whether it did anything, so that there may be more to do.

        Raises GpuCostError where the API does not play along.
        """


class SideWork(Protocol):
    """What the loop's thread does between two attempts, also while no window can be computed."""

    def mark(self) -> None:
        """There may be something to do."""

    def turn(self) -> None:
        """Do some of it, if there is any: for seconds at most."""


class WindowLoop:
    """One step looks where the reports stand, and takes them one record further.

    All that a step needs to know it reads from the API, so a restart between any two calls loses nothing.
    """

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        telemetry: SampleClock,
        committer: Committer,
        closer: Closing,
        standing: Standing,
        timing: Timing,
        state: LoopState,
        clock: Callable[[], datetime],
        stop: Event,
        witness: Witness | None = None,
        side_work: SideWork | None = None,
    ) -> None:
        self._telemetry = telemetry
        self._committer = committer
        self._closer = closer
        self._standing = standing
        self._timing = timing
        self._state = state
        self._clock = clock
        self._stop = stop
        self._side_work = side_work
        self._asking = Asking(pipeline, telemetry, timing, state, witness)
        self._backoff = Backoff()
        self._start: datetime | None = None
        """Where the next window starts; None: not known yet."""
        self._caught_up = 0
        """Windows committed since the last time that none was missing."""

    def run(self) -> None:
        """Until stopped; no failure ends it.

        Raises NotLeading where another replica does the work.
        """
        self._take_turn()
        while not self._stop.is_set():
            wait = self._attempt()
            self._take_turn()
            while wait > 0 and not self._stop.wait(min(wait, IDLE_SECONDS)):
                wait -= IDLE_SECONDS
                self._take_turn()

    def _take_turn(self) -> None:
        if self._side_work is None:
            return
        self._state.begin()
        try:
            self._side_work.turn()
        except Exception:
            logger.exception("work beside the window loop broke; the windows go on")
        finally:
            self._state.rest()

    def _attempt(self) -> float:
        """Seconds to wait before the next one."""
        self._state.begin()
        try:
            did_something = self.step()
        except GpuCostError as error:
            return self._failed(error)
        except Exception as error:
            logger.exception("an attempt of the window loop broke; it is tried again")
            return self._failed(error)
        if self._state.last_error:
            logger.info("recovered: %s", self._state.last_error)
        self._state.succeed()
        self._backoff.succeeded()
        return 0.0 if did_something else IDLE_SECONDS

    def _failed(self, error: Exception) -> float:
        wait = self._backoff.failed(at_least=error.retry_seconds if isinstance(error, Overloaded) else 0.0)
        if str(error) != self._state.last_error:
            logger.warning("trying again: %s", error)
        self._state.fail(error)
        self._standing.tell(error, self._start)
        return wait

    def step(self) -> bool:
        """Whether anything was closed or committed, so that there may be more to do.

        Raises GpuCostError where a source or the API does not play along; then trying again goes on from there.
        """
        now = self._clock()
        if self._closer.step(now):
            return True
        committed = self._committer.committed_until()
        self._start = start = first_start(committed, now, self._timing)
        behind = count_windows(start, settled_until(now, self._timing), self._timing.window)
        self._state.committed_until, self._state.windows_behind = committed, behind
        decided = self._committer.decided_after(committed)
        if decided and (committed is None or decided[0].start == start):
            self._commit(decided[0], behind)
            return True
        if not behind:
            self._caught_up = 0
            self._standing.tell(None)
            return False
        windows, blind = self._due(start, now, decided)
        if not windows:
            return False
        if len(windows) > 1:
            logger.info(
                "computing %d windows from %s to %s, %d behind%s",
                *(len(windows), format_time(windows[0].start), format_time(windows[-1].end), behind),
                ", without telemetry, which is not asked that far back" if blind else "",
            )
        record = self._committer.decide(record_of(self._asking.compute(windows, now, blind=blind)))
        if record is not None:
            self._commit(record, behind)
        return True

    def _due(self, start: datetime, now: datetime, decided: Sequence[WindowRecord]) -> tuple[Sequence[Window], bool]:
        """The windows to decide next; and whether they are too old to ask Prometheus for."""
        length, blind = self._timing.window, blind_until(now, self._timing)
        stops = [self._committer.next_stop(start), *(record.start for record in decided[:1])]
        stop = min((moment for moment in stops if moment is not None and moment > start), default=None)
        if start < blind:
            return _batch(start, blind, stop, length), True
        server = self._telemetry.server_time()
        if server < now - self._timing.settle_delay:
            logger.warning("this clock is ahead of Prometheus': %s against %s", format_time(now), format_time(server))
        until = over_until(min(now, server), self._newest_sample(), self._timing)
        return _batch(start, until, stop, length, self._asking.span), False

    def _newest_sample(self) -> datetime | None:
        """None also where the answer is partial: a window then waits for its lateness, as without samples."""
        try:
            return self._telemetry.newest_sample()
        except IncompleteAnswer as error:
            logger.debug("the newest sample is not known: %s", error)
            return None

    def _commit(self, record: WindowRecord, behind: int) -> None:
        self._committer.commit(record)
        self._state.committed_until = record.end
        self._state.windows_committed += record.windows
        self._state.windows_behind = max(0, behind - record.windows)
        if self._side_work is not None:
            self._side_work.mark()
        logger.info(
            "committed %d window%s until %s",
            *(record.windows, "" if record.windows == 1 else "s", format_time(record.end)),
        )
        self._caught_up += record.windows
        if self._state.windows_behind * self._timing.window > BEHIND:
            total = self._caught_up + self._state.windows_behind
            self._standing.tell_backfill(self._caught_up, total, record.end)


def _batch(
    start: datetime, until: datetime, stop: datetime | None, length: timedelta, span: timedelta = MOST_SPAN
) -> Sequence[Window]:
    """The next windows that end by ``until``, and by ``stop``: where windows had another length, a shorter one does."""
    if stop is None or stop > until:
        return next_batch(start, until, length, span)
    return next_batch(start, stop, length, span) or (Window(start, stop),)

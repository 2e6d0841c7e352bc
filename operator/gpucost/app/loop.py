"""The window loop: decide every window that is over, oldest first, and bring the reports forward."""

import logging
from collections.abc import Callable
from datetime import datetime
from threading import Event

from gpucost.app.backoff import Backoff
from gpucost.app.commit import Committer
from gpucost.app.pipeline import Pipeline
from gpucost.app.plan import Timing, first_start, next_batch, over_until, settled_until
from gpucost.app.standing import Standing
from gpucost.app.state import LoopState
from gpucost.model.errors import GpuCostError
from gpucost.model.source import TelemetrySource
from gpucost.model.time import format_time
from gpucost.reports.record import WindowRecord, record_of

IDLE_SECONDS = 5.0
"""Between two looks at the clock: small against a window."""

logger = logging.getLogger(__name__)


class WindowLoop:
    """One step looks where the reports stand, and takes them one record further.

    All that a step needs to know it reads from the API, so a restart between any two calls loses nothing.
    """

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        telemetry: TelemetrySource,
        committer: Committer,
        standing: Standing,
        timing: Timing,
        state: LoopState,
        clock: Callable[[], datetime],
        stop: Event,
    ) -> None:
        self._pipeline = pipeline
        self._telemetry = telemetry
        self._committer = committer
        self._standing = standing
        self._timing = timing
        self._state = state
        self._clock = clock
        self._stop = stop
        self._backoff = Backoff()

    def run(self) -> None:
        """Until stopped; no failure ends it."""
        while not self._stop.is_set():
            wait = self._attempt()
            if wait:
                self._stop.wait(wait)

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
        wait = self._backoff.failed()
        if str(error) != self._state.last_error:
            logger.warning("trying again: %s", error)
        self._state.fail(error)
        self._standing.tell(error)
        return wait

    def step(self) -> bool:
        """Whether a record was committed, so that there may be more to do.

        Raises GpuCostError where a source or the API does not play along; then trying again goes on from there.
        """
        now = self._clock()
        committed = self._committer.committed_until()
        self._state.committed_until = committed
        start = first_start(committed, now, self._timing)
        behind = max(0, (settled_until(now, self._timing) - start) // self._timing.window)
        self._state.windows_behind = behind
        decided = self._committer.decided_after(committed)
        if decided:
            self._commit(decided[0], behind)
            return True
        if not behind:
            self._standing.tell(None)
            return False
        until = over_until(now, self._telemetry.newest_sample(), self._timing)
        windows = next_batch(start, until, self._timing.window)
        if not windows:
            return False
        if len(windows) > 1:
            logger.info(
                "computing %d windows from %s to %s, %d behind",
                *(len(windows), format_time(windows[0].start), format_time(windows[-1].end), behind),
            )
        record = self._committer.decide(record_of(self._pipeline.compute(windows)))
        self._commit(record, behind)
        return True

    def _commit(self, record: WindowRecord, behind: int) -> None:
        self._committer.commit(record)
        self._state.committed_until = record.end
        self._state.windows_committed += record.windows
        self._state.windows_behind = max(0, behind - record.windows)
        logger.info("committed %d windows until %s", record.windows, format_time(record.end))

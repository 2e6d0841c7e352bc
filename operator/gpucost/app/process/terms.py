"""What only the replica that leads does, in a thread of its own: one term after another.

A term is the time from taking the lead, or a new configuration, to losing it, or the next configuration, or a stop.
Between two terms nothing is under way, so nothing of one can get into the other.
"""

import logging
from collections.abc import Callable
from threading import Event, Thread
from typing import Protocol

from gpucost.app.backoff import Backoff
from gpucost.app.configuration.settings import Settings
from gpucost.app.process.assembly import Parts
from gpucost.app.windows.state import LoopState
from gpucost.model.errors import GpuCostError, NotLeading, SourceUnavailable
from gpucost.reports.storage.store import ReportStore

LOOK_SECONDS = 1.0
"""Between two looks at the lead of who stands by: nobody need tell."""
_WATCH_SECONDS = 1.0
"""How long the end of a term waits for the end of the watch, which does nothing any more."""

logger = logging.getLogger(__name__)


class Builder(Protocol):
    """What of the `Assembly` is needed."""

    def build(self, settings: Settings, term: Event) -> Parts: ...

    def forget(self) -> None: ...


class Lead(Protocol):
    """What of the `Leadership` is needed."""

    changes: int
    """Another number whenever it was gained or lost."""

    def is_held(self) -> bool: ...


class Terms:
    """Runs until `stop`; whatever else ends it is told by ``on_failure``."""

    def __init__(
        self,
        builder: Builder,
        *,
        settings: Callable[[], Settings],
        lead: Lead,
        state: LoopState,
        on_failure: Callable[[], None],
    ) -> None:
        """``settings``: those that are in force now."""
        self._builder = builder
        self._settings = settings
        self._lead = lead
        self._changes = lead.changes
        self._state = state
        self._on_failure = on_failure
        self._term = Event()
        self._is_stopping = False
        self._thread = Thread(target=self._run, name="windows", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def interrupt(self) -> None:
        """Who leads, or the settings, may be others now; from any thread. The window in work is completed first."""
        self._term.set()

    def stop(self, wait_seconds: float) -> bool:
        """Whether it has ended in that time."""
        self._is_stopping = True
        self.interrupt()
        self._thread.join(wait_seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._is_stopping:
                self._turn()
        finally:
            if not self._is_stopping:
                self._state.loop_ended = True
                self._on_failure()

    def _turn(self) -> None:
        # Before anything is looked at, so that an interruption by what changes afterwards is not lost.
        self._term = term = Event()
        if self._is_stopping:
            return
        if self._changes != self._lead.changes:
            self._changes = self._lead.changes
            self._state.stand_by()
            self._builder.forget()
        if self._lead.is_held():
            self._serve(term)
        else:
            term.wait(LOOK_SECONDS)

    def _serve(self, term: Event) -> None:
        parts = self._builder.build(self._settings(), term)
        logger.info("reading %s", parts.telemetry.name)
        try:
            if _wait_for_kinds(parts.store, self._state, term):
                parts.watch.start()
                parts.loop.run()
        except NotLeading as reason:
            logger.debug("%s", reason)
        finally:
            term.set()
            parts.watch.stop(_WATCH_SECONDS)
            parts.telemetry.close()
        if parts.watch.error is not None:
            logger.error("watching our own kinds ended: %s", parts.watch.error)


def _wait_for_kinds(store: ReportStore, state: LoopState, stop: Event) -> bool:
    """kopf stays deaf to a kind that is not there when it starts. False: stopped meanwhile."""
    backoff = Backoff()
    while not stop.is_set():
        try:
            missing = store.missing_kinds()
            if not missing:
                return True
            raise SourceUnavailable(
                f"The API server does not serve {', '.join(missing)} of gpucost.io; install them with"
                ' "kubectl apply --server-side -f crds/", or with crds.enabled=true of the chart'
            )
        except GpuCostError as error:
            if str(error) != state.last_error:
                logger.warning("trying again: %s", error)
            state.fail(error)
            stop.wait(backoff.failed())
    return False

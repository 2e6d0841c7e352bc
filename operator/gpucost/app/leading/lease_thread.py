"""Keeps a Lease in a thread of its own, and tells when leadership comes and goes."""

import logging
from collections.abc import Callable
from threading import Event, Thread

from gpucost.app.leading.lease import Lease
from gpucost.model.errors import GpuCostError
from gpucost.reports.plain_text import plain

_AFTER_A_FAULT_SECONDS = 1.0
_MOST_NAME_CHARACTERS = 100

logger = logging.getLogger(__name__)


class LeaseThread:
    """Runs until `stop`; no failure ends it."""

    def __init__(self, lease: Lease, *, on_change: Callable[[bool], None] = lambda _: None) -> None:
        """``on_change`` is called in this thread: True when leadership was gained, False when it was lost.

        It may come late, as where a call hangs meanwhile; before a write `Lease.is_held` is to be asked.
        """
        self._lease = lease
        self._on_change = on_change
        self._stop = Event()
        self._told_held = False
        self._told_holder = ""
        self._told_problem = ""
        self._thread = Thread(target=self._run, name="lease", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self, wait_seconds: float) -> None:
        """Gives the Lease back and ends; to be called after the work that needs it has ended.

        Where that takes longer than ``wait_seconds``, the Lease runs out by itself.
        """
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(wait_seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            wait = self._turn()
            self._stop.wait(wait)
        self._end()

    def _turn(self) -> float:
        """Seconds to wait before the next one."""
        try:
            self._tell()
            wait = self._lease.step()
            self._tell()
        except Exception:
            logger.exception("keeping the %s broke; it is tried again", self._lease.name)
            return _AFTER_A_FAULT_SECONDS
        return wait

    def _end(self) -> None:
        try:
            self._lease.release()
        except GpuCostError as error:
            logger.warning("the %s is not given back and runs out by itself: %s", self._lease.name, error)
        except Exception:
            logger.exception("giving back the %s broke; it runs out by itself", self._lease.name)
        if self._told_held:
            logger.info("the %s is given up", self._lease.name)
            self._on_change(False)

    def _tell(self) -> None:
        """What changed since it was last told; each thing counts as told even where telling it breaks."""
        name, holder, problem = self._lease.name, self._lease.holder, self._lease.problem
        is_told, self._told_problem = problem in ("", self._told_problem), problem
        if not is_told:
            logger.warning("trying again: %s", problem)
        is_told, self._told_holder = holder in ("", self._lease.identity, self._told_holder), holder
        if not is_told:
            logger.info("the %s is held by %s", name, plain(holder, _MOST_NAME_CHARACTERS))
        was_held, self._told_held = self._told_held, self._lease.is_held()
        if self._told_held == was_held:
            return
        if self._told_held:
            logger.info("the %s is held by this process, %s: it leads", name, self._lease.identity)
        else:
            logger.warning("the %s is lost: this process does not lead any more", name)
        self._on_change(self._told_held)

"""How long an answer that is not whole is waited for, before the windows are closed with what there is."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from gpucost.app.plan import Timing, is_late
from gpucost.model.time import Window

LEAST_TRIES = 3
"""A window is asked for so often before less than everything is taken, however old it is."""

_LONGEST_PAUSE = timedelta(minutes=10)
"""Longer than the loop ever waits between two attempts by itself: what lies between was an outage."""


class Patience:
    """For windows that follow one another; what it remembers is lost with the process, which then waits anew."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._since: datetime | None = None
        self._last: datetime | None = None
        self._start: datetime | None = None
        self._tries = 0

    def failed(self, windows: Sequence[Window], now: datetime) -> None:
        """There was no whole answer for them."""
        if windows[0].start != self._start:
            self._start, self._tries = windows[0].start, 0
        self._tries += 1
        if self._last is not None and now - self._last > self._timing.lateness + _LONGEST_PAUSE:
            self._since = None
        self._since, self._last = self._since or now, now

    def renew(self) -> None:
        """There was a whole answer: what is missing in the next one may come as well."""
        self._since = None

    def is_over(self, windows: Sequence[Window], now: datetime) -> bool:
        """Whether the next answer for them is to be taken, whole or not.

        Each window waits for its lateness; old ones, of which Prometheus may have more once all of it is up again,
        for as long from the first answer on that was not whole. While none is, that is waited for once.
        """
        if windows[0].start != self._start or self._tries < LEAST_TRIES - 1 or self._since is None:
            return False
        return is_late(windows[-1], now, self._timing) and now >= self._since + self._timing.lateness

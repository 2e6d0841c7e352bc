"""The scrape grid: time in ticks of 30 s, counted from UTC midnight.

The state of the fleet is constant on an interval (g, g + 30 s]. Tick n is the interval that ends at n * 30 s of Unix
time, and the sample at that time shows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gpucost.model.errors import InputError
from gpucost.model.time import Window

STEP = timedelta(seconds=30)
STEP_SECONDS = 30

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def tick_at(moment: datetime) -> int:
    """The tick whose interval contains ``moment``."""
    return -((_EPOCH - moment) // STEP)


def time_of(tick: int) -> datetime:
    """When the interval of ``tick`` ends: the time of its sample."""
    return _EPOCH + tick * STEP


@dataclass(frozen=True, slots=True, order=True)
class Ticks:
    """The ticks after ``before`` up to ``last``: the interval (before, last] in units of the grid."""

    before: int
    last: int

    @classmethod
    def of(cls, start: datetime, end: datetime) -> "Ticks":
        """The ticks whose samples lie in (start, end]."""
        return cls((start - _EPOCH) // STEP, (end - _EPOCH) // STEP)

    @classmethod
    def of_window(cls, window: Window) -> "Ticks":
        """Raises InputError where an edge is off the grid: part of a sample would belong to either side."""
        if (window.start - _EPOCH) % STEP or (window.end - _EPOCH) % STEP:
            raise InputError(
                f"The window {window.start.isoformat()} to {window.end.isoformat()} cuts a scrape interval of the"
                f" simulation; take edges at multiples of {STEP_SECONDS} s"
            )
        return cls.of(window.start, window.end)

    @classmethod
    def spanning(cls, parts: Sequence["Ticks"]) -> "Ticks":
        return cls(min(part.before for part in parts), max(part.last for part in parts))

    def __len__(self) -> int:
        return max(0, self.last - self.before)

    def __and__(self, other: "Ticks") -> "Ticks":
        """What both have; empty where they do not meet."""
        before = max(self.before, other.before)
        return Ticks(before, max(before, min(self.last, other.last)))

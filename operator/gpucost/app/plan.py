"""Which windows are over, and which of them are computed together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gpucost.model.time import DAY, PeriodKind, Window, floor_to, period_of, start_of_day, windows_between

MOST_SPAN = timedelta(hours=6)
"""Longest span of windows that one answer of Prometheus, and one record, covers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When a window is over."""

    window: timedelta
    settle_delay: timedelta
    lateness: timedelta
    backfill_max_age: timedelta


def first_start(committed_until: datetime | None, now: datetime, timing: Timing) -> datetime:
    """Where the next window starts: after the last committed one.

    At first with the oldest UTC day that can be had whole, and no later than with the current one.
    """
    if committed_until is not None:
        return committed_until
    oldest, today = now - timing.backfill_max_age, start_of_day(now)
    day = start_of_day(oldest)
    return min(day if day == oldest else day + DAY, today)


def settled_until(now: datetime, timing: Timing) -> datetime:
    """End of the last window whose samples have had their time to come in."""
    return floor_to(now - timing.settle_delay, timing.window)


def over_until(now: datetime, newest_sample: datetime | None, timing: Timing) -> datetime:
    """End of the last window that may be computed.

    A window waits for a sample after its end, but no longer than the lateness: an exporter that is gone sends none.
    """
    waited = floor_to(now - timing.settle_delay - timing.lateness, timing.window)
    sampled = floor_to(newest_sample, timing.window) if newest_sample else waited
    return min(settled_until(now, timing), max(sampled, waited))


def is_late(window: Window, now: datetime, timing: Timing) -> bool:
    """Whether the window has waited for as long as any has to, for samples or for a whole answer."""
    return now >= window.end + timing.settle_delay + timing.lateness


def blind_until(now: datetime, timing: Timing) -> datetime:
    """Windows before it are too old to ask Prometheus for: they are closed with what the API says."""
    return floor_to(now - timing.backfill_max_age, timing.window)


def next_batch(start: datetime, end: datetime, length: timedelta, span: timedelta = MOST_SPAN) -> Sequence[Window]:
    """The oldest windows from ``start`` on that end by ``end``: of one UTC day, and of ``span`` at most.

    Where ``start`` is on no edge, since windows had another length before, a shorter one leads to the next edge, alone.
    """
    edge = floor_to(start, length)
    if edge < start:
        return (Window(start, edge + length),) if edge + length <= end else ()
    if end <= start:
        return ()
    day = period_of(Window(start, start + length), PeriodKind.DAY)
    return windows_between(start, min(end, day.end, start + max(span, length)), length)


def count_windows(start: datetime, end: datetime, length: timedelta) -> int:
    """How many windows from ``start`` on end by ``end``."""
    return max(0, (end - floor_to(start, length)) // length)

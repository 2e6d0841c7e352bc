"""Which windows are over, and which of them are computed together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gpucost.model.time import PeriodKind, Window, floor_to, period_of, start_of_day, windows_between

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
    """Where the next window starts: after the last committed one, at first with the current UTC day."""
    if committed_until is None:
        return start_of_day(now)
    oldest = floor_to(now - timing.backfill_max_age, timing.window)
    return max(committed_until, oldest)


def settled_until(now: datetime, timing: Timing) -> datetime:
    """End of the last window whose samples have had their time to come in."""
    return floor_to(now - timing.settle_delay, timing.window)


def over_until(now: datetime, newest_sample: datetime | None, timing: Timing) -> datetime:
    """End of the last window that may be computed.

    A window waits for a sample after its end, but no longer than the lateness: an exporter that is gone sends none.
    """
    settled = settled_until(now, timing)
    waited = floor_to(now - timing.lateness, timing.window)
    sampled = floor_to(newest_sample, timing.window) if newest_sample else waited
    return min(settled, max(sampled, waited))


def next_batch(start: datetime, end: datetime, length: timedelta) -> Sequence[Window]:
    """The oldest windows from ``start`` on: of one UTC day and of `MOST_SPAN` at most."""
    if end <= start:
        return ()
    day = period_of(Window(start, start + length), PeriodKind.DAY)
    return windows_between(start, min(end, day.end, start + max(MOST_SPAN, length)), length)

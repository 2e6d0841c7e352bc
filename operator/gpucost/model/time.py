"""Windows and periods: clock-aligned intervals of UTC time (docs/concepts/windows.md)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """The half-open interval (start, end]: a sample on the edge belongs to the window that it ends."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    @property
    def milliseconds(self) -> int:
        return milliseconds(self.length)

    @property
    def hours(self) -> float:
        return self.length / timedelta(hours=1)


class PeriodKind(StrEnum):
    DAY = "Day"
    MONTH = "Month"


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A UTC day or month: what a report covers."""

    start: datetime
    end: datetime
    kind: PeriodKind

    @property
    def name(self) -> str:
        """``2026-11-24`` or ``2026-11``, the tail of a report's name."""
        return self.start.strftime("%Y-%m-%d" if self.kind is PeriodKind.DAY else "%Y-%m")


def milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


def floor_to(moment: datetime, length: timedelta) -> datetime:
    """The last window edge at or before ``moment``; edges are counted from UTC midnight."""
    midnight = start_of_day(moment)
    return midnight + (moment - midnight) // length * length


def start_of_day(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def windows_between(start: datetime, end: datetime, length: timedelta) -> tuple[Window, ...]:
    """The windows that lie whole in [start, end]; ``start`` is moved up to the next edge."""
    first = floor_to(start, length)
    if first < start:
        first += length
    count = max(0, (end - first) // length)
    return tuple(Window(first + i * length, first + (i + 1) * length) for i in range(count))


def period_of(window: Window, kind: PeriodKind) -> Period:
    """The period that the window belongs to: the one in which it starts."""
    day = start_of_day(window.start)
    if kind is PeriodKind.DAY:
        return Period(day, day + DAY, kind)
    first = day.replace(day=1)
    return Period(first, (first + 31 * DAY).replace(day=1), kind)


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC as Kubernetes writes it: ``2026-11-24T00:05:00Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """Raises ValueError where ``text`` is no RFC 3339 time with a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f'"{text}" has no time zone; write it as 2026-11-24T00:05:00Z')
    return moment.astimezone(UTC)

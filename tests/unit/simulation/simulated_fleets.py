"""Simulated fleets, and readers of what they print that share nothing with them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from gpucost.model.time import Window, windows_between
from gpucost.simulation.fleet import Fleet, make_fleet

START = datetime(2026, 11, 23, 18, tzinfo=UTC)
STEP = timedelta(seconds=30)
FIVE_MINUTES = timedelta(minutes=5)

_LINE = re.compile(r"(?P<name>\w+)\{(?P<labels>.*)\} (?P<value>[0-9.]+)(?: (?P<time>\d+))?")
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def make_day(seed: int = 7, hours: int = 24) -> Fleet:
    return make_fleet(seed=seed, start=START, end=START + timedelta(hours=hours))


def windows_of(fleet: Fleet, length: timedelta = FIVE_MINUTES) -> tuple[Window, ...]:
    return windows_between(fleet.start, fleet.end, length)


def windows_with_a_change_of_holder(fleet: Fleet) -> list[Window]:
    """Windows in which one pod follows another on a device and both have a sample."""
    changes = []
    for window in windows_of(fleet):
        for holds in fleet.holds.values():
            ends = [hold.pod.ended for hold in holds if hold.pod.ended and window.start < hold.pod.ended < window.end]
            begins = [hold.pod.bound for hold in holds if window.start < hold.pod.bound < window.end]
            if ends and begins and min(ends) <= max(begins):
                changes.append(window)
                break
    return changes


def sample_times(window: Window) -> list[datetime]:
    return [window.start + STEP * number for number in range(1, (window.end - window.start) // STEP + 1)]


@dataclass(frozen=True)
class Sample:
    name: str
    labels: dict[str, str]
    value: Fraction
    time: int | None = None


def read_samples(text: str) -> Iterator[Sample]:
    """Sample lines of a page or of a history file, values to the last digit."""
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        assert match, line
        labels = _LABEL.findall(match["labels"])
        assert len(dict(labels)) == len(labels), line
        time = int(match["time"]) if match["time"] else None
        yield Sample(match["name"], dict(labels), Fraction(match["value"]), time)

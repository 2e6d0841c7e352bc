"""Series of samples that stay the same from one time to another, and their OpenMetrics text."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isinf, isnan

from gpucost.simulation.exporter import format_labels

SCRAPED_SINCE, SCRAPED_UNTIL = -270, 660
"""Seconds from the start of the first window; a sample on a window's start belongs to the window before."""


class Moment(float):
    """Seconds from the start of the first window, as the value of a series: it is printed as Unix time."""


_Key = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """``value`` every so many seconds, counted from the start of the first window, from ``since`` to ``until``."""

    metric: str
    labels: Mapping[str, str]
    value: float
    since: int = SCRAPED_SINCE
    until: int = SCRAPED_UNTIL
    every: int = 30

    def times(self) -> range:
        first = -(-self.since // self.every) * self.every
        return range(first, self.until + 1, self.every)


def openmetrics(series: Iterable[Series], start: datetime) -> Iterator[str]:
    """Lines for ``promtool tsdb create-blocks-from openmetrics``.

    Raises ValueError where two samples of one series have one time: no Prometheus would have stored both.
    """
    families: defaultdict[str, defaultdict[_Key, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for one in series:
        samples = families[one.metric][one.metric, tuple(sorted(one.labels.items()))]
        times = one.times()
        if not samples.keys().isdisjoint(times):
            raise ValueError(f"{one.metric}{format_labels(one.labels)} has two samples at one time")
        samples |= dict.fromkeys(times, one.value)
    begin = int(start.timestamp())
    for metric, family in sorted(families.items()):
        yield f"# TYPE {metric} gauge\n"
        for (_, labels), samples in sorted(family.items()):
            head = metric + format_labels(dict(labels))
            for at, value in sorted(samples.items()):
                yield f"{head} {_format(value, begin)} {begin + at}\n"
    yield "# EOF\n"


def _format(value: float, begin: int) -> str:
    if isinstance(value, Moment):
        return repr(begin + value)
    if isnan(value):
        return "NaN"
    if isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)

"""Power of cards by their samples: copies of one scrape are told by their time.

Axes: s series, x samples, r readings, p pages (see `power_places`), w windows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gpucost.model.time import Window
from gpucost.model.usage import Floats, Indices, Ints
from gpucost.telemetry.decode import RawSeries
from gpucost.telemetry.power_places import Line, Places

MOST_WATTS = 5_000.0
"""Of one card. More is no measurement, as is what is negative or no number: such samples do not count."""


@dataclass(frozen=True, kw_only=True)
class Readings:
    watts: Floats
    """(r, w) mean over scrapes; 0 where there is none."""
    scrapes: Floats
    """(r, w) that measured the card."""
    of_page: Floats
    """(p, w) that measured any card of the page."""


def readings_of(
    samples: Mapping[str, Iterable[RawSeries]], lines: Sequence[Line], places: Places, windows: Sequence[Window]
) -> Readings:
    """``samples`` by name of the metric; those of other series, and outside of the windows, are ignored."""
    code_of = {(line.name, line.labels): code for code, line in enumerate(lines)}
    known = [
        (code, series)
        for name, of_name in samples.items()
        for series in of_name
        if (code := code_of.get((name, series.labels))) is not None
    ]
    scrapes = _Scrapes.of(known, windows)
    reading, column, watts = scrapes.by(places.reading)
    page, page_column, _ = scrapes.by(places.page)
    shape, width = (places.readings, len(windows)), len(windows)
    cell = reading * width + column
    count = np.bincount(cell, minlength=places.readings * width).reshape(shape).astype(np.float64)
    total = np.bincount(cell, watts, minlength=places.readings * width).reshape(shape)
    of_page = np.bincount(page * width + page_column, minlength=places.pages * width)
    return Readings(
        watts=np.divide(total, count, out=np.zeros(shape), where=count > 0),
        scrapes=count,
        of_page=of_page.reshape(places.pages, width).astype(np.float64),
    )


@dataclass(frozen=True, kw_only=True)
class _Scrapes:
    """Samples that are measurements."""

    series: Indices
    """(x,)"""
    values: Floats
    """(x,)"""
    address: Ints
    """(x,) of the exporter, numbered: another one is another scrape, even at the same time."""
    ms: Ints
    """(x,) from the start of the first window; at least 1."""
    span_ms: int
    """Of all windows."""
    step_ms: int
    """Of one."""

    @classmethod
    def of(cls, known: Sequence[tuple[int, RawSeries]], windows: Sequence[Window]) -> "_Scrapes":
        addresses = {name: number for number, name in enumerate({series.labels.instance: 0 for _, series in known})}
        sizes = [series.values.size for _, series in known]
        values = np.concatenate([np.zeros(0), *(series.values for _, series in known)])
        seconds = np.concatenate([np.zeros(0), *(series.seconds for _, series in known)])
        first, step = windows[0].start.timestamp() * 1000.0, windows[0].milliseconds
        ms = np.rint(seconds * 1000.0 - first).astype(np.int64)
        good = (values >= 0) & (values <= MOST_WATTS) & (ms > 0) & (ms <= step * len(windows))
        codes = np.array([(code, addresses[series.labels.instance]) for code, series in known], dtype=np.intp)
        series, address = np.repeat(codes.reshape(-1, 2), sizes, axis=0)[good].T
        return cls(
            series=series,
            values=values[good],
            address=address,
            ms=ms[good],
            span_ms=step * len(windows),
            step_ms=step,
        )

    def by(self, place: Indices) -> tuple[Indices, Indices, Floats]:
        """Of every scrape: its place, as ``place`` (s,) numbers them, its window, and the mean of its copies."""
        addresses = int(self.address.max(initial=0)) + 1
        base = self.span_ms + 1
        scrape, copy = np.unique((place[self.series] * addresses + self.address) * base + self.ms, return_inverse=True)
        mean = np.bincount(copy, self.values) / np.bincount(copy)
        return scrape // base // addresses, (scrape % base - 1) // self.step_ms, mean

"""How many scrapes saw what several series tell of at once.

Exporters copy what a shared device did to each of its slots, so the samples of its series must not be added. Series of
one lane follow one another; series that name nobody follow all others.
Axes: s series, n lines of one metric, g groups of series (such as all of one device), l lanes of all groups, w windows.
"""

from collections.abc import Sequence

import numpy as np

from gpucost.model.usage import Bools, Floats, Indices
from gpucost.telemetry.series import Lane, add_rows, max_rows


class Lanes:
    def __init__(self, group: Indices, lanes: Sequence[Lane | None], groups: int) -> None:
        """``group`` (s,) and lane of each series; lane None: names nobody."""
        codes: dict[Lane | None, int] = {None: 0}
        code = np.fromiter((codes.setdefault(lane, len(codes)) for lane in lanes), dtype=np.intp)
        slotted = np.array([bool(lane and lane[0]) for lane in codes], dtype=np.bool_)
        self.is_open: Bools = code == 0
        """(s,)"""
        self.has_slot: Bools = slotted[code]
        """(s,) the exporter says which slot it is of."""
        distinct, of_series = np.unique(group * len(codes) + code, return_inverse=True)
        self._of_series: Indices = of_series
        self._group: Indices = distinct // len(codes)
        self._is_open: Bools = distinct % len(codes) == 0
        self._groups = groups
        self.says_slots: Bools = np.bincount(group[self.has_slot], minlength=groups) > 0
        """(g,)"""

    @property
    def may_be_crowded(self) -> bool:
        """Whether any lane has more than one series that names somebody."""
        return bool(np.any((np.bincount(self._of_series, minlength=self._group.size) > 1) & ~self._is_open))

    def crowded(self, samples: Floats, series: Indices) -> Bools:
        """(g, w) several series of one lane named somebody, and perhaps at one scrape.

        They should follow one another, but pods that have ended may keep their labels for a while.
        """
        alike = self._in_lanes((samples > 0).astype(np.float64), series)[~self._is_open]
        crowded: Bools = max_rows(alike, self._group[~self._is_open], self._groups) > 1
        return crowded

    @property
    def are_single(self) -> bool:
        """No group has more than one lane: all its series follow one another."""
        return self._group.size == self._groups

    def mixed(self) -> Bools:
        """(g,) whether series of the group name somebody and others nobody."""
        opened, named = (
            np.bincount(self._group[kind], minlength=self._groups) > 0 for kind in (self._is_open, ~self._is_open)
        )
        mixed: Bools = opened & named
        return mixed

    def scrapes(self, samples: Floats, series: Indices) -> Floats:
        """(g, w) scrapes that saw any of the series, of ``samples`` (n, w)."""
        if self.are_single:
            return add_rows(samples, self._of_series[series], self._groups)
        return self.named(samples, series) + self.nobody(samples, series)

    def named(self, samples: Floats, series: Indices) -> Floats:
        """(g, w) scrapes that named somebody: those of the fullest lane."""
        in_lane = self._in_lanes(samples, series)
        return max_rows(in_lane[~self._is_open], self._group[~self._is_open], self._groups)

    def nobody(self, samples: Floats, series: Indices) -> Floats:
        """(g, w) scrapes that named nobody."""
        in_lane = self._in_lanes(samples, series)
        return max_rows(in_lane[self._is_open], self._group[self._is_open], self._groups)

    def mean(self, sums: Floats, measured: Floats, series: Indices) -> Floats:
        """(g, w) over those scrapes; NaN: not measured. ``sums`` are of the ``measured`` samples, both (n, w)."""
        of_lane, weight = self._in_lanes(sums, series), self._in_lanes(measured, series)
        fullest = max_rows(np.where(self._is_open[:, np.newaxis], 0.0, weight), self._group, self._groups)
        leads = (weight == fullest[self._group]) & (weight > 0) & ~self._is_open[:, np.newaxis]
        among = add_rows(leads.astype(np.float64), self._group, self._groups)
        part = np.divide(leads, among[self._group], out=np.zeros_like(weight), where=among[self._group] > 0)
        part[self._is_open] = 1.0
        total = add_rows(part * of_lane, self._group, self._groups)
        scrapes = add_rows(part * weight, self._group, self._groups)
        return np.divide(total, scrapes, out=np.full_like(total, np.nan), where=scrapes > 0)

    def _in_lanes(self, samples: Floats, series: Indices) -> Floats:
        return add_rows(samples, self._of_series[series], self._group.size)

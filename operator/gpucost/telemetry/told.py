"""What each metric tells of which series, whatever it is called and however it is printed.

Axes: s series of all metrics, n lines (series of one metric), k tracks, w windows.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np

from gpucost.model.usage import Bools, Floats, Indices
from gpucost.telemetry.alternatives import Tracks
from gpucost.telemetry.lanes import Lanes
from gpucost.telemetry.metrics import MetricNames
from gpucost.telemetry.series import Lane, MetricAnswer, SeriesLabels, SeriesMeaning, max_rows

Group = tuple[str, ...]
"""The names of one metric."""

_PART = 0.5
"""A device's total is printed at every scrape, so it shows beside all samples of its holders; less is a missed one."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """One metric, of those series that are about a GPU."""

    names: tuple[str, ...]
    """Under which it came."""
    series: Indices
    """(n,)"""
    sums: Floats
    """(n, w)"""
    measured: Floats
    """(n, w) samples that the sum is of."""
    counts: Floats
    """(n, w) samples."""
    per_pod: bool
    is_total: Bools | None = None
    """(n, w) it is the device's total, printed beside what each holder used; None: nowhere."""
    is_own: Bools | None = None
    """(n, w) it is what one holder used; None: nowhere."""

    def times(self, weight: Floats) -> "Told":
        """``weight`` (s, w) is the part of the samples that counts."""
        part = weight[self.series]
        if np.all(part == 1.0):
            return self
        return replace(self, sums=self.sums * part, measured=self.measured * part, counts=self.counts * part)

    def only(self, where: Bools | None) -> "Told":
        """The samples of some lines alone, ``where`` (n, w); None: of none."""
        if where is None:
            return replace(self, sums=self.sums * 0.0, measured=self.measured * 0.0, counts=self.counts * 0.0)
        return replace(
            self,
            sums=np.where(where, self.sums, 0.0),
            measured=np.where(where, self.measured, 0.0),
            counts=np.where(where, self.counts, 0.0),
        )

    @property
    def of_holders(self) -> "Told":
        """Without totals that are printed beside holders."""
        return self if self.is_total is None else replace(self.only(~self.is_total), is_total=None)

    @property
    def copies(self) -> "Told":
        """Without what only one holder used, and without totals beside it: what a device did while it named whom."""
        if self.is_total is None or self.is_own is None:
            return self
        return self.only(~self.is_total & ~self.is_own)


@dataclass(frozen=True, kw_only=True)
class Meanings:
    """The series that are about a GPU. The labels alone say which it is, whatever the metric."""

    number: Mapping[SeriesLabels, int]
    of_series: tuple[SeriesMeaning, ...]
    """(s,)"""

    @property
    def lanes(self) -> list[Lane | None]:
        """(s,)"""
        return [meaning.lane for meaning in self.of_series]


def meanings_of(
    answers: Iterable[MetricAnswer], meaning_of: Callable[[SeriesLabels], SeriesMeaning | None]
) -> Meanings:
    """Every series of any metric that was seen and is about a GPU, once."""
    found: dict[SeriesLabels, SeriesMeaning | None] = {}
    for answer in answers:
        for labels in compress(answer.labels, np.any(answer.counts > 0, axis=1).tolist()):
            if labels not in found:
                found[labels] = meaning_of(labels)
    known = {labels: meaning for labels, meaning in found.items() if meaning is not None}
    return Meanings(number={labels: number for number, labels in enumerate(known)}, of_series=tuple(known.values()))


def told_by(
    names: MetricNames, answers: Mapping[str, MetricAnswer], meanings: Meanings, tracks: Tracks
) -> dict[Group, Told]:
    """Every metric that was seen, by its names: of those that a track has in a window the first counts."""
    per_pod = {names.memory_used, *(metric.names for metric in names.compute if metric.per_pod)}
    told = {}
    for group in names.groups:
        parts = [_told(name, answers[name], meanings, per_pod=group in per_pod) for name in group if name in answers]
        parts = [part for part in parts if part.counts.any()]
        if parts:
            told[group] = parts[0] if len(parts) == 1 else _first_of(parts, tracks)
    return told


def _first_of(parts: Sequence[Told], tracks: Tracks) -> Told:
    seen = np.zeros((tracks.count, parts[0].counts.shape[1]), dtype=np.bool_)
    first = []
    for part in parts:
        track = tracks.of_series[part.series]
        first.append(part.only(~seen[track]))
        seen |= max_rows(part.counts, track, tracks.count) > 0
    return Told(
        names=tuple(part.names[0] for part in first if part.counts.any()),
        series=np.concatenate([part.series for part in first]),
        sums=np.concatenate([part.sums for part in first]),
        measured=np.concatenate([part.measured for part in first]),
        counts=np.concatenate([part.counts for part in first]),
        per_pod=parts[0].per_pod,
    )


def _told(name: str, answer: MetricAnswer, meanings: Meanings, *, per_pod: bool) -> Told:
    series = np.fromiter((meanings.number.get(labels, -1) for labels in answer.labels), dtype=np.intp)
    known = series >= 0
    keep = slice(None) if known.all() else known
    counts = answer.counts[keep]
    measured = counts if answer.measured is None else answer.measured[keep]
    return Told(
        names=(name,),
        series=series[keep],
        sums=np.where(measured > 0, answer.sums[keep], 0.0),
        measured=measured,
        counts=counts,
        per_pod=per_pod,
    )


def mark_totals(told: Mapping[Group, Told], tracks: Tracks, by_track: Lanes) -> dict[Group, Told]:
    """Tell totals that are printed beside holders from time in which nobody held the device.

    A total shows at scrapes at which other metrics of the device name holders alone. Where there are no such metrics,
    it is taken for one where the exporter tells slots apart.
    """
    mixed = by_track.mixed()
    if not mixed.any():
        return dict(told)
    candidates = {group: _within(one, mixed[tracks.of_series[one.series]]) for group, one in told.items()}
    copies = [by_track.scrapes(one.counts, one.series) for one in candidates.values() if not one.per_pod]
    reference = np.max([np.zeros((tracks.count, next(iter(told.values())).counts.shape[1])), *copies], axis=0)
    marked = dict(told)
    for group, candidate in candidates.items():
        if candidate.per_pod:
            named, nobody = (count(candidate.counts, candidate.series) for count in (by_track.named, by_track.nobody))
            without_reference = np.where(by_track.says_slots[:, np.newaxis], np.minimum(named, nobody), 0.0)
            at_once = np.where(reference > 0, named + nobody - reference, without_reference)
            is_beside = (at_once > _PART * named) & (named > 0) & (nobody > 0)
            marked[group] = _marked(told[group], is_beside[tracks.of_series[told[group].series]], by_track)
    return marked


def _marked(one: Told, is_beside: Bools, lanes: Lanes) -> Told:
    if not is_beside.any():
        return one
    names_nobody = lanes.is_open[one.series][:, np.newaxis]
    return replace(one, is_total=is_beside & names_nobody, is_own=is_beside & ~names_nobody)


def _within(one: Told, lines: Bools) -> Told:
    return replace(
        one, series=one.series[lines], sums=one.sums[lines], measured=one.measured[lines], counts=one.counts[lines]
    )

"""From metric answers to the rows that the pipeline computes with: who held which device, and how it was used.

Axes: s series of one metric, c cells (a device with one of its holders, or with none), d devices, w windows, r rows.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import numpy as np

from gpucost.model.time import Window
from gpucost.model.usage import Device, Floats, Indices, NamedHolder, Usage
from gpucost.telemetry.queries import MetricNames
from gpucost.telemetry.series import (
    MetricAnswer,
    SeriesLabels,
    SeriesMeaning,
    add_rows,
    jobs_with_target_pods,
    meaning_of,
)

_BLANK = 2.0**47
"""DCGM's numbers for "no value" are this and more; old exporters print them. No metric in use comes near."""
_NONE: Indices = np.zeros(0, dtype=np.intp)

_Place = tuple[str, str, str]
"""Node, UUID and GPU instance: what several jobs may tell of at the same time."""


@dataclass(frozen=True, kw_only=True)
class _Cells:
    devices: tuple[Device, ...]
    holders: tuple[NamedHolder, ...]
    device: Indices
    """(c,) index into ``devices``."""
    holder: Indices
    """(c,) index into ``holders``; -1: nobody."""
    number: Mapping[SeriesLabels, int]
    """Cell of every series that counts."""


@dataclass(frozen=True, kw_only=True)
class _Measured:
    mean: Floats
    """(c, w) in the metric's unit; NaN: not measured, or no plausible number."""
    samples: Floats
    """(c, w)"""


def usage_of(
    answers: Mapping[str, MetricAnswer],
    windows: Sequence[Window],
    names: MetricNames,
    scrape_interval: timedelta | None = None,
) -> Usage:
    """Group metric answers (by name; a metric may be missing) into rows of window, device and holder.

    Where several jobs tell of one device, one is chosen for all ``windows`` together and the others are ignored:
    the job that names holders, then the one with most samples, then the first by name.
    ``scrape_interval`` None: told, window by window, from the most samples that a device had.
    """
    known = {name: answers[name] for name in names.all if name in answers}
    cells = _cells(_counting_series(known.values()))
    measured = {name: _measure(answer, cells) for name, answer in known.items()}
    shape = cells.device.size, len(windows)
    # One metric may have missed a scrape that another has.
    scrapes = np.max([np.zeros(shape), *(metric.samples for metric in measured.values())], axis=0)
    means = {name: measured[name].mean if name in measured else np.full(shape, np.nan) for name in names.all}
    window, cell = np.nonzero(scrapes.T > 0)
    return Usage(
        windows=tuple(windows),
        devices=cells.devices,
        holders=cells.holders,
        window=window,
        device=cells.device[cell],
        holder=cells.holder[cell],
        scrapes=scrapes[cell, window],
        memory_ratio=_memory_ratio(means, names)[cell, window],
        compute_ratio=_compute_ratio(means, names, cells)[cell, window],
        interval_seconds=_interval_seconds(scrapes, cells, windows, scrape_interval),
    )


def join_usages(parts: Sequence[Usage]) -> Usage:
    """Usages of windows that follow one another as one."""
    devices = tuple(sorted({device for part in parts for device in part.devices}))
    holders = tuple(sorted({holder for part in parts for holder in part.holders}))
    device_number = {device: number for number, device in enumerate(devices)}
    holder_number = {holder: number for number, holder in enumerate(holders)}
    window, device, holder = [_NONE], [_NONE], [_NONE]
    passed = 0
    for part in parts:
        window.append(part.window + passed)
        device.append(_indices(device_number[one] for one in part.devices)[part.device])
        # The code at the end, -1, is the one that the index -1 finds.
        holder.append(_indices((*(holder_number[one] for one in part.holders), -1))[part.holder])
        passed += len(part.windows)
    return Usage(
        windows=tuple(one for part in parts for one in part.windows),
        devices=devices,
        holders=holders,
        window=np.concatenate(window),
        device=np.concatenate(device),
        holder=np.concatenate(holder),
        scrapes=_chain(part.scrapes for part in parts),
        memory_ratio=_chain(part.memory_ratio for part in parts),
        compute_ratio=_chain(part.compute_ratio for part in parts),
        interval_seconds=_chain(part.interval_seconds for part in parts),
    )


def _counting_series(answers: Iterable[MetricAnswer]) -> dict[SeriesLabels, SeriesMeaning]:
    """The series that are about a GPU, without those of jobs that are ignored."""
    samples: dict[SeriesLabels, float] = defaultdict(float)
    for answer in answers:
        for labels, count in zip(answer.labels, answer.counts.sum(axis=1).tolist(), strict=True):
            samples[labels] += count
    target_pods = jobs_with_target_pods(samples)
    meanings = {
        labels: meaning
        for labels, count in samples.items()
        if count > 0 and (meaning := meaning_of(labels, target_pods)) is not None
    }
    chosen = _chosen_jobs(meanings, samples)
    return {labels: meaning for labels, meaning in meanings.items() if chosen[_place(meaning)] == meaning.job}


def _chosen_jobs(
    meanings: Mapping[SeriesLabels, SeriesMeaning], samples: Mapping[SeriesLabels, float]
) -> dict[_Place, str]:
    """The job that counts, place by place.

    That a job names holders elsewhere speaks for it too: it is the same scrape, so its rows share one interval.
    """
    seen: dict[_Place, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    naming_here = {(_place(meaning), meaning.job) for meaning in meanings.values() if meaning.holder}
    naming = {job for _, job in naming_here}
    for labels, meaning in meanings.items():
        seen[_place(meaning)][meaning.job] += samples[labels]

    def rank(place: _Place, job: str) -> tuple[bool, bool, float, str]:
        return (place, job) not in naming_here, job not in naming, -seen[place][job], job

    return {place: min(jobs, key=partial(rank, place)) for place, jobs in seen.items()}


def _place(meaning: SeriesMeaning) -> _Place:
    return meaning.device.node, meaning.device.uuid, meaning.device.gpu_instance_id


def _cells(series: Mapping[SeriesLabels, SeriesMeaning]) -> _Cells:
    """Numbered in the order of devices and holders, whatever the order of the series."""
    devices = tuple(sorted({meaning.device for meaning in series.values()}))
    holders = tuple(sorted({meaning.holder for meaning in series.values() if meaning.holder}))
    device_number = {device: number for number, device in enumerate(devices)}
    holder_number = {holder: number for number, holder in enumerate(holders)}
    pair_of = {
        labels: (device_number[meaning.device], holder_number[meaning.holder] if meaning.holder else -1)
        for labels, meaning in series.items()
    }
    pairs = sorted(set(pair_of.values()))
    number = {pair: cell for cell, pair in enumerate(pairs)}
    columns = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return _Cells(
        devices=devices,
        holders=holders,
        device=columns[:, 0],
        holder=columns[:, 1],
        number={labels: number[pair] for labels, pair in pair_of.items()},
    )


def _measure(answer: MetricAnswer, cells: _Cells) -> _Measured:
    cell = _indices(cells.number.get(labels, -1) for labels in answer.labels)
    kept = cell >= 0
    samples = add_rows(answer.counts[kept], cell[kept], cells.device.size)
    finite = np.where(np.isfinite(answer.sums), answer.sums, np.nan)
    sums = add_rows(np.where(answer.counts > 0, finite, 0.0)[kept], cell[kept], cells.device.size)
    mean = np.divide(sums, samples, out=np.full_like(sums, np.nan), where=samples > 0)
    return _Measured(mean=np.where((mean >= 0) & (mean < _BLANK), mean, np.nan), samples=samples)


def _memory_ratio(means: Mapping[str, Floats], names: MetricNames) -> Floats:
    """(c, w) used / total; reserved memory counts where the exporter prints it."""
    used = means[names.memory_used]
    reserved = means[names.memory_reserved]
    total = used + means[names.memory_free] + np.where(np.isnan(reserved), 0.0, reserved)
    return np.divide(used, total, out=np.full_like(used, np.nan), where=total > 0)


def _compute_ratio(means: Mapping[str, Floats], names: MetricNames, cells: _Cells) -> Floats:
    """(c, w) the first metric of the chain that was measured, as a ratio."""
    is_instance = np.array([bool(device.gpu_instance_id) for device in cells.devices], dtype=np.bool_)[cells.device]
    ratio = np.full_like(means[names.memory_used], np.nan)
    for metric in names.compute:
        usable = metric.measures_instances | ~is_instance
        ratio = np.where(np.isnan(ratio) & usable[:, np.newaxis], means[metric.name] / metric.full, ratio)
    return np.clip(ratio, 0.0, 1.0)


def _interval_seconds(
    scrapes: Floats, cells: _Cells, windows: Sequence[Window], configured: timedelta | None
) -> Floats:
    """(w,) A device is seen by one scrape at a time, so its holders' samples add up to its own."""
    most: Floats = add_rows(scrapes, cells.device, len(cells.devices)).max(axis=0, initial=0.0)
    lengths = np.array([window.length.total_seconds() for window in windows])
    seen = most > 0
    seconds = np.full(len(windows), np.nan)
    seconds[seen] = lengths[seen] / most[seen] if configured is None else configured.total_seconds()
    return seconds


def _chain(parts: Iterable[Floats]) -> Floats:
    return np.concatenate([np.zeros(0), *parts])


def _indices(numbers: Iterable[int]) -> Indices:
    return np.fromiter(numbers, dtype=np.intp)

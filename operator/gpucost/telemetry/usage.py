"""From metric answers to the rows that the pipeline computes with: who held which device, and how it was used.

Axes: s series, c cells (a device with one of its holders, or with none), d devices, w windows, r rows.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import compress, groupby

import numpy as np

from gpucost.model.time import Window
from gpucost.model.usage import Bools, Device, Floats, Indices, NamedHolder, Usage
from gpucost.telemetry.alternatives import count_once
from gpucost.telemetry.queries import MetricNames
from gpucost.telemetry.series import (
    MetricAnswer,
    SeriesLabels,
    SeriesMeaning,
    add_rows,
    jobs_with_target_pods,
    max_rows,
    meaning_of,
)

_BLANK = 2.0**47
"""DCGM's numbers for "no value" are this and more; old exporters print them. No metric in use comes near."""
_NONE: Indices = np.zeros(0, dtype=np.intp)


@dataclass(frozen=True, kw_only=True)
class _Series:
    """Those that count in some window. The labels alone say which it is, whatever the metric."""

    number: Mapping[SeriesLabels, int]
    meanings: Sequence[SeriesMeaning]
    """(s,)"""
    weight: Floats
    """(s, w) part of the samples that counts."""
    most_scrapes: Floats
    """(s, w) the most that any device of the same source had; 0 where the series does not count."""


@dataclass(frozen=True, kw_only=True)
class _Cells:
    devices: tuple[Device, ...]
    holders: tuple[NamedHolder, ...]
    device: Indices
    """(c,) index into ``devices``."""
    holder: Indices
    """(c,) index into ``holders``; -1: nobody."""
    of_series: Indices
    """(s,)"""


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

    Every window is computed from its own samples, whichever others it is asked for with. Where a device is told of more
    than once, `count_once` says what counts. ``scrape_interval`` None: told, window by window and source by source,
    from the most scrapes that a device had.
    """
    known = {name: answers[name] for name in names.all if name in answers}
    parts = []
    for run, target_pods in _runs(jobs_with_target_pods(known.values(), len(windows))):
        cut = {name: answer.within(run) for name, answer in known.items()}
        parts.append(_usage_of(cut, windows[run], names, target_pods, scrape_interval))
    return join_usages(parts)


def join_usages(parts: Sequence[Usage]) -> Usage:
    """Usages of windows that follow one another as one."""
    if len(parts) == 1:
        return parts[0]
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
        row_interval_seconds=_chain(part.row_interval_seconds for part in parts),
        interval_seconds=_chain(part.interval_seconds for part in parts),
    )


def _runs(values: Iterable[frozenset[str]]) -> Iterator[tuple[slice, frozenset[str]]]:
    """Stretches of windows that have one value."""
    first = 0
    for value, alike in groupby(values):
        last = first + len(list(alike))
        yield slice(first, last), value
        first = last


def _usage_of(
    answers: Mapping[str, MetricAnswer],
    windows: Sequence[Window],
    names: MetricNames,
    target_pods: frozenset[str],
    scrape_interval: timedelta | None,
) -> Usage:
    lengths = np.array([window.length.total_seconds() for window in windows])
    configured = None if scrape_interval is None else np.full(len(windows), scrape_interval.total_seconds())
    at_most = None if configured is None else np.ceil(lengths / configured)
    series = _counting_series(answers.values(), target_pods, len(windows), at_most)
    cells = _cells(series.meanings)
    measured = {name: _measure(answer, series, cells) for name, answer in answers.items()}
    shape = cells.device.size, len(windows)
    # One metric may have missed a scrape that another has.
    scrapes = np.max([np.zeros(shape), *(metric.samples for metric in measured.values())], axis=0)
    means = {name: measured[name].mean if name in measured else np.full(shape, np.nan) for name in names.all}
    window, cell = np.nonzero(scrapes.T > 0)
    most_scrapes = max_rows(series.most_scrapes, cells.of_series, shape[0])[cell, window]
    interval = lengths[window] / most_scrapes if configured is None else configured[window]
    shortest = np.full(len(windows), np.nan)
    np.fmin.at(shortest, window, interval)
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
        row_interval_seconds=interval,
        interval_seconds=shortest,
    )


def _counting_series(
    answers: Collection[MetricAnswer], target_pods: frozenset[str], windows: int, scrapes_at_most: Floats | None
) -> _Series:
    """The series that are about a GPU, without those that are ignored."""
    labels, meanings = _meanings(answers, target_pods)
    number = _numbers(labels)
    scrapes, samples = np.zeros((2, len(labels), windows))
    for answer in answers:
        row, known = _rows(answer, number)
        scrapes[row] = np.maximum(scrapes[row], answer.counts[known])
        samples[row] += answer.counts[known]
    counting = count_once(meanings, scrapes, samples, scrapes_at_most)
    counts = counting.weight * scrapes > 0
    kept: Bools = np.any(counts, axis=1)
    return _Series(
        number=_numbers(compress(labels, kept.tolist())),
        meanings=tuple(compress(meanings, kept.tolist())),
        weight=counting.weight[kept],
        most_scrapes=np.where(counts, counting.most_scrapes, 0.0)[kept],
    )


def _meanings(
    answers: Iterable[MetricAnswer], target_pods: frozenset[str]
) -> tuple[list[SeriesLabels], list[SeriesMeaning]]:
    """Every series of any metric that was seen and is about a GPU, once."""
    found: dict[SeriesLabels, SeriesMeaning | None] = {}
    for answer in answers:
        for labels in compress(answer.labels, np.any(answer.counts > 0, axis=1).tolist()):
            if labels not in found:
                found[labels] = meaning_of(labels, target_pods)
    meanings = {labels: meaning for labels, meaning in found.items() if meaning is not None}
    return list(meanings), list(meanings.values())


def _numbers(labels: Iterable[SeriesLabels]) -> dict[SeriesLabels, int]:
    return {one: number for number, one in enumerate(labels)}


def _rows(answer: MetricAnswer, number: Mapping[SeriesLabels, int]) -> tuple[Indices, Bools]:
    """The numbers of the answer's series, of those that have one; and which these are."""
    row = _indices(number.get(labels, -1) for labels in answer.labels)
    known: Bools = row >= 0
    return row[known], known


def _cells(series: Sequence[SeriesMeaning]) -> _Cells:
    """Numbered in the order of devices and holders, whatever the order of the series."""
    devices = tuple(sorted({meaning.device for meaning in series}))
    holders = tuple(sorted({meaning.holder for meaning in series if meaning.holder}))
    device_number = {device: number for number, device in enumerate(devices)}
    holder_number = {holder: number for number, holder in enumerate(holders)}
    pair_of = [
        (device_number[meaning.device], holder_number[meaning.holder] if meaning.holder else -1) for meaning in series
    ]
    pairs = sorted(set(pair_of))
    number = {pair: cell for cell, pair in enumerate(pairs)}
    columns = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return _Cells(
        devices=devices,
        holders=holders,
        device=columns[:, 0],
        holder=columns[:, 1],
        of_series=_indices(number[pair] for pair in pair_of),
    )


def _measure(answer: MetricAnswer, series: _Series, cells: _Cells) -> _Measured:
    row, known = _rows(answer, series.number)
    counts = answer.counts[known] * series.weight[row]
    finite = np.where(np.isfinite(answer.sums), answer.sums, np.nan)[known] * series.weight[row]
    samples = add_rows(counts, cells.of_series[row], cells.device.size)
    sums = add_rows(np.where(counts > 0, finite, 0.0), cells.of_series[row], cells.device.size)
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


def _chain(parts: Iterable[Floats]) -> Floats:
    return np.concatenate([np.zeros(0), *parts])


def _indices(numbers: Iterable[int]) -> Indices:
    return np.fromiter(numbers, dtype=np.intp)

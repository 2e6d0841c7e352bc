"""From what metrics tell to the ratios of each cell, and of devices whose total is printed beside their holders.

Axes: c cells, d devices, w windows. NaN: not measured.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpucost.model.usage import Bools, Floats, Indices
from gpucost.telemetry.metrics import ComputeMetric, MetricNames
from gpucost.telemetry.sanity import ABOVE_FULL, SILENT_ZERO, ZERO_PER_POD
from gpucost.telemetry.scrapes import Counted
from gpucost.telemetry.series import add_rows
from gpucost.telemetry.told import Group, Told

_IN_USE = 0.05
"""Ratio of a device from which zeros of everything that should explain it are not believed."""


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What is known of devices whose total some metric prints beside what their holders used."""

    own: Floats
    """(c, w) what that holder did."""
    own_samples: Floats
    """(c, w)"""
    total: Floats
    """(d, w) what the device did, where it is printed beside holders."""
    device: Floats
    """(d, w) what the device did, told by copies."""


@dataclass(frozen=True, kw_only=True)
class Means:
    """Of one metric."""

    names: tuple[str, ...]
    """Under which it came."""
    cell: Floats
    """(c, w) what the device did while it named that holder."""
    samples: Floats
    """(c, w)"""
    beside: Beside | None
    """None: no metric prints totals beside holders."""


@dataclass(frozen=True, kw_only=True)
class Use:
    ratio: Floats
    """(c, w) in [0, 1]."""
    is_own: Bools
    """(c, w) it is what that holder did."""
    device: Floats
    """(d, w) of the device, where totals are printed beside holders."""
    is_untold: Bools
    """(d, w) what is printed of holders is 0 of each, though the device is in use."""
    dropped: Counter[str]
    names: frozenset[str] = frozenset()
    """Of the metrics that ratios are from."""


def uses_of(samples: Counted, names: MetricNames) -> tuple[Use, Use]:
    """Of memory and of compute."""
    cells = samples.cells
    memory = _memory_use(*(_means_of(samples, group) for group in names.memory), device_of=cells.device)
    is_instance = np.array([bool(device.gpu_instance_id) for device in cells.devices], dtype=np.bool_)
    chain = [(metric, _means_of(samples, metric.names)) for metric in names.compute]
    return memory, _compute_use(chain, is_instance, memory, cells.device)


def _means_of(samples: Counted, group: Group) -> Means:
    told = samples.told.get(group)
    if told is None:
        return _no_means(samples)
    cell, count = _cell_means(samples, told.copies)
    beside = _beside(samples, told) if samples.has_totals else None
    return Means(names=told.names, cell=cell, samples=count, beside=beside)


def _no_means(samples: Counted) -> Means:
    cell = np.full(samples.cell.shape, np.nan)
    device = np.full((len(samples.cells.devices), samples.windows), np.nan)
    nothing = np.zeros(cell.shape)
    beside = Beside(own=cell, own_samples=nothing, total=device, device=device) if samples.has_totals else None
    return Means(names=(), cell=cell, samples=nothing, beside=beside)


def _beside(samples: Counted, told: Told) -> Beside:
    own, own_samples = _cell_means(samples, told.only(told.is_own))
    total, device = (
        samples.by_device.mean(one.sums, one.measured, one.series) for one in (told.only(told.is_total), told.copies)
    )
    return Beside(own=own, own_samples=own_samples, total=total, device=device)


def _memory_use(used: Means, free: Means, reserved: Means, *, device_of: Indices) -> Use:
    """Used / total; reserved memory counts where it is printed. ``device_of`` (c,)."""
    rest = free.cell + _or_zero(reserved.cell)
    ratio = _part(used.cell, used.cell + rest)
    if used.beside is None or free.beside is None or reserved.beside is None:
        return _of_devices(ratio, Counter())
    rest_of_device = free.beside.device + _or_zero(reserved.beside.device)
    used_of_device = _first(used.beside.total, used.beside.device)
    device = _part(used_of_device, used_of_device + rest_of_device)
    capacity = (used.beside.total + rest_of_device)[device_of]
    # There are no copies of used memory then, but those of free memory say as much.
    copied = np.clip(1.0 - _part(rest, capacity), 0.0, 1.0)
    ratio = np.where(np.isnan(capacity), ratio, _first(copied, device[device_of]))
    own = _part(used.beside.own, capacity)
    is_untold = _are_all_zero(own, device_of, device)
    return _with_own(ratio, own, used.beside, device=device, is_untold=is_untold, device_of=device_of)


def _compute_use(
    chain: Sequence[tuple[ComputeMetric, Means]], is_instance: Bools, memory: Use, device_of: Indices
) -> Use:
    """The first of the chain that was measured. ``is_instance`` (d,)."""
    dropped: Counter[str] = Counter()
    steps = [
        _Step(metric, means.names, _of_cells(means, device_of) / metric.full, means.samples) for metric, means in chain
    ]
    ratio, names = _first_measured(steps, is_instance[device_of], dropped)
    per_pod = [(metric, means.names, means.beside) for metric, means in chain if means.beside and metric.per_pod]
    if not per_pod:
        return _of_devices(ratio, dropped, names)
    device_steps = [
        _Step(
            metric,
            means.names,
            _first(means.beside.total, means.beside.device) / metric.full,
            np.zeros_like(means.beside.total),
        )
        for metric, means in chain
        if means.beside
    ]
    device, _ = _first_measured(device_steps, is_instance, Counter())
    metric, own_names, beside = next((one for one in per_pod if one[1]), per_pod[0])
    own = beside.own / metric.full
    is_untold = memory.is_untold | _are_all_zero(own, device_of, device)
    dropped[ABOVE_FULL] += _samples(beside.own_samples, own > 1.0)
    use = _with_own(ratio, np.minimum(own, 1.0), beside, device=device, is_untold=is_untold, device_of=device_of)
    return replace(use, names=names | frozenset(own_names if use.is_own.any() else ()), dropped=use.dropped + dropped)


@dataclass(frozen=True, slots=True)
class _Step:
    metric: ComputeMetric
    names: tuple[str, ...]
    ratio: Floats
    samples: Floats


def _first_measured(steps: Sequence[_Step], is_instance: Bools, dropped: Counter[str]) -> tuple[Floats, frozenset[str]]:
    """Of each line the first that was measured and is not silent; and the names of those metrics."""
    of_cards = ~is_instance[:, np.newaxis]
    ratio = np.full_like(steps[0].ratio, np.nan)
    busy = np.zeros(ratio.shape, dtype=np.bool_)
    for step in steps:
        if not step.metric.measures_instances:
            busy |= of_cards & (step.ratio >= _IN_USE)
    names: set[str] = set()
    for step in steps:
        usable = ~np.isnan(step.ratio) & (of_cards | step.metric.measures_instances) & np.isnan(ratio)
        if step.metric.measures_instances and busy.any():
            silent = usable & busy & (step.ratio == 0)
            dropped[SILENT_ZERO] += _samples(step.samples, silent)
            usable &= ~silent
        if usable.any():
            names |= set(step.names)
            dropped[ABOVE_FULL] += _samples(step.samples, usable & (step.ratio > 1.0))
            ratio = np.where(usable, step.ratio, ratio)
    return np.clip(ratio, 0.0, 1.0), frozenset(names)


def _of_cells(means: Means, device_of: Indices) -> Floats:
    """What the device did, also where its total is printed beside holders."""
    return means.cell if means.beside is None else _first(means.beside.total[device_of], means.cell)


def _of_devices(ratio: Floats, dropped: Counter[str], names: frozenset[str] = frozenset()) -> Use:
    nowhere = np.zeros((0, ratio.shape[1]))
    return Use(
        ratio=ratio,
        is_own=np.zeros(ratio.shape, dtype=np.bool_),
        device=nowhere,
        is_untold=nowhere.astype(np.bool_),
        names=names,
        dropped=dropped,
    )


def _with_own(
    ratio: Floats, own: Floats, beside: Beside, *, device: Floats, is_untold: Bools, device_of: Indices
) -> Use:
    """What each holder did counts before what the device did."""
    untold = is_untold[device_of]
    is_own = ~np.isnan(own) & ~untold
    return Use(
        ratio=np.where(is_own, own, ratio),
        is_own=is_own,
        device=device,
        is_untold=is_untold,
        dropped=Counter({ZERO_PER_POD: _samples(beside.own_samples, untold)}),
    )


def _are_all_zero(own: Floats, device_of: Indices, device: Floats) -> Bools:
    """(d, w) every holder is shown with 0 of a device that is in use."""
    is_told = ~np.isnan(own)
    some, more_than_zero = (
        add_rows(what.astype(np.float64), device_of, device.shape[0]) > 0 for what in (is_told, is_told & (own > 0))
    )
    return some & ~more_than_zero & (device >= _IN_USE)


def _cell_means(samples: Counted, told: Told) -> tuple[Floats, Floats]:
    """(c, w) mean of the samples, and how many there were."""
    cells = samples.cells
    cell = cells.of_series[told.series]
    sums, count = (samples.heirs.inherit(add_rows(what, cell, cells.count)) for what in (told.sums, told.measured))
    return _part(sums, count), count


def _part(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)


def _first(first: Floats, second: Floats) -> Floats:
    return np.where(np.isnan(first), second, first)


def _or_zero(value: Floats) -> Floats:
    return np.where(np.isnan(value), 0.0, value)


def _samples(samples: Floats, where: Bools) -> int:
    return int(np.rint(samples[where].sum())) if where.any() else 0

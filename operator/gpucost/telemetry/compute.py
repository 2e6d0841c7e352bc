"""From a chain of metrics of compute to the part of it that is used: of each cell the first that was measured counts.

Axes: c cells, d devices, w windows. NaN: not measured.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpucost.model.usage import Bools, Floats, Indices
from gpucost.telemetry.means import Beside, Means, first_of
from gpucost.telemetry.metrics import ComputeMetric
from gpucost.telemetry.own_values import IN_USE, Use, are_all_zero, of_devices, samples_where, with_own
from gpucost.telemetry.sanity import ABOVE_FULL, SILENT_ZERO


@dataclass(frozen=True, slots=True)
class _Step:
    metric: ComputeMetric
    names: tuple[str, ...]
    ratio: Floats
    samples: Floats


def compute_use(
    chain: Sequence[tuple[ComputeMetric, Means]], is_instance: Bools, memory: Use, device_of: Indices
) -> Use:
    """The first of the chain that was measured. ``is_instance`` (d,)."""
    dropped: Counter[str] = Counter()
    steps = [
        _Step(metric, means.names, _of_cells(means, device_of) / metric.full, means.samples) for metric, means in chain
    ]
    ratio, silent, names = _first_measured(steps, is_instance[device_of], dropped)
    use = of_devices(ratio, silent, dropped, names)
    besides = [(metric, means.names, means.beside) for metric, means in chain if means.beside]
    if not besides:
        return use
    device_steps = [_device_step(*one) for one in besides]
    device, device_is_silent, _ = _first_measured(device_steps, is_instance, Counter())
    use = replace(use, device=device, device_is_replaced=device_is_silent)
    per_pod = [one for one in besides if one[0].per_pod]
    return _with_own_of(per_pod, use, memory, device_of) if per_pod else use


def _device_step(metric: ComputeMetric, names: tuple[str, ...], beside: Beside) -> _Step:
    nothing = np.zeros_like(beside.total)
    return _Step(metric, names, first_of(beside.total, beside.device) / metric.full, nothing)


def _with_own_of(
    per_pod: Sequence[tuple[ComputeMetric, tuple[str, ...], Beside]], use: Use, memory: Use, device_of: Indices
) -> Use:
    """``use`` is that of devices; of the metrics that come per pod the first that was seen counts."""
    metric, own_names, beside = next((one for one in per_pod if one[1]), per_pod[0])
    own = beside.own / metric.full
    is_untold = memory.is_untold | are_all_zero(own, device_of, use.device)
    above = Counter({ABOVE_FULL: samples_where(beside.own_samples, own > 1.0)})
    mine = with_own(
        use.ratio, np.minimum(own, 1.0), beside, device=use.device, is_untold=is_untold, device_of=device_of
    )
    return replace(
        mine,
        is_replaced=use.is_replaced | mine.is_replaced,
        device_is_replaced=use.device_is_replaced,
        names=use.names | frozenset(own_names if mine.is_own.any() else ()),
        dropped=use.dropped + mine.dropped + above,
    )


def _first_measured(
    steps: Sequence[_Step], is_instance: Bools, dropped: Counter[str]
) -> tuple[Floats, Bools, frozenset[str]]:
    """Of each line the first that was measured and is not silent; whether one was; and the names of those metrics."""
    of_cards = ~is_instance[:, np.newaxis]
    ratio = np.full_like(steps[0].ratio, np.nan)
    busy = np.zeros(ratio.shape, dtype=np.bool_)
    for step in steps:
        if not step.metric.measures_instances:
            busy |= of_cards & (step.ratio >= IN_USE)
    was_silent = np.zeros_like(busy)
    names: set[str] = set()
    for step in steps:
        usable = ~np.isnan(step.ratio) & (of_cards | step.metric.measures_instances) & np.isnan(ratio)
        if step.metric.measures_instances and busy.any():
            silent = usable & busy & (step.ratio == 0)
            dropped[SILENT_ZERO] += samples_where(step.samples, silent)
            was_silent |= silent
            usable &= ~silent
        if usable.any():
            names |= set(step.names)
            dropped[ABOVE_FULL] += samples_where(step.samples, usable & (step.ratio > 1.0))
            ratio = np.where(usable, step.ratio, ratio)
    return np.clip(ratio, 0.0, 1.0), was_silent, frozenset(names)


def _of_cells(means: Means, device_of: Indices) -> Floats:
    """What the device did, also where its total is printed beside holders."""
    return means.cell if means.beside is None else first_of(means.beside.total[device_of], means.cell)

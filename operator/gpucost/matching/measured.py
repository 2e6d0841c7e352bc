"""What telemetry shows of each device in one window.

Axes: d devices; r rows of the usage in the window.
"""

from dataclasses import dataclass

import numpy as np

from gpucost.matching.devices import Devices
from gpucost.matching.grouped import mean_by, most_by, sum_by
from gpucost.model.usage import Bools, Floats, Indices, Usage

LEAST_COMPUTE_RATIO = 0.05
"""Of a device that is in use; a mean below it may be a health check."""
LEAST_MEMORY_RATIO = 0.10
"""Likewise; an idle MIG instance of 5 GB reports up to 150 MiB, and a card that the driver keeps ready some hundred."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """(d,) of each device."""

    sampled_ms: Floats
    """Time that the scrapes cover which saw it, whomever they named."""
    named_ms: Floats
    """Of that, with a holder; holders of a shared device count one by one, so it may be more."""
    nobody_ms: Floats
    """Of that, with nobody."""
    interval_ms: Floats
    """Between scrapes; 0: not seen."""
    memory_ratio: Floats
    """Mean of what the device did, NaN: not measured; likewise the next."""
    compute_ratio: Floats
    total_memory_ratio: Floats
    """Of the device's total where it is printed beside its holders; NaN: it is not. Likewise the next."""
    total_compute_ratio: Floats
    slots: Floats
    """The most slots with which a holder was shown; 0: slots are not told."""
    tells_holders: Bools
    """It shows all who share it: by their slots, or by a measurement of their own."""

    @property
    def in_use(self) -> Bools:
        """(d,)"""
        used: Bools = (self.compute_ratio >= LEAST_COMPUTE_RATIO) | (self.memory_ratio >= LEAST_MEMORY_RATIO)
        return used


def measure(usage: Usage, rows: slice, devices: Devices) -> Measured:
    index = devices.index[usage.device[rows]]
    ours = np.flatnonzero(index >= 0)
    device = index[ours]
    size = len(devices.all)

    def of_rows(values: Floats) -> Floats:
        return values[rows][ours]

    interval_ms = of_rows(usage.row_interval_seconds) * 1000.0
    row_ms = of_rows(usage.scrapes) * interval_ms
    named, beside = usage.holder[rows][ours] >= 0, usage.beside[rows][ours]
    own = usage.own_memory[rows][ours], usage.own_compute[rows][ours]
    ratios = of_rows(usage.memory_ratio), of_rows(usage.compute_ratio)
    slots = of_rows(usage.slots)
    total = [mean_by(device, ratio, np.where(beside, row_ms, 0.0), size) for ratio in ratios]
    memory, compute = (
        np.where(np.isnan(whole), mean_by(device, ratio, np.where(mine | beside, 0.0, row_ms), size), whole)
        for whole, ratio, mine in zip(total, ratios, own, strict=True)
    )
    return Measured(
        sampled_ms=_last(device, of_rows(usage.device_scrapes) * interval_ms, size),
        named_ms=sum_by(device, np.where(named, row_ms, 0.0), size),
        nobody_ms=sum_by(device, np.where(named | beside, 0.0, row_ms), size),
        interval_ms=_last(device, interval_ms, size),
        memory_ratio=memory,
        compute_ratio=compute,
        total_memory_ratio=total[0],
        total_compute_ratio=total[1],
        slots=most_by(device, slots, size),
        tells_holders=most_by(device, (named & ((slots > 0) | own[0] | own[1])).astype(np.float64), size) > 0,
    )


def _last(index: Indices, value: Floats, size: int) -> Floats:
    """0 where there is none; all rows of a device have one value."""
    last = np.zeros(size)
    last[index] = value
    return last

"""Means of the samples of one metric: by cell, and by device whose total is printed beside its holders.

Axes: c cells, d devices, w windows. NaN: not measured.
"""

from dataclasses import dataclass

import numpy as np

from gpucost.model.usage import Floats
from gpucost.telemetry.scrapes import Counted
from gpucost.telemetry.series import add_rows
from gpucost.telemetry.told import Group, Told


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


def means_of(samples: Counted, group: Group) -> Means:
    """Of the metric that has these names; all NaN where it was not seen."""
    told = samples.told.get(group)
    if told is None:
        return _no_means(samples)
    cell, count = _cell_means(samples, told.copies)
    beside = _beside(samples, told) if samples.has_totals else None
    return Means(names=told.names, cell=cell, samples=count, beside=beside)


def part_of(part: Floats, whole: Floats) -> Floats:
    """``part`` / ``whole``; NaN where there is no whole."""
    return np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)


def first_of(first: Floats, second: Floats) -> Floats:
    """``second`` where the first was not measured."""
    return np.where(np.isnan(first), second, first)


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


def _cell_means(samples: Counted, told: Told) -> tuple[Floats, Floats]:
    """(c, w) mean of the samples, and how many there were."""
    cells = samples.cells
    cell = cells.of_series[told.series]
    sums, count = (samples.heirs.inherit(add_rows(what, cell, cells.count)) for what in (told.sums, told.measured))
    return part_of(sums, count), count

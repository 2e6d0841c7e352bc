"""At how many scrapes what was seen, each counted once.

Axes: s series, k tracks, c cells, d devices, g groups of series, w windows.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from gpucost.model.usage import Bools, Floats, Indices
from gpucost.telemetry.cells import Cells, Heirs, cells_of
from gpucost.telemetry.lanes import Lanes
from gpucost.telemetry.series import add_rows, max_rows
from gpucost.telemetry.told import Group, Meanings, Told


@dataclass(frozen=True, kw_only=True)
class Counted:
    """The samples that count, and what they are of."""

    cells: Cells
    heirs: Heirs
    cell: Floats
    """(c, w) scrapes that saw each cell."""
    by_device: Lanes
    told: Mapping[Group, Told]

    @property
    def windows(self) -> int:
        return int(self.cell.shape[1])

    @property
    def has_totals(self) -> bool:
        """Whether a metric prints totals of devices beside their holders."""
        return any(one.is_total is not None for one in self.told.values())


@dataclass(frozen=True, kw_only=True)
class Scrapes:
    cell: Floats
    """(c, w) that saw the device with that holder."""
    slots: Floats
    """(c, w) slots with which it was seen at once; 0: not said."""
    device: Floats
    """(d, w) that saw the device, whomever it named."""
    beside: Floats
    """(d, w) at which its total was printed beside holders."""


def scrapes_by(lanes: Lanes, groups: int, told: Collection[Told], windows: int) -> Floats:
    """(g, w) of all metrics: one may have missed a scrape that another has."""
    scrapes = np.zeros((groups, windows))
    for one in told:
        if one.is_total is not None:
            scrapes = np.maximum(scrapes, lanes.nobody(np.where(one.is_total, one.counts, 0.0), one.series))
        others = one.of_holders
        scrapes = np.maximum(scrapes, lanes.scrapes(others.counts, others.series))
    return scrapes


def counted(told: Mapping[Group, Told], meanings: Meanings, windows: int) -> Counted:
    cells = cells_of(meanings.of_series)
    by_cell = Lanes(cells.of_series, meanings.lanes, cells.count)
    of_holders = [one.of_holders for one in told.values()]
    cell = scrapes_by(by_cell, cells.count, of_holders, windows)
    heirs = Heirs(cells, cell)
    if heirs.are_any:
        each = (heirs.inherit(by_cell.scrapes(one.counts, one.series)) for one in of_holders)
        cell = np.max([np.zeros_like(cell), *each], axis=0)
    by_device = Lanes(cells.device[cells.of_series], meanings.lanes, len(cells.devices))
    return Counted(cells=cells, heirs=heirs, cell=cell, by_device=by_device, told=told)


def scrapes_of(samples: Counted, meanings: Meanings, at_most: Floats) -> Scrapes:
    """``at_most`` (d, w) that can have seen the device, whatever its lanes say."""
    cells, devices = samples.cells, len(samples.cells.devices)
    device = np.minimum(scrapes_by(samples.by_device, devices, samples.told.values(), samples.windows), at_most)
    cell = np.minimum(samples.cell, device[cells.device])
    names = np.array([meaning.holder is not None for meaning in meanings.of_series], dtype=np.bool_)
    nobody = cells.holder < 0
    if np.any(~names & ~samples.by_device.is_open):
        free = np.maximum(device - _held(samples, names), 0.0)[cells.device]
        cell = np.where(nobody[:, np.newaxis], np.minimum(cell, free), cell)
    idle = max_rows(cell[nobody], cells.device[nobody], devices)
    return Scrapes(
        cell=cell,
        slots=_slots(samples, cell),
        device=device,
        beside=np.where(_has_total(samples), np.maximum(device - idle, 0.0), 0.0),
    )


def _held(samples: Counted, names: Bools) -> Floats:
    """(d, w) scrapes that named a holder; series of exporters that name themselves do not."""
    held = np.zeros((len(samples.cells.devices), samples.windows))
    for one in samples.told.values():
        lines = names[one.series]
        held = np.maximum(held, samples.by_device.named(one.counts[lines], one.series[lines]))
    return held


def _slots(samples: Counted, cell: Floats) -> Floats:
    """(c, w) series of slots at a scrape."""
    seen = np.zeros_like(cell)
    has_slot, cells = samples.by_device.has_slot, samples.cells
    if has_slot.any():
        for one in samples.told.values():
            lines = has_slot[one.series]
            in_slots = add_rows(one.of_holders.counts[lines], cells.of_series[one.series[lines]], cells.count)
            seen = np.maximum(seen, samples.heirs.inherit(in_slots))
    return np.divide(seen, cell, out=np.zeros_like(cell), where=cell > 0)


def _has_total(samples: Counted) -> Bools:
    """(d, w)"""
    has = np.zeros((len(samples.cells.devices), samples.windows), dtype=np.bool_)
    for one in samples.told.values():
        if one.is_total is not None:
            has |= samples.by_device.nobody(np.where(one.is_total, one.counts, 0.0), one.series) > 0
    return has


def left_out(samples: Counted) -> tuple[Bools, Bools]:
    """(c, w) and, of totals that are printed beside holders, (d, w): some samples were no measurements."""
    cells, devices = samples.cells, len(samples.cells.devices)
    of_cells, of_totals = np.zeros(samples.cell.shape), np.zeros((devices, samples.windows))
    for one in samples.told.values():
        cell, missing = cells.of_series[one.series], one.counts - one.measured
        if one.is_total is not None:
            of_totals += add_rows(np.where(one.is_total, missing, 0.0), cells.device[cell], devices)
            missing = np.where(one.is_total, 0.0, missing)
        of_cells += add_rows(missing, cell, cells.count)
    return samples.heirs.inherit(of_cells) > 0, of_totals > 0


def samples_by(group: Indices, groups: int, told: Collection[Told], windows: int) -> Floats:
    """(g, w) all samples of all metrics; ``group`` (s,)."""
    samples = np.zeros((groups, windows))
    for one in told:
        samples += add_rows(one.counts, group[one.series], groups)
    return samples

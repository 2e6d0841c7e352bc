"""Cells: a device with one of its holders, or with none. Axes: s series, c cells, w windows."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpucost.model.usage import Device, Floats, Indices, NamedHolder
from gpucost.telemetry.series import SeriesMeaning, add_rows


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Numbered in the order of devices and holders, whatever the order of the series."""

    devices: tuple[Device, ...]
    holders: tuple[NamedHolder, ...]
    device: Indices
    """(c,) index into ``devices``."""
    holder: Indices
    """(c,) index into ``holders``; -1: nobody."""
    of_series: Indices
    """(s,)"""

    @property
    def count(self) -> int:
        return self.device.size


def cells_of(series: Sequence[SeriesMeaning]) -> Cells:
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
    return Cells(
        devices=devices,
        holders=holders,
        device=columns[:, 0],
        holder=columns[:, 1],
        of_series=np.fromiter((number[pair] for pair in pair_of), dtype=np.intp),
    )


class Heirs:
    """Cells of a container whose UID some metrics print and others do not: they are one.

    What came without a UID goes to the cells of the same name on the same device that have one, by their scrapes: a pod
    that was replaced by another of its name leaves two.
    """

    def __init__(self, cells: Cells, scrapes: Floats) -> None:
        """``scrapes`` (c, w) of each cell alone."""
        with_uid: defaultdict[tuple[int, NamedHolder], list[int]] = defaultdict(list)
        without: dict[tuple[int, NamedHolder], int] = {}
        if any(holder.pod_uid for holder in cells.holders):
            for cell, (device, number) in enumerate(zip(cells.device.tolist(), cells.holder.tolist(), strict=True)):
                holder = cells.holders[number] if number >= 0 else None
                if holder and holder.pod_uid:
                    with_uid[device, replace(holder, pod_uid="")].append(cell)
                elif holder:
                    without[device, holder] = cell
        pairs = [(cell, heir) for key, cell in without.items() for heir in with_uid.get(key, ())]
        columns = np.array(pairs, dtype=np.intp).reshape(-1, 2)
        self._from, self._to = columns[:, 0], columns[:, 1]
        mine = scrapes[self._to]
        all_heirs = add_rows(mine, self._from, scrapes.shape[0])
        self._part = np.divide(mine, all_heirs[self._from], out=np.zeros_like(mine), where=mine > 0)
        self._is_left = all_heirs == 0

    @property
    def are_any(self) -> bool:
        return self._from.size > 0

    def inherit(self, amount: Floats) -> Floats:
        """``amount`` (c, w), handed on."""
        if not self.are_any:
            return amount
        handed_on = add_rows(amount[self._from] * self._part, self._to, amount.shape[0])
        return np.where(self._is_left, amount, 0.0) + handed_on

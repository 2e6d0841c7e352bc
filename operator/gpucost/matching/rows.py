"""Rows of one window in order, as the engine takes them.

Axes: e rows; p places, which are what a row can be on: the devices that telemetry shows, then others.
"""

from dataclasses import dataclass

import numpy as np

from gpucost.matching.columns import HolderRows
from gpucost.matching.devices import Devices, Seen
from gpucost.matching.lives import Lives
from gpucost.model.holdings import Holder, Holdings, NodeBills
from gpucost.model.usage import Bools, Floats, Indices, Ints


class Places:
    """What holders hold in one window, by machine."""

    def __init__(self, devices: Devices, seen: Seen) -> None:
        self._devices, self._seen = devices, seen
        self._machine: list[int] = []
        self._slice_share: list[float] = []

    def add(self, machine: int, slice_share: float) -> int:
        """The place of a device, or of a pool of them, that is none of those that telemetry shows."""
        self._machine.append(machine)
        self._slice_share.append(slice_share)
        return len(self._devices.all) + len(self._machine) - 1

    @property
    def machine(self) -> Indices:
        """(p,)"""
        return np.concatenate((self._devices.machine, self._machine)).astype(np.intp)

    @property
    def slice_share(self) -> Floats:
        """(p,) cards' worth that the place is."""
        return np.concatenate((self._seen.slice_share, self._slice_share)).astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class HeldRows(HolderRows):
    """As in `Holdings`, before what was held is told apart by node. (e,)"""

    place: Indices
    start_ms: Ints
    end_ms: Ints
    """Of the pod, which may have lived before and after the window."""
    held_ratio: Floats
    """Part of the machine's life."""
    slot_share: Floats
    seen_ratio: Floats
    memory_ratio: Floats
    compute_ratio: Floats
    estimated: Bools


def holdings_of(bills: NodeBills, lives: Lives, places: Places, rows: HeldRows) -> tuple[tuple[Holder, ...], Holdings]:
    """``bills`` are of the lines of ``lives``.

    What was held on a machine of several lines is held on each for as long as its pod and the line lived together.
    Rows are ordered by line, device, pod and container.
    """
    machine, slice_share = places.machine, places.slice_share
    row, line, overlap_ms = lives.spread(machine[rows.place], rows.start_ms, rows.end_ms)
    part = overlap_ms / np.bincount(row, overlap_ms, minlength=len(rows.holders))[row]
    keys = [(at, *_key(rows.holders[number])) for number, at in zip(row.tolist(), line.tolist(), strict=True)]
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.intp)
    row, line, part = row[order], line[order], part[order]
    shown, index = np.unique(line * machine.size + rows.place[row], return_inverse=True)
    device_node, place = np.divmod(shown, max(machine.size, 1))
    life_ms = (lives.end_ms - lives.begin_ms)[line]
    return tuple(rows.holders[number] for number in row.tolist()), Holdings(
        bills=bills,
        device_node=device_node,
        slice_share=slice_share[place],
        device=index,
        held_ratio=rows.held_ratio[row] * (part * lives.alive_ms[lives.machine[line]] / life_ms),
        slot_share=rows.slot_share[row],
        seen_ratio=rows.seen_ratio[row],
        memory_ratio=rows.memory_ratio[row],
        compute_ratio=rows.compute_ratio[row],
        estimated=rows.estimated[row],
    )


def _key(holder: Holder) -> tuple[str, ...]:
    device = holder.device
    return (
        device.uuid,
        device.gpu_instance_id,
        device.profile,
        holder.pod_uid,
        holder.namespace,
        holder.pod,
        holder.container,
    )

"""Rows of one window in order, as the engine takes them."""

import numpy as np

from gpucost.matching.devices import Devices, Seen
from gpucost.matching.lives import Lives
from gpucost.matching.named import NamedRows
from gpucost.matching.unnamed import UnnamedRow
from gpucost.model.holdings import Holder, Holdings, NodeBills


def holdings_of(
    bills: NodeBills,
    lives: Lives,
    *,
    devices: Devices,
    seen: Seen,
    named: NamedRows,
    unnamed: tuple[UnnamedRow, ...],
) -> tuple[tuple[Holder, ...], Holdings]:
    """``bills`` are of the lines of ``lives``.

    What was held on a machine of several lines is held on each for as long as its pod and the line lived together.
    Rows are ordered by line, device, pod and container. An unnamed row without a known device gets one of its own.
    """
    holders = (*named.holders, *(row.holder for row in unnamed))
    own = [row.device if row.device >= 0 else len(devices.all) + number for number, row in enumerate(unnamed)]
    device = np.concatenate((named.device, own)).astype(np.intp)
    machine = np.concatenate((devices.machine, [row.machine for row in unnamed])).astype(np.intp)
    slice_share = np.concatenate((seen.slice_share, [row.slice_share for row in unnamed]))
    held_ratio = np.concatenate((named.held_ratio, [row.held_ratio for row in unnamed]))
    start = np.concatenate((named.start_ms, [row.start_ms for row in unnamed])).astype(np.int64)
    end = np.concatenate((named.end_ms, [row.end_ms for row in unnamed])).astype(np.int64)
    unseen = np.full(len(unnamed), np.nan)

    row, line, overlap_ms = lives.spread(machine[device], start, end)
    part = overlap_ms / np.bincount(row, overlap_ms, minlength=len(holders))[row]
    keys = [(at, *_key(holders[number])) for number, at in zip(row.tolist(), line.tolist(), strict=True)]
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.intp)
    row, line, part = row[order], line[order], part[order]
    places, index = np.unique(line * machine.size + device[row], return_inverse=True)
    device_node, shown = np.divmod(places, max(machine.size, 1))
    life_ms = (lives.end_ms - lives.begin_ms)[line]
    return tuple(holders[number] for number in row), Holdings(
        bills=bills,
        device_node=device_node,
        slice_share=slice_share[shown],
        device=index,
        held_ratio=held_ratio[row] * (part * lives.alive_ms[lives.machine[line]] / life_ms),
        slot_share=np.ones(order.size),
        seen_ratio=np.concatenate((named.seen_ratio, np.zeros(len(unnamed))))[row],
        memory_ratio=np.concatenate((named.memory_ratio, unseen))[row],
        compute_ratio=np.concatenate((named.compute_ratio, unseen))[row],
        estimated=np.concatenate((named.estimated, [row.estimated for row in unnamed])).astype(np.bool_)[row],
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

"""Rows of one window in order, as the engine takes them."""

import numpy as np

from gpucost.matching.devices import Devices, Seen
from gpucost.matching.named import NamedRows
from gpucost.matching.unnamed import UnnamedRow
from gpucost.model.holdings import Holder, Holdings, NodeBills
from gpucost.model.usage import Indices


def holdings_of(
    bills: NodeBills,
    line: Indices,
    *,
    devices: Devices,
    seen: Seen,
    named: NamedRows,
    unnamed: tuple[UnnamedRow, ...],
) -> tuple[tuple[Holder, ...], Holdings]:
    """``line`` (m,) says which nodes, in ascending order, ``bills`` are of.

    Rows are ordered by node, device, pod and container. An unnamed row without a known device gets one of its own.
    """
    holders = (*named.holders, *(row.holder for row in unnamed))
    keys = [_key(holder) for holder in holders]
    order = np.array(sorted(range(len(holders)), key=keys.__getitem__), dtype=np.intp)

    own = [row.device if row.device >= 0 else len(devices.all) + number for number, row in enumerate(unnamed)]
    device, index = np.unique(np.concatenate((named.device, own)).astype(np.intp)[order], return_inverse=True)
    node = np.concatenate((devices.node, [row.node for row in unnamed])).astype(np.intp)
    slice_share = np.concatenate((seen.slice_share, [row.slice_share for row in unnamed]))
    unseen = np.full(len(unnamed), np.nan)
    return tuple(holders[row] for row in order), Holdings(
        bills=bills,
        device_node=np.searchsorted(line, node[device]),
        slice_share=slice_share[device],
        device=index,
        held_ratio=np.concatenate((named.held_ratio, [row.held_ratio for row in unnamed]))[order],
        slot_share=np.ones(order.size),
        seen_ratio=np.concatenate((named.seen_ratio, np.zeros(len(unnamed))))[order],
        memory_ratio=np.concatenate((named.memory_ratio, unseen))[order],
        compute_ratio=np.concatenate((named.compute_ratio, unseen))[order],
        estimated=np.concatenate((named.estimated, [row.estimated for row in unnamed])).astype(np.bool_)[order],
    )


def _key(holder: Holder) -> tuple[str, ...]:
    device = holder.device
    return (
        device.node,
        device.uuid,
        device.gpu_instance_id,
        device.profile,
        holder.pod_uid,
        holder.namespace,
        holder.pod,
        holder.container,
    )

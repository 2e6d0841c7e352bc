"""Holdings in blocks of whole nodes, each small enough for a core's cache.

No node's figures depend on another's, so the blocks are computed one by one: the many intermediate arrays of a block
never reach the main memory, which makes a large fleet several times faster.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gpucost.model.holdings import Holdings, NodeBills
from gpucost.model.usage import Indices

_ROWS = 1 << 14
"""Of a block, unless one node alone has more."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Some nodes in a row with all their rows and devices."""

    holdings: Holdings
    """Of these nodes alone; indices count from the first of them."""
    rows: slice
    """Where its rows are in the whole, and its nodes."""
    nodes: slice
    row_ends: Indices
    """(n,) before which of its rows each node ends."""


def blocks_of(holdings: Holdings) -> Iterator[Block]:
    """Every node is in one block."""
    holdings = _in_order_of_nodes(holdings)
    nodes = np.arange(holdings.bills.cards.size)
    row_ends = np.searchsorted(holdings.device_node[holdings.device], nodes, side="right")
    device_ends = np.searchsorted(holdings.device_node, nodes, side="right")
    first = 0
    while first < nodes.size:
        begin, device_begin = (int(row_ends[first - 1]), int(device_ends[first - 1])) if first else (0, 0)
        last = max(int(np.searchsorted(row_ends, begin + _ROWS, side="right")), first + 1)
        end, device_end = int(row_ends[last - 1]), int(device_ends[last - 1])
        rows = slice(begin, end)
        yield Block(
            holdings=_part(holdings, rows, slice(device_begin, device_end), slice(first, last)),
            rows=rows,
            nodes=slice(first, last),
            row_ends=row_ends[first:last] - begin,
        )
        first = last


def _in_order_of_nodes(holdings: Holdings) -> Holdings:
    """The same with the devices of each node side by side."""
    if np.all(holdings.device_node[1:] >= holdings.device_node[:-1]):
        return holdings
    order = np.argsort(holdings.device_node, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    return replace(
        holdings,
        device_node=holdings.device_node[order],
        slice_share=holdings.slice_share[order],
        device=place[holdings.device],
    )


def _part(holdings: Holdings, rows: slice, devices: slice, nodes: slice) -> Holdings:
    bills = holdings.bills
    return Holdings(
        bills=NodeBills(
            cost_e9=bills.cost_e9[nodes],
            gpu_cost_e9=bills.gpu_cost_e9[nodes],
            priced=bills.priced[nodes],
            cards=bills.cards[nodes],
            alive_hours=bills.alive_hours[nodes],
            observed=bills.observed[nodes],
        ),
        device_node=holdings.device_node[devices] - nodes.start,
        slice_share=holdings.slice_share[devices],
        device=holdings.device[rows] - devices.start,
        held_ratio=holdings.held_ratio[rows],
        slot_share=holdings.slot_share[rows],
        seen_ratio=holdings.seen_ratio[rows],
        memory_ratio=holdings.memory_ratio[rows],
        compute_ratio=holdings.compute_ratio[rows],
        estimated=holdings.estimated[rows],
    )

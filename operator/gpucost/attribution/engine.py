"""One window: who held what -> what each row and each node's rest costs, exact in units of 1e-9."""

from dataclasses import dataclass

import numpy as np

from gpucost.attribution.rounding import part_e9, round_running
from gpucost.attribution.shares import Shares, compute_shares, used_ratio
from gpucost.model.holdings import Holdings
from gpucost.model.money import E9
from gpucost.model.usage import Bools, Floats, Indices, Ints


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """Axes: h holder rows, n nodes. Costs in 1e-9 of the currency, hours in 1e-9 h; all int64.

    ``cost = used_cost + idle_cost + unknown_use_cost`` by row, and by node
    ``bill = sum of cost + unallocated_cost + host_cost``.
    """

    cost: Ints
    used_cost: Ints
    idle_cost: Ints
    unknown_use_cost: Ints
    reserved_hours: Ints
    used_hours: Ints
    charged_hours: Ints
    held_hours: Ints
    seen_hours: Ints
    memory_hours: Ints
    memory_used_hours: Ints
    compute_hours: Ints
    compute_used_hours: Ints
    capped: Bools
    """(h,)"""
    allocated_cost: Ints
    """(n,)"""
    unallocated_cost: Ints
    """(n,) what no row is charged; unobserved where the node's bill says so."""
    unallocated_hours: Ints
    """(n,) card hours"""
    host_cost: Ints
    """(n,)"""


def attribute(holdings: Holdings) -> Attribution:
    """Charge every row, leave the rest of each node unallocated."""
    bills = holdings.bills
    nodes = bills.cards.size
    node = holdings.device_node[holdings.device]
    ratio = used_ratio(holdings.memory_ratio, holdings.compute_ratio)
    shares = compute_shares(
        slice_share=holdings.slice_share,
        device=holdings.device,
        held_ratio=holdings.held_ratio,
        slot_share=holdings.slot_share,
        seen_ratio=holdings.seen_ratio,
        ratio=ratio,
    )
    cost, used_cost, unknown_cost = _money(shares, node, bills.gpu_cost_e9 / bills.cards, bills.gpu_cost_e9)
    allocated = _sum_by(cost, node, nodes)
    hours = bills.alive_hours[node]
    held = holdings.slice_share[holdings.device] * holdings.held_ratio * holdings.seen_ratio * hours
    return Attribution(
        cost=cost,
        used_cost=used_cost,
        idle_cost=cost - used_cost - unknown_cost,
        unknown_use_cost=unknown_cost,
        reserved_hours=_e9(shares.reserved * hours),
        used_hours=np.minimum(_e9(shares.used * hours), _e9(shares.charged * hours)),
        charged_hours=_e9(shares.charged * hours),
        held_hours=_e9(holdings.held_ratio * hours),
        seen_hours=_e9(holdings.held_ratio * np.where(np.isnan(ratio), 0.0, holdings.seen_ratio) * hours),
        memory_hours=_e9(np.where(np.isnan(holdings.memory_ratio), 0.0, held)),
        memory_used_hours=_e9(held * np.nan_to_num(holdings.memory_ratio, nan=0.0)),
        compute_hours=_e9(np.where(np.isnan(holdings.compute_ratio), 0.0, held)),
        compute_used_hours=_e9(held * np.nan_to_num(holdings.compute_ratio, nan=0.0)),
        capped=shares.capped,
        allocated_cost=allocated,
        unallocated_cost=bills.gpu_cost_e9 - allocated,
        unallocated_hours=np.maximum(
            _e9(bills.cards * bills.alive_hours) - _sum_by(_e9(shares.charged * hours), node, nodes), 0
        ),
        host_cost=bills.cost_e9 - bills.gpu_cost_e9,
    )


def gpu_part(cost_e9: Ints, gpu_fraction: Floats) -> Ints:
    """The part of each node's bill (n,) that goes to its cards."""
    return part_e9(cost_e9, gpu_fraction)


def _money(shares: Shares, node: Indices, card_cost: Floats, limit: Ints) -> tuple[Ints, Ints, Ints]:
    """(cost, used cost, unknown-use cost) by row; the rows of a node never exceed ``limit`` (n,)."""
    cost = _trim(round_running(shares.charged * card_cost[node], node), node, limit)
    unknown = np.minimum(np.rint(shares.unknown * card_cost[node]).astype(np.int64), cost)
    used = np.minimum(np.rint(shares.used * card_cost[node]).astype(np.int64), cost - unknown)
    return cost, used, unknown


def _trim(cost: Ints, node: Indices, limit: Ints) -> Ints:
    """Take the units that float noise put above the node's bill from the node's last rows."""
    if cost.size == 0:
        return cost
    running = np.cumsum(cost)
    first = np.flatnonzero(np.diff(node, prepend=node[0] - 1))
    before = (running - cost)[first]
    in_node = running - np.repeat(before, np.diff(np.append(first, cost.size)))
    within = np.minimum(in_node, limit[node])
    previous = np.concatenate(([0], within[:-1]))
    previous[first] = 0
    return within - previous


def _e9(hours: Floats) -> Ints:
    return np.rint(hours * E9).astype(np.int64)


def _sum_by(amount: Ints, index: Indices, size: int) -> Ints:
    total = np.zeros(size, dtype=np.int64)
    np.add.at(total, index, amount)
    return total

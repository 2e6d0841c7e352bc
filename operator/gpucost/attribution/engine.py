"""One window: who held what -> what each row and each node's rest costs, exact in units of 1e-9."""

import numpy as np

from gpucost.attribution.rounding import round_running
from gpucost.attribution.shares import Shares, compute_shares
from gpucost.model.attributed import Attribution
from gpucost.model.holdings import Holdings
from gpucost.model.money import E9
from gpucost.model.usage import Floats, Indices, Ints


def attribute(holdings: Holdings) -> Attribution:
    """Charge every row, leave the rest of each node unallocated."""
    bills = holdings.bills
    node = holdings.device_node[holdings.device]
    shares = compute_shares(holdings)
    cost, used_cost, unknown_cost = _money(shares, node, bills.gpu_cost_e9 / bills.cards, bills.gpu_cost_e9)
    allocated_cost = _sum_by(cost, node, bills.cards.size)

    hours = bills.alive_hours[node]
    reserved_hours, charged_hours = _e9(shares.reserved * hours), _e9(shares.charged * hours)
    card_hours = _e9(bills.cards * bills.alive_hours)
    has_memory, has_compute = ~np.isnan(holdings.memory_ratio), ~np.isnan(holdings.compute_ratio)
    measured = holdings.held_ratio * holdings.seen_ratio * hours
    measured_cards = holdings.slice_share[holdings.device] * measured
    return Attribution(
        cost=cost,
        used_cost=used_cost,
        idle_cost=cost - used_cost - unknown_cost,
        unknown_use_cost=unknown_cost,
        reserved_hours=reserved_hours,
        used_hours=np.minimum(_e9(shares.used * hours), charged_hours),
        charged_hours=charged_hours,
        held_hours=_e9(holdings.held_ratio * hours),
        seen_hours=_e9(np.where(has_memory | has_compute, measured, 0.0)),
        memory_hours=_e9(np.where(has_memory, measured_cards, 0.0)),
        memory_used_hours=_e9(measured_cards * np.nan_to_num(holdings.memory_ratio, nan=0.0)),
        compute_hours=_e9(np.where(has_compute, measured_cards, 0.0)),
        compute_used_hours=_e9(measured_cards * np.nan_to_num(holdings.compute_ratio, nan=0.0)),
        capped=shares.capped,
        allocated_cost=allocated_cost,
        unallocated_cost=bills.gpu_cost_e9 - allocated_cost,
        unallocated_hours=np.maximum(card_hours - _sum_by(charged_hours, node, bills.cards.size), 0),
        host_cost=bills.cost_e9 - bills.gpu_cost_e9,
    )


def _money(shares: Shares, node: Indices, card_cost: Floats, limit: Ints) -> tuple[Ints, Ints, Ints]:
    """(cost, used cost, unknown-use cost) by row; the rows of a node never exceed ``limit`` (n,)."""
    price = card_cost[node]
    cost = round_running(shares.charged * price, node, limit)
    used = np.minimum(_rint(shares.used * price), cost)
    # A row that was never measured has no idle cost: not even the unit that rounding apart would leave.
    never_seen = shares.used + shares.idle == 0.0
    unknown = np.where(never_seen, cost, np.minimum(_rint(shares.unknown * price), cost - used))
    return cost, used, unknown


def _rint(amount: Floats) -> Ints:
    return np.rint(amount).astype(np.int64)


def _e9(hours: Floats) -> Ints:
    return _rint(hours * E9)


def _sum_by(amount: Ints, index: Indices, size: int) -> Ints:
    total = np.zeros(size, dtype=np.int64)
    np.add.at(total, index, amount)
    return total

"""One window: who held what -> what each row and each node's rest costs, exact to the unit.

Every figure of a block of nodes is written straight to its place in the result (``out``), so nothing is copied twice.
"""

from dataclasses import fields

import numpy as np

from gpucost.attribution.blocks import Block, blocks_of
from gpucost.attribution.rounding import nearest, round_running, sum_groups
from gpucost.attribution.shares import Shares, compute_shares
from gpucost.model.attributed import Attribution
from gpucost.model.holdings import Holdings
from gpucost.model.money import HOUR_TICKS
from gpucost.model.policies import Policy
from gpucost.model.usage import Floats, Ints

DEFAULT_POLICY = Policy()
_OF_NODES = frozenset({"allocated_cost", "unallocated_cost", "unallocated_hours", "host_cost"})
_FIGURES = tuple(entry.name for entry in fields(Attribution))


def attribute(holdings: Holdings, policy: Policy = DEFAULT_POLICY) -> Attribution:
    """Charge every row, leave the rest of each node unallocated.

    Of ``policy`` it takes what counts as used; the hours of both raw ratios are in the result, whichever it is.
    """
    found = _room_for(holdings)
    for block in blocks_of(holdings):
        out = _part_of(found, block)
        shares = compute_shares(block.holdings, policy)
        _write_costs(shares, block, out)
        _write_hours(shares, block, out)
        np.copyto(out.capped, shares.capped)
    return found


def _room_for(holdings: Holdings) -> Attribution:
    rows, nodes = holdings.device.size, holdings.bills.cards.size
    amounts = {
        name: np.empty(nodes if name in _OF_NODES else rows, dtype=np.int64) for name in _FIGURES if name != "capped"
    }
    return Attribution(**amounts, capped=np.empty(rows, dtype=np.bool_))


def _part_of(whole: Attribution, block: Block) -> Attribution:
    """Views of the block's places."""
    return Attribution(
        **{name: getattr(whole, name)[block.nodes if name in _OF_NODES else block.rows] for name in _FIGURES}
    )


def _write_costs(shares: Shares, block: Block, out: Attribution) -> None:
    """The rows of a node never exceed what goes to its cards."""
    bills, device = block.holdings.bills, block.holdings.device
    price = (bills.gpu_cost_e9 / bills.cards)[block.holdings.device_node][device]
    round_running(shares.charged * price, block.row_ends, bills.gpu_cost_e9, out.cost)
    np.minimum(nearest(shares.used * price), out.cost, out=out.used_cost)
    unused = np.subtract(out.cost, out.used_cost, out=out.idle_cost)
    unknown = np.minimum(nearest(shares.unknown * price), unused, out=out.unknown_use_cost)
    # A row that was never measured has no idle cost: not even the unit that rounding apart would leave.
    np.copyto(unknown, out.cost, where=shares.used + shares.idle == 0.0)
    np.subtract(unused, unknown, out=out.idle_cost)
    np.copyto(out.allocated_cost, sum_groups(out.cost, block.row_ends))
    np.subtract(bills.gpu_cost_e9, out.allocated_cost, out=out.unallocated_cost)
    np.subtract(bills.cost_e9, bills.gpu_cost_e9, out=out.host_cost)


def _write_hours(shares: Shares, block: Block, out: Attribution) -> None:
    holdings, bills = block.holdings, block.holdings.bills
    alive = np.rint(bills.alive_hours * HOUR_TICKS)
    ticks = alive[holdings.device_node][holdings.device]
    nearest(shares.reserved * ticks, out.reserved_hours)
    nearest(shares.charged * ticks, out.charged_hours)
    np.minimum(nearest(shares.used * ticks), out.charged_hours, out=out.used_hours)
    sold = sum_groups(out.charged_hours, block.row_ends)
    np.maximum(nearest(alive * bills.cards) - sold, 0, out=out.unallocated_hours)

    held = holdings.held_ratio * ticks
    nearest(held, out.held_hours)
    nearest(shares.seen_ratio * held, out.seen_hours)
    held *= holdings.seen_ratio
    held *= holdings.slice_share[holdings.device]
    _write_measured(held, holdings.memory_ratio, out.memory_hours, out.memory_used_hours)
    _write_measured(held, holdings.compute_ratio, out.compute_hours, out.compute_used_hours)


def _write_measured(held: Floats, ratio: Floats, hours: Ints, used_hours: Ints) -> None:
    """Card hours for which ``ratio`` is known, and the used part of them; ``held``: in which anything was measured."""
    is_unknown = np.isnan(ratio)
    used = held * ratio
    np.putmask(used, is_unknown, 0.0)
    nearest(used, used_hours)
    nearest(held, hours)
    np.putmask(hours, is_unknown, 0)

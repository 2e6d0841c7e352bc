"""Used, idle and unmeasured share of a card, per holder row, over the life of its node in one window.

Rules: docs/how-it-computes.md, "The rules". Axes: h holder rows, d devices, n nodes.
"""

from dataclasses import dataclass

import numpy as np

from gpucost.attribution.used_ratio import used_ratio
from gpucost.model.holdings import Holdings
from gpucost.model.policies import Policy
from gpucost.model.usage import Bools, Floats, Indices

ROUNDING = 1e-9  # closer shares are equal


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Shares of a card x part of the node's life: (h,). None is negative."""

    reserved: Floats
    used: Floats
    """While use was measured; 0 where it never was."""
    idle: Floats
    """Reserved and not used while use was measured."""
    unknown: Floats
    """Reserved while use was not measured."""
    charged: Floats
    """``used + idle + unknown``; no device and no node is sold twice."""
    capped: Bools
    """True where the claim did not fit."""
    seen_ratio: Floats
    """Part of the held time for which the used ratio is known."""


def compute_shares(holdings: Holdings, policy: Policy) -> Shares:
    """Charge every row the larger of what it reserved and what it used, moment by moment.

    Where the claims exceed a device, or those of a node its cards, what was not used gives way first: nobody pays
    less than they used.
    """
    device = holdings.device
    ratio = used_ratio(holdings.memory_ratio, holdings.compute_ratio, policy)
    is_unknown = np.isnan(ratio)
    seen = np.where(is_unknown, 0.0, holdings.seen_ratio)
    np.putmask(ratio, is_unknown, 0.0)

    used = holdings.slice_share[device]
    used *= holdings.held_ratio
    reserved = used * holdings.slot_share
    used *= seen
    used *= ratio
    idle = reserved * seen
    unknown = reserved - idle
    idle -= used
    np.maximum(idle, 0.0, out=idle)
    unused = idle + unknown
    claim = used + unused

    used_fit, unused_fit = _fits(holdings, used, unused)
    used *= used_fit[device]
    yielding = unused_fit[device]
    idle *= yielding
    unknown *= yielding
    charged = used + idle
    charged += unknown
    claim -= charged
    return Shares(
        reserved=reserved,
        used=used,
        idle=idle,
        unknown=unknown,
        charged=charged,
        capped=claim > ROUNDING,
        seen_ratio=seen,
    )


def _fits(holdings: Holdings, used: Floats, unused: Floats) -> tuple[Floats, Floats]:
    """By device (d,) the factors, at most 1, by which ``used`` and ``unused`` (h,) must shrink.

    So that they fit on the device, and those of a node on its cards.
    """
    node, cards = holdings.device_node, holdings.bills.cards.astype(np.float64)
    of_device = sum_by(used, holdings.device, node.size), sum_by(unused, holdings.device, node.size)
    used_fit, unused_fit = _fit_both(*of_device, holdings.slice_share)
    of_node = sum_by(of_device[0] * used_fit, node, cards.size), sum_by(of_device[1] * unused_fit, node, cards.size)
    used_on_node, unused_on_node = _fit_both(*of_node, cards)
    return used_fit * used_on_node[node], unused_fit * unused_on_node[node]


def _fit_both(used: Floats, unused: Floats, limit: Floats) -> tuple[Floats, Floats]:
    """What is used comes first; what is not has the room that is left."""
    used_fit = _fit(used, limit)
    return used_fit, _fit(unused, np.maximum(limit - used * used_fit, 0.0))


def _fit(total: Floats, limit: Floats) -> Floats:
    return np.divide(limit, total, out=np.ones_like(limit), where=total > limit)


def sum_by(amount: Floats, place: Indices, size: int) -> Floats:
    """Sums of ``amount`` by ``place``: (size,)."""
    return np.bincount(place, weights=amount, minlength=size).astype(np.float64, copy=False)  # of no rows: integers

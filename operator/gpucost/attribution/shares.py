"""Used, idle and unmeasured share of a card, per holder row, over the life of its node in one window.

Rules: docs/how-it-computes.md, "The rules". Axes: h holder rows, d devices, n nodes.
"""

from dataclasses import dataclass

import numpy as np

from gpucost.model.holdings import Holdings
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


def used_ratio(memory_ratio: Floats, compute_ratio: Floats) -> Floats:
    """The larger of the two ratios; one that is unknown leaves the other alone; NaN: both unknown. (h,)"""
    return np.fmax(memory_ratio, compute_ratio)


def compute_shares(holdings: Holdings) -> Shares:
    """Charge every row the larger of what it reserved and what it used, moment by moment.

    Where the claims exceed a device, or those of a node its cards, what was not used gives way first: nobody pays
    less than they used.
    """
    ratio = used_ratio(holdings.memory_ratio, holdings.compute_ratio)
    held = holdings.slice_share[holdings.device] * holdings.held_ratio
    reserved = held * holdings.slot_share
    seen = np.where(np.isnan(ratio), 0.0, holdings.seen_ratio)
    used = held * seen * np.nan_to_num(ratio, nan=0.0)
    unknown = reserved * (1.0 - seen)
    idle = np.maximum(reserved * seen - used, 0.0)
    claim = used + idle + unknown

    node = holdings.device_node[holdings.device]
    for place, limit in ((holdings.device, holdings.slice_share), (node, holdings.bills.cards.astype(np.float64))):
        used = used * _fit(used, place, limit)[place]
        room = np.maximum(limit - _sum_by(used, place, limit), 0.0)
        yielding = _fit(idle + unknown, place, room)[place]
        idle, unknown = idle * yielding, unknown * yielding
    charged = used + idle + unknown
    return Shares(
        reserved=reserved,
        used=used,
        idle=idle,
        unknown=unknown,
        charged=charged,
        capped=claim - charged > ROUNDING,
    )


def _fit(amount: Floats, place: Indices, limit: Floats) -> Floats:
    """The factor, at most 1, by which ``amount`` (h,) must shrink to fit ``limit`` at each place: as ``limit``."""
    total = _sum_by(amount, place, limit)
    return np.divide(limit, total, out=np.ones_like(limit), where=total > limit)


def _sum_by(amount: Floats, place: Indices, limit: Floats) -> Floats:
    return np.bincount(place, weights=amount, minlength=limit.size).astype(np.float64)  # of no rows: integers

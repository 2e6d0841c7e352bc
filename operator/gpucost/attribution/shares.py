"""Reserved, used and charged share of a card, per holder row, over the life of its node in one window.

Rules: docs/how-it-computes.md, "Shares". Axes: h holder rows, d devices, n nodes.
"""

from dataclasses import dataclass

import numpy as np

from gpucost.model.usage import Bools, Floats, Indices

ROUNDING = 1e-9  # closer shares are equal


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Shares of a card x part of the node's life: (h,)."""

    reserved: Floats
    used: Floats
    """While use was measured; 0 where it never was."""
    charged: Floats
    unknown: Floats
    """The part of ``charged`` for which use was not measured; ``used + unknown <= charged``."""
    capped: Bools
    """True where the claim did not fit on the device."""


def used_ratio(memory_ratio: Floats, compute_ratio: Floats) -> Floats:
    """The larger of the two ratios; one that is unknown leaves the other alone; NaN: both unknown. (h,)"""
    return np.fmax(memory_ratio, compute_ratio)


def compute_shares(
    *,
    slice_share: Floats,
    device: Indices,
    held_ratio: Floats,
    slot_share: Floats,
    seen_ratio: Floats,
    ratio: Floats,
) -> Shares:
    """Charge every row the larger of what it reserved and what it used.

    Where the claims exceed a device, idle gives way first: nobody pays less than they used.
    ``slice_share`` is (d,); all else is (h,); ``ratio`` is the use while held, NaN where unknown.
    """
    held = slice_share[device] * held_ratio
    reserved = held * slot_share
    seen = np.where(np.isnan(ratio), 0.0, seen_ratio)
    claimed_use = held * seen * np.nan_to_num(ratio, nan=0.0)
    used = _fit(claimed_use, device, slice_share)
    room = slice_share - np.bincount(device, weights=used, minlength=slice_share.size)
    rest = np.maximum(reserved - used, 0.0)
    charged = used + _fit(rest, device, np.maximum(room, 0.0))
    return Shares(
        reserved=reserved,
        used=used,
        charged=charged,
        unknown=np.minimum(charged * (1.0 - seen), charged - used),
        capped=np.maximum(reserved, claimed_use) - charged > ROUNDING,
    )


def _fit(amount: Floats, device: Indices, limit: Floats) -> Floats:
    """Scale ``amount`` (h,) down where its sum on a device exceeds ``limit`` (d,)."""
    total = np.bincount(device, weights=amount, minlength=limit.size)
    over = total > limit + ROUNDING
    factor = np.divide(limit, total, out=np.ones_like(limit), where=over)
    return amount * factor[device]

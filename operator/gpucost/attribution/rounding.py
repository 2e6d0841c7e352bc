"""From real amounts to integers whose sums are exact.

Rule: the running sum of a node's rows, in their fixed order, is rounded, and each row gets the difference. So every
row is within one unit of its real amount and the rows of a node add up to the rounded sum (docs/how-it-computes.md).
"""

import numpy as np

from gpucost.model.usage import Floats, Indices, Ints

HOUR_MS = 3_600_000


def round_running(amount: Floats, group: Indices) -> Ints:
    """Round ``amount`` (h,) so that the sums by ``group`` (h,), which ascends, are rounded sums. Never negative."""
    if amount.size == 0:
        return np.zeros(0, dtype=np.int64)
    running = np.cumsum(amount)
    first = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
    before = np.concatenate(([0.0], running[:-1]))[first]
    in_group = running - np.repeat(before, np.diff(np.append(first, amount.size)))
    rounded = np.rint(in_group).astype(np.int64)
    previous = np.concatenate(([0], rounded[:-1]))
    previous[first] = 0
    return np.maximum(rounded - previous, 0)


def bill_e9(hourly_e9: Ints, alive_ms: Ints) -> Ints:
    """Node rate (n,) x life (n,) in whole milliseconds, rounded half up; exact below 2**63 / 1e13 hours."""
    whole, rest = np.divmod(hourly_e9, HOUR_MS)
    bill: Ints = whole * alive_ms + (rest * alive_ms + HOUR_MS // 2) // HOUR_MS
    return bill


def part_e9(amount_e9: Ints, fraction: Floats) -> Ints:
    """``fraction`` (n,) in [0, 1] of ``amount_e9`` (n,), rounded; the whole amount where the fraction is 1."""
    return np.where(fraction >= 1.0, amount_e9, np.rint(amount_e9 * fraction).astype(np.int64))

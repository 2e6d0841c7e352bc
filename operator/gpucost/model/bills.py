"""The bill of a node: rate x life, exact in units of 1e-9 (docs/how-it-computes.md)."""

import numpy as np

from gpucost.model.usage import Floats, Ints

HOUR_MS = 3_600_000


def bill_e9(hourly_e9: Ints, alive_ms: Ints) -> Ints:
    """Node rate (n,) x life (n,) in whole milliseconds, rounded half up.

    Exact while the bill, and 3.6e6 x the life in milliseconds, are below 2**63.
    """
    whole, rest = np.divmod(hourly_e9, HOUR_MS)
    bill: Ints = whole * alive_ms + (rest * alive_ms + HOUR_MS // 2) // HOUR_MS
    return bill


def part_e9(amount_e9: Ints, fraction: Floats) -> Ints:
    """``fraction`` (n,) in [0, 1] of ``amount_e9`` (n,), rounded; the whole amount where the fraction is 1.

    Never more than the amount as long as that is at most 2**53.
    """
    return np.where(fraction >= 1.0, amount_e9, np.rint(amount_e9 * fraction).astype(np.int64))

"""From real amounts to integers whose sums are exact.

Rule: the running sum of a node's rows, in their fixed order, is rounded, and each row gets the difference. So every
row is within one unit of its real amount and the rows of a node add up to the rounded sum (docs/how-it-computes.md).
"""

from typing import TypeVar

import numpy as np

from gpucost.model.usage import Floats, Indices, Ints

Amounts = TypeVar("Amounts", Floats, Ints)


def round_running(amount: Floats, group: Indices, limit: Ints) -> Ints:
    """Round ``amount`` (h,), none of it negative, so that the sums by ``group`` (h,) are rounded sums.

    ``group`` ascends. What float noise puts above ``limit`` (g,) is taken from the last rows of the group.
    """
    first = np.flatnonzero(np.diff(group, prepend=-1))
    whole = np.floor(amount)
    # Whole units add up exactly as integers; only the fractions go through floats, so a large fleet costs no precision.
    units = _running(whole.astype(np.int64), first)
    units += np.rint(_running(amount - whole, first)).astype(np.int64)
    within: Ints = np.minimum(units, limit[group])
    previous = np.roll(within, 1)
    previous[first] = 0
    return within - previous


def _running(amount: Amounts, first: Indices) -> Amounts:
    """Sums from the first row of each group on; ``first`` (g,) says where groups begin."""
    running: Amounts = np.cumsum(amount)
    before = (running - amount)[first]
    in_group: Amounts = running - np.repeat(before, np.diff(first, append=amount.size))
    return in_group

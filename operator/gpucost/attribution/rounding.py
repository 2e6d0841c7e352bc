"""From real amounts to integers whose sums are exact.

Rule: the running sum of a node's rows, in their fixed order, is rounded, and each row gets the difference. So every
row is within one unit of its real amount and the rows of a node add up to the rounded sum (docs/how-it-computes.md).
"""

import numpy as np

from gpucost.model.usage import Floats, Indices, Ints

_SUM_BITS = 61
"""Of a running sum in fixed point; the rest of an int64 is for its sign and for noise above the limit."""
_MOST_FRACTION_BITS = 32


def round_running(amount: Floats, ends: Indices, limit: Ints, out: Ints) -> None:
    """Round ``amount`` (h,), none of it negative, into ``out`` (h,) so that the sums by group are rounded sums.

    ``ends`` (g,) says before which row each group ends. What float noise puts above ``limit`` (g,) is taken from the
    last rows of the group. No group depends on another: sums are sums of integers, in fixed point with as many bits
    for the fraction as the limit of the group leaves.
    """
    sizes = np.diff(ends, prepend=0)
    bits = np.clip(_SUM_BITS - np.frexp(limit.astype(np.float64))[1], 0, _MOST_FRACTION_BITS).astype(np.int64)
    unit = np.left_shift(1, bits)
    running = nearest(amount * np.repeat(unit.astype(np.float64), sizes))
    first = (ends - sizes)[sizes > 0]
    if first.size > 1:
        running[first[1:]] -= np.add.reduceat(running, first)[:-1]
    np.cumsum(running, out=running)
    running += np.repeat(unit // 2, sizes)
    running >>= np.repeat(bits, sizes)
    if np.any(running[ends[sizes > 0] - 1] > limit[sizes > 0]):
        np.minimum(running, np.repeat(limit, sizes), out=running)
    np.subtract(running[1:], running[:-1], out=out[1:])
    out[first] = running[first]


def sum_groups(amount: Ints, ends: Indices) -> Ints:
    """Exact sums (g,) of ``amount`` (h,) by group, as `round_running` takes them."""
    sizes = np.diff(ends, prepend=0)
    sums = np.zeros(ends.size, dtype=np.int64)
    if amount.size:
        sums[sizes > 0] = np.add.reduceat(amount, (ends - sizes)[sizes > 0])
    return sums


def nearest(amount: Floats, out: Ints | None = None) -> Ints:
    """``amount`` rounded to integers; overwrites nothing but ``out``."""
    if out is None:
        out = np.empty(amount.shape, dtype=np.int64)
    np.rint(amount, out=out, casting="unsafe")
    return out

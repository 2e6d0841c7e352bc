"""Who held a place at one time: interval arithmetic without a loop over intervals.

Axes: e intervals, p places.
"""

from dataclasses import dataclass

import numpy as np

from gpucost.matching.grouped import most_by, quotient, sum_by
from gpucost.model.usage import Floats, Indices, Ints

_NOTHING = 1e-9  # less is what adding and taking away again leaves


@dataclass(frozen=True, kw_only=True)
class Company:
    """Holders of places, each with an amount, over time."""

    part: Floats
    """(e,) mean of amount / amount of all that are there, while the interval lasts."""
    covered: Floats
    """(p,) time in which anybody is there."""
    peak: Floats
    """(p,) the most that is there at one time."""


def company(place: Indices, start: Ints | Floats, end: Ints | Floats, amount: Floats, *, places: int) -> Company:
    """``place``, ``start``, ``end`` and ``amount`` are (e,); an interval without length has part 0."""
    size = place.size
    at = np.concatenate((place, place))
    time = np.concatenate((start, end)).astype(np.float64)
    order = np.lexsort((np.repeat((1, 0), size), time, at))
    at, time = at[order], time[order]
    there = np.cumsum(np.concatenate((amount, -amount))[order])
    lasts = np.diff(time, append=time[-1:]) * (np.diff(at, append=at[-1:]) == 0)
    occupied = there > _NOTHING
    weight = quotient(np.where(occupied, lasts, 0.0), there)
    until = np.cumsum(weight) - weight
    when = np.empty(2 * size)
    when[order] = until
    length = np.asarray(end - start, dtype=np.float64)
    return Company(
        part=quotient(amount * (when[size:] - when[:size]), length),
        covered=sum_by(at, np.where(occupied, lasts, 0.0), places),
        peak=most_by(at, there, places),
    )

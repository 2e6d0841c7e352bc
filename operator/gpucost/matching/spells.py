"""When holders of shared devices were there, as intervals that fit the samples which named them.

A pod that is named all the time for which the API has it bound was there from then to then. Of one that is named for a
part of a time that nobody knows better (the API has forgotten it) only the length is known: such spells are laid one
after another behind the time of the others, round and round the time in which the device had holders. So they overlap
no more than they must.

Axes: e rows of holders, s spells, d devices.
"""

from dataclasses import dataclass

import numpy as np

from gpucost.matching.grouped import quotient, sum_by
from gpucost.model.usage import Floats, Indices


@dataclass(frozen=True, kw_only=True)
class Spells:
    """(s,) at least one for each row, in milliseconds."""

    row: Indices
    start: Floats
    end: Floats
    amount: Floats
    """Slots."""


@dataclass(frozen=True, kw_only=True)
class Stays:
    """(e,) what is known of each row, in milliseconds."""

    device: Indices
    start: Floats
    end: Floats
    """Of the pod, within the life of its machine."""
    held: Floats
    slots: Floats


def spells_of(stays: Stays, begin: Floats, finish: Floats, in_use: Floats) -> Spells:
    """``begin`` and ``finish`` (d,) of each device's machine; ``in_use`` (d,): for how long the device had holders."""
    device, held = stays.device, stays.held
    length = stays.end - stays.start
    adrift = (stays.start <= begin[device]) & (stays.end >= finish[device]) & (held < length)
    loose = np.flatnonzero(adrift)
    order = loose[np.lexsort((-held[loose], device[loose]))]
    lap = np.maximum(in_use, 1.0)[device[order]]
    first = np.diff(device[order], prepend=-1) > 0
    before = np.cumsum(held[order]) - held[order]
    before -= np.maximum.accumulate(np.where(first, before, 0.0))
    fixed = sum_by(device, np.where(adrift, 0.0, held), begin.size)[device[order]]
    start = np.mod(fixed + before, lap)
    end = start + np.minimum(held[order], lap)
    zero = begin[device[order]]
    still = np.flatnonzero(~adrift)
    # Who is named for a part of a time that is known is taken to be there with that part of the slots all the time.
    thinned = stays.slots[still] * quotient(held[still], length[still])
    return Spells(
        row=np.concatenate((still, order, order)),
        start=np.concatenate((stays.start[still], zero + start, zero)),
        end=np.concatenate((stays.end[still], zero + np.minimum(end, lap), zero + np.maximum(end - lap, 0.0))),
        amount=np.concatenate((thinned, stays.slots[order], stays.slots[order])),
    )

"""What pods hold by the API beyond what telemetry names.

Axes: c claims, g groups.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gpucost.matching.claims import Claim, Claims
from gpucost.matching.devices import Seen
from gpucost.matching.lives import Lives
from gpucost.matching.regimes import Regimes
from gpucost.matching.sharers import Sharers
from gpucost.model.usage import Ints

NOT_IN_TELEMETRY = "not-in-telemetry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """Of one claim."""

    claim: Claim
    group: int
    containers: tuple[str, ...]
    """One entry for each device or slot that no series names."""
    slots: int
    """Of a device, for each of these; 1 where it is not shared."""
    held_ratio: float
    """Part of the machine's life."""


def lacks_of(
    claims: Claims, held_ms: Ints, *, regimes: Regimes, sharers: Sharers, seen: Seen, lives: Lives
) -> tuple[Lack, ...]:
    """Only what is never named in the window; what is named for a part of it is timed by that.

    A pod that vanished was gone before the window where no look listed it in it, and telemetry shows its machine and
    would name it, but does not. ``held_ms`` (c,): for how long the API says that claims hold.
    """
    if not claims.all:
        return ()
    would_be_named = (~regimes.shared | regimes.trusted)[regimes.of_claim]
    vanished = claims.last_seen <= lives.start_ms
    gone = vanished & would_be_named & (seen.machine_ms[claims.machine] > 0)
    missing = claims.count * regimes.slots - sharers.slots_named(len(claims.all))
    lacking = np.flatnonzero((held_ms > 0) & ~gone & (missing > 0))
    if lacking.size == 0:
        return ()
    entries = -(-missing[lacking] // regimes.slots[lacking])
    held_ratio = held_ms[lacking] / lives.alive_ms[claims.machine[lacking]]
    named = _named(sharers)
    columns = (lacking, regimes.of_claim[lacking], entries, regimes.slots[lacking], held_ratio)
    return tuple(
        Lack(
            claim=claims.all[number],
            group=group,
            containers=_left(claims.all[number], named.get(number, {}), count),
            slots=slots,
            held_ratio=held,
        )
        for number, group, count, slots, held in zip(*(column.tolist() for column in columns), strict=True)
    )


def _named(sharers: Sharers) -> Mapping[int, Counter[str]]:
    """For each claim the devices or slots that telemetry names, by container."""
    named: dict[int, Counter[str]] = {}
    rows = sharers.counted
    for claim, holder, slots in zip(rows.claim.tolist(), rows.holders, sharers.slots.tolist(), strict=True):
        if claim >= 0:
            named.setdefault(claim, Counter())[holder.container] += round(slots)
    return named


def _left(claim: Claim, named: Mapping[str, int], most: int) -> tuple[str, ...]:
    if not named:
        return claim.containers[:most]
    left = Counter(claim.containers)
    left.subtract(named)
    return tuple(left.elements())[:most]

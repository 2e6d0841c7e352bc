"""Named holders, regime by regime: which of them count, and how many slots each holds.

A device that is not shared shows its holder. A shared one shows all its holders where the exporter tells slots or
measures each holder; these are trusted. Otherwise it shows an arbitrary one of them all the time, so the API alone
says who shares it; of pods that the API has forgotten that name is all that there is.

Axes: e rows of named holders, c claims, g groups.
"""

from dataclasses import dataclass, replace

import numpy as np

from gpucost.matching.claims import Claims
from gpucost.matching.devices import Seen
from gpucost.matching.groups import Groups
from gpucost.matching.lives import Lives
from gpucost.matching.measured import Measured
from gpucost.matching.named import NamedRows
from gpucost.matching.regimes import Regimes
from gpucost.matching.rows import HeldRows
from gpucost.matching.split import split_use
from gpucost.model.usage import Floats, Indices, Ints


@dataclass(frozen=True, kw_only=True)
class Sharers:
    """One window."""

    counted: NamedRows
    """Holders of devices that are theirs alone, and of shared ones that show all their holders."""
    slots: Floats
    """Of each of these; 1 where the device is not shared."""
    slot_share: Floats
    forgotten: NamedRows
    """Holders of shared devices that show an arbitrary one, who hold nothing by the API."""

    def rows(self) -> HeldRows:
        named = self.counted
        return HeldRows(
            holders=named.holders,
            place=named.device,
            start_ms=named.start_ms,
            end_ms=named.end_ms,
            held_ratio=named.held_ratio,
            slot_share=self.slot_share,
            seen_ratio=named.seen_ratio,
            memory_ratio=named.memory_ratio,
            compute_ratio=named.compute_ratio,
            estimated=named.estimated,
        )

    def slots_named(self, claims: int) -> Ints:
        """Devices or slots for which telemetry names each claim's pod, in the mean. (c,)"""
        known = self.counted.claim >= 0
        of_claim = np.bincount(self.counted.claim[known], self.slots[known], minlength=claims)
        return np.rint(of_claim).astype(np.int64)


def sharers_of(
    named: NamedRows,
    regimes: Regimes,
    *,
    groups: Groups,
    claims: Claims,
    machine: Indices,
    seen: Seen,
    measured: Measured,
    lives: Lives,
) -> Sharers:
    """``machine`` (d,)."""
    shared = regimes.shared[groups.of_device[named.device]]
    if not shared.any():
        ones = np.ones(shared.size)
        return Sharers(counted=named, slots=ones, slot_share=ones, forgotten=named.at(np.flatnonzero(shared)))
    trusted = regimes.trusted[groups.of_device[named.device]]
    alone, told = named.at(np.flatnonzero(~shared)), named.at(np.flatnonzero(shared & trusted))
    group = groups.of_device[told.device]
    asked = _slots_asked(told, claims, regimes)
    slots = np.minimum(np.where(told.slots > 0, told.slots, asked), regimes.replicas[group])
    split = split_use(told, slots, machine=machine, seen=seen, measured=measured, lives=lives)
    shown = replace(
        split,
        holders=tuple(
            replace(holder, sharing=regimes.sharing[number])
            for holder, number in zip(told.holders, group.tolist(), strict=True)
        ),
        estimated=split.estimated | regimes.guessed[group],
    )
    ones = np.ones(alone.device.size)
    timed = np.where(named.claim >= 0, claims.timed[named.claim], False) if claims.all else np.zeros_like(shared)
    return Sharers(
        counted=NamedRows.joined((alone, shown)),
        slots=np.concatenate((ones, slots)),
        slot_share=np.concatenate((ones, slots / regimes.replicas[group])),
        forgotten=named.at(np.flatnonzero(shared & ~trusted & ~timed)),
    )


def _slots_asked(named: NamedRows, claims: Claims, regimes: Regimes) -> Floats:
    """What each holder's claim asks for, spread over the devices that name it; one slot where there is none. (e,)"""
    known = named.claim >= 0
    rows = np.bincount(named.claim[known], minlength=len(claims.all))
    asked = np.ones(known.size)
    claim = named.claim[known]
    asked[known] = (claims.count * regimes.slots)[claim] / rows[claim]
    return asked

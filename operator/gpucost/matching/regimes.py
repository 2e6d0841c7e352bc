"""How each group of devices is shared in one window.

Axes: g groups, m machines, d devices, c claims.
"""

from dataclasses import dataclass

import numpy as np

from gpucost.matching.claims import Claims
from gpucost.matching.devices import ROUNDING, Seen
from gpucost.matching.grouped import any_by, most_by, quotient, sum_by
from gpucost.matching.groups import Groups, Told
from gpucost.matching.measured import Measured
from gpucost.matching.sweep import company
from gpucost.model.sharing import MPS, TIME_SLICING
from gpucost.model.usage import Bools, Floats, Indices, Ints


@dataclass(frozen=True, kw_only=True)
class Regimes:
    """One window."""

    holdable: Bools
    """(d,) telemetry shows it, and a pod may hold it."""
    of_claim: Indices
    """(c,) group."""
    slots: Ints
    """(c,) of a device, for each of the claim's entries."""
    shared: Bools
    """(g,) devices have several holders at a time; of the others one row stands for each device that a pod holds."""
    sharing: tuple[str, ...]
    """(g,) what a holder's row says of it; only of shared groups."""
    replicas: Floats
    """(g,) slots of a device; 1 where it is not shared."""
    devices: Floats
    """(g,) at one time, at least 1."""
    guessed: Bools
    """(g,) shared, and no label tells in how many slots."""
    trusted: Bools
    """(g,) shared, and telemetry shows all that hold a device and not an arbitrary one of them."""
    plain_whole: Bools
    """(m,) a plain GPU is a whole card, for all that is known."""
    plain_unclear: Bools
    """(m,) it is a slot or an instance, and no label tells."""


def regimes_of(
    groups: Groups,
    claims: Claims,
    *,
    seen: Seen,
    measured: Measured,
    told_cards: Ints,
    held_ms: Ints,
    span: tuple[int, int],
) -> Regimes:
    """Into how many slots a device is divided says a label, else the capacity, else the slots that are asked for.

    ``told_cards`` (m,): the physical cards of each machine, 0: neither label nor price list tells. ``held_ms`` (c,):
    for how long the API says that claims hold. ``span``: from when to when the windows of the usage are; what is asked
    for in any of them counts, so that a device has as many slots in one as in the next.
    """
    size = groups.machine.size
    holdable = groups.holdable(seen, ~np.isnan(measured.memory_ratio))
    plain = groups.plain(holdable)
    of_claim, told = groups.of_claims(plain), groups.told(plain)
    holding = held_ms > 0
    renamed = any_by(of_claim[holding & claims.renamed], size)
    cut = any_by(of_claim[holding & (claims.slices < claims.slices_of)], size)
    slots_seen = most_by(groups.of_device, measured.slots, size)
    counted = _counted(groups, told, _shown_at_once(groups, seen, holdable), told_cards)
    by_capacity = _slots_by_capacity(told, counted)
    # A device that telemetry misses must not make the others look shared, so what it shows is not enough here.
    told_apart = ~told.denied & (_slots_by_capacity(told, np.where(groups.cards, told_cards[groups.machine], 0)) > 0)
    shared = told.shared | renamed | cut | (slots_seen > 0) | told_apart

    replicas = np.where(told.replicas > 0, told.replicas, by_capacity)
    np.maximum.at(replicas, of_claim[holding], np.where(cut[of_claim], claims.slices_of, 0)[holding])
    slots = np.where(cut[of_claim], np.where(claims.slices_of > 1, claims.slices, replicas[of_claim]), 1)
    devices = counted
    if np.any(shared & ((replicas == 0) | (counted == 0))):
        asked_for = np.where(shared[of_claim], claims.count * slots, 0).astype(np.float64)
        peak = np.maximum(np.ceil(_peak(of_claim, asked_for, claims, span, size) - ROUNDING).astype(np.int64), 1)
        at_least = np.maximum(np.ceil(slots_seen).astype(np.int64), -(-peak // np.maximum(counted, 1)))
        replicas = np.where(replicas > 0, replicas, at_least)
        devices = np.where(counted > 0, counted, -(-peak // replicas))
    return Regimes(
        holdable=holdable,
        of_claim=of_claim,
        slots=slots,
        shared=shared,
        sharing=tuple(
            "mig" if is_cut else MPS if mps else TIME_SLICING
            for is_cut, mps in zip(cut.tolist(), told.mps.tolist(), strict=True)
        ),
        replicas=np.where(shared, replicas, 1).astype(np.float64),
        devices=np.maximum(devices, 1).astype(np.float64),
        guessed=shared & ~cut & (told.replicas == 0),
        trusted=shared & ~cut & any_by(groups.of_device[measured.tells_holders], size),
        plain_whole=groups.cards[plain] & ~shared[plain],
        plain_unclear=(plain != groups.labelled) | (shared & ~told.shared)[plain],
    )


def _shown_at_once(groups: Groups, seen: Seen, holdable: Bools) -> Ints:
    """Devices of each group that telemetry shows: the mean rounded up, as of the cards of a machine. (g,)"""
    sampled_ms = np.where(holdable, seen.sampled_ms, 0.0)
    in_all = sum_by(groups.of_device, sampled_ms, groups.machine.size)
    return np.ceil(quotient(in_all, seen.machine_ms[groups.machine]) - ROUNDING).astype(np.int64)


def _counted(groups: Groups, told: Told, shown: Ints, cards: Ints) -> Ints:
    """Devices of each group; 0: nothing tells. (g,)

    Telemetry tells, but of whole cards other sources may count more; these are asked where no card is cut.
    """
    is_cut = np.bincount(groups.machine[(shown > 0) & ~groups.cards], minlength=cards.size) > 0
    of_cards = np.where(is_cut | groups.cuts, 0, cards)[groups.machine]
    of_instances = np.where(shown > 0, 0, told.devices)
    counted = np.maximum(shown, np.where(groups.cards, of_cards, of_instances))
    return np.where(counted > 0, counted, told.handed_out // np.maximum(told.replicas, 1) * (told.replicas > 0))


def _slots_by_capacity(told: Told, counted: Ints) -> Ints:
    """Slots of each device, where capacity is a multiple of the devices; 0: it does not tell. (g,)

    Of instances the label's count goes before what telemetry shows: it is of the same time as the capacity.
    """
    devices = np.where(told.devices > 0, told.devices, counted)
    slots, rest = np.divmod(told.handed_out, np.maximum(devices, 1))
    return np.where((devices > 0) & (rest == 0) & (slots > 1), slots, 0)


def _peak(of_claim: Indices, amount: Floats, claims: Claims, span: tuple[int, int], groups: int) -> Floats:
    """The most slots that are held at one time in the span, ``amount`` (c,) by each claim. (g,)"""
    start, end = (np.clip(times, *span) for times in (claims.start, claims.end))
    holds = np.flatnonzero((amount > 0) & claims.timed & (start < end))
    start, end = start[holds], end[holds]
    return company(of_claim[holds], start, end, amount[holds], places=groups).peak

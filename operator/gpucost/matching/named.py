"""Holders that telemetry names: which pods they are, and for how much of a window each held its device.

Axes: p pairs of a device and a name that it showed; r of them in one window; e rows, after each pair was split among
the pods that the name may mean.
"""

from dataclasses import dataclass, replace

import numpy as np

from gpucost.matching.claims import Claims
from gpucost.matching.columns import HolderRows
from gpucost.matching.devices import ROUNDING, Devices, Seen
from gpucost.matching.kinds import sharing_of
from gpucost.matching.lives import Lives
from gpucost.matching.pods import Claimant, Pods
from gpucost.model.holdings import Holder
from gpucost.model.usage import Bools, Device, Floats, Indices, Ints, NamedHolder, Usage

SAMPLES_DROPPED = "samples-dropped"
UNKNOWN_PROFILE = "unknown-profile"


@dataclass(frozen=True, kw_only=True)
class NamedRows(HolderRows):
    """Axis: e rows."""

    device: Indices
    pod: Indices
    """(e,) alike of rows that mean one pod."""
    claim: Indices
    """(e,) index into the claims; -1: none, as of a pod that is forgotten."""
    start_ms: Ints
    end_ms: Ints
    """(e,) of the pod, which may have lived before and after the window."""
    held_ratio: Floats
    """(e,) part of the machine's life, above 0."""
    slots: Floats
    """(e,) of the device, as telemetry tells; 0: it does not."""
    seen_ratio: Floats
    memory_ratio: Floats
    """(e,) of the holder where it is its own measurement, else of the device while it showed the holder."""
    compute_ratio: Floats
    own_memory: Bools
    own_compute: Bools
    estimated: Bools
    """(e,) one name was split among several pods, or the share of the device is a guess."""


class Named:
    """Every name that a device shows in any window of the usage."""

    def __init__(self, usage: Usage, devices: Devices, pods: Pods, claims: Claims) -> None:
        self._usage, self._devices = usage, devices
        self._pair, self._device, name = _pairs(usage, devices)
        self._machine = devices.machine[self._device]
        shown = [(devices.all[d], usage.holders[n]) for d, n in zip(self._device, name, strict=True)]
        meant = [pods.meant_by(holder, device.node) for device, holder in shown]
        self._counts = np.array([len(claimants) for claimants in meant], dtype=np.intp)
        self._first = np.cumsum(self._counts) - self._counts
        pair = np.repeat(np.arange(len(shown)), self._counts)

        claimants = [claimant for group in meant for claimant in group]
        self._start = np.array([claimant.start for claimant in claimants], dtype=np.int64)
        self._end = np.array([claimant.end for claimant in claimants], dtype=np.int64)
        self._certain = np.array([claimant.certain for claimant in claimants], dtype=np.bool_)
        claimed = [
            claims.of(claimant.life, shown[number][0].profile) if claimant.life else -1
            for number, claimant in zip(pair, claimants, strict=True)
        ]
        self._claim = np.array(claimed, dtype=np.intp)
        numbers: dict[tuple[str, str, str], int] = {}
        pods_meant = (
            (claimant.pod_uid, shown[number][1].namespace, shown[number][1].pod)
            for number, claimant in zip(pair, claimants, strict=True)
        )
        self._pod = np.fromiter((numbers.setdefault(pod, len(numbers)) for pod in pods_meant), dtype=np.intp)
        self._holders = [
            _holder(
                claimant,
                *shown[number],
                usual_container=claims.all[claim].containers[0] if claim >= 0 else "",
                guessed=bool(devices.guessed[self._device[number]]),
            )
            for number, claimant, claim in zip(pair, claimants, claimed, strict=True)
        ]

    def rows(self, rows: slice, seen: Seen, lives: Lives) -> NamedRows:
        """Who held what in the window of these rows of the usage."""
        shown = self._on_living_machines(rows, lives)
        pair = self._pair[rows][shown]
        device, machine = self._device[pair], self._machine[pair]
        alive_ms = lives.alive_ms[machine]
        interval_ms = self._usage.row_interval_seconds[rows][shown] * 1000.0
        sampled_ms = self._usage.scrapes[rows][shown] * interval_ms

        counts = self._counts[pair]
        row = np.repeat(np.arange(pair.size), counts)
        claimant = np.arange(row.size) + np.repeat(self._first[pair] - np.cumsum(counts) + counts, counts)
        may_hold_ms = lives.living_ms(machine[row], self._start[claimant], self._end[claimant])
        held = _split(
            named=sampled_ms / seen.sampled_ms[device] * seen.presence[device],
            sampled=(sampled_ms - interval_ms) / alive_ms,
            row=row,
            may_hold=may_hold_ms / alive_ms[row],
            certain=self._certain[claimant],
        )
        total = np.bincount(row, held, minlength=pair.size)
        kept = np.flatnonzero(held > ROUNDING)
        row, claimant, held = row[kept], claimant[kept], held[kept]
        odd = self._usage.odd[rows][shown][row]
        holders = zip((self._holders[number] for number in claimant), odd.tolist(), strict=True)
        return NamedRows(
            holders=tuple(_with_odd_samples(holder) if is_odd else holder for holder, is_odd in holders),
            device=device[row],
            pod=self._pod[claimant],
            claim=self._claim[claimant],
            start_ms=self._start[claimant],
            end_ms=self._end[claimant],
            held_ratio=held,
            slots=self._usage.slots[rows][shown][row],
            seen_ratio=np.minimum(sampled_ms[row] / (total[row] * alive_ms[row]), 1.0),
            memory_ratio=self._usage.memory_ratio[rows][shown][row],
            compute_ratio=self._usage.compute_ratio[rows][shown][row],
            own_memory=self._usage.own_memory[rows][shown][row],
            own_compute=self._usage.own_compute[rows][shown][row],
            estimated=(np.bincount(row, minlength=pair.size)[row] > 1) | self._devices.guessed[device[row]],
        )

    def _on_living_machines(self, rows: slice, lives: Lives) -> Indices:
        """Which of these rows of the usage name a holder on a machine that lived in the window."""
        named = np.flatnonzero(self._pair[rows] >= 0)
        return named[lives.alive_ms[self._machine[self._pair[rows][named]]] > 0]


def _pairs(usage: Usage, devices: Devices) -> tuple[Indices, Indices, Indices]:
    """The pair of every row of the usage, -1 where it names nobody or a node that is not known; then (p,) its device
    and its name."""
    device = devices.index[usage.device]
    named = (device >= 0) & (usage.holder >= 0)
    pairs, index = np.unique(device[named] * len(usage.holders) + usage.holder[named], return_inverse=True)
    pair = np.full(device.size, -1, dtype=np.intp)
    pair[named] = index
    shown, name = np.divmod(pairs, max(len(usage.holders), 1))
    return pair, shown, name


def _split(*, named: Floats, sampled: Floats, row: Indices, may_hold: Floats, certain: Bools) -> Floats:
    """How much of ``named`` (r,) each pod of ``row`` (e,) held: never more than it ``may_hold`` (e,). (e,)

    Pods that are certain come first, in proportion. What is left is a former pod's only where the samples lie too far
    apart (``sampled`` (r,), from the first to the last) to be the others': a grid of samples never fits exactly.
    """
    known = np.bincount(row, np.where(certain, may_hold, 0.0), minlength=named.size).astype(np.float64)
    factor = np.divide(named, known, out=np.ones_like(known), where=known > named)
    rest = np.where(sampled > known, np.maximum(named - known, 0.0), 0.0)
    return np.where(certain, may_hold * factor[row], np.minimum(rest[row], may_hold))


def _with_odd_samples(holder: Holder) -> Holder:
    return replace(holder, flags=(*holder.flags, SAMPLES_DROPPED))


def _holder(claimant: Claimant, device: Device, name: NamedHolder, *, usual_container: str, guessed: bool) -> Holder:
    return Holder(
        namespace=name.namespace,
        pod=name.pod,
        pod_uid=claimant.pod_uid,
        container=name.container or usual_container,
        device=device,
        sharing=sharing_of(device),
        tenant=claimant.tenant,
        flags=(*claimant.flags, *((UNKNOWN_PROFILE,) if guessed else ())),
    )

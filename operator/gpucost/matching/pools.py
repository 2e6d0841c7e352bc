"""Holders of shared devices whose device nobody can tell: they share the pool of all devices of that kind.

The API says for how long they hold how many slots. What the devices of the pool did is split among those who hold them
at one time, by slots. Where telemetry shows all holders of every device and does not name a pod, that pod's use is
unknown instead, since what the devices did is the named holders'.

Axes: g groups, d devices, e rows of the pools.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpucost.matching.claims import Claims
from gpucost.matching.devices import Devices, Seen
from gpucost.matching.grouped import any_by, mean_by, quotient, sum_by
from gpucost.matching.groups import Groups
from gpucost.matching.lacking import NOT_IN_TELEMETRY, Lack
from gpucost.matching.lives import Lives
from gpucost.matching.measured import Measured
from gpucost.matching.named import UNKNOWN_PROFILE, NamedRows
from gpucost.matching.regimes import Regimes
from gpucost.matching.rows import HeldRows, Places
from gpucost.matching.slices import Share
from gpucost.matching.sweep import company
from gpucost.matching.unnamed import Unnamed
from gpucost.model.holdings import Holder
from gpucost.model.usage import Device, Floats, Indices


@dataclass(frozen=True, slots=True)
class _Pool:
    place: int
    device: Device
    """The only one of its kind; of several one without name."""
    share_known: bool


@dataclass(frozen=True, slots=True)
class _Row:
    group: int
    slots: float
    start_ms: int
    end_ms: int
    held_ratio: float
    whose: tuple[Lack, str] | Holder
    """The claim and the container of it; a holder whom telemetry alone knows."""


@dataclass(frozen=True, kw_only=True)
class _Use:
    """(g,) of all devices of a group."""

    memory_ratio: Floats
    """NaN: not measured, or all of it is that of named holders. Likewise the next."""
    compute_ratio: Floats
    seen_ratio: Floats
    """Part of the machine's life for which they were seen."""


class Pools:
    """Prepared for a usage."""

    def __init__(self, devices: Devices, groups: Groups, claims: Claims, unnamed: Unnamed) -> None:
        self._devices, self._groups, self._claims, self._unnamed = devices, groups, claims, unnamed

    def rows(
        self,
        lacks: Sequence[Lack],
        forgotten: NamedRows,
        regimes: Regimes,
        *,
        seen: Seen,
        measured: Measured,
        lives: Lives,
        places: Places,
    ) -> HeldRows:
        """``lacks`` of groups that are shared, and ``forgotten`` holders; each pool is added to ``places``."""
        rows = [*self._of_claims(lacks), *self._of_names(forgotten, regimes)]
        group = np.array([row.group for row in rows], dtype=np.intp)
        pools = self._pools(dict.fromkeys(group.tolist()), regimes, seen, places)
        use = self._use(regimes, seen, measured, lives)
        memory, compute = _split(rows, group, use, lives, self._groups.machine)
        unseen = np.isnan(memory) & np.isnan(compute)
        held_by = zip(rows, unseen.tolist(), strict=True)
        known = np.array([pools[row.group].share_known for row in rows], dtype=np.bool_)
        in_pool = (regimes.replicas * regimes.devices)[group]
        return HeldRows(
            holders=tuple(self._holder(row, pools[row.group], regimes, is_unseen) for row, is_unseen in held_by),
            place=np.array([pools[row.group].place for row in rows], dtype=np.intp),
            start_ms=np.array([row.start_ms for row in rows], dtype=np.int64),
            end_ms=np.array([row.end_ms for row in rows], dtype=np.int64),
            held_ratio=np.array([row.held_ratio for row in rows], dtype=np.float64),
            slot_share=np.minimum(np.array([row.slots for row in rows], dtype=np.float64) / in_pool, 1.0),
            seen_ratio=np.where(unseen, 0.0, use.seen_ratio[group]),
            memory_ratio=memory,
            compute_ratio=compute,
            estimated=~unseen | ~known | regimes.guessed[group],
        )

    def _of_claims(self, lacks: Sequence[Lack]) -> Iterator[_Row]:
        for lack in lacks:
            life = lack.claim.life
            for container in dict.fromkeys(lack.containers):
                slots = lack.containers.count(container) * lack.slots
                yield _Row(lack.group, slots, life.start, life.end, lack.held_ratio, (lack, container))

    def _of_names(self, named: NamedRows, regimes: Regimes) -> Iterator[_Row]:
        """A pod that several devices name is one row."""
        found: dict[tuple[int, Holder], _Row] = {}
        for number, (device, claim) in enumerate(zip(named.device.tolist(), named.claim.tolist(), strict=True)):
            group = int(self._groups.of_device[device])
            kind = self._groups.kind[group]
            holder = replace(named.holders[number], device=Device(self._devices.all[device].node, "", "", kind, ""))
            slots = float(self._claims.count[claim] * regimes.slots[claim]) if claim >= 0 else 1.0
            held = float(named.held_ratio[number])
            start, end = int(named.start_ms[number]), int(named.end_ms[number])
            pod = replace(holder, flags=())
            before = found.get((group, pod))
            if before is None or before.held_ratio < held:
                found[group, pod] = _Row(group, slots, start, end, held, holder)
        return iter(found.values())

    def _pools(self, numbers: Iterable[int], regimes: Regimes, seen: Seen, places: Places) -> Mapping[int, _Pool]:
        """Of each of these groups."""
        shown = np.flatnonzero(regimes.holdable)
        group, size = self._groups.of_device[shown], self._groups.machine.size
        counts = np.bincount(group, minlength=size)
        first = np.full(size, -1, dtype=np.intp)
        first[group[::-1]] = shown[::-1]
        part = mean_by(group, seen.slice_share[shown], seen.sampled_ms[shown], size)
        guessed = any_by(group[self._devices.guessed[shown]], size)
        pools = {}
        for number in numbers:
            machine, kind, count = int(self._groups.machine[number]), self._groups.kind[number], regimes.devices[number]
            if counts[number] == 1 and count == 1.0:
                only = int(first[number])
                pools[number] = _Pool(only, self._devices.all[only], not guessed[number])
                continue
            device = Device(self._unnamed.node_of(machine), "", "", kind, self._unnamed.model_of(number, seen))
            if counts[number]:
                share = Share(float(part[number]), known=not guessed[number])
            else:
                share = self._unnamed.share_of(kind, machine, device.model)
            pools[number] = _Pool(places.add(machine, share.part * float(count)), device, share.known)
        return pools

    def _holder(self, row: _Row, pool: _Pool, regimes: Regimes, is_unseen: bool) -> Holder:
        sharing = regimes.sharing[row.group]
        unseen = (NOT_IN_TELEMETRY,) if is_unseen else ()
        unknown = () if pool.share_known else (UNKNOWN_PROFILE,)
        if isinstance(row.whose, Holder):
            flags = tuple(dict.fromkeys((*row.whose.flags, *unseen, *unknown)))
            return replace(row.whose, device=pool.device, sharing=sharing, flags=flags)
        lack, container = row.whose
        name, device = lack.claim.wanted.name, pool.device
        if not device.uuid and device.profile != name:
            device = replace(device, profile=name)
        return self._unnamed.holder(lack, container, device, sharing=sharing, flags=(*unseen, *unknown))

    def _use(self, regimes: Regimes, seen: Seen, measured: Measured, lives: Lives) -> _Use:
        group, size = self._groups.of_device, self._groups.machine.size
        sampled_ms = np.where(regimes.holdable, seen.sampled_ms, 0.0)
        weight = sampled_ms * seen.slice_share
        life_ms = regimes.devices * lives.alive_ms[self._groups.machine]
        return _Use(
            memory_ratio=np.where(regimes.trusted, np.nan, mean_by(group, measured.memory_ratio, weight, size)),
            compute_ratio=np.where(regimes.trusted, np.nan, mean_by(group, measured.compute_ratio, weight, size)),
            seen_ratio=np.minimum(quotient(sum_by(group, sampled_ms, size), life_ms), 1.0),
        )


def _split(rows: Sequence[_Row], group: Indices, use: _Use, lives: Lives, machines: Indices) -> tuple[Floats, Floats]:
    """Memory and compute ratio of each row: its part of what the pool did, of the whole pool. (e,)

    All that the pool did was done while somebody held it.
    """
    machine = machines[group]
    alive_ms = lives.alive_ms[machine].astype(np.float64)
    start, end = lives.clip(
        machine,
        np.array([row.start_ms for row in rows], dtype=np.int64),
        np.array([row.end_ms for row in rows], dtype=np.int64),
    )
    length = (end - start).astype(np.float64)
    held = np.array([row.held_ratio for row in rows], dtype=np.float64) * alive_ms
    slots = np.array([row.slots for row in rows], dtype=np.float64)
    together = company(group, start, end, slots * quotient(held, length), places=machines.size)
    part = np.minimum(quotient(together.part * length, held), 1.0)
    dense = quotient(alive_ms, together.covered[group])
    memory, compute = (
        np.minimum(np.minimum(ratio[group] * dense, 1.0) * part, 1.0) for ratio in (use.memory_ratio, use.compute_ratio)
    )
    return memory, compute

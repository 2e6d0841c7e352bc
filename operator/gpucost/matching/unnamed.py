"""Holders of devices that are theirs alone and that telemetry does not name.

Which device it is decides only who the device is, so it is put on one that nobody is known to hold, most likely one
that is in use. Its use stays unknown.

Axes: d devices, g groups.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from gpucost.matching.devices import ROUNDING, Devices, Seen
from gpucost.matching.groups import Groups
from gpucost.matching.kinds import sharing_of
from gpucost.matching.lacking import NOT_IN_TELEMETRY, Lack
from gpucost.matching.measured import Measured
from gpucost.matching.named import UNKNOWN_PROFILE
from gpucost.matching.nodes import Nodes
from gpucost.matching.regimes import Regimes
from gpucost.matching.rows import HeldRows, Places
from gpucost.matching.sharers import Sharers
from gpucost.matching.slices import Share, share_of
from gpucost.model.cards import split_product
from gpucost.model.fleet import Pod
from gpucost.model.holdings import Holder
from gpucost.model.policies import SliceBasis
from gpucost.model.tenancy import Tenant
from gpucost.model.usage import Device, Floats


class Unnamed:
    """Prepared for a usage."""

    def __init__(
        self, nodes: Nodes, devices: Devices, groups: Groups, tenant_of: Callable[[Pod], Tenant], basis: SliceBasis
    ) -> None:
        self._nodes, self._devices, self._groups = nodes, devices, groups
        self._tenant_of, self._basis = tenant_of, basis
        edges = np.searchsorted(devices.machine, np.arange(len(nodes.machines) + 1))
        self._on_machine = [range(*pair) for pair in pairwise(edges.tolist())]

    def rows(
        self,
        lacks: Sequence[Lack],
        sharers: Sharers,
        *,
        regimes: Regimes,
        seen: Seen,
        measured: Measured,
        places: Places,
    ) -> HeldRows:
        """``lacks`` of groups that are not shared. Who finds no free device gets a place of its own in ``places``."""
        named = sharers.counted
        free = np.where(regimes.holdable, seen.presence, 0.0)
        free = free - np.bincount(named.device, named.held_ratio, minlength=free.size)
        in_use = measured.in_use.tolist()
        rows = [
            (lack, *self._row(lack, container, self._take_free(lack, free, in_use), seen, places))
            for lack in lacks
            for container in lack.containers
        ]
        unseen = np.full(len(rows), np.nan)
        return HeldRows(
            holders=tuple(holder for _, holder, _, _ in rows),
            place=np.array([place for _, _, place, _ in rows], dtype=np.intp),
            start_ms=np.array([lack.claim.life.start for lack, *_ in rows], dtype=np.int64),
            end_ms=np.array([lack.claim.life.end for lack, *_ in rows], dtype=np.int64),
            held_ratio=np.array([lack.held_ratio for lack, *_ in rows], dtype=np.float64),
            slot_share=np.ones(len(rows)),
            seen_ratio=np.zeros(len(rows)),
            memory_ratio=unseen,
            compute_ratio=unseen,
            estimated=np.array([not known for *_, known in rows], dtype=np.bool_),
        )

    def node_of(self, machine: int) -> str:
        return self._nodes.described[machine].name

    def model_of(self, group: int, seen: Seen) -> str:
        """As telemetry shows it in any window, best of a device of the group; else as the node is labelled.

        One device must not have two names: what telemetry misses in one window it may show in the next.
        """
        machine = int(self._groups.machine[group])
        known = [
            (self._groups.of_device[number] == group, seen.sampled_ms[number] > 0, -number)
            for number in self._on_machine[machine]
        ]
        if not known:
            return split_product(self._nodes.product(machine))[0]
        *_, number = max(known)
        return self._devices.all[-number].model

    def share_of(self, kind: str, machine: int, model: str) -> Share:
        """Of a device that telemetry does not show."""
        return share_of(kind, model, self._nodes.described[machine], self._basis)

    def holder(self, lack: Lack, container: str, device: Device, *, sharing: str, flags: tuple[str, ...]) -> Holder:
        pod = lack.claim.life.pod
        return Holder(
            namespace=pod.namespace,
            pod=pod.name,
            pod_uid=pod.uid,
            container=container,
            device=device,
            sharing=sharing,
            tenant=self._tenant_of(pod),
            flags=flags,
        )

    def _take_free(self, lack: Lack, free: Floats, in_use: Sequence[bool]) -> int:
        """A device of the kind that is free for as long, taken out of ``free``; -1: there is none."""
        fitting = [
            number
            for number in self._on_machine[lack.claim.machine]
            if self._groups.of_device[number] == lack.group and free[number] >= lack.held_ratio - ROUNDING
        ]
        taken = next((number for number in fitting if in_use[number]), next(iter(fitting), -1))
        if taken >= 0:
            free[taken] -= lack.held_ratio
        return taken

    def _row(self, lack: Lack, container: str, number: int, seen: Seen, places: Places) -> tuple[Holder, int, bool]:
        """The holder, its place, and whether the share of its device is known."""
        claim = lack.claim
        if number >= 0:
            device, place, known = self._devices.all[number], number, not self._devices.guessed[number]
        else:
            kind = self._groups.kind[lack.group]
            device = Device(claim.life.pod.node, "", "", kind, self.model_of(lack.group, seen))
            share = self.share_of(kind, claim.machine, device.model)
            place, known = places.add(claim.machine, share.part), share.known
        flags = (NOT_IN_TELEMETRY, *(() if known else (UNKNOWN_PROFILE,)))
        return self.holder(lack, container, device, sharing=sharing_of(device), flags=flags), place, bool(known)

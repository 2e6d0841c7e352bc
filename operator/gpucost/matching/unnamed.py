"""Holders that telemetry does not name: pods that hold by the API more than any series says.

Exclusive devices: which one it is decides only who the device is, so it is put on one that nobody is known to hold,
and its use stays unknown.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np

from gpucost.matching.claims import Claim, Claims
from gpucost.matching.devices import ROUNDING, Devices, Seen
from gpucost.matching.kinds import WHOLE_CARD, Share, same_kind, share_of, sharing_of
from gpucost.matching.lives import Lives
from gpucost.matching.named import UNKNOWN_PROFILE, NamedRows
from gpucost.matching.nodes import Nodes
from gpucost.model.fleet import Pod
from gpucost.model.holdings import Holder
from gpucost.model.tenancy import Tenant
from gpucost.model.usage import Device, Floats, Indices, Ints

NOT_IN_TELEMETRY = "not-in-telemetry"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnnamedRow:
    holder: Holder
    device: int
    """-1: which device is not known."""
    machine: int
    start_ms: int
    end_ms: int
    """Of the pod, which may have lived before and after the window."""
    slice_share: float
    held_ratio: float
    """Part of the machine's life."""
    estimated: bool


class Unnamed:
    """What pods hold by the API beyond what telemetry names."""

    def __init__(self, nodes: Nodes, devices: Devices, claims: Claims, tenant_of: Callable[[Pod], Tenant]) -> None:
        self._nodes, self._devices, self._claims, self._tenant_of = nodes, devices, claims, tenant_of
        edges = np.searchsorted(devices.machine, np.arange(len(nodes.machines) + 1))
        self._devices_of = [range(*pair) for pair in pairwise(edges.tolist())]

    def rows(self, named: NamedRows, seen: Seen, lives: Lives) -> tuple[UnnamedRow, ...]:
        """Only devices that are never named in the window; one that is named for a part of it is timed by that.

        A pod that vanished was gone before the window where no look listed it in it, and telemetry shows its machine
        but does not name it.
        """
        claims = self._claims
        held_ms = lives.living_ms(claims.machine, claims.start, claims.end)
        gone = (claims.last_seen <= lives.start_ms) & (seen.machine_ms[claims.machine] > 0)
        named_devices = np.bincount(named.claim[named.claim >= 0], minlength=len(claims.all))
        missing = np.where(claims.timed & ~gone & (held_ms > 0), claims.count - named_devices, 0)
        lacking = np.flatnonzero(missing > 0)
        if lacking.size == 0:
            return ()
        held_ratio = held_ms[lacking] / lives.alive_ms[claims.machine[lacking]]
        containers = self._unnamed_containers(lacking, missing, named)
        free = np.where(seen.sampled_ms > 0, seen.presence, 0.0)
        free = free - np.bincount(named.device, named.held_ratio, minlength=free.size)
        return tuple(
            self._row(claims.all[number], container, held, self._take_free(claims.all[number], held, free, seen), seen)
            for number, held in zip(lacking.tolist(), held_ratio.tolist(), strict=True)
            for container in containers[number]
        )

    def _unnamed_containers(self, lacking: Indices, missing: Ints, named: NamedRows) -> dict[int, list[str]]:
        """For each claim the containers, one entry a device, that no series names."""
        taken: dict[int, Counter[str]] = {}
        for claim, holder in zip(named.claim.tolist(), named.holders, strict=True):
            taken.setdefault(claim, Counter())[holder.container] += 1
        unnamed = {}
        for number in lacking.tolist():
            containers = self._claims.all[number].containers
            left = (Counter(containers) - taken[number]).elements() if number in taken else containers
            unnamed[number] = list(islice(left, int(missing[number])))
        return unnamed

    def _take_free(self, claim: Claim, held: float, free: Floats, seen: Seen) -> int:
        """The first device of the kind that is free for as long, taken out of ``free``; -1: there is none."""
        for number in self._devices_of[claim.machine]:
            if free[number] >= held - ROUNDING and self._fits(number, claim.kind, seen):
                free[number] -= held
                return number
        return -1

    def _fits(self, device: int, kind: str, seen: Seen) -> bool:
        shown = self._devices.all[device]
        if kind == WHOLE_CARD:
            return not shown.gpu_instance_id and not seen.cut[device]
        return bool(shown.gpu_instance_id) and same_kind(shown.profile, kind)

    def _row(self, claim: Claim, container: str, held: float, number: int, seen: Seen) -> UnnamedRow:
        if number >= 0:
            device = self._devices.all[number]
            share = Share(float(seen.slice_share[number]), known=not self._devices.guessed[number])
        else:
            device = Device(claim.life.pod.node, "", "", claim.kind, self._model_of(claim.machine, seen))
            share = share_of(claim.kind, device.model)
        pod = claim.life.pod
        holder = Holder(
            namespace=pod.namespace,
            pod=pod.name,
            pod_uid=pod.uid,
            container=container,
            device=device,
            sharing=sharing_of(device),
            tenant=self._tenant_of(pod),
            flags=(NOT_IN_TELEMETRY, *(() if share.known else (UNKNOWN_PROFILE,))),
        )
        return UnnamedRow(
            holder=holder,
            device=number,
            machine=claim.machine,
            start_ms=claim.life.start,
            end_ms=claim.life.end,
            slice_share=share.part,
            held_ratio=held,
            estimated=not share.known,
        )

    def _model_of(self, machine: int, seen: Seen) -> str:
        shown = (self._devices.all[number].model for number in self._devices_of[machine] if seen.sampled_ms[number] > 0)
        return next(shown, self._nodes.product(machine))

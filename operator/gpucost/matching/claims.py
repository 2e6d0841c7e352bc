"""What pods hold by the API: devices of a kind, by request, while the pod is bound and not terminal.

Axis: c claims.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gpucost.matching.kinds import Wanted, same_kind, wanted_by
from gpucost.matching.lives import Lives
from gpucost.matching.nodes import Nodes
from gpucost.matching.pods import ALWAYS, NEVER, Life
from gpucost.model.fleet import Pod
from gpucost.model.usage import Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """All that one pod requests of one kind."""

    life: Life
    machine: int
    wanted: Wanted
    containers: tuple[str, ...]
    """One entry for each device, or for each slot of shared devices."""

    @property
    def kind(self) -> str:
        return self.wanted.kind


class Claims:
    """Claims of pods on GPU nodes, by machine, then by the time of binding."""

    def __init__(self, lives: Iterable[Life], nodes: Nodes) -> None:
        found: list[Claim] = []
        unattributed: set[tuple[int, str]] = set()
        for life in lives:
            machine = nodes.machines.get(life.pod.node)
            if machine is None:
                continue
            wishes: defaultdict[Wanted, list[str]] = defaultdict(list)
            for request in life.pod.requests:
                wanted = wanted_by(request.resource, nodes.product(machine))
                if wanted is None:
                    unattributed.add((machine, request.resource))
                else:
                    wishes[wanted] += [request.container] * request.count
            found += [
                Claim(life=life, machine=machine, wanted=wanted, containers=tuple(containers))
                for wanted, containers in wishes.items()
            ]
        found.sort(
            key=lambda claim: (
                claim.machine,
                claim.life.start,
                claim.life.pod.uid,
                claim.wanted.name,
                claim.wanted.renamed,
            )
        )
        self.all = tuple(found)
        self.unattributed = tuple(sorted(unattributed))
        """Machine and resource of requests for what no device is known to be: no row stands for them."""
        self.machine = np.array([claim.machine for claim in found], dtype=np.intp)
        self.start = np.array([claim.life.start for claim in found], dtype=np.int64)
        self.end = np.array([claim.life.end for claim in found], dtype=np.int64)
        self.last_seen = np.array([claim.life.last_seen for claim in found], dtype=np.int64)
        self.count = np.array([len(claim.containers) for claim in found], dtype=np.int64)
        self.timed = np.array([claim.life.timed for claim in found], dtype=np.bool_)
        """(c,) the API says when; otherwise telemetry alone does."""
        self.plain = np.array([claim.wanted.plain for claim in found], dtype=np.bool_)
        self.renamed = np.array([claim.wanted.renamed for claim in found], dtype=np.bool_)
        slices = np.array([claim.wanted.slices for claim in found], dtype=np.int64).reshape(-1, 2)
        self.slices, self.slices_of = slices[:, 0], slices[:, 1]
        """(c,) compute slices of each compute instance, and of the GPU instance that it is a part of."""
        self._by_pod: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
        for number, claim in enumerate(found):
            self._by_pod[_identity(claim.life.pod)].append(number)

    def of(self, life: Life, kind: str) -> int:
        """The claim of that pod that a device of the kind fulfils; its only one fits any kind. -1: none."""
        numbers = self._by_pod.get(_identity(life.pod), [])
        if len(numbers) == 1:
            return numbers[0]
        return next((number for number in numbers if same_kind(self.all[number].kind, kind)), -1)

    def held_ms(self, lives: Lives) -> Ints:
        """For how long the API had each pod bound and not terminal on a living machine; 0: it does not say. (c,)"""
        return np.where(self.timed, lives.living_ms(self.machine, self.start, self.end), 0)

    def first_bound_ms(self, start: int, end: int, machines: int) -> Ints:
        """When the first of the pods that held something in the window was bound to each machine. (m,)"""
        first = np.full(machines, NEVER, dtype=np.int64)
        held = self.timed & (self.start > ALWAYS) & (self.start < end) & (self.end > start)
        np.minimum.at(first, self.machine[held], self.start[held])
        return first


def _identity(pod: Pod) -> tuple[str, str, str]:
    return pod.uid, pod.namespace, pod.name

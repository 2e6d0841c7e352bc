"""What pods hold by the API: devices of a kind, by request, while the pod is bound and not terminal.

Axis: c claims.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gpucost.matching.kinds import kind_requested, same_kind
from gpucost.matching.nodes import Nodes, product_of
from gpucost.matching.pods import ALWAYS, NEVER, Life
from gpucost.model.fleet import Pod
from gpucost.model.usage import Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """All that one pod requests of one kind."""

    life: Life
    node: int
    kind: str
    containers: tuple[str, ...]
    """One entry for each device."""


class Claims:
    """Claims of pods on GPU nodes, by node, then by the time of binding."""

    def __init__(self, lives: Iterable[Life], nodes: Nodes) -> None:
        found: list[Claim] = []
        unattributed: set[tuple[int, str]] = set()
        for life in lives:
            node = nodes.index.get(life.pod.node)
            if node is None:
                continue
            wanted: defaultdict[str, list[str]] = defaultdict(list)
            for request in life.pod.requests:
                kind = kind_requested(request.resource, product_of(nodes.all[node]))
                if kind is None:
                    unattributed.add((node, request.resource))
                else:
                    wanted[kind] += [request.container] * request.count
            found += [
                Claim(life=life, node=node, kind=kind, containers=tuple(containers))
                for kind, containers in wanted.items()
            ]
        found.sort(key=lambda claim: (claim.node, claim.life.start, claim.life.pod.uid, claim.kind))
        self.all = tuple(found)
        self.unattributed = tuple(sorted(unattributed))
        """Node and resource of requests for slots of shared devices: no row stands for them."""
        self.node = np.array([claim.node for claim in found], dtype=np.intp)
        self.start = np.array([claim.life.start for claim in found], dtype=np.int64)
        self.end = np.array([claim.life.end for claim in found], dtype=np.int64)
        self.count = np.array([len(claim.containers) for claim in found], dtype=np.int64)
        self.timed = np.array([claim.life.timed for claim in found], dtype=np.bool_)
        """(c,) the API says when; otherwise telemetry alone does."""
        self._by_pod: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
        for number, claim in enumerate(found):
            self._by_pod[_identity(claim.life.pod)].append(number)

    def of(self, life: Life, kind: str) -> int:
        """The claim of that pod that a device of the kind fulfils; its only one fits any kind. -1: none."""
        numbers = self._by_pod.get(_identity(life.pod), [])
        if len(numbers) == 1:
            return numbers[0]
        return next((number for number in numbers if same_kind(self.all[number].kind, kind)), -1)

    def first_bound_ms(self, start: int, end: int, nodes: int) -> Ints:
        """When the first of the pods that held something in the window was bound to each node. (n,)"""
        first = np.full(nodes, NEVER, dtype=np.int64)
        held = self.timed & (self.start > ALWAYS) & (self.start < end) & (self.end > start)
        np.minimum.at(first, self.node[held], self.start[held])
        return first


def _identity(pod: Pod) -> tuple[str, str, str]:
    return pod.uid, pod.namespace, pod.name

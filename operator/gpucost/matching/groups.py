"""Groups: the devices of one kind on one machine, which one resource hands out, and the claims on them.

Axes: g groups, m machines, d devices, c claims.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from gpucost.matching.claims import Claims
from gpucost.matching.devices import Devices, Seen
from gpucost.matching.kinds import kind_of_device, kind_of_product, same_kind, wanted_by
from gpucost.matching.nodes import Nodes
from gpucost.model.cards import PRODUCT_LABEL
from gpucost.model.fleet import GPU_RESOURCE, Node
from gpucost.model.sharing import MPS, ToldSharing, told_sharing
from gpucost.model.usage import Bools, Indices, Ints

_STRATEGY_LABEL = "nvidia.com/mig.strategy"
_STATE_LABEL = "nvidia.com/mig.config.state"
_CUT_AS_TOLD = ("", "success")


@dataclass(frozen=True, kw_only=True)
class Told:
    """What labels and capacity tell of some groups, as in `ToldSharing`."""

    shared: Bools
    mps: Bools
    denied: Bools
    replicas: Ints
    handed_out: Ints
    devices: Ints

    @classmethod
    def of(cls, told: Sequence[ToldSharing]) -> "Told":
        return cls(
            shared=np.array([bool(one.strategy) for one in told], dtype=np.bool_),
            mps=np.array([one.strategy == MPS for one in told], dtype=np.bool_),
            denied=np.array([one.denied for one in told], dtype=np.bool_),
            replicas=np.array([one.replicas for one in told], dtype=np.int64),
            handed_out=np.array([one.handed_out for one in told], dtype=np.int64),
            devices=np.array([one.devices for one in told], dtype=np.int64),
        )

    def with_(self, others: "Told", at: Indices) -> "Told":
        """``others`` in the place of the groups ``at``."""
        merged = {field.name: getattr(self, field.name).copy() for field in fields(self)}
        for name, values in merged.items():
            values[at] = getattr(others, name)
        return Told(**merged)


class Groups:
    """The same in all windows of a usage, but for the group that plain GPU requests mean."""

    def __init__(self, nodes: Nodes, devices: Devices, claims: Claims) -> None:
        self._devices, self._claims = devices, claims
        numbers = _Numbers()
        told = [told_sharing(node) for node in nodes.described]
        self.labelled = _indices(numbers.of(m, kind_of_product(nodes.product(m))) for m in range(len(told)))
        """(m,) the group that plain GPU requests mean by the labels."""
        of_resources = {
            numbers.of(machine, wanted.kind): told[machine][resource]
            for machine in range(len(told))
            for resource in told[machine]
            if (wanted := wanted_by(resource, "")) is not None and not wanted.plain and wanted.name == wanted.kind
        }
        on_machines = zip(devices.all, devices.machine.tolist(), strict=True)
        self.of_device = _indices(numbers.of(machine, kind_of_device(device)) for device, machine in on_machines)
        """(d,)"""
        self._of_claim = _indices(numbers.of(claim.machine, claim.kind) for claim in claims.all)
        self.machine = _indices(machine for machine, _ in numbers.all)
        """(g,)"""
        self.kind = tuple(kind for _, kind in numbers.all)
        """(g,)"""
        self.cards = np.array([not kind for kind in self.kind], dtype=np.bool_)
        """(g,) it is that of the whole cards."""
        self._told = Told.of([of_resources.get(number, ToldSharing()) for number in range(len(self.kind))])
        self._told_plain = Told.of([one[GPU_RESOURCE] for one in told])
        self._doubtful = np.array([_is_doubtful(node) for node in nodes.described], dtype=np.bool_)
        self.cuts = np.array([_STRATEGY_LABEL in node.labels for node in nodes.described], dtype=np.bool_)
        """(m,) its device plugin hands out MIG instances."""

    def plain(self, holdable: Bools) -> Indices:
        """The group that plain GPU requests mean; ``holdable`` (d,): the devices that telemetry shows. (m,)

        Labels tell which, but are of the time of the look. Where telemetry shows none of that kind and all that it
        shows is of one other kind, it is that one, unless the labels are sure.
        """
        seen = np.bincount(self.of_device[holdable], minlength=self.machine.size) > 0
        kinds = np.bincount(self.machine[seen], minlength=self.labelled.size)
        other = self.labelled.copy()
        other[self.machine[seen]] = np.flatnonzero(seen)
        return np.where(self._doubtful & ~seen[self.labelled] & (kinds == 1), other, self.labelled)

    def of_claims(self, plain: Indices) -> Indices:
        """(c,)"""
        return np.where(self._claims.plain, plain[self._claims.machine], self._of_claim)

    def told(self, plain: Indices) -> Told:
        """(g,)"""
        return self._told.with_(self._told_plain, at=plain)

    def holdable(self, seen: Seen, memory_measured: Bools) -> Bools:
        """Devices that telemetry shows and that a pod may hold; ``memory_measured`` (d,). (d,)

        Not a card that is cut, nor one that is only to be cut: of a card with MIG on and no instance the exporter
        prints no memory.
        """
        shown, whole, machine = seen.sampled_ms > 0, ~self._devices.is_instance, self._devices.machine
        measures = np.bincount(machine[memory_measured & shown], minlength=self.cuts.size) > 0
        uncut = whole & ~memory_measured & (measures & self.cuts)[machine]
        return shown & ~(whole & seen.cut) & ~uncut


def _is_doubtful(node: Node) -> bool:
    """Whether the labels may be wrong about what plain GPU requests get.

    With MIG strategy ``mixed`` they get whole cards, and so they do without one (``none``): sure, once the cards are
    cut as they are to be and GPU feature discovery runs.
    """
    cut_as_told = node.labels.get(_STATE_LABEL, "") in _CUT_AS_TOLD
    strategy = node.labels.get(_STRATEGY_LABEL, "none" if PRODUCT_LABEL in node.labels else "")
    return not cut_as_told or strategy not in ("mixed", "none")


class _Numbers:
    """Of groups, in the order in which they are first asked for."""

    def __init__(self) -> None:
        self.all: list[tuple[int, str]] = []
        self._of_machine: dict[int, dict[str, int]] = {}

    def of(self, machine: int, kind: str) -> int:
        known = self._of_machine.setdefault(machine, {})
        if kind not in known:
            alike = next((number for name, number in known.items() if same_kind(name, kind)), -1)
            if alike < 0:
                alike = len(self.all)
                self.all.append((machine, kind))
            known[kind] = alike
        return known[kind]


def _indices(numbers: Iterable[int]) -> Indices:
    return np.fromiter(numbers, dtype=np.intp)

"""Random fleets of every regime whose telemetry follows from who holds what, and their figures by pod.

Two windows of five minutes; pods come and go on a grid of scrapes, so that samples fit their times exactly. What a
device does does not change while anybody holds it, and it idles else.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from matched_windows import A100, NOBODY, START, Shared, at, make_node, make_rate, make_usage, named

from gpucost.attribution.engine import attribute
from gpucost.matching.match import Matcher
from gpucost.model.fleet import GPU_RESOURCE, MIG_RESOURCE_PREFIX, Cluster, Node, Pod, Request
from gpucost.model.holdings import WindowHoldings
from gpucost.model.tenancy import LabelKeys
from gpucost.model.time import Window
from gpucost.model.usage import Device, Usage

SCRAPES = 20
PER_WINDOW = 10
OWN_MEMORY = 0.1
"""Of each slot, where holders are measured one by one."""
_HOURLY_E9 = 2_400_000_000


@dataclass(frozen=True, kw_only=True)
class Regime:
    """How the two devices of a node, or the only one, are handed out."""

    devices: int = 2
    slots: int = 1
    part: float = 1.0
    """Of a card, that a slot is."""
    names: str = "all"
    """Of a shared device: ``all`` who are on it, each with its ``own`` memory, or ``one`` of them, whoever it is."""
    labelled: bool = True


REGIMES: Mapping[str, Regime] = {
    "exclusive": Regime(),
    "unlabelled": Regime(labelled=False),
    "mig": Regime(part=0.5),
    "slots": Regime(slots=4, part=0.25),
    "own": Regime(slots=4, part=0.25, names="own"),
    "arbitrary": Regime(devices=1, slots=4, part=0.25, names="one"),
    "pool": Regime(slots=4, part=0.25, names="one"),
}


def regime_of(device: Device) -> Regime:
    return REGIMES[device.node.partition("-")[0]]


def is_pooled(device: Device) -> bool:
    """Nobody can tell who is on which device of the node."""
    regime = regime_of(device)
    return regime.names == "one" and regime.devices > 1


class Doing(NamedTuple):
    """Of a device while it is held."""

    memory: float
    compute: float


@dataclass(frozen=True)
class Hold:
    """A pod on a device, from one scrape to another; a pod on two devices has two."""

    pod: str
    device: Device
    slots: int
    first: int
    last: int

    def scrapes(self, start: int, end: int) -> int:
        return max(0, min(self.last, end) - max(self.first, start))


@dataclass(frozen=True)
class Fleet:
    nodes: tuple[Node, ...]
    doing: Mapping[Device, Doing]
    holds: tuple[Hold, ...]

    @property
    def devices(self) -> tuple[Device, ...]:
        return tuple(self.doing)

    def holds_of(self, *devices: Device) -> list[Hold]:
        return [hold for hold in self.holds if hold.device in devices]

    def held_scrapes(self, device: Device, start: int = 0, end: int = SCRAPES) -> set[int]:
        holds = self.holds_of(device)
        return {scrape for hold in holds for scrape in range(max(hold.first, start), min(hold.last, end))}

    def pods(self) -> list[Pod]:
        slots: defaultdict[str, int] = defaultdict(int)
        for hold in self.holds:
            slots[hold.pod] += hold.slots
        return [_pod(hold, slots[hold.pod]) for hold in {hold.pod: hold for hold in self.holds}.values()]

    def windows(self, *, copies: bool = False) -> list[list[Shared]]:
        return [self.rows(start, start + PER_WINDOW, copies=copies) for start in range(0, SCRAPES, PER_WINDOW)]

    def rows(self, start: int, end: int, *, copies: bool = False) -> list[Shared]:
        """The series between two scrapes; ``copies``: every exporter names all holders of a shared device."""
        rows = []
        for device, doing in self.doing.items():
            holds = [hold for hold in self.holds_of(device) if hold.scrapes(start, end)]
            held = self.held_scrapes(device, start, end)
            if regime_of(device).names == "one" and not copies:
                rows += _arbitrary(device, holds, held, doing, end - start)
            else:
                rows += [_series(hold, doing, start, end) for hold in holds]
            if len(held) < end - start:
                rows.append(Shared(device, NOBODY, end - start - len(held), 0.0, 0.0, end - start))
        return rows


def _pod(hold: Hold, slots: int) -> Pod:
    profile = hold.device.profile
    resource = f"{MIG_RESOURCE_PREFIX}{profile}" if profile else GPU_RESOURCE
    return Pod(
        uid=f"uid-{hold.pod}",
        namespace="ml",
        name=hold.pod,
        node=hold.device.node,
        labels={"team": hold.pod},
        requests=(Request("main", resource, slots),),
        bound=at(hold.first / 2),
        ended=at(hold.last / 2),
    )


def _series(hold: Hold, doing: Doing, start: int, end: int) -> Shared:
    regime = regime_of(hold.device)
    is_own = regime.names == "own"
    return Shared(
        hold.device,
        named(hold.pod),
        hold.scrapes(start, end),
        OWN_MEMORY * hold.slots if is_own else doing.memory,
        doing.compute,
        end - start,
        hold.slots if regime.slots > 1 else 0,
        "memory" if is_own else "",
    )


def _arbitrary(device: Device, holds: Sequence[Hold], held: set[int], doing: Doing, of: int) -> list[Shared]:
    """The holder who is first in the alphabet has the name at each scrape."""
    names: defaultdict[str, int] = defaultdict(int)
    for scrape in held:
        names[min(hold.pod for hold in holds if hold.first <= scrape < hold.last)] += 1
    return [Shared(device, named(name), count, *doing, of) for name, count in names.items()]


@st.composite
def fleets(draw: st.DrawFn, *, steady: bool = False) -> Fleet:
    """``steady``: whoever holds something holds it all the time."""
    nodes: list[Node] = []
    doing: dict[Device, Doing] = {}
    holds: list[Hold] = []
    ratio = st.sampled_from([0.1, 0.25, 0.5, 1.0])
    for number, regime in enumerate(draw(st.lists(st.sampled_from(list(REGIMES)), min_size=1, max_size=3))):
        name = f"{regime}-{number}"
        nodes.append(_node(name, regime))
        devices = [_device(name, regime, place) for place in range(REGIMES[regime].devices)]
        doing |= {device: Doing(draw(ratio), draw(ratio)) for device in devices}
        if REGIMES[regime].slots > 1:
            for device in devices:
                holds += draw(_sharing(device, steady=steady))
        else:
            together = [devices] if draw(st.booleans()) else [[device] for device in devices]
            for taken in together:
                holds += draw(_in_turn(taken, steady=steady))
    return Fleet(tuple(nodes), doing, tuple(holds))


def _node(name: str, regime: str) -> Node:
    if regime == "unlabelled":
        return make_node(name, gpus=2)
    if regime == "mig":
        labels = {"nvidia.com/gpu.product": A100, "nvidia.com/gpu.count": "1", "nvidia.com/mig.strategy": "mixed"}
        return make_node(name, labels=labels, capacity={f"{MIG_RESOURCE_PREFIX}3g.20gb": 2})
    devices, slots = REGIMES[regime].devices, REGIMES[regime].slots
    labels = {"nvidia.com/gpu.product": "Tesla-T4", "nvidia.com/gpu.count": str(devices)}
    if slots > 1:
        labels |= {"nvidia.com/gpu.replicas": str(slots), "nvidia.com/gpu.sharing-strategy": "time-slicing"}
    return make_node(name, labels=labels, gpus=devices * slots)


def _device(node: str, regime: str, place: int) -> Device:
    if regime == "mig":
        return Device(node, f"GPU-{node}", str(place), "3g.20gb", A100)
    return Device(node, f"GPU-{node}-{place}", "", "", "Tesla T4")


@st.composite
def _sharing(draw: st.DrawFn, device: Device, *, steady: bool) -> list[Hold]:
    """Pods with one to three slots each, never more at one time than there are."""
    free = [regime_of(device).slots] * SCRAPES
    holds = []
    for number in range(draw(st.integers(0, 4))):
        first = 0 if steady else draw(st.integers(0, SCRAPES - 1))
        last = SCRAPES if steady else draw(st.integers(first + 1, SCRAPES))
        slots = min(draw(st.integers(1, 3)), *free[first:last], 3)
        if slots:
            free[first:last] = [left - slots for left in free[first:last]]
            holds.append(Hold(f"p{number}-{_place(device)}", device, slots, first, last))
    return holds


@st.composite
def _in_turn(draw: st.DrawFn, devices: Sequence[Device], *, steady: bool) -> list[Hold]:
    """One pod after another, each on all ``devices``."""
    edges = [0, SCRAPES] if steady else sorted(draw(st.sets(st.integers(0, SCRAPES), max_size=4)))
    return [
        Hold(f"p{number}-{_place(devices[0])}", device, 1, first, last)
        for number, (first, last) in enumerate(pairwise(edges))
        for device in devices
    ]


def _place(device: Device) -> str:
    return f"{device.uuid}-{device.gpu_instance_id}".lower()


def whole(rows: Sequence[Shared]) -> Usage:
    """One window as long as two."""
    usage = make_usage(rows)
    return replace(usage, windows=(Window(START, at(SCRAPES / 2)),))


def matched(fleet: Fleet, usage: Usage, pods: Sequence[Pod] | None = None) -> list[WindowHoldings]:
    cluster = Cluster(
        seen_at=at(SCRAPES / 2 + 1),
        nodes=fleet.nodes,
        pods=tuple(fleet.pods() if pods is None else pods),
        namespaces={},
    )
    matcher = Matcher(cluster=cluster, ended=(), keys=LabelKeys())
    rates = [make_rate(node.name, cards=None, hourly_e9=_HOURLY_E9) for node in fleet.nodes]
    return [matcher.match(usage, number, rates) for number in range(len(usage.windows))]


class Figures(NamedTuple):
    """Of a pod: card minutes."""

    reserved: float
    memory: float
    compute: float


def by_pod(windows: Sequence[WindowHoldings]) -> dict[str, Figures]:
    """What each pod reserved and used."""
    found: defaultdict[str, list[Figures]] = defaultdict(list)
    for got in windows:
        holdings = got.holdings
        minutes = 60 * holdings.bills.alive_hours[holdings.device_node[holdings.device]]
        held = holdings.slice_share[holdings.device] * holdings.held_ratio * minutes
        seen = held * holdings.seen_ratio
        columns = (held * holdings.slot_share, seen * holdings.memory_ratio, seen * holdings.compute_ratio)
        rows = zip(*(np.nan_to_num(column, nan=0.0).tolist() for column in columns), strict=True)
        for holder, row in zip(got.holders, rows, strict=True):
            found[holder.pod].append(Figures(*row))
    return {pod: Figures(*map(sum, zip(*rows, strict=True))) for pod, rows in found.items()}


def costs(windows: Sequence[WindowHoldings]) -> dict[str, tuple[int, int]]:
    """What each pod is charged, and from how many rows, each of which is rounded to the unit."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for got in windows:
        for holder, cost in zip(got.holders, attribute(got.holdings).cost.tolist(), strict=True):
            found[holder.pod].append(cost)
    return {pod: (sum(rows), len(rows)) for pod, rows in found.items()}

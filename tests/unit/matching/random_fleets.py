"""Random fleets of every regime whose telemetry follows from who holds what, and their figures by pod.

Two windows of five minutes; pods come and go on a grid of scrapes, so that samples fit their times exactly. What a
device does does not change while anybody holds it, and it idles else.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import nan

import numpy as np
from hypothesis import strategies as st
from matched_windows import A100, NOBODY, START, Shared, at, make_node, make_rate, make_usage, named

from gpucost.matching.match import Matcher
from gpucost.model.fleet import GPU_RESOURCE, MIG_RESOURCE_PREFIX, Cluster, Node, Pod, Request
from gpucost.model.holdings import WindowHoldings
from gpucost.model.tenancy import LabelKeys
from gpucost.model.time import Window
from gpucost.model.usage import Device, Usage

SCRAPES = 20
PER_WINDOW = 10
_GPU_LABELS = {"nvidia.com/gpu.product": "Tesla-T4", "nvidia.com/gpu.count": "1"}
REGIMES = ("exclusive", "mig", "slots", "slots-unnamed")


@dataclass(frozen=True)
class Hold:
    """A pod on a device, from one scrape to another."""

    pod: str
    device: Device
    resource: str
    slots: int
    first: int
    last: int

    def scrapes(self, start: int, end: int) -> int:
        return max(0, min(self.last, end) - max(self.first, start))


@dataclass(frozen=True)
class Fleet:
    nodes: tuple[Node, ...]
    devices: tuple[Device, ...]
    doing: tuple[float, ...]
    """Compute ratio of each device while it is held."""
    holds: tuple[Hold, ...]
    unnamed: frozenset[str]
    """Nodes whose exporter names one arbitrary holder of a shared device."""

    def pods(self) -> list[Pod]:
        return [
            Pod(
                uid=f"uid-{hold.pod}",
                namespace="ml",
                name=hold.pod,
                node=hold.device.node,
                labels={"team": hold.pod},
                requests=(Request("main", hold.resource, hold.slots),),
                bound=at(hold.first / 2),
                ended=at(hold.last / 2),
            )
            for hold in self.holds
        ]

    def rows(self, start: int, end: int, *, copies: bool = False) -> list[Shared]:
        """The series between two scrapes; ``copies``: every exporter names all holders of a shared device."""
        rows = []
        for device, doing in zip(self.devices, self.doing, strict=True):
            holds = [hold for hold in self.holds if hold.device == device and hold.scrapes(start, end)]
            held = {scrape for hold in holds for scrape in range(max(hold.first, start), min(hold.last, end))}
            shown = held
            if device.node in self.unnamed and not copies:
                rows += _arbitrary(device, holds, held, doing, end - start)
            else:
                slots = 0 if device.gpu_instance_id or not _is_shared(device.node) else 1
                rows += [
                    Shared(
                        device,
                        named(hold.pod),
                        hold.scrapes(start, end),
                        nan,
                        doing,
                        end - start,
                        hold.slots * slots,
                    )
                    for hold in holds
                ]
            if len(shown) < end - start:
                rows.append(Shared(device, NOBODY, end - start - len(shown), nan, 0.0, end - start))
        return rows


def _arbitrary(device: Device, holds: Sequence[Hold], held: set[int], doing: float, of: int) -> list[Shared]:
    """The holder who is first in the alphabet has the name at each scrape."""
    names: defaultdict[str, int] = defaultdict(int)
    for scrape in held:
        names[min(hold.pod for hold in holds if hold.first <= scrape < hold.last)] += 1
    return [Shared(device, named(name), count, nan, doing, of) for name, count in names.items()]


def _is_shared(node: str) -> bool:
    return node.startswith("slots")


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    nodes, devices, doing, holds = [], [], [], []
    for number, regime in enumerate(draw(st.lists(st.sampled_from(REGIMES), min_size=1, max_size=4))):
        name = f"{regime}-{number}"
        nodes.append(_node(name, regime))
        for place in range(2 if regime in ("exclusive", "mig") else 1):
            device = _device(name, regime, place)
            devices.append(device)
            doing.append(draw(st.sampled_from([0.1, 0.25, 0.5, 1.0])))
            holds += draw(_holds(device, regime))
    unnamed = frozenset(node.name for node in nodes if node.name.startswith("slots-unnamed"))
    return Fleet(tuple(nodes), tuple(devices), tuple(doing), tuple(holds), unnamed)


def _node(name: str, regime: str) -> Node:
    if regime == "exclusive":
        return make_node(name, gpus=2, labels={**_GPU_LABELS, "nvidia.com/gpu.count": "2"})
    if regime == "mig":
        labels = {"nvidia.com/gpu.product": A100, "nvidia.com/gpu.count": "1", "nvidia.com/mig.strategy": "mixed"}
        return make_node(name, labels=labels, capacity={f"{MIG_RESOURCE_PREFIX}3g.20gb": 2})
    labels = {**_GPU_LABELS, "nvidia.com/gpu.replicas": "4", "nvidia.com/gpu.sharing-strategy": "time-slicing"}
    return make_node(name, labels=labels, capacity={GPU_RESOURCE: 4})


def _device(node: str, regime: str, place: int) -> Device:
    if regime == "mig":
        return Device(node, f"GPU-{node}", str(place), "3g.20gb", A100)
    return Device(node, f"GPU-{node}-{place}", "", "", "Tesla T4")


@st.composite
def _holds(draw: st.DrawFn, device: Device, regime: str) -> list[Hold]:
    holds = []
    resource = f"{MIG_RESOURCE_PREFIX}{device.profile}" if device.profile else GPU_RESOURCE
    place = f"{device.uuid}-{device.gpu_instance_id}".lower()
    if regime.startswith("slots"):
        for number in range(draw(st.integers(0, 3))):
            first = draw(st.integers(0, SCRAPES - 1))
            last = draw(st.integers(first + 1, SCRAPES))
            holds.append(Hold(f"p{number}-{place}", device, resource, draw(st.integers(1, 1)), first, last))
        return holds
    edges = sorted(draw(st.sets(st.integers(0, SCRAPES), max_size=4)))
    return [
        Hold(f"p{number}-{place}", device, resource, 1, first, last)
        for number, (first, last) in enumerate(pairwise(edges))
    ]


def usage_of(*windows: Sequence[Shared]) -> Usage:
    return make_usage(*windows)


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
    rates = [make_rate(node.name, cards=None) for node in fleet.nodes]
    return [matcher.match(usage, number, rates) for number in range(len(usage.windows))]


def by_pod(windows: Sequence[WindowHoldings]) -> dict[str, tuple[float, float]]:
    """Card minutes that each pod reserved and used."""
    found: defaultdict[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = defaultdict(lambda: np.zeros(2))
    for got in windows:
        holdings = got.holdings
        minutes = 60 * holdings.bills.alive_hours[holdings.device_node[holdings.device]]
        held = holdings.slice_share[holdings.device] * holdings.held_ratio * minutes
        ratio = np.nan_to_num(np.fmax(holdings.memory_ratio, holdings.compute_ratio), nan=0.0)
        for holder, reserved, used in zip(
            got.holders, held * holdings.slot_share, held * holdings.seen_ratio * ratio, strict=True
        ):
            found[holder.pod] += (reserved, used)
    return {pod: (float(reserved), float(used)) for pod, (reserved, used) in found.items()}

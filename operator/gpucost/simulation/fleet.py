"""The simulated fleet: who holds which device at any time, deterministic by its seed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gpucost.simulation.grid import Ticks, tick_at
from gpucost.simulation.hardware import Device, SimulatedNode
from gpucost.simulation.identity import stable_key, stable_uuid
from gpucost.simulation.lives import lives_of
from gpucost.simulation.nodes import build_nodes
from gpucost.simulation.pods import SimulatedNamespace, SimulatedPod
from gpucost.simulation.streams import STREAMS
from gpucost.simulation.workloads import NAMESPACES, USUAL_KEYS

FOREVER = 2**40
"""A tick that never comes."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One container holding one device."""

    pod: SimulatedPod
    container: str
    device: Device
    ticks: Ticks
    key: int
    """Of its curves."""


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Nodes, namespaces and pods of a stretch of time.

    Pods arrive until ``end``; before ``start`` there are only those that are still there at it.
    """

    seed: int
    start: datetime
    end: datetime
    nodes: tuple[SimulatedNode, ...]
    namespaces: tuple[SimulatedNamespace, ...]
    pods: tuple[SimulatedPod, ...]
    """In order of binding."""
    holds: Mapping[Device, tuple[Hold, ...]] = field(repr=False)
    """Of every device, in order of time; they never overlap."""

    @property
    def gpu_nodes(self) -> tuple[SimulatedNode, ...]:
        return tuple(node for node in self.nodes if node.cards)

    def pods_listed_at(self, at: datetime) -> tuple[SimulatedPod, ...]:
        """The pods that the API has in the scrape interval that contains ``at``, with ended ones of Jobs."""
        return tuple(
            pod for pod in self.pods if pod.bound < at and (pod.listed_until is None or at <= pod.listed_until)
        )


def make_fleet(*, seed: int, start: datetime, end: datetime) -> Fleet:
    """The same fleet for the same arguments, on every machine; ``end`` may lie in the future.

    A later ``end`` adds pods and changes none.
    """
    nodes = build_nodes(seed, start)
    devices = {node.name: node.devices for node in nodes}
    span = Ticks.of(start, end)
    pods = [pod for stream in STREAMS for pod in lives_of(stream, seed, devices[stream.node], span)]
    pods.sort(key=lambda pod: (pod.bound, pod.namespace, pod.name))
    return Fleet(
        seed=seed,
        start=start,
        end=end,
        nodes=nodes,
        namespaces=tuple(_namespace(name, seed) for name in NAMESPACES),
        pods=tuple(pods),
        holds=_holds(nodes, pods, seed),
    )


def _namespace(name: str, seed: int) -> SimulatedNamespace:
    payer = NAMESPACES[name]
    labels = {key: getattr(payer, dimension) for dimension, key in USUAL_KEYS.items() if payer.team != "unassigned"}
    return SimulatedNamespace(
        name=name,
        uid=stable_uuid(seed, "namespace", name),
        labels={"kubernetes.io/metadata.name": name, **labels},
    )


def _holds(nodes: tuple[SimulatedNode, ...], pods: list[SimulatedPod], seed: int) -> dict[Device, tuple[Hold, ...]]:
    holds: dict[Device, list[Hold]] = {device: [] for node in nodes for device in node.devices}
    for pod in pods:
        last = FOREVER if pod.ended is None else tick_at(pod.ended)
        ticks = Ticks(tick_at(pod.bound), last)
        for container in pod.containers:
            for device in container.devices:
                key = stable_key(seed, "use", pod.uid, container.name, device.uuid, device.gpu_instance_id)
                holds[device].append(Hold(pod, container.name, device, ticks, key))
    return {device: tuple(entries) for device, entries in holds.items()}

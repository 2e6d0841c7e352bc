"""Real pods on simulated cards: what kubelet and device plugin would do where there are cards."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from gpucost.model.fleet import Node, Pod
from gpucost.simulation.curves import Behaviour
from gpucost.simulation.fleet import FOREVER, Fleet, Hold
from gpucost.simulation.grid import Ticks, tick_at
from gpucost.simulation.hardware import Device, SimulatedNode
from gpucost.simulation.identity import stable_key
from gpucost.simulation.pods import Payer, SimulatedPod

_SEED = 1
_BEHAVIOURS = {"ReplicaSet": Behaviour.SERVING, "StatefulSet": Behaviour.INTERACTIVE, "Job": Behaviour.TRAINING}
"""By the kind of the owner; a pod without one does nothing."""

Claim = tuple[str, str]
"""Uid of the pod, name of the container."""


class Placing:
    """Who has which device of one node. A pod keeps its devices until it ends, whoever comes or goes beside it."""

    def __init__(self) -> None:
        self._slots: dict[Device, list[Claim]] = {}

    def place(self, node: Node, hardware: SimulatedNode, pods: Iterable[Pod], at: datetime) -> Fleet:
        """The fleet that is this node, with those of ``pods`` that run on it at ``at``.

        A shared device has one holder here, as in dcgm-exporter, which names one pod for each device.
        """
        running = sorted(
            (pod for pod in pods if pod.node == node.name and pod.ended is None),
            key=lambda pod: (pod.bound or at, pod.uid),
        )
        self._give_back(running)
        for pod in running:
            for request in pod.requests:
                devices = [device for device in hardware.devices if device.resource == request.resource]
                slots = _slots(node, request.resource, devices)
                self._take((pod.uid, request.container), request.count, devices, slots)
        simulated = {pod.uid: _simulated(pod, at) for pod in running}
        return Fleet(
            seed=_SEED,
            start=at,
            end=at,
            nodes=(hardware,),
            namespaces=(),
            pods=tuple(simulated.values()),
            holds={
                device: tuple(_hold(simulated[uid], container, device) for uid, container in self._claims(device)[:1])
                for device in hardware.devices
            },
        )

    def _claims(self, device: Device) -> list[Claim]:
        return self._slots.setdefault(device, [])

    def _give_back(self, running: Sequence[Pod]) -> None:
        there = {pod.uid for pod in running}
        for device, claims in self._slots.items():
            self._slots[device] = [claim for claim in claims if claim[0] in there]

    def _take(self, claim: Claim, count: int, devices: Sequence[Device], slots: int) -> None:
        """Slot after slot, of the emptiest device each: as the device plugin spreads pods over shared cards."""
        held = sum(self._claims(device).count(claim) for device in devices)
        for _ in range(count - held):
            free = [device for device in devices if len(self._claims(device)) < slots]
            if not free:
                return
            self._claims(min(free, key=lambda device: len(self._claims(device)))).append(claim)


def _slots(node: Node, resource: str, devices: Sequence[Device]) -> int:
    """In how many slots each of ``devices``, all of ``resource``, is handed out."""
    return max(1, node.capacity.get(resource, 0) // max(1, len(devices)))


def _simulated(pod: Pod, at: datetime) -> SimulatedPod:
    return SimulatedPod(
        namespace=pod.namespace,
        name=pod.name,
        uid=pod.uid,
        node=pod.node,
        labels=dict(pod.labels),
        owner=None,
        payer=Payer(),
        workload="",
        behaviour=_BEHAVIOURS.get(pod.owner.kind if pod.owner else "", Behaviour.NONE),
        containers=(),
        bound=min(pod.bound or at, at),
    )


def _hold(pod: SimulatedPod, container: str, device: Device) -> Hold:
    key = stable_key(_SEED, "use", pod.uid, container, device.uuid, device.gpu_instance_id)
    # The interval in which it was bound is its own already, so that no scrape after its start misses it.
    return Hold(pod, container, device, Ticks(tick_at(pod.bound) - 1, FOREVER), key)

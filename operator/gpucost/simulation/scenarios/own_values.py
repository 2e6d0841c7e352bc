"""Slots of cards of which the exporter says what each pod used, under time-slicing and MPS alike."""

from collections.abc import Sequence
from fractions import Fraction as F  # noqa: N817

from gpucost.simulation.scenarios.draft import Draft
from gpucost.simulation.scenarios.features import GPU
from gpucost.simulation.scenarios.measures import ENGINE, FREE, USED, UTIL
from gpucost.simulation.scenarios.objects import Container, NodeSpec, PodSpec
from gpucost.simulation.scenarios.shared_cards import SharedCollection, shared_node

for_each_sharing = SharedCollection()


def _own_values(
    s: Draft, node: NodeSpec, used: Sequence[tuple[PodSpec, int, int]], *, device: tuple[int, int], engine: float
) -> None:
    """Exporters from 4.5.3 on: FB_USED (MiB) and GPU_UTIL (%) per pod, and the device's beside them."""
    free = 40_000 - device[0]
    s.see(node, "a", memory=None, compute=None, values={USED: device[0], UTIL: device[1]})
    for slot, (pod, mib, percent) in enumerate(used):
        labels = {"vgpu": str(slot), "pod_uid": pod.uid}
        own = {USED: mib, UTIL: percent, FREE: free, ENGINE: engine}
        s.see(node, "a", pod, memory=None, compute=None, labels=labels, values=own)


@for_each_sharing
def what_each_pod_used_beside_what_the_device_did(s: Draft, sharing: str) -> None:
    """Own values beat copies of the device's: 20,000 of 40,000 MiB are half of it, whatever is free."""
    node = shared_node(s, sharing)
    big, small = s.pod("big-0", node), s.pod("small-0", node)
    _own_values(s, node, [(big, 20_000, 30), (small, 5_000, 20)], device=(30_000, 60), engine=0.6)
    s.owes(big, 0.5, 0.5, card="a")
    s.owes(small, 0.25, 0.2, card="a")
    s.rest(node, 0.25)


@for_each_sharing
def what_a_pod_used_printed_for_each_of_its_slots(s: Draft, sharing: str) -> None:
    """Half the memory, printed twice, is still half."""
    node = shared_node(s, sharing)
    big, small = s.pod("big-0", node, 2), s.pod("small-0", node)
    used = [(big, 20_000, 30), (big, 20_000, 30), (small, 5_000, 20)]
    _own_values(s, node, used, device=(30_000, 50), engine=0.5)
    s.owes(big, 0.5, 0.5, card="a")
    s.owes(small, 0.25, 0.2, card="a")
    s.rest(node, 0.25)


@for_each_sharing
def what_a_pod_used_printed_for_each_of_its_containers(s: Draft, sharing: str) -> None:
    """Own values are the pod's, whichever of its containers they name: together the two used half the memory."""
    node = shared_node(s, sharing)
    names = ("encode", "decode")
    pod = s.pod("pipeline-0", node, containers=[Container(name=name, requests={GPU: 1}) for name in names])
    s.see(node, "a", memory=None, compute=None, values={USED: 20_000, UTIL: 30})
    for slot, name in enumerate(names):
        own = {USED: 20_000, UTIL: 30, FREE: 20_000, ENGINE: 0.3}
        labels = {"vgpu": str(slot), "pod_uid": pod.uid}
        s.see(node, "a", pod, container=name, memory=None, compute=None, labels=labels, values=own)
    s.owes(pod, 0.5, 0.5)
    s.rest(node, 0.5)


@for_each_sharing
def all_pods_at_zero_while_the_device_is_full(s: Draft, sharing: str) -> None:
    """The exporter cannot map processes to pods: zeros are no data, and 75 % are split by slots."""
    node = shared_node(s, sharing)
    pods = [s.pod(f"serve-{number}", node) for number in range(2)]
    s.see(node, "a", memory=None, compute=None, values={USED: 30_000, UTIL: 60})
    for slot, pod in enumerate(pods):
        own = {USED: 0, UTIL: 0, FREE: 10_000, ENGINE: 0.6}
        s.see(node, "a", pod, memory=None, compute=None, labels={"vgpu": str(slot)}, values=own)
        s.owes(pod, 0.375, 0.375, flags="estimated samples-dropped")
    s.rest(node, 0.25)


@for_each_sharing
def one_holder_takes_what_others_reserved(s: Draft, sharing: str) -> None:
    """0.9 + 3 x 0.25 do not fit on a card: idle gives way, nobody pays less than they used."""
    node = shared_node(s, sharing)
    big, *others = [s.pod(f"serve-{number}", node) for number in range(4)]
    used = [(big, 20_000, 90), *((pod, 400, 0) for pod in others)]
    _own_values(s, node, used, device=(21_200, 90), engine=0.9)
    s.owes(big, 0.9, 0.9)
    for pod in others:
        s.owes(pod, F(1, 30), 0.01, flags="capped")
    s.rest(node, 0)


@for_each_sharing
def pods_that_seem_to_use_more_than_the_device(s: Draft, sharing: str) -> None:
    """70 % and 50 % of one device are scaled to it."""
    node = shared_node(s, sharing)
    one, other = s.pod("serve-0", node), s.pod("serve-1", node)
    _own_values(s, node, [(one, 4_000, 70), (other, 4_000, 50)], device=(8_000, 100), engine=1.0)
    s.owes(one, F(7, 12), F(7, 12), flags="capped")
    s.owes(other, F(5, 12), F(5, 12), flags="capped")
    s.rest(node, 0)

"""Time-slicing, also of MIG instances."""

from fractions import Fraction as F  # noqa: N817

from gpucost.simulation.scenarios import own_values, sharing
from gpucost.simulation.scenarios.collection import Collection
from gpucost.simulation.scenarios.draft import Draft
from gpucost.simulation.scenarios.features import A100_40, GPU, mig_mixed, mig_single
from gpucost.simulation.scenarios.measures import ENGINE, FREE, USED
from gpucost.simulation.scenarios.objects import NodeSpec
from gpucost.simulation.scenarios.shared_cards import SHARED

TIME_SLICING = "time-slicing"

scenario = Collection()
sharing.for_each_sharing.add_to(scenario, TIME_SLICING)
own_values.for_each_sharing.add_to(scenario, TIME_SLICING)


def _two_slots_an_instance(s: Draft, node: NodeSpec, resource: str) -> None:
    """Two pods share one instance that is used by 80 %, a third has a slot of another and uses 90 % of it."""
    pods = [s.pod(f"serve-{number}", node, {resource: 1}) for number in range(3)]
    for slot, pod in enumerate(pods[:2]):
        s.see(node, "a", pod, instance=("7", "1g.5gb"), memory=0.8, labels={"vgpu": str(slot)})
        s.owes(
            pod,
            F(1, 14),
            F(8, 10) / 14,
            instance="7",
            flags="estimated",
            says={"sharing": TIME_SLICING, "profile": "1g.5gb"},
        )
    s.see(node, "a", pods[2], instance=("8", "1g.5gb"), compute=0.9, labels={"vgpu": "0"})
    s.owes(pods[2], F(9, 70), F(9, 70), instance="8", flags="estimated")
    s.idle(node, "a", "1g.5gb", range(9, 14))
    s.rest(node, F(51, 70))


@scenario
def time_slices_of_mig_instances(s: Draft) -> None:
    """A slot of an instance is a half of a seventh."""
    labels = mig_mixed(A100_40, 1, {"1g.5gb": 7}, sharing=TIME_SLICING, replicas=2)
    node = s.node(capacity={GPU: 0, "nvidia.com/mig-1g.5gb": 14}, labels=labels)
    _two_slots_an_instance(s, node, "nvidia.com/mig-1g.5gb")


@scenario
def time_slices_of_mig_instances_under_another_name(s: Draft) -> None:
    """nvidia.com/mig-1g.5gb.shared passes the exporter's filter, which looks at the prefix."""
    labels = mig_mixed(A100_40, 1, {"1g.5gb": 7}, sharing=TIME_SLICING, replicas=2)
    node = s.node(capacity={GPU: 0, "nvidia.com/mig-1g.5gb.shared": 14}, labels=labels)
    _two_slots_an_instance(s, node, "nvidia.com/mig-1g.5gb.shared")


@scenario
def time_slices_of_mig_instances_that_are_plain_gpus(s: Draft) -> None:
    """MIG strategy single: seven instances, fourteen slots, one card."""
    labels = mig_single(A100_40, "1g.5gb", 7, sharing=TIME_SLICING, replicas=2)
    node = s.node(capacity={GPU: 14}, labels=labels)
    _two_slots_an_instance(s, node, GPU)


@scenario
def slots_of_a_node_that_feature_discovery_does_not_label(s: Draft) -> None:
    """One card is seen and four slots are handed out, so a slot is a quarter."""
    node = s.node(capacity={SHARED: 4}, labels={})
    pod = s.pod("serve-0", node, {SHARED: 2})
    s.see(node, "a", memory=0.4)
    s.owes(pod, 0.5, 0.4, flags="estimated")
    s.rest(node, 0.5)
    s.told("SlotsEstimated")


@scenario
def memory_of_each_pod_on_one_slice(s: Draft) -> None:
    """On instances exporters measure memory alone per pod; compute, of which there are but copies, is split by slots.

    The big pod is at max(1/2, 0.6/2), the small one at max(1/10, 0.6/2) of the instance, which is half a card.
    """
    labels = mig_mixed(A100_40, 1, {"3g.20gb": 1}, sharing=TIME_SLICING, replicas=2)
    node = s.node(capacity={GPU: 0, "nvidia.com/mig-3g.20gb": 2}, labels=labels)
    big, small = (s.pod(name, node, {"nvidia.com/mig-3g.20gb": 1}) for name in ("big-0", "small-0"))
    slice_ = ("1", "3g.20gb")
    s.see(node, "a", instance=slice_, memory=None, compute=None, values={USED: 12_000})
    for slot, (pod, mib) in enumerate(((big, 10_000), (small, 2_000))):
        own = {USED: mib, FREE: 8_000, ENGINE: 0.6}
        vgpu = {"vgpu": str(slot), "pod_uid": pod.uid}
        s.see(node, "a", pod, instance=slice_, memory=None, compute=None, labels=vgpu, values=own)
    s.owes(big, 0.25, 0.25, flags="estimated")
    s.owes(small, 0.25, 0.15, flags="estimated")
    s.rest(node, 0.5, reasons={"sliver": 0.5})


@scenario
def slots_of_instances_that_nobody_names(s: Draft) -> None:
    """Two instances of 2/7 of a card, used by 50 % and 100 %: three slots share a pool that did 3/7 of a card."""
    labels = mig_mixed(A100_40, 1, {"2g.10gb": 2}, sharing=TIME_SLICING, replicas=2)
    node = s.node(capacity={GPU: 0, "nvidia.com/mig-2g.10gb.shared": 4}, labels=labels)
    s.see(node, "a", instance=("3", "2g.10gb"), compute=0.5)
    s.see(node, "a", instance=("4", "2g.10gb"), compute=1.0)
    for number in range(3):
        pod = s.pod(f"serve-{number}", node, {"nvidia.com/mig-2g.10gb.shared": 1})
        s.owes(pod, F(1, 7), F(1, 7), flags="estimated")
    s.rest(node, F(4, 7), reasons={"free": F(1, 7), "sliver": F(3, 7)})


@scenario
def slots_of_a_card_beside_instances_that_are_not_shared(s: Draft) -> None:
    """One card in four slots, the other cut in seven: each resource has its own regime."""
    labels = {
        **mig_mixed(A100_40, 2, {"1g.5gb": 7}),
        "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-SHARED",
        "nvidia.com/gpu.replicas": "4",
        "nvidia.com/gpu.sharing-strategy": TIME_SLICING,
    }
    node = s.node(cards=2, capacity={GPU: 4, "nvidia.com/mig-1g.5gb": 7}, labels=labels)
    slot, slice_ = s.pod("slot-0", node), s.pod("slice-0", node, {"nvidia.com/mig-1g.5gb": 1})
    s.see(node, "a", slot, memory=0.2)
    s.see(node, "b", slice_, instance=("7", "1g.5gb"), memory=0.5)
    s.idle(node, "b", "1g.5gb", range(8, 14))
    s.owes(slot, 0.25, 0.2, flags="estimated", says={"sharing": TIME_SLICING})
    s.owes(slice_, F(1, 7), F(1, 14), says={"sharing": "mig"})
    s.rest(node, 2 - F(1, 4) - F(1, 7))

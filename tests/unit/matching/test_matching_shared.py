"""What tells that devices are shared, and how."""

from math import nan

import pytest
from matched_windows import (
    NOBODY,
    Shared,
    Shown,
    figures,
    held,
    instance,
    make_node,
    make_pod,
    match,
)
from sliced_nodes import GPU, MIG, ONE_CARD, POD_A, T4, A, B, sliced

from gpucost.model.fleet import Node, Pod

RENAMED = {f"{GPU}.product": "Tesla-T4", f"{GPU}.count": "1", f"{GPU}.replicas": "4"}
TOLD: dict[str, tuple[Node, Pod, str]] = {
    "time-slicing": (sliced(), POD_A, "time-slicing"),
    "MPS": (sliced(strategy="mps"), POD_A, "mps"),
    "time-slicing, renamed": (
        make_node(labels={**RENAMED, f"{GPU}.sharing-strategy": "time-slicing"}, capacity={f"{GPU}.shared": 4}),
        make_pod("a", requests={"main:.shared": 1}),
        "time-slicing",
    ),
    "MPS, renamed": (
        make_node(labels={**RENAMED, f"{GPU}.sharing-strategy": "mps"}, capacity={f"{GPU}.shared": 4}),
        make_pod("a", requests={"main:.shared": 1}),
        "mps",
    ),
    "an older discovery that labels no strategy": (make_node(labels=RENAMED, capacity={GPU: 4}), POD_A, "time-slicing"),
    "an older discovery with MPS": (
        make_node(labels={**RENAMED, "nvidia.com/mps.capable": "true"}, capacity={GPU: 4}),
        POD_A,
        "mps",
    ),
}


@pytest.mark.parametrize(("node", "pod", "sharing"), TOLD.values(), ids=TOLD)
def test_labels_tell_how_cards_are_shared(node: Node, pod: Pod, sharing: str) -> None:
    got = match((T4, A, 10, nan, 0.8), pods=[pod], nodes=[node], rates=[ONE_CARD])
    assert figures(got) == {"GPU-a a": (0.25, 0.8)}
    assert [holder.sharing for holder in got.holders] == [sharing]
    assert got.notes == ()


ON_INSTANCES: dict[str, tuple[Node, str]] = {
    "mixed": (
        make_node(
            labels={
                f"{GPU}.product": "NVIDIA-A100-SXM4-40GB",
                f"{GPU}.count": "1",
                "nvidia.com/mig.strategy": "mixed",
                f"{MIG}.replicas": "2",
                f"{MIG}.sharing-strategy": "time-slicing",
                f"{MIG}.count": "2",
            },
            capacity={MIG: 4},
        ),
        "main:1g.5gb",
    ),
    "mixed, renamed": (
        make_node(
            labels={
                f"{GPU}.product": "NVIDIA-A100-SXM4-40GB",
                f"{GPU}.count": "1",
                "nvidia.com/mig.strategy": "mixed",
                f"{MIG}.replicas": "2",
                f"{MIG}.sharing-strategy": "time-slicing",
                f"{MIG}.count": "2",
            },
            capacity={f"{MIG}.shared": 4},
        ),
        "main:1g.5gb.shared",
    ),
    "single": (
        make_node(
            labels={
                f"{GPU}.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb-SHARED",
                f"{GPU}.count": "2",
                f"{GPU}.replicas": "2",
                f"{GPU}.sharing-strategy": "time-slicing",
                "nvidia.com/mig.strategy": "single",
            },
            capacity={GPU: 4},
        ),
        "main",
    ),
}


@pytest.mark.parametrize(("node", "request_"), ON_INSTANCES.values(), ids=ON_INSTANCES)
def test_slots_of_mig_instances(node: Node, request_: str) -> None:
    pods = [make_pod("a", requests={request_: 1}), make_pod("b", requests={request_: 2})]
    shown: list[Shown] = [(instance(1), A, 10, nan, 0.9), (instance(2), NOBODY, 10, nan, 0.3)]
    got = match(*shown, pods=pods, nodes=[node], rates=[ONE_CARD])
    assert figures(got) == {"? a": (0.0714, 0.0571), "? b": (0.1429, 0.1143)}
    assert {(holder.sharing, holder.device.profile) for holder in got.holders} == {("time-slicing", "1g.5gb")}
    assert got.holdings.slice_share.tolist() == pytest.approx([2 / 7])
    told: list[Shown] = [
        Shared(instance(1), A, 10, nan, 0.9, slots=1),
        Shared(instance(1), B, 10, nan, 0.9, slots=1),
        Shared(instance(2), B, 10, nan, 0.3, slots=1),
    ]
    assert figures(match(*told, pods=pods, nodes=[node], rates=[ONE_CARD])) == {
        "GPU-a/1 a": (0.0714, 0.0643),
        "GPU-a/1 b": (0.0714, 0.0643),
        "GPU-a/2 b": (0.0714, 0.0429),
    }


def test_compute_instances_of_one_gpu_instance_share_it_by_their_slices() -> None:
    node = make_node(
        labels={"nvidia.com/mig.strategy": "mixed", f"{GPU}.product": "NVIDIA-A100-SXM4-40GB", f"{GPU}.count": "1"}
    )
    pods = [make_pod("a", requests={"main:1c.3g.20gb": 1}), make_pod("b", requests={"main:2c.3g.20gb": 1})]
    got = match((instance(1, "3g.20gb"), A, 10, nan, 0.9), pods=pods, nodes=[node], rates=[ONE_CARD])
    assert figures(got) == {"GPU-a/1 a": (0.1667, 0.15), "GPU-a/1 b": (0.3333, 0.3)}
    assert {holder.sharing for holder in got.holders} == {"mig"}
    assert held(got) == {"GPU-a/1 a": 1.0, "GPU-a/1 b": 1.0}

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gpucost.model.fleet import Node
from gpucost.model.node_details import Detail, details_of, node_of

CREATED = datetime(2026, 11, 24, 8, tzinfo=UTC)
SEEN, ENDED = CREATED + timedelta(hours=1), CREATED + timedelta(hours=2)
RATE = "example.com/rate"
KEPT = {
    "node.kubernetes.io/instance-type": "p4d.24xlarge",
    "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB",
    "nvidia.com/gpu.count": "8",
    "nvidia.com/gpu.memory": "40960",
    "nvidia.com/gpu.present": "true",
    "nvidia.com/gpu.replicas": "4",
    "nvidia.com/gpu.sharing-strategy": "time-slicing",
    "nvidia.com/mig-1g.5gb.count": "7",
    "nvidia.com/mig-1g.5gb.memory": "4864",
    "nvidia.com/mig-1g.5gb.replicas": "2",
    "nvidia.com/mig-1g.5gb.sharing-strategy": "mps",
    "nvidia.com/mig-1g.5gb.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb-SHARED",
    "nvidia.com/mig.strategy": "mixed",
    "nvidia.com/mig.config.state": "success",
    "nvidia.com/mps.capable": "true",
    "zone": "a",
    "empty": "",
}
NODE = Node(
    name="n1",
    uid="u1",
    created=CREATED,
    labels=KEPT,
    annotations={RATE: "2.50"},
    capacity={"nvidia.com/gpu": 32, "nvidia.com/mig-1g.5gb": 0},
    cpus=0.1,
    memory_gib=1121.7 / 3,
    ready=False,
    schedulable=False,
    last_seen=SEEN,
    ended=ENDED,
)


def told(node: Node) -> list[Detail]:
    return list(details_of(node, labels={"zone", "empty"}, annotations=(RATE,)))


def made_of(details: Iterable[Detail]) -> Node:
    return node_of(details, name="n1", uid="u1", created=CREATED, last_seen=SEEN, ended=ENDED)


NODES = {
    "all that can be told": NODE,
    "ready and schedulable": replace(NODE, ready=True, schedulable=True),
    "nothing but its state": Node(name="n1", uid="u1", created=CREATED, last_seen=SEEN, ended=ENDED),
}


@pytest.mark.parametrize("node", NODES.values(), ids=NODES)
def test_a_node_is_made_again_of_what_is_told_of_it(node: Node) -> None:
    assert made_of(told(node)) == node


def test_labels_and_annotations_that_decide_nothing_are_not_told() -> None:
    noise = {
        "nvidia.com/gpu.deploy.dcgm-exporter": "true",
        "nvidia.com/cuda.driver.major": "550",
        "nvidia.com/mig-1g.5gb.engines.copy": "1",
        "kubernetes.io/hostname": "n1",
    }
    noisy = replace(NODE, labels=KEPT | noise, annotations={RATE: "2.50", "kubectl.kubernetes.io/last": "{}"})
    assert told(noisy) == told(NODE)


def test_an_annotation_of_any_length_is_told_in_a_few_letters() -> None:
    (rate,) = (
        detail for detail in told(replace(NODE, annotations={RATE: " 2.5" + "0" * 300_000})) if detail.key == RATE
    )
    assert (rate.value[:4], len(rate.value)) == ("2.50", 64)


ODD = {
    "a count that is none": Detail("capacity", "nvidia.com/gpu", "many"),
    "a negative count": Detail("capacity", "nvidia.com/gpu", "-1"),
    "a count beyond all nodes": Detail("capacity", "nvidia.com/gpu", "9" * 30),
    "a digit that is not ASCII": Detail("capacity", "nvidia.com/gpu", "²"),
    "a label value that Kubernetes does not allow": Detail("label", "zone", "a\nb"),
    "a label value that is too long": Detail("label", "zone", "a" * 65),
    "a key that is too long": Detail("label", "z" * 318, "a"),
    "CPUs that are no number": Detail("state", "cpus", "nan"),
    "memory without end": Detail("state", "memoryGib", "inf"),
    "CPUs that are no amount": Detail("state", "cpus", "4 cores"),
    "another kind": Detail("taint", "zone", "a"),
}


@pytest.mark.parametrize("detail", ODD.values(), ids=ODD)
def test_what_cannot_be_a_detail_is_left_out(detail: Detail) -> None:
    assert made_of([detail]) == made_of([])

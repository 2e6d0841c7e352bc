from datetime import UTC, datetime
from typing import Any

import pytest

from gpucost.cluster.decode import decode_cluster_uid, decode_namespaces, decode_nodes, decode_pods
from gpucost.cluster.quantity import parse_count, parse_cpus, parse_gib
from gpucost.cluster.resources import GpuResources
from gpucost.model.errors import InputError
from gpucost.model.fleet import Owner, Pod, Request
from tests.unit.cluster.kube_objects import (
    BOUND_AT,
    Json,
    make_condition,
    make_container,
    make_namespace,
    make_node,
    make_page,
    make_pod,
)

GPU = "nvidia.com/gpu"
MIG = "nvidia.com/mig-1g.5gb"


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 11, 24, hour, minute, second, tzinfo=UTC)


def read_pod(pod: Json) -> Pod:
    decoded = decode_pods(make_page(pod), GpuResources())
    assert decoded.problems == ()
    (only,) = decoded.objects
    return only


def gpus(name: str, count: int, **more: Any) -> Json:
    return make_container(name, requests={GPU: str(count)}, **more)


REQUESTS: dict[str, tuple[list[Json], list[Json], list[tuple[str, str, int]]]] = {
    "every container holds its own": (
        [gpus("a", 1), gpus("b", 2)],
        [],
        [("a", GPU, 1), ("b", GPU, 2)],
    ),
    "a container without a GPU is no holder": (
        [gpus("a", 1), make_container("log", limits={"cpu": "1"})],
        [],
        [("a", GPU, 1)],
    ),
    "a limit stands in for an absent request": ([make_container("a", limits={GPU: 2})], [], [("a", GPU, 2)]),
    "a request counts before a limit": (
        [make_container("a", limits={GPU: 2}, requests={GPU: 1})],
        [],
        [("a", GPU, 1)],
    ),
    "MIG profiles and renamed slots are GPUs too": (
        [make_container("a", limits={MIG: "1", f"{GPU}.shared": "3"})],
        [],
        [("a", MIG, 1), ("a", f"{GPU}.shared", 3)],
    ),
    "a sidecar holds its own beside the containers": (
        [gpus("a", 1)],
        [gpus("side", 1, restart_policy="Always")],
        [("a", GPU, 1), ("side", GPU, 1)],
    ),
    "an init container that fits into the containers' devices adds nothing": (
        [gpus("a", 2)],
        [gpus("init", 2)],
        [("a", GPU, 2)],
    ),
    "an init container that needs more adds only the difference": (
        [gpus("a", 1)],
        [gpus("init", 4)],
        [("a", GPU, 1), ("init", GPU, 3)],
    ),
    "init containers run one after the other: only the largest counts": (
        [gpus("a", 1)],
        [gpus("small", 2), gpus("large", 4), gpus("last", 3)],
        [("a", GPU, 1), ("large", GPU, 3)],
    ),
    "a sidecar counts beside the init containers after it": (
        [gpus("a", 1)],
        [gpus("side", 1, restart_policy="Always"), gpus("init", 2)],
        [("a", GPU, 1), ("side", GPU, 1), ("init", GPU, 1)],
    ),
    "a sidecar does not count beside the init containers before it": (
        [gpus("a", 1)],
        [gpus("init", 2), gpus("side", 1, restart_policy="Always")],
        [("a", GPU, 1), ("side", GPU, 1)],
    ),
    "an init container of another resource is on its own": (
        [gpus("a", 1)],
        [make_container("init", requests={MIG: "1"})],
        [("a", GPU, 1), ("init", MIG, 1)],
    ),
}


@pytest.mark.parametrize(("containers", "init", "expected"), REQUESTS.values(), ids=REQUESTS)
def test_requests_are_counted_as_the_scheduler_does(
    containers: list[Json], init: list[Json], expected: list[tuple[str, str, int]]
) -> None:
    pod = read_pod(make_pod(spec__containers=containers, spec__initContainers=init))
    assert pod.requests == tuple(Request(*entry) for entry in expected)


LEFT_OUT: dict[str, Json] = {
    "a pod that is not bound": make_pod(spec__nodeName=""),
    "a pod without a node": make_pod(spec__nodeName=None),
    "a pod without a GPU": make_pod(spec__containers=[make_container(limits={"cpu": "1"})]),
    "a pod that asks for no GPU explicitly": make_pod(spec__containers=[make_container(limits={GPU: "0"})]),
    "a pod with another vendor's devices": make_pod(spec__containers=[make_container(limits={"amd.com/gpu": "1"})]),
}


@pytest.mark.parametrize("pod", LEFT_OUT.values(), ids=LEFT_OUT)
def test_pods_that_hold_no_gpu_are_left_out_in_silence(pod: Json) -> None:
    decoded = decode_pods(make_page(pod), GpuResources())
    assert (decoded.objects, decoded.problems) == ((), ())


def test_other_resources_can_be_declared_gpus() -> None:
    pod = make_pod(spec__containers=[make_container(limits={"example.com/gpu": "1"})])
    decoded = decode_pods(make_page(pod), GpuResources(names=("example.com/gpu",)))
    assert decoded.objects[0].requests == (Request("main", "example.com/gpu", 1),)


def test_a_pod_has_its_names_labels_and_controller() -> None:
    owners = [
        {"kind": "Queue", "name": "q", "uid": "1"},
        {"kind": "Job", "name": "train-1", "uid": "2", "controller": True},
    ]
    pod = read_pod(make_pod(metadata__ownerReferences=owners))
    assert pod == Pod(
        uid="uid-train",
        namespace="ml",
        name="train",
        node="n1",
        labels={"team": "vision"},
        owner=Owner("Job", "train-1"),
        requests=(Request("main", GPU, 1),),
        bound=at(8),
    )


BOUND: dict[str, tuple[Json, datetime | None]] = {
    "the scheduler bound it": ({}, at(8)),
    "created with its node named, from its start": ({"status__conditions": None}, at(8, 0, 5)),
    "a scheduler that failed bound nothing": (
        {"status__conditions": [make_condition("PodScheduled", "False", BOUND_AT)]},
        at(8, 0, 5),
    ),
    "not started yet, from its creation": ({"status": {}}, at(7, 59)),
    "nothing says when": ({"status": {}, "metadata__creationTimestamp": None}, None),
}


@pytest.mark.parametrize(("parts", "bound"), BOUND.values(), ids=BOUND)
def test_a_pod_holds_since(parts: Json, bound: datetime | None) -> None:
    assert read_pod(make_pod(**parts)).bound == bound


def finished(*times: str | None) -> list[Json]:
    return [{"name": "c", "state": {"terminated": {"exitCode": 0, "finishedAt": time}}} for time in times]


ENDED: dict[str, tuple[Json, datetime | None]] = {
    "a running pod has not ended, even with a finished container": (
        {"status__containerStatuses": finished("2026-11-24T09:00:00Z")},
        None,
    ),
    "a deleted pod holds until it is terminal": (
        {"metadata__deletionTimestamp": "2026-11-24T09:00:00Z"},
        None,
    ),
    "the last container ends the pod": (
        {
            "status__phase": "Succeeded",
            "status__containerStatuses": finished("2026-11-24T09:00:00Z", "2026-11-24T09:30:00Z", None),
        },
        at(9, 30),
    ),
    "a failed init container ends the pod": (
        {
            "status__phase": "Failed",
            "status__containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "PodInitializing"}}}],
            "status__initContainerStatuses": finished("2026-11-24T08:10:00Z"),
        },
        at(8, 10),
    ),
    "without container states the loss of readiness ends it": (
        {
            "status__phase": "Failed",
            "status__conditions": [
                make_condition("PodScheduled", "True", BOUND_AT),
                make_condition("Ready", "False", "2026-11-24T08:20:00Z"),
                make_condition("ContainersReady", "False", "2026-11-24T08:21:00Z"),
            ],
        },
        at(8, 21),
    ),
    "an eviction ends it": (
        {
            "status__phase": "Failed",
            "status__conditions": [
                make_condition("PodScheduled", "True", BOUND_AT),
                make_condition("Ready", "False", "2026-11-24T08:20:00Z"),
                make_condition("DisruptionTarget", "True", "2026-11-24T08:40:00Z"),
            ],
        },
        at(8, 40),
    ),
    "then its deletion": (
        {"status__phase": "Failed", "metadata__deletionTimestamp": "2026-11-24T08:50:00Z"},
        at(8, 50),
    ),
    "a pod that its node refused held nothing": ({"status__phase": "Failed"}, at(8)),
    "a pod of which only the creation is known held nothing": ({"status": {"phase": "Failed"}}, at(7, 59)),
    "a pod never ends before it was bound": (
        {"status__phase": "Failed", "status__containerStatuses": finished("1970-01-01T00:00:00Z")},
        at(8),
    ),
}


@pytest.mark.parametrize(("parts", "ended"), ENDED.values(), ids=ENDED)
def test_end_of_a_pod(parts: Json, ended: datetime | None) -> None:
    assert read_pod(make_pod(**parts)).ended == ended


BAD_PODS: dict[str, tuple[Json, str]] = {
    "an unreadable time": (make_pod(status__startTime="yesterday", status__conditions=[]), "Pod ml/train"),
    "a time without a zone": (
        make_pod(status__startTime="2026-11-24T08:00:00", status__conditions=[]),
        "no time zone",
    ),
    "a time before all calendars": (
        make_pod(status__startTime="0001-01-01T00:00:00+05:00", status__conditions=[]),
        "Pod ml/train",
    ),
    "half a GPU": (make_pod(spec__containers=[gpus("a", 1), make_container("b", limits={GPU: "500m"})]), "500m"),
    "no uid": (make_pod(metadata__uid=""), "metadata.uid"),
    "a field of another type": (make_pod(metadata__labels=["team"]), "metadata.labels"),
}


@pytest.mark.parametrize(("bad", "words"), BAD_PODS.values(), ids=BAD_PODS)
def test_a_bad_pod_is_told_and_the_others_are_read(bad: Json, words: str) -> None:
    decoded = decode_pods(make_page(make_pod("before"), bad, make_pod("after")), GpuResources())
    assert [pod.name for pod in decoded.objects] == ["before", "after"]
    (problem,) = decoded.problems
    assert words in problem
    assert "left out" in problem


NO_PAGES: dict[str, bytes] = {
    "nothing": b"",
    "half a page": make_page(make_pod())[:-20],
    "no JSON": b"<html>502 Bad Gateway</html>",
    "no list": b'{"kind": "Status", "status": "Failure"}',
    "a single pod": b'{"kind": "Pod", "metadata": {"name": "x"}, "spec": {}}',
    "a list of another kind": make_page(kind="NodeList"),
    "objects of another kind": make_page(make_pod() | {"kind": "ReplicaSet"}),
    "another encoding": make_page(make_pod()).decode().encode("utf-16"),
    "endless nesting": b'{"items": ' + b"[" * 200_000,
}


@pytest.mark.parametrize("data", NO_PAGES.values(), ids=NO_PAGES)
def test_what_is_no_list_of_pods_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        decode_pods(data, GpuResources())


def test_a_pod_whose_text_is_broken_is_told_and_the_others_are_read() -> None:
    page = make_page(make_pod("before"), make_pod("BROKEN")).replace(b"BROKEN", b"\xff\xfe")
    decoded = decode_pods(page, GpuResources())
    assert [pod.name for pod in decoded.objects] == ["before"]
    assert decoded.problems[0].startswith("Pod number 2 of a list is left out: ")


def test_a_page_names_the_next_one() -> None:
    assert decode_pods(make_page(next_page="abc"), GpuResources()).next_page == "abc"
    assert decode_pods(make_page(), GpuResources()).next_page == ""


def test_a_node_has_its_gpu_capacity_and_state() -> None:
    decoded = decode_nodes(
        make_page(
            make_node(metadata__annotations={"gpucost.io/hourly-rate": "1"}),
            make_node(
                "n2",
                spec={"unschedulable": True},
                status__conditions=[make_condition("Ready", "Unknown", BOUND_AT)],
                status__capacity={MIG: "7", "nvidia.com/gpu": "1k", "cpu": "1"},
            ),
        ),
        GpuResources(),
    )
    first, second = decoded.objects
    assert (first.capacity, first.ready, first.schedulable) == ({GPU: 8}, True, True)
    assert first.instance_type == "p4d.24xlarge"
    assert first.annotations == {"gpucost.io/hourly-rate": "1"}
    assert first.created == datetime(2026, 11, 1, tzinfo=UTC)
    assert (second.capacity, second.ready, second.schedulable) == ({MIG: 7, GPU: 1000}, False, False)


def test_a_capacity_that_is_no_count_is_told_and_the_node_stays() -> None:
    decoded = decode_nodes(make_page(make_node(status__capacity={GPU: "eight", MIG: "2"})), GpuResources())
    assert decoded.objects[0].capacity == {MIG: 2}
    assert decoded.problems == (
        'Node n1: its capacity of nvidia.com/gpu is left out: "eight" is no quantity; a count is written as "8"',
    )


def test_a_node_has_its_cpus_and_memory() -> None:
    (node,) = decode_nodes(make_page(make_node()), GpuResources()).objects
    assert (node.cpus, node.memory_gib) == (96.0, 1152.0)


def test_a_node_that_tells_neither_cpus_nor_memory_is_no_problem() -> None:
    decoded = decode_nodes(make_page(make_node(status__capacity={GPU: "8"})), GpuResources())
    (node,) = decoded.objects
    assert (node.cpus, node.memory_gib, decoded.problems) == (0.0, 0.0, ())


def test_cpus_and_memory_that_are_no_quantities_are_told_and_the_node_stays() -> None:
    capacity = {"cpu": "many", "memory": "lots", GPU: "8"}
    decoded = decode_nodes(make_page(make_node(status__capacity=capacity)), GpuResources())
    (node,) = decoded.objects
    assert (node.cpus, node.memory_gib, node.capacity) == (0.0, 0.0, {GPU: 8})
    assert decoded.problems == (
        'Node n1: its capacity of cpu is left out: "many" is no quantity; CPUs are written as "96" or "95500m"',
        'Node n1: its capacity of memory is left out: "lots" is no quantity; memory is written as "1152Gi"',
    )


def test_namespaces_have_labels() -> None:
    page = make_page(make_namespace("ml", team="vision"), {"metadata": {"name": "bare"}})
    assert dict(decode_namespaces(page).objects) == {"ml": {"team": "vision"}, "bare": {}}


def test_a_cluster_is_told_from_others_by_the_namespace_that_each_has() -> None:
    assert decode_cluster_uid(make_page(make_namespace("ml"), make_namespace("kube-system"))) == "uid-kube-system"
    assert decode_cluster_uid(make_page(make_namespace("ml"))) == ""


COUNTS: dict[str, tuple[str | int | float, int]] = {
    "a plain number": ("8", 8),
    "a JSON number": (8, 8),
    "thousands": ("1k", 1000),
    "binary thousands": ("1Ki", 1024),
    "thousandths that make a whole": ("2000m", 2),
    "a decimal exponent": ("1e2", 100),
    "a decimal that is whole": ("4.0", 4),
    "nothing": ("0", 0),
}


@pytest.mark.parametrize(("quantity", "count"), COUNTS.values(), ids=COUNTS)
def test_quantity(quantity: str | int | float, count: int) -> None:
    assert parse_count(quantity) == count


@pytest.mark.parametrize("quantity", ["", "-1", "eight", "1.5", "500m", "1e9", "1e999999999", "9" * 5000, "NaN", "٨"])
def test_what_is_no_count_is_refused(quantity: str) -> None:
    with pytest.raises(ValueError, match="count"):
        parse_count(quantity)


CPUS: dict[str, tuple[str | int | float, float]] = {
    "whole": ("96", 96.0),
    "thousandths": ("95500m", 95.5),
    "a decimal": ("1.5", 1.5),
    "a JSON number": (4, 4.0),
    "a decimal exponent": ("1e1", 10.0),
    "none": ("0", 0.0),
}


@pytest.mark.parametrize(("quantity", "cpus"), CPUS.values(), ids=CPUS)
def test_cpus(quantity: str | int | float, cpus: float) -> None:
    assert parse_cpus(quantity) == cpus


MEMORY: dict[str, tuple[str | int | float, float]] = {
    "binary gigabytes": ("1152Gi", 1152.0),
    "as the kubelet writes it": ("1207959552Ki", 1152.0),
    "binary terabytes": ("2Ti", 2048.0),
    "bytes": ("1073741824", 1.0),
    "decimal gigabytes": ("1G", 10**9 / 2**30),
    "decimal terabytes": ("2T", 2 * 10**12 / 2**30),
    "exabytes are no exponent": ("0.0001E", 10**14 / 2**30),
    "binary exabytes are no exponent": ("0.0001Ei", 2**60 / 10**4 / 2**30),
    "an exponent of two digits": ("1e12", 10**12 / 2**30),
    "a JSON number": (2147483648, 2.0),
}


@pytest.mark.parametrize(("quantity", "gib"), MEMORY.values(), ids=MEMORY)
def test_memory(quantity: str | int | float, gib: float) -> None:
    assert parse_gib(quantity) == pytest.approx(gib, rel=1e-15)


@pytest.mark.parametrize("quantity", ["", "-1", "many", "1e99", "9" * 5000, "NaN", "9Ei"])
def test_what_no_node_has_is_refused_and_told_in_short(quantity: str) -> None:
    for parse in (parse_cpus, parse_gib):
        with pytest.raises(ValueError, match="written as") as caught:
            parse(quantity)
        assert len(str(caught.value)) < 150


def test_other_names_of_gpus_come_out_as_the_resources_that_they_stand_for() -> None:
    resources = GpuResources.with_aliases({"example.com/mig-*": "nvidia.com/mig-*"})
    containers = [make_container("a", limits={"example.com/mig-1g.5gb": "1", MIG: "1"})]
    (pod,) = decode_pods(make_page(make_pod(spec__containers=containers)), resources).objects
    assert pod.requests == (Request("a", MIG, 2),)
    (node,) = decode_nodes(make_page(make_node(status__capacity={"example.com/mig-1g.5gb": "7"})), resources).objects
    assert node.capacity == {MIG: 7}

"""A simulated fleet in real servers: it sticks, and history and live samples are one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gpucost.model.time import Window, floor_to, format_time
from gpucost.simulation.fleet import Fleet, make_fleet
from gpucost.simulation.objects import objects_at
from sandbox.load import Stage
from sandbox.session import Sandbox

pytestmark = pytest.mark.cluster

HISTORY = timedelta(hours=1)
Eventually = Callable[[Callable[[], object], float], bool]
Labels = frozenset[tuple[str, str]]
Object = dict[str, Any]


@dataclass(frozen=True)
class Running:
    sandbox: Sandbox
    fleet: Fleet
    history: Window


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    namespaces: tuple[Object, ...]
    pods: tuple[Object, ...]
    nodes: tuple[Object, ...] = ()
    owners: tuple[Object, ...] = ()


def make_snapshot(*pods: Object) -> Snapshot:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "stage-test"}}
    return Snapshot(namespaces=(namespace,), pods=pods)


def make_pod(phase: str, *, uid: str, name: str = "trainer-0") -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "stage-test", "uid": uid},
        "spec": {"nodeName": "cpu-1", "containers": [{"name": "main", "image": "registry.example/trainer:1"}]},
        "status": {"phase": phase, "startTime": "2026-01-01T00:00:00Z"},
    }


@pytest.fixture(scope="module")
def box(
    control_plane_binaries: dict[str, Path],
    prometheus_binaries: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Running]:
    end = floor_to(datetime.now(UTC), timedelta(minutes=5))
    fleet = make_fleet(seed=7, start=end - HISTORY, end=end + HISTORY)
    history = Window(end - HISTORY, end)
    assert control_plane_binaries
    assert prometheus_binaries
    with Sandbox.start(tmp_path_factory.mktemp("sandbox"), fleet=fleet, history=history, live=True) as sandbox:
        yield Running(sandbox, fleet, history)


@pytest.fixture
def pods(box: Running) -> dict[str, Object]:
    items = box.sandbox.plane.client().get("/api/v1/pods")["items"]
    return {pod["metadata"]["name"]: pod for pod in items}


def labels_of(rows: list[Object]) -> set[Labels]:
    return {frozenset(row["metric"].items()) for row in rows}


def test_pods_keep_their_past_although_the_server_stamps_them_now(box: Running, pods: dict[str, Object]) -> None:
    wanted = {pod["metadata"]["name"]: pod for pod in objects_at(box.fleet, box.history.end).pods}
    stayed = wanted.keys() & pods.keys()
    assert len(stayed) > 20
    for name in stayed:
        pod = pods[name]
        assert pod["status"]["startTime"] == wanted[name]["status"]["startTime"]
        assert pod["metadata"]["creationTimestamp"] >= format_time(box.history.end)
        assert pod["metadata"]["uid"] == box.sandbox.pod_uids[pod["metadata"]["namespace"], name]
    assert {pod["status"]["phase"] for pod in pods.values()} == {"Running", "Succeeded"}


def test_owner_references_lead_to_the_server_s_own_uids(box: Running, pods: dict[str, Object]) -> None:
    client = box.sandbox.plane.client()
    owned = [(pod, owner) for pod in pods.values() for owner in pod["metadata"].get("ownerReferences", ())]
    assert {owner["kind"] for _, owner in owned} >= {"ReplicaSet", "StatefulSet", "Job"}
    for pod, owner in owned:
        name = f"{owner['kind'].lower()}s/{owner['name']}"
        real = client.get(f"/apis/{owner['apiVersion']}/namespaces/{pod['metadata']['namespace']}/{name}")
        assert owner["uid"] == real["metadata"]["uid"]


def test_nodes_are_ready_and_without_taints(box: Running) -> None:
    nodes = box.sandbox.plane.client().get("/api/v1/nodes")["items"]
    assert {node["metadata"]["name"]: node["metadata"]["uid"] for node in nodes} == box.sandbox.node_uids
    for node in nodes:
        conditions = {condition["type"]: condition["status"] for condition in node["status"]["conditions"]}
        assert "taints" not in node["spec"]
        assert conditions["Ready"] == "True"


def test_kubectl_sees_the_fleet(box: Running, kubectl: Path) -> None:
    assert kubectl.is_file()
    names = box.sandbox.kubectl("get", "nodes", "-o", "name").splitlines()
    assert names == [f"node/{name}" for name in sorted(box.sandbox.node_uids)]


def test_history_has_one_sample_of_every_device_for_every_step(box: Running) -> None:
    counted = box.sandbox.prometheus.query(
        "sum by (UUID, GPU_I_ID) (count_over_time(DCGM_FI_DEV_FB_USED[1h]))", box.history.end
    )
    devices = sum(len(node.devices) for node in box.fleet.gpu_nodes)
    assert [int(row["value"][1]) for row in counted] == [HISTORY // timedelta(seconds=30)] * devices


def test_live_scraping_goes_on_under_the_labels_of_history(box: Running, eventually: Eventually) -> None:
    end = box.history.end
    before = labels_of(box.sandbox.prometheus.query("timestamp(DCGM_FI_DEV_FB_USED)", end))

    def scraped() -> set[Labels]:
        return labels_of(box.sandbox.prometheus.query(f"timestamp(DCGM_FI_DEV_FB_USED) > {end.timestamp()}"))

    assert before
    assert eventually(lambda: scraped() & before, 60)


def test_a_snapshot_replaces_the_one_before(box: Running) -> None:
    client = box.sandbox.plane.client()
    stage = Stage(client)
    path = "/api/v1/namespaces/stage-test/pods/trainer-0"
    seen = []
    for snapshot in (
        make_snapshot(make_pod("Running", uid="1"), make_pod("Running", uid="2", name="trainer-1")),
        make_snapshot(make_pod("Succeeded", uid="1")),
        make_snapshot(make_pod("Running", uid="3")),
    ):
        stage.show(snapshot)
        seen.append(client.get(path))
    stage.show(make_snapshot())

    assert [pod["status"]["phase"] for pod in seen] == ["Running", "Succeeded", "Running"]
    first, ended, reborn = (pod["metadata"]["uid"] for pod in seen)
    assert first == ended != reborn
    assert client.get("/api/v1/namespaces/stage-test/pods")["items"] == []

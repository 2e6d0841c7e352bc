import json
from datetime import timedelta
from typing import Any

import msgspec
from simulated_fleets import START, STEP, make_day

from gpucost.cluster.decode import decode_namespaces, decode_nodes, decode_pods
from gpucost.cluster.resources import GpuResources
from gpucost.model.fleet import Node, Pod
from gpucost.model.tenancy import LabelKeys, tenant_of
from gpucost.simulation.fleet import Fleet
from gpucost.simulation.objects import lists_at, objects_at
from gpucost.simulation.pods import SimulatedPod

NOON = START + timedelta(hours=6)


def decoded_pods(fleet: Fleet, hours: int = 6) -> dict[str, Pod]:
    lists = lists_at(fleet, START + timedelta(hours=hours))
    answer = decode_pods(json.dumps(lists["pods.json"]).encode(), GpuResources())
    assert answer.problems == ()
    return {pod.uid: pod for pod in answer.objects}


def decoded_nodes(fleet: Fleet) -> dict[str, Node]:
    answer = decode_nodes(json.dumps(lists_at(fleet, NOON)["nodes.json"]).encode(), GpuResources())
    assert answer.problems == ()
    return {node.name: node for node in answer.objects}


def a_finished_job(fleet: Fleet) -> SimulatedPod:
    return next(pod for pod in fleet.pods if pod.workload.startswith("Job/") and pod.bound > fleet.start and pod.ended)


def listed(fleet: Fleet, pod: SimulatedPod, after_end: timedelta) -> dict[str, Any] | None:
    assert pod.ended
    entries = objects_at(fleet, pod.ended + after_end).pods
    return next((entry for entry in entries if entry["metadata"]["uid"] == pod.uid), None)


def test_pods_are_read_as_the_fleet_means_them() -> None:
    fleet = make_day()
    for hours in range(1, 24):
        at = START + timedelta(hours=hours)
        meant = {
            pod.uid: pod for pod in fleet.pods_listed_at(at) if any(container.devices for container in pod.containers)
        }
        found = decoded_pods(fleet, hours)
        assert found.keys() == meant.keys()
        for uid, pod in found.items():
            twin = meant[uid]
            assert (pod.namespace, pod.name, pod.node, pod.bound) == (twin.namespace, twin.name, twin.node, twin.bound)
            assert pod.ended == (twin.ended if twin.ended and twin.ended < at else None)
            asked = [(request.container, request.resource, request.count) for request in pod.requests]
            assert asked == [(c.name, c.devices[0].resource, len(c.devices)) for c in twin.containers]


def test_labels_on_the_objects_say_who_pays() -> None:
    fleet = make_day()
    answer = decode_namespaces(json.dumps(lists_at(fleet, NOON)["namespaces.json"]).encode())
    namespaces = dict(answer.objects)
    payers = {pod.uid: pod for pod in fleet.pods}
    for uid, pod in decoded_pods(fleet).items():
        tenant, meant = tenant_of(pod, namespaces[pod.namespace], LabelKeys()), payers[uid]
        told = (tenant.team, tenant.product, tenant.cost_centre, tenant.environment, tenant.workload)
        payer = meant.payer
        assert told == (payer.team, payer.product, payer.cost_centre, payer.environment, meant.workload)


def test_some_pod_has_no_labels_and_some_only_those_of_its_namespace() -> None:
    fleet = make_day()
    pods = {pod.name.split("-")[0]: pod for pod in decoded_pods(fleet).values()}
    assert pods["scratch"].labels == {}
    assert "team" not in pods["scorer"].labels
    (fraud,) = (space for space in objects_at(fleet, NOON).namespaces if space["metadata"]["name"] == "fraud")
    assert fraud["metadata"]["labels"]["team"] == "fraud"


def test_nodes_are_ready_and_old_and_have_the_capacity_that_the_device_plugin_registers() -> None:
    fleet = make_day()
    nodes = decoded_nodes(fleet)
    assert all(node.ready and node.schedulable and node.created < fleet.start for node in nodes.values())
    capacities = {name: dict(node.capacity) for name, node in nodes.items()}
    assert capacities == {
        "gpu-a100-1": {"nvidia.com/gpu": 8},
        "gpu-h100-1": {"nvidia.com/gpu": 8},
        "gpu-idle-1": {"nvidia.com/gpu": 8},
        "gpu-mig-1": {
            "nvidia.com/gpu": 0,
            "nvidia.com/mig-1g.5gb": 11,
            "nvidia.com/mig-1g.10gb": 4,
            "nvidia.com/mig-2g.10gb": 5,
            "nvidia.com/mig-3g.20gb": 4,
            "nvidia.com/mig-4g.20gb": 1,
            "nvidia.com/mig-7g.40gb": 1,
        },
        "cpu-1": {},
    }


def test_a_mig_node_has_the_labels_of_feature_discovery_and_mig_manager() -> None:
    node = decoded_nodes(make_day())["gpu-mig-1"]
    expected = {
        "nvidia.com/mig.strategy": "mixed",
        "nvidia.com/mig.config.state": "success",
        "nvidia.com/gpu.count": "8",
        "nvidia.com/gpu.replicas": "0",
        "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB",
        "nvidia.com/mig-1g.5gb.count": "11",
        "nvidia.com/mig-1g.5gb.memory": "4864",
        "nvidia.com/mig-2g.10gb.slices.gi": "2",
        "node.kubernetes.io/instance-type": "p4d.24xlarge",
    }
    assert {key: node.labels.get(key) for key in expected} == expected
    assert node.annotations == {"gpucost.io/hourly-rate": "24.000000007"}


def test_no_more_devices_are_requested_of_a_node_than_it_has() -> None:
    fleet = make_day()
    nodes = decoded_nodes(fleet)
    for hours in range(1, 24, 2):
        asked: dict[tuple[str, str], int] = {}
        for pod in decoded_pods(fleet, hours).values():
            for request in pod.requests if pod.ended is None else ():
                key = pod.node, request.resource
                asked[key] = asked.get(key, 0) + request.count
        assert all(count <= nodes[node].capacity[resource] for (node, resource), count in asked.items())


def test_a_job_pod_runs_to_its_end_is_succeeded_for_two_hours_and_then_gone() -> None:
    fleet = make_day()
    pod = a_finished_job(fleet)
    running, first, last = (listed(fleet, pod, after) for after in (timedelta(0), STEP, timedelta(hours=2)))
    assert running
    assert running["status"]["phase"] == "Running"
    for entry in (first, last):
        assert entry
        assert entry["status"]["phase"] == "Succeeded"
        (status,) = entry["status"]["containerStatuses"]
        assert status["state"]["terminated"]["finishedAt"] == f"{pod.ended:%Y-%m-%dT%H:%M:%SZ}"
    assert listed(fleet, pod, timedelta(hours=2) + STEP) is None


def test_other_pods_are_gone_at_once() -> None:
    fleet = make_day()
    pod = next(pod for pod in fleet.pods if pod.name == "reranker-0" and pod.bound > fleet.start)
    assert listed(fleet, pod, timedelta(0))
    assert listed(fleet, pod, STEP) is None


def test_every_owner_reference_leads_to_a_listed_owner_that_comes_before() -> None:
    fleet = make_day()
    for hours in range(1, 24, 3):
        objects = objects_at(fleet, START + timedelta(hours=hours))
        known: set[str] = set()
        for entry in (*objects.owners, *objects.pods):
            for reference in entry["metadata"].get("ownerReferences", ()):
                assert reference["controller"] is True
                assert reference["uid"] in known
            known.add(entry["metadata"]["uid"])
        assert len(known) == len(objects.owners) + len(objects.pods)


def test_owners_select_the_pods_that_they_own() -> None:
    objects = objects_at(make_day(), NOON)
    owners = {owner["metadata"]["uid"]: owner for owner in objects.owners}
    for pod in objects.pods:
        for reference in pod["metadata"].get("ownerReferences", ()):
            spec = owners[reference["uid"]]["spec"]
            labels = pod["metadata"]["labels"]
            assert spec["selector"]["matchLabels"].items() <= labels.items()
            assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()


def test_objects_are_plain_json_and_no_two_calls_share_them() -> None:
    fleet = make_day()
    one, other = objects_at(fleet, NOON), objects_at(fleet, NOON)
    assert msgspec.json.decode(msgspec.json.encode(one.pods)) == list(other.pods)
    one.pods[0]["metadata"]["labels"]["team"] = "changed"
    one.namespaces[0]["metadata"]["labels"]["team"] = "changed"
    assert objects_at(fleet, NOON) == other

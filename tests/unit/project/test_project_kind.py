"""The files of `make kind` fit each other, and the nodes look as GPU feature discovery would have them."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpucost.app.configuration.settings import Settings
from gpucost.model.fleet import Node
from gpucost.simulation.labelled import hardware_of
from gpucost.simulation.node_objects import gpu_capacity, node_object

ROOT = Path(__file__).parents[3]
KIND = ROOT / "hack" / "kind"
AT = datetime(2026, 11, 24, tzinfo=UTC)
CLUSTER = yaml.safe_load((ROOT / "kind-config.yaml").read_text())
WORKERS = [node["labels"] for node in CLUSTER["nodes"] if node["role"] == "worker"]
NAMES = ("gpucost-worker", "gpucost-worker2", "gpucost-worker3")
CAPACITY = yaml.safe_load((KIND / "capacity.yaml").read_text())
OTHERWISE: dict[str, dict[str, str]] = {
    "gpucost-worker": {},
    "gpucost-worker2": {"nvidia.com/mig.config": "all-balanced"},
    "gpucost-worker3": {
        "nvidia.com/gpu.product": "NVIDIA-A10G-SHARED",
        "nvidia.com/gpu.replicas": "4",
        "nvidia.com/gpu.sharing-strategy": "time-slicing",
    },
}
"""What the simulated nodes, which are not shared and cut by hand, have otherwise."""


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((KIND / name).read_text()))


def node(name: str, labels: dict[str, str]) -> Node:
    return Node(name=name, uid=name, created=AT, labels=labels)


def test_the_cluster_is_one_control_plane_and_three_workers() -> None:
    assert (CLUSTER["apiVersion"], CLUSTER["name"]) == ("kind.x-k8s.io/v1alpha4", "gpucost")
    assert [each["role"] for each in CLUSTER["nodes"]] == ["control-plane", "worker", "worker", "worker"]


@pytest.mark.parametrize(("name", "labels"), list(zip(NAMES, WORKERS, strict=True)), ids=NAMES)
def test_labels_are_those_of_gpu_feature_discovery(name: str, labels: dict[str, str]) -> None:
    printed = node_object(hardware_of(node(name, labels)), AT)["metadata"]["labels"]
    wanted = {key: value for key, value in printed.items() if key.startswith("nvidia.com/")} | OTHERWISE[name]
    del wanted["nvidia.com/gfd.timestamp"]  # of the moment
    assert {key: value for key, value in labels.items() if key.startswith("nvidia.com/")} == wanted


@pytest.mark.parametrize(("name", "labels"), list(zip(NAMES, WORKERS, strict=True)), ids=NAMES)
def test_the_capacity_is_what_the_labels_say(name: str, labels: dict[str, str]) -> None:
    slots = max(1, int(labels["nvidia.com/gpu.replicas"]))
    counted = gpu_capacity(hardware_of(node(name, labels)))
    assert CAPACITY[name] == {resource: str(count * slots) for resource, count in counted.items()}


def test_the_script_can_cut_the_capacity_into_json() -> None:
    lines = [line for line in (KIND / "capacity.yaml").read_text().splitlines() if not line.startswith("#")]
    assert {name: json.loads(rest) for name, _, rest in (line.partition(": ") for line in lines)} == CAPACITY


def test_the_values_are_settings() -> None:
    config = yaml.safe_load((KIND / "values.yaml").read_text())["config"]
    assert Settings.model_validate(config).window.total_seconds() == 60


def test_every_workload_fits_and_has_labels_that_say_who_pays() -> None:
    asked: dict[str, int] = {}
    for each in documents("workloads.yaml"):
        if each["kind"] == "Namespace":
            continue
        template = each["spec"]["template"]
        assert {"product", "cost-centre", "environment"} <= set(template["metadata"]["labels"])
        (container,) = template["spec"]["containers"]
        for resource, count in container["resources"]["limits"].items():
            asked[resource] = asked.get(resource, 0) + int(count) * each["spec"].get("replicas", 1)
    there: dict[str, int] = {}
    for resources in CAPACITY.values():
        for resource, count in resources.items():
            there[resource] = there.get(resource, 0) + int(count)
    assert {"nvidia.com/gpu", "nvidia.com/mig-1g.5gb"} <= set(asked)
    assert all(count <= there[resource] for resource, count in asked.items())


def test_the_image_of_the_pods_is_the_one_that_the_script_loads() -> None:
    (image,) = re.findall(r"^image=(.+)$", (ROOT / "hack" / "kind.sh").read_text(), re.MULTILINE)
    values = yaml.safe_load((KIND / "values.yaml").read_text())["image"]
    text = "".join((KIND / name).read_text() for name in ("exporters.yaml", "workloads.yaml"))
    assert set(re.findall(r"image: (.+)", text)) == {image} == {f"{values['repository']}:{values['tag']}"}
    assert f"IMAGE={image}" in (ROOT / "Makefile").read_text()

"""What of `make kind` works without kind: its manifests, rights and exporters with a real API server and Prometheus."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.control_plane import control_plane
from sandbox.processes import LOCALHOST, free_ports, running
from sandbox.prometheus import Prometheus, ScrapeTarget, prometheus
from tests.integration.running_operator import with_token

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
KIND = ROOT / "hack" / "kind"
MANIFESTS = [KIND / f"{name}.yaml" for name in ("exporters", "prometheus", "workloads")]
WORKERS = {
    f"gpucost-worker{number if number > 1 else ''}": labels
    for number, labels in enumerate(
        (
            node["labels"]
            for node in yaml.safe_load((ROOT / "kind-config.yaml").read_text())["nodes"]
            if node["role"] == "worker"
        ),
        start=1,
    )
}
CAPACITY: dict[str, dict[str, str]] = yaml.safe_load((KIND / "capacity.yaml").read_text())
WORKLOADS = ("research", "search", "speech")
Eventually = Callable[[Callable[[], object], float], bool]
Object = dict[str, Any]


@dataclass(frozen=True)
class Cluster:
    kubeconfig: Path
    program: Path

    def kubectl(self, *arguments: str, told: str | None = None) -> str:
        command = [str(self.program), "--kubeconfig", str(self.kubeconfig), *arguments]
        done = subprocess.run(command, input=told, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def pods(self) -> list[Object]:
        items: list[Object] = json.loads(self.kubectl("get", "pods", "-A", "-o", "json"))["items"]
        return [pod for pod in items if pod["metadata"]["namespace"] in WORKLOADS]

    def bind(self, pod: Object) -> None:
        """As the scheduler would; there is none here."""
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        target = {"apiVersion": "v1", "kind": "Node", "name": node_for(pod)}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
        path = f"/api/v1/namespaces/{namespace}/pods/{name}/binding"
        self.kubectl("create", "--raw", path, "-f", "-", told=json.dumps(binding))


def request_of(pod: Object) -> tuple[str, int]:
    """Resource and count."""
    ((resource, count),) = pod["spec"]["containers"][0]["resources"]["limits"].items()
    return resource, int(count)


def node_for(pod: Object) -> str:
    resource, count = request_of(pod)
    selector = pod["spec"].get("nodeSelector", {})
    return next(
        name
        for name, labels in WORKERS.items()
        if selector.items() <= labels.items() and int(CAPACITY[name].get(resource, "0")) >= count
    )


@pytest.fixture(scope="module")
def cluster(
    control_plane_binaries: dict[str, Path],
    kubectl: Path,
    eventually: Eventually,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cluster]:
    """With the nodes of kind-config.yaml, all that `make kind` applies, and the sample workloads bound."""
    wanted = sum(
        each["spec"].get("replicas", 1)
        for each in yaml.safe_load_all((KIND / "workloads.yaml").read_text())
        if each["kind"] != "Namespace"
    )
    with control_plane(control_plane_binaries, tmp_path_factory.mktemp("kind")) as plane:
        cluster = Cluster(plane.kubeconfig, kubectl)
        for name, labels in WORKERS.items():
            node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
            cluster.kubectl("create", "-f", "-", told=json.dumps(node))
            status = json.dumps({"status": {"capacity": CAPACITY[name], "allocatable": CAPACITY[name]}})
            cluster.kubectl("patch", "node", name, "--subresource=status", "--type=merge", "-p", status)
        files = [word for path in MANIFESTS for word in ("-f", str(path))]
        cluster.kubectl("apply", "--validate=strict", *files)
        assert eventually(lambda: len(cluster.pods()) == wanted, 60)
        for pod in cluster.pods():
            cluster.bind(pod)
        yield cluster


@pytest.mark.parametrize("manifest", MANIFESTS[:2], ids=lambda path: str(path.stem))
def test_restricted_namespaces_take_the_pods(cluster: Cluster, manifest: Path) -> None:
    documents = list(yaml.safe_load_all(manifest.read_text()))
    workload = next(each for each in documents if each["kind"] in ("DaemonSet", "Deployment"))
    template = workload["spec"]["template"]
    metadata = {**template["metadata"], "name": "tried", "namespace": workload["metadata"]["namespace"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
    cluster.kubectl("create", "--dry-run=server", "-f", "-", told=json.dumps(pod))


def test_all_can_be_applied_again(cluster: Cluster) -> None:
    files = [word for path in MANIFESTS for word in ("-f", str(path))]
    told = cluster.kubectl("apply", "--validate=strict", *files).splitlines()
    assert [line for line in told if not line.endswith("unchanged")] == []


def test_prometheus_takes_its_configuration(prometheus_binaries: dict[str, Path], tmp_path: Path) -> None:
    (text,) = (
        each["data"]["prometheus.yml"]
        for each in yaml.safe_load_all((KIND / "prometheus.yaml").read_text())
        if each["kind"] == "ConfigMap"
    )
    path = tmp_path / "prometheus.yml"
    path.write_text(text)
    command = [prometheus_binaries["promtool"], "check", "config", "--syntax-only", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def scraped(
    cluster: Cluster, prometheus_binaries: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A Prometheus with one exporter a node, each with no rights but those of exporters.yaml."""
    folder = tmp_path_factory.mktemp("exporters")
    token = cluster.kubectl("create", "token", "nvidia-dcgm-exporter", "-n", "gpu-operator").strip()
    kubeconfig = with_token(cluster.kubeconfig, token, folder / "kubeconfig")
    with ExitStack() as stack:
        targets = []
        for name, port in zip(WORKERS, free_ports(len(WORKERS)), strict=True):
            command = [sys.executable, "-m", "gpucost.app.cli", "simulate-exporter", "--node", name]
            command += ["--host", LOCALHOST, "--port", str(port), "--kubeconfig", str(kubeconfig)]
            stack.enter_context(running(f"exporter of {name}", command, log=folder / f"{name}.log"))
            address = f"{LOCALHOST}:{port}"
            second = timedelta(seconds=1)
            targets.append(ScrapeTarget(job="nvidia-dcgm-exporter", address=address, path="/metrics", interval=second))
        yield stack.enter_context(prometheus(prometheus_binaries, folder / "prometheus", targets=targets))


def test_every_pod_holds_what_it_asks_for_on_its_node(
    cluster: Cluster, scraped: Prometheus, eventually: Eventually
) -> None:
    nodes = set(WORKERS)

    def seen() -> list[Object]:
        return [row["metric"] for row in scraped.query("DCGM_FI_DEV_FB_USED")]

    assert eventually(lambda: {each["Hostname"] for each in seen()} == nodes, 60)
    shared = "gpucost-worker3"
    wanted = {
        (node_for(pod), pod["metadata"]["namespace"], pod["metadata"]["name"]): request_of(pod)[1]
        for pod in cluster.pods()
    }
    found = Counter((each["Hostname"], each["namespace"], each["pod"]) for each in seen() if "pod" in each)
    assert found == wanted
    assert len([key for key in found if key[0] == shared]) == 6  # of eight cards: pods are spread
    assert {each["container"] for each in seen() if "pod" in each} == {"main"}
    devices = Counter(each["Hostname"] for each in seen())
    assert devices == {"gpucost-worker": 8, "gpucost-worker2": 32, shared: 8}


def test_memory_adds_up_to_the_device(scraped: Prometheus, eventually: Eventually) -> None:
    total = 'sum by (UUID) ({__name__=~"DCGM_FI_DEV_FB_(USED|FREE|RESERVED)",Hostname="gpucost-worker"})'
    assert eventually(lambda: len(scraped.query(total)) == 8, 60)
    assert {row["value"][1] for row in scraped.query(total)} == {"81559"}

"""What kube-state-metrics says of the pods that the API lists."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from gpucost.simulation.exporter import format_labels
from gpucost.simulation.fleet import Fleet
from gpucost.simulation.pods import SimulatedPod

POD_LABELS = "kube_pod_labels"
POD_OWNER = "kube_pod_owner"
POD_REQUESTS = "kube_pod_container_resource_requests"
HELP = {
    POD_LABELS: "Kubernetes labels converted to Prometheus labels.",
    POD_OWNER: "Information about the Pod's owner.",
    POD_REQUESTS: "The number of requested request resource by a container.",
}

_ODD = re.compile(r"[^a-zA-Z0-9_]")


@dataclass(frozen=True, slots=True)
class KubeSeries:
    metric: str
    labels: dict[str, str]
    value: str


def kube_series(pods: Iterable[SimulatedPod]) -> Iterator[KubeSeries]:
    """Three metrics of every pod; their values never change."""
    for pod in pods:
        names = {"namespace": pod.namespace, "pod": pod.name, "uid": pod.uid}
        own = {f"label_{_ODD.sub('_', key)}": value for key, value in sorted(pod.labels.items())}
        yield KubeSeries(POD_LABELS, names | own, "1")
        yield KubeSeries(POD_OWNER, names | _owner(pod), "1")
        for container in pod.containers:
            for resource, quantity in container.requests.items():
                unit, value = _in_base_units(resource, quantity)
                what = {"resource": _ODD.sub("_", resource), "unit": unit}
                where = {"container": container.name, "node": pod.node}
                yield KubeSeries(POD_REQUESTS, names | where | what, value)


def kube_state_page(fleet: Fleet, at: datetime) -> str:
    """The page of kube-state-metrics at ``at``."""
    lines: dict[str, list[str]] = {metric: [] for metric in HELP}
    for series in kube_series(fleet.pods_listed_at(at)):
        lines[series.metric].append(f"{series.metric}{format_labels(series.labels)} {series.value}\n")
    return "".join(
        f"# HELP {metric} {HELP[metric]}\n# TYPE {metric} gauge\n{''.join(own)}" for metric, own in lines.items()
    )


def _owner(pod: SimulatedPod) -> dict[str, str]:
    if pod.owner is None:
        return {"owner_kind": "", "owner_name": "", "owner_is_controller": ""}
    return {"owner_kind": pod.owner.kind, "owner_name": pod.owner.name, "owner_is_controller": "true"}


def _in_base_units(resource: str, quantity: str) -> tuple[str, str]:
    """Unit and value as kube-state-metrics converts them."""
    if resource == "cpu":
        return "core", str(int(quantity.removesuffix("m")) / 1000)
    if resource == "memory":
        return "byte", str(int(quantity.removesuffix("Mi")) * 2**20)
    return "integer", quantity

"""Who a pod belongs to: its team and the other dimensions, and its workload (docs/concepts/labels.md)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gpucost.model.fleet import Owner, Pod

UNASSIGNED = "unassigned"
POD_TEMPLATE_HASH = "pod-template-hash"

_ODD = re.compile(r"[^a-zA-Z0-9_]")
_SERVING_KINDS = frozenset(
    {
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "LeaderWorkerSet",
        "InferenceService",
        "RayService",
    }
)
_BATCH_KINDS = frozenset(
    {"Job", "CronJob", "JobSet", "PyTorchJob", "TrainJob", "MPIJob", "RayJob", "Workflow", "VCJob"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelKeys:
    """Per dimension the label keys to look for, first match wins; pod before namespace."""

    team: tuple[str, ...] = ("team", "app.kubernetes.io/team")
    product: tuple[str, ...] = ("product", "app.kubernetes.io/part-of")
    cost_centre: tuple[str, ...] = ("cost-centre", "cost-center")
    environment: tuple[str, ...] = ("environment", "env")
    workload_type: tuple[str, ...] = ("gpucost.io/workload-type",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    team: str
    product: str
    cost_centre: str
    environment: str
    workload: str
    """``Kind/name`` of the top owner; ``Pod/name`` where there is none."""
    workload_type: str
    """``serving``, ``batch`` or ``unassigned``."""


def sanitise(key: str) -> str:
    """A label key as kube-state-metrics and the exporter print it."""
    return _ODD.sub("_", key)


def tenant_of(pod: Pod, namespace_labels: Mapping[str, str], keys: LabelKeys) -> Tenant:
    """Looks each dimension up on the pod, then on its namespace, then says `UNASSIGNED`."""

    def find(wanted: tuple[str, ...]) -> str:
        for key in wanted:
            if value := pod.labels.get(sanitise(key) if pod.labels_sanitised else key):
                return value
        return next((value for key in wanted if (value := namespace_labels.get(key))), UNASSIGNED)

    top = top_owner(pod)
    workload_type = find(keys.workload_type)
    return Tenant(
        team=find(keys.team),
        product=find(keys.product),
        cost_centre=find(keys.cost_centre),
        environment=find(keys.environment),
        workload=f"{top.kind}/{top.name}",
        workload_type=workload_type if workload_type != UNASSIGNED else workload_type_of(top.kind),
    )


def top_owner(pod: Pod) -> Owner:
    """The owner that a person made.

    A ReplicaSet of a Deployment is named after it with the pod's template hash, so no look-up is needed.
    """
    if pod.owner is None:
        return Owner("Pod", pod.name)
    key = sanitise(POD_TEMPLATE_HASH) if pod.labels_sanitised else POD_TEMPLATE_HASH
    template = pod.labels.get(key, "")
    if pod.owner.kind == "ReplicaSet" and template and pod.owner.name.endswith(f"-{template}"):
        return Owner("Deployment", pod.owner.name.removesuffix(f"-{template}"))
    return pod.owner


def workload_type_of(kind: str) -> str:
    """Training is finite and inference recurs: told apart by the kind of the owner."""
    if kind in _SERVING_KINDS:
        return "serving"
    return "batch" if kind in _BATCH_KINDS else UNASSIGNED

"""Who a pod belongs to: its team and the other dimensions, and its workload (docs/concepts/labels.md)."""

from collections.abc import Mapping
from dataclasses import dataclass

from gpucost.model.fleet import Pod
from gpucost.model.owners import label_of, top_owner

UNASSIGNED = "unassigned"
SERVING = "serving"
BATCH = "batch"

_WORKLOAD_TYPES = {SERVING: SERVING, "inference": SERVING, BATCH: BATCH, "training": BATCH}
"""What a label may say, in any case, to the type that it means: training is finite, inference recurs."""
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
    {
        "Job",
        "CronJob",
        "JobSet",
        "JAXJob",
        "MPIJob",
        "PaddleJob",
        "PyTorchJob",
        "RayJob",
        "TFJob",
        "TrainJob",
        "VCJob",
        "Workflow",
        "XGBoostJob",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelKeys:
    """Per dimension the label keys to look for, first match wins."""

    team: tuple[str, ...] = ("team", "app.kubernetes.io/team")
    product: tuple[str, ...] = ("product", "app.kubernetes.io/part-of")
    cost_centre: tuple[str, ...] = ("cost-centre", "cost-center")
    environment: tuple[str, ...] = ("environment", "env")
    workload_type: tuple[str, ...] = ("gpucost.io/workload-type",)
    namespace_first: bool = False
    """The namespace's labels count before the pod's, for whoever owns namespaces and does not trust pods."""


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


def tenant_of(pod: Pod, namespace_labels: Mapping[str, str], keys: LabelKeys) -> Tenant:
    """Looks each dimension up on the pod, then on its namespace (or the other way round), then says `UNASSIGNED`."""

    def find(wanted: tuple[str, ...]) -> str:
        on_pod = (label_of(pod, key) for key in wanted)
        on_namespace = (namespace_labels.get(key, "") for key in wanted)
        places = (on_namespace, on_pod) if keys.namespace_first else (on_pod, on_namespace)
        return next((value for place in places for value in place if value), UNASSIGNED)

    top = top_owner(pod)
    told_type = _WORKLOAD_TYPES.get(find(keys.workload_type).lower())
    return Tenant(
        team=find(keys.team),
        product=find(keys.product),
        cost_centre=find(keys.cost_centre),
        environment=find(keys.environment),
        workload=f"{top.kind}/{top.name}",
        workload_type=told_type or workload_type_of(top.kind),
    )


def workload_type_of(kind: str) -> str:
    """By the kind of the top owner; `UNASSIGNED` where it may be either, as a RayCluster or a bare pod."""
    if kind in _SERVING_KINDS:
        return SERVING
    return BATCH if kind in _BATCH_KINDS else UNASSIGNED

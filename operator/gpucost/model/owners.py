"""The top owner of a pod: the object that a person made, told from the pod alone, so that no permission is needed.

A pod names its controller. Who made that is told by a label of the controller's maker, or by how it names what it
makes (docs/concepts/labels.md).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from gpucost.model.fleet import Owner, Pod

POD_TEMPLATE_HASH = "pod-template-hash"

_ODD = re.compile(r"[^a-zA-Z0-9_]")
_HUMP = re.compile(r"([a-z0-9])([A-Z])")

_OF_CRON_JOB = re.compile(r"(?P<name>.+)-(?P<minutes>[0-9]{8})", re.ASCII)
_FIRST_NAMED_BY_MINUTES = datetime(2021, 1, 1, tzinfo=UTC)
_LAST_NAMED_BY_MINUTES = datetime(2100, 1, 1, tzinfo=UTC)
_LONGEST_WAIT = timedelta(days=30)
_CLOCK_SKEW = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Maker:
    """A kind whose objects label the pods that come of them."""

    label: str
    """Its value is the name."""
    kind: str = ""
    """Empty: the value of ``kind_label`` tells it, by ``kinds``."""
    makes: frozenset[str]
    """Kinds of controllers behind which it stands: labels can be copied, so only there they are believed."""
    kind_label: str = ""
    kinds: Mapping[str, str] = field(default_factory=dict)
    only_with: str = ""
    """Another label that must be there, too."""


_TRAINING_OPERATORS = {
    "pytorchjob-controller": "PyTorchJob",
    "tfjob-controller": "TFJob",
    "mpijob-controller": "MPIJob",
    "mpi-operator": "MPIJob",
    "jaxjob-controller": "JAXJob",
    "xgboostjob-controller": "XGBoostJob",
    "paddlejob-controller": "PaddleJob",
}
_MAKERS = (
    _Maker(
        kind="InferenceService",
        label="serving.kserve.io/inferenceservice",
        makes=frozenset({"ReplicaSet", "StatefulSet", "LeaderWorkerSet"}),
    ),
    _Maker(kind="LeaderWorkerSet", label="leaderworkerset.sigs.k8s.io/name", makes=frozenset({"StatefulSet"})),
    _Maker(
        kind="TrainJob",  # names its JobSet after itself
        label="jobset.sigs.k8s.io/jobset-name",
        only_with="trainer.kubeflow.org/trainjob-ancestor-step",
        makes=frozenset({"Job"}),
    ),
    _Maker(kind="JobSet", label="jobset.sigs.k8s.io/jobset-name", makes=frozenset({"Job"})),
    _Maker(
        label="ray.io/originated-from-cr-name",
        kind_label="ray.io/originated-from-crd",
        kinds={kind: kind for kind in ("RayJob", "RayService", "RayCluster")},
        makes=frozenset({"RayCluster", "Job"}),
    ),
    _Maker(kind="RayCluster", label="ray.io/cluster", makes=frozenset({"RayCluster"})),
    _Maker(
        label="training.kubeflow.org/job-name",
        kind_label="training.kubeflow.org/operator-name",
        kinds=_TRAINING_OPERATORS,
        makes=frozenset({"Job"}),
    ),
    _Maker(kind="Workflow", label="workflows.argoproj.io/workflow", makes=frozenset({"Workflow"})),
)
"""The outermost first."""


def sanitise(key: str) -> str:
    """A label key as the exporters print it: a metric allows no odd characters."""
    return _ODD.sub("_", key)


def label_of(pod: Pod, key: str) -> str:
    """The pod's label of that key, whichever form its labels are in; empty: it has none.

    kube-state-metrics also splits humps: ``costCentre`` is ``cost_centre`` there.
    """
    if not pod.labels_sanitised:
        return pod.labels.get(key, "")
    plain = sanitise(key)
    return pod.labels.get(plain) or pod.labels.get(_HUMP.sub(r"\1_\2", plain).lower(), "")


def top_owner(pod: Pod) -> Owner:
    """``Pod`` itself where nobody else made it."""
    made_by = next((owner for maker in _MAKERS if (owner := _made_by(maker, pod))), None)
    if made_by is not None:
        return made_by
    if pod.owner is None:
        return Owner("Pod", pod.name)
    return _cron_job(pod.owner, pod.bound) or _deployment(pod.owner, pod) or pod.owner


def _made_by(maker: _Maker, pod: Pod) -> Owner | None:
    """Where the controller is not known, as of pods that have ended, the label alone tells."""
    if pod.owner is not None and pod.owner.kind not in maker.makes:
        return None
    if maker.only_with and not label_of(pod, maker.only_with):
        return None
    kind = maker.kind or maker.kinds.get(label_of(pod, maker.kind_label), "")
    name = label_of(pod, maker.label)
    return Owner(kind, name) if kind and name else None


def _deployment(owner: Owner, pod: Pod) -> Owner | None:
    """A ReplicaSet of a Deployment is named after it with the pod's template hash."""
    template = label_of(pod, POD_TEMPLATE_HASH)
    if owner.kind == "ReplicaSet" and template and owner.name.endswith(f"-{template}"):
        return Owner("Deployment", owner.name.removesuffix(f"-{template}"))
    return None


def _cron_job(owner: Owner, bound: datetime | None) -> Owner | None:
    """A Job of a CronJob is named after it with the scheduled time in minutes since the epoch.

    Dates look like that too (``train-31122025`` is a minute of 2029), so the minute must be one from which the pod can
    come: at most `_LONGEST_WAIT` before it was bound, where that is known.
    """
    match = _OF_CRON_JOB.fullmatch(owner.name) if owner.kind == "Job" else None
    if match is None:
        return None
    scheduled = datetime.fromtimestamp(int(match["minutes"]) * 60, tz=UTC)
    earliest = bound - _LONGEST_WAIT if bound else _FIRST_NAMED_BY_MINUTES
    latest = bound + _CLOCK_SKEW if bound else _LAST_NAMED_BY_MINUTES
    return Owner("CronJob", match["name"]) if earliest <= scheduled <= latest else None

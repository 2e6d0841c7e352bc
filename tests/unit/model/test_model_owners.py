from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from gpucost.model.fleet import Owner, Pod
from gpucost.model.owners import sanitise, top_owner

BOUND = datetime(2026, 11, 24, 8, tzinfo=UTC)
SCHEDULED = str(int(BOUND.timestamp()) // 60)
"""The minute of `BOUND`."""

Labels = Mapping[str, str]


def make_pod(
    owner: str = "", labels: Labels | None = None, *, bound: datetime | None = BOUND, sanitised: bool = False
) -> Pod:
    kind, _, name = owner.partition("/")
    return Pod(
        uid="u1",
        namespace="ml",
        name="pod-0",
        node="n1",
        owner=Owner(kind, name) if owner else None,
        labels={sanitise(key) if sanitised else key: value for key, value in (labels or {}).items()},
        labels_sanitised=sanitised,
        bound=bound,
    )


LWS = "leaderworkerset.sigs.k8s.io/name"
JOBSET = "jobset.sigs.k8s.io/jobset-name"
STEP = "trainer.kubeflow.org/trainjob-ancestor-step"
KSERVE = "serving.kserve.io/inferenceservice"
RAY, RAY_NAME, RAY_KIND = "ray.io/cluster", "ray.io/originated-from-cr-name", "ray.io/originated-from-crd"
TRAINING, OPERATOR = "training.kubeflow.org/job-name", "training.kubeflow.org/operator-name"
ARGO = "workflows.argoproj.io/workflow"
HASH = "pod-template-hash"

CASES: dict[str, tuple[str, Labels, str]] = {
    "a bare pod is its own": ("", {}, "Pod/pod-0"),
    "a Deployment is behind its ReplicaSet": ("ReplicaSet/llm-6d4", {HASH: "6d4"}, "Deployment/llm"),
    "a ReplicaSet that a person made is its own": ("ReplicaSet/llm-6d4", {}, "ReplicaSet/llm-6d4"),
    "a CronJob is behind its Job": (f"Job/nightly-{SCHEDULED}", {}, "CronJob/nightly"),
    "a Job that a person named after a date is its own": ("Job/train-24112026", {}, "Job/train-24112026"),
    "a Job named after a day of another order is its own": ("Job/train-20261124", {}, "Job/train-20261124"),
    "a Job is its own": ("Job/train", {}, "Job/train"),
    "a LeaderWorkerSet is behind its StatefulSets": ("StatefulSet/llm-0", {LWS: "llm"}, "LeaderWorkerSet/llm"),
    "a StatefulSet is its own": ("StatefulSet/db", {}, "StatefulSet/db"),
    "a JobSet is behind its Jobs": ("Job/pre-workers-0", {JOBSET: "pre"}, "JobSet/pre"),
    "a TrainJob is behind its JobSet": ("Job/pre-node-0", {JOBSET: "pre", STEP: "trainer"}, "TrainJob/pre"),
    "an InferenceService is behind its Deployment": (
        "ReplicaSet/llm-predictor-6d4",
        {KSERVE: "llm", HASH: "6d4"},
        "InferenceService/llm",
    ),
    "a RayCluster is its own": ("RayCluster/lab", {RAY: "lab"}, "RayCluster/lab"),
    "a RayJob is behind its RayCluster": (
        "RayCluster/tune-x7k2p",
        {RAY: "tune-x7k2p", RAY_NAME: "tune", RAY_KIND: "RayJob"},
        "RayJob/tune",
    ),
    "a RayService is behind its RayCluster": (
        "RayCluster/llm-x7k2p",
        {RAY_NAME: "llm", RAY_KIND: "RayService"},
        "RayService/llm",
    ),
    "a kind that Ray does not have is not believed": (
        "RayCluster/lab",
        {RAY_NAME: "x", RAY_KIND: "Deployment"},
        "RayCluster/lab",
    ),
    "a PyTorchJob controls its pods": (
        "PyTorchJob/bert",
        {TRAINING: "bert", OPERATOR: "pytorchjob-controller"},
        "PyTorchJob/bert",
    ),
    "an MPIJob is behind its launcher's Job": (
        "Job/bert-launcher",
        {TRAINING: "bert", OPERATOR: "mpi-operator"},
        "MPIJob/bert",
    ),
    "a Workflow controls its pods": ("Workflow/etl-8xk2", {ARGO: "etl-8xk2"}, "Workflow/etl-8xk2"),
    "a kind that nobody knows is its own": ("Thing/it", {}, "Thing/it"),
    "a label that was copied to another controller's pods is not believed": (
        "ReplicaSet/web-6d4",
        {JOBSET: "pre", LWS: "llm", HASH: "6d4"},
        "Deployment/web",
    ),
    "without a known controller the label tells": ("", {LWS: "llm"}, "LeaderWorkerSet/llm"),
    "without a known controller the kind of the operator tells": (
        "",
        {TRAINING: "bert", OPERATOR: "pytorchjob-controller"},
        "PyTorchJob/bert",
    ),
}


@pytest.mark.parametrize("sanitised", [False, True], ids=["by the API", "by kube-state-metrics"])
@pytest.mark.parametrize(("owner", "labels", "top"), CASES.values(), ids=CASES)
def test_the_top_owner(owner: str, labels: Labels, top: str, sanitised: bool) -> None:
    found = top_owner(make_pod(owner, labels, sanitised=sanitised))
    assert f"{found.kind}/{found.name}" == top


SCHEDULES = {
    "a minute before": (timedelta(minutes=-1), "CronJob"),
    "weeks before, since the Job was suspended": (timedelta(days=-29), "CronJob"),
    "long before": (timedelta(days=-31), "Job"),
    "a little later, by another clock": (timedelta(minutes=30), "CronJob"),
    "later than the pod was bound": (timedelta(hours=2), "Job"),
}


@pytest.mark.parametrize(("wait", "kind"), SCHEDULES.values(), ids=SCHEDULES)
def test_a_job_comes_of_a_cron_job_where_its_suffix_is_a_minute_from_which_the_pod_can_come(
    wait: timedelta, kind: str
) -> None:
    minutes = int((BOUND + wait).timestamp()) // 60
    assert top_owner(make_pod(f"Job/nightly-{minutes}")).kind == kind


@pytest.mark.parametrize(("suffix", "kind"), [(SCHEDULED, "CronJob"), ("20261124", "Job"), ("99999999", "Job")])
def test_of_a_pod_without_a_known_binding_any_minute_since_jobs_are_named_so_counts(suffix: str, kind: str) -> None:
    assert top_owner(make_pod(f"Job/nightly-{suffix}", bound=None)).kind == kind

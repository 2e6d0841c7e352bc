"""Whose cost it is: labels, aliases, namespaces and owners. The GPU part is the plainest: a whole card, half used."""

from collections.abc import Mapping

from gpucost.simulation.scenarios.collection import Collection, Plot
from gpucost.simulation.scenarios.draft import Draft

scenario = Collection()


def _is_owed_by(
    s: Draft,
    says: Mapping[str, str],
    *,
    labels: Mapping[str, str] | None = None,
    owner: str = "",
    namespace: str = "",
) -> None:
    node = s.node()
    pod = s.pod("pod-0", node, labels=labels, owner=owner, namespace=namespace)
    s.see(node, "a", pod, memory=0.5)
    s.owes(pod, 1, 0.5, says=says)
    s.rest(node, 0)


@scenario
def all_four_labels_on_the_pod(s: Draft) -> None:
    """The plain case."""
    labels = {"team": "vision", "product": "search", "cost-centre": "cc-7", "environment": "prod"}
    says = {"team": "vision", "product": "search", "cost_centre": "cc-7", "environment": "prod"}
    _is_owed_by(s, says, labels=labels)


@scenario
def labels_of_the_namespace_where_the_pod_has_none(s: Draft) -> None:
    """The pod says what product it is; all else is the namespace's."""
    namespace = s.namespace("shop", team="red", environment="test")
    labels = {"product": "checkout"}
    says = {"team": "red", "product": "checkout", "environment": "test"}
    _is_owed_by(s, says, labels=labels, namespace=namespace)


@scenario
def labels_of_the_pod_before_those_of_the_namespace(s: Draft) -> None:
    """A pod of another team in a namespace."""
    namespace = s.namespace("shop", team="red")
    _is_owed_by(s, {"team": "blue"}, labels={"team": "blue"}, namespace=namespace)


@scenario
def other_names_of_the_same_labels(s: Draft) -> None:
    """Aliases: cost-center, app.kubernetes.io/part-of, env."""
    labels = {"cost-center": "cc-8", "app.kubernetes.io/part-of": "search", "env": "dev"}
    _is_owed_by(s, {"cost_centre": "cc-8", "product": "search", "environment": "dev"}, labels=labels)


@scenario
def no_labels_at_all(s: Draft) -> None:
    """Nobody said: unassigned, and billed all the same."""
    nobody = dict.fromkeys(("team", "product", "cost_centre", "environment"), "unassigned")
    _is_owed_by(s, {**nobody, "workload": "Pod/pod-0"})


@scenario
def a_serving_pod_that_says_it_is_batch(s: Draft) -> None:
    """The label overrides what the kind of the owner tells."""
    labels = {"pod-template-hash": "6d5f", "gpucost.io/workload-type": "batch"}
    says = {"workload": "Deployment/web", "workload_type": "batch"}
    _is_owed_by(s, says, labels=labels, owner="ReplicaSet/web-6d5f")


OWNERS = {
    "a-pod-of-a-deployment": ("ReplicaSet/web-6d5f", {"pod-template-hash": "6d5f"}, "Deployment/web", "serving"),
    "a-pod-of-a-bare-replica-set": ("ReplicaSet/web", {}, "ReplicaSet/web", "serving"),
    "a-pod-of-a-stateful-set": ("StatefulSet/db", {}, "StatefulSet/db", "serving"),
    "a-pod-of-a-job": ("Job/train", {}, "Job/train", "batch"),
    "a-pod-of-a-cron-job": ("Job/nightly-{minutes}", {}, "CronJob/nightly", "batch"),
    "a-pod-of-a-job-named-after-a-date": ("Job/train-31122025", {}, "Job/train-31122025", "batch"),
    "a-pod-of-a-leader-worker-set": (
        "StatefulSet/vllm-0",
        {"leaderworkerset.sigs.k8s.io/name": "vllm"},
        "LeaderWorkerSet/vllm",
        "serving",
    ),
    "a-pod-of-an-inference-service": (
        "ReplicaSet/llama-predictor-6d5f",
        {"serving.kserve.io/inferenceservice": "llama", "pod-template-hash": "6d5f"},
        "InferenceService/llama",
        "serving",
    ),
    "a-pod-of-a-pytorch-job": ("PyTorchJob/bert", {}, "PyTorchJob/bert", "batch"),
    "a-pod-of-a-job-set": ("Job/gang-workers-0", {"jobset.sigs.k8s.io/jobset-name": "gang"}, "JobSet/gang", "batch"),
    "a-pod-of-a-ray-cluster": ("RayCluster/lab", {"ray.io/cluster": "lab"}, "RayCluster/lab", "unassigned"),
    "a-pod-of-a-workflow": ("Workflow/etl", {"workflows.argoproj.io/workflow": "etl"}, "Workflow/etl", "batch"),
}


def _owned(owner: str, labels: Mapping[str, str], workload: str, workload_type: str) -> Plot:
    says = {"workload": workload, "workload_type": workload_type}
    return lambda s: _is_owed_by(s, says, labels=labels, owner=owner)


for slug, words in OWNERS.items():
    scenario.add(slug, "The workload is the top owner, and its kind says whether it serves or trains.", _owned(*words))

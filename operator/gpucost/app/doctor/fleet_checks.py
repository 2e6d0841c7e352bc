"""The cluster's GPU nodes and the pods on them: whether they say what the figures need."""

from collections.abc import Iterator, Sequence

from gpucost.app.doctor.reading import failure, ok, warning
from gpucost.app.told_once import named
from gpucost.model.cards import COUNT_LABEL, PRODUCT_LABEL
from gpucost.model.fleet import Cluster, Node
from gpucost.model.tenancy import UNASSIGNED, LabelKeys, tenant_of
from gpucost.reports.findings import Finding, Health
from gpucost.reports.words import in_percent

GPU_NODES, FEATURE_LABELS, TEAMS = "GPU nodes", "GPU feature discovery", "team labels"


def check_gpu_nodes(gpu_nodes: Sequence[Node], of_all: int, left_out: Sequence[str]) -> Iterator[Finding]:
    """``left_out``: what of the cluster could not be read, a sentence each."""
    for sentence in left_out:
        yield failure(GPU_NODES, sentence, Health.WARNING)
    if gpu_nodes:
        yield ok(GPU_NODES, f"{len(gpu_nodes)} of {of_all} nodes have GPUs: {named([node.name for node in gpu_nodes])}")
    else:
        yield warning(
            GPU_NODES,
            f"none of {of_all} nodes shows a GPU",
            "where there should be one, run the NVIDIA device plugin and GPU feature discovery on it",
        )


def check_feature_labels(gpu_nodes: Sequence[Node]) -> Iterator[Finding]:
    lacking = [node.name for node in gpu_nodes if not {PRODUCT_LABEL, COUNT_LABEL} <= node.labels.keys()]
    if lacking:
        yield warning(
            FEATURE_LABELS,
            f"{PRODUCT_LABEL} or {COUNT_LABEL} is missing on {len(lacking)} of {len(gpu_nodes)} GPU nodes:"
            f" {named(lacking)}; models and counts of their GPUs are taken from elsewhere",
            "run GPU feature discovery there (it is part of the NVIDIA GPU operator)",
        )
    else:
        yield ok(FEATURE_LABELS, f"all {len(gpu_nodes)} GPU nodes carry its labels")


def check_teams(cluster: Cluster, keys: LabelKeys) -> Iterator[Finding]:
    pods = [pod for pod in cluster.pods if pod.ended is None]
    without = [
        f"{pod.namespace}/{pod.name}"
        for pod in pods
        if tenant_of(pod, cluster.namespaces.get(pod.namespace, {}), keys).team == UNASSIGNED
    ]
    if without:
        yield warning(
            TEAMS,
            f"{len(without)} of {len(pods)} pods that hold GPUs ({in_percent(len(without), len(pods))}) belong to no"
            f" team: {named(without)}",
            f"label them or their namespaces with {' or '.join(keys.team)}",
        )
    elif pods:
        yield ok(TEAMS, f"all {len(pods)} pods that hold GPUs belong to a team")
    else:
        yield ok(TEAMS, "no pod holds a GPU now")

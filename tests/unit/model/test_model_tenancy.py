from collections.abc import Mapping

import pytest

from gpucost.model.fleet import Owner, Pod
from gpucost.model.tenancy import UNASSIGNED, LabelKeys, tenant_of

NAMESPACE_FIRST = LabelKeys(namespace_first=True)


def make_pod(labels: Mapping[str, str], *, owner: Owner | None = None, sanitised: bool = False) -> Pod:
    return Pod(
        uid="u1", namespace="ml", name="pod-0", node="n1", labels=labels, labels_sanitised=sanitised, owner=owner
    )


TEAMS: dict[str, tuple[Mapping[str, str], Mapping[str, str], LabelKeys, str]] = {
    "the pod counts before its namespace": ({"team": "pod"}, {"team": "ns"}, LabelKeys(), "pod"),
    "the namespace counts before its pods where that is chosen": (
        {"team": "pod"},
        {"team": "ns"},
        NAMESPACE_FIRST,
        "ns",
    ),
    "the namespace counts where the pod says nothing": ({}, {"team": "ns"}, LabelKeys(), "ns"),
    "the pod counts where the namespace says nothing": ({"team": "pod"}, {}, NAMESPACE_FIRST, "pod"),
    "an empty value says nothing": ({"team": ""}, {"team": "ns"}, LabelKeys(), "ns"),
    "the first key counts": (
        {"app.kubernetes.io/team": "second", "team": "first"},
        {},
        LabelKeys(),
        "first",
    ),
    "any key of the pod counts before the first of its namespace": (
        {"app.kubernetes.io/team": "pod"},
        {"team": "ns"},
        LabelKeys(),
        "pod",
    ),
    "else it is unassigned": ({"squad": "x"}, {}, LabelKeys(), UNASSIGNED),
}


@pytest.mark.parametrize(("pod", "namespace", "keys", "team"), TEAMS.values(), ids=TEAMS)
def test_the_team(pod: Mapping[str, str], namespace: Mapping[str, str], keys: LabelKeys, team: str) -> None:
    assert tenant_of(make_pod(pod), namespace, keys).team == team


SANITISED = {
    "as exporters print it": ("cost-centre", "cost_centre"),
    "with its domain": ("example.com/cost-centre", "example_com_cost_centre"),
    "with its humps, as the operator prints it": ("costCentre", "costCentre"),
    "with its humps split, as kube-state-metrics prints it": ("costCentre", "cost_centre"),
}


@pytest.mark.parametrize(("key", "printed"), SANITISED.values(), ids=SANITISED)
def test_a_key_is_found_among_sanitised_labels(key: str, printed: str) -> None:
    pod = make_pod({printed: "cc-1"}, sanitised=True)
    assert tenant_of(pod, {}, LabelKeys(cost_centre=(key,))).cost_centre == "cc-1"


TYPES = {
    "a Deployment serves": ("Deployment", "", "serving"),
    "an InferenceService serves": ("InferenceService", "", "serving"),
    "a CronJob is batch": ("CronJob", "", "batch"),
    "a TrainJob is batch": ("TrainJob", "", "batch"),
    "a RayCluster may be either": ("RayCluster", "", UNASSIGNED),
    "the label overrides the kind": ("Deployment", "batch", "batch"),
    "training is batch": ("Deployment", "training", "batch"),
    "inference is serving": ("Job", "inference", "serving"),
    "a label in capitals means the same": ("Job", "Serving", "serving"),
    "a label that means neither leaves it to the kind": ("Job", "gold", "batch"),
}


@pytest.mark.parametrize(("kind", "label", "workload_type"), TYPES.values(), ids=TYPES)
def test_the_workload_type(kind: str, label: str, workload_type: str) -> None:
    pod = make_pod({"gpucost.io/workload-type": label}, owner=Owner(kind, "it"))
    tenant = tenant_of(pod, {}, LabelKeys())
    assert (tenant.workload, tenant.workload_type) == (f"{kind}/it", workload_type)

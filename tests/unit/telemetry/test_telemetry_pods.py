import pytest

from gpucost.model.fleet import Owner, Pod, Request
from gpucost.telemetry.pods import pods_of_history

Labels = dict[str, str]


def make_series(uid: str = "u1", pod: str = "train-0", **labels: str) -> Labels:
    """With the target labels of kube-state-metrics, which keeps its own with honorLabels."""
    return {"job": "kube-state-metrics", "namespace": "ml", "pod": pod, "uid": uid} | labels


def make_owner(kind: str = "Job", name: str = "train", controller: str = "true", **labels: str) -> Labels:
    return make_series(owner_kind=kind, owner_name=name, owner_is_controller=controller, **labels)


def make_request(resource: str = "nvidia_com_gpu", count: float = 2, **labels: str) -> tuple[Labels, float]:
    return make_series(container="main", resource=resource, unit="integer", node="n1", **labels), count


def make_pod(uid: str = "u1", name: str = "train-0", **parts: object) -> Pod:
    known: dict[str, object] = {
        "labels": {"team": "vision"},
        "owner": Owner("Job", "train"),
        "requests": (Request("main", "nvidia.com/gpu", 2),),
        "node": "n1",
    }
    return Pod(uid=uid, namespace="ml", name=name, labels_sanitised=True, **(known | parts))  # type: ignore[arg-type]


LABELS = make_series(label_team="vision")
History = tuple[list[Labels], list[Labels], list[tuple[Labels, float]]]
HISTORIES: dict[str, tuple[History, list[Pod]]] = {
    "the three metrics make one pod": (([LABELS], [make_owner()], [make_request()]), [make_pod()]),
    "labels alone": (([LABELS], [], []), [make_pod(owner=None, requests=(), node="")]),
    "requests alone": (([], [], [make_request()]), [make_pod(labels={}, owner=None)]),
    "nothing": (([], [], []), []),
    "a pod that nobody owns": (
        ([LABELS], [make_owner("<none>", "<none>", "<none>")], [make_request()]),
        [make_pod(owner=None)],
    ),
    "only the controller is the owner": (
        ([LABELS], [make_owner(), make_owner("Queue", "q", "false")], [make_request()]),
        [make_pod()],
    ),
    "two pods of one name": (
        (
            [LABELS, make_series("u2", label_team="speech")],
            [make_owner(uid="u2", name="again"), make_owner()],
            [make_request(), make_request(uid="u2", count=1)],
        ),
        [
            make_pod(),
            make_pod(
                "u2",
                labels={"team": "speech"},
                owner=Owner("Job", "again"),
                requests=(Request("main", "nvidia.com/gpu", 1),),
            ),
        ],
    ),
    "a pod whose labels changed has the later ones": (
        ([make_series(label_team="old", label_x="1"), LABELS], [make_owner()], [make_request()]),
        [make_pod()],
    ),
    "series without UID belong to the pod of that name": (
        ([LABELS], [make_owner(uid="")], [make_request(uid="")]),
        [make_pod()],
    ),
    "no UID anywhere": (
        ([make_series("", label_team="vision")], [make_owner(uid="")], [make_request(uid="")]),
        [make_pod("")],
    ),
    "hidden by the scrape's own labels": (
        (
            [
                {"namespace": "monitoring", "pod": "ksm-1", "node": "n9", "uid": "u1", "label_team": "vision"}
                | {"exported_namespace": "ml", "exported_pod": "train-0"}
            ],
            [],
            [
                (
                    {"namespace": "monitoring", "pod": "ksm-1", "container": "ksm", "node": "n9", "uid": "u1"}
                    | {"exported_namespace": "ml", "exported_pod": "train-0", "exported_container": "main"}
                    | {"exported_node": "n1", "resource": "nvidia_com_gpu"},
                    2,
                )
            ],
        ),
        [make_pod(owner=None)],
    ),
    "a request that two scrapes saw counts once": (
        ([LABELS], [make_owner()], [make_request(), make_request(job="second")]),
        [make_pod()],
    ),
    "a request for nothing is none": (
        ([LABELS], [make_owner()], [make_request(count=0)]),
        [make_pod(requests=(), node="")],
    ),
}


@pytest.mark.parametrize(("history", "pods"), HISTORIES.values(), ids=HISTORIES)
def test_pods_of_history(history: History, pods: list[Pod]) -> None:
    assert list(pods_of_history(*history)) == pods


LABEL_VALUES: dict[str, tuple[str, bool]] = {
    "a word": ("vision", True),
    "empty": ("", True),
    "dots, hyphens and underscores inside": ("A.b-c_d", True),
    "the longest": ("v" * 63, True),
    "too long": ("v" * 64, False),
    "a space": ("a b", False),
    "a line end": ("vision\n", False),
    "a hyphen at the end": ("vision-", False),
    "a formula": ("=1+1", False),
}


@pytest.mark.parametrize(("value", "kept"), LABEL_VALUES.values(), ids=LABEL_VALUES)
def test_a_label_value_that_kubernetes_does_not_allow_is_dropped(value: str, kept: bool) -> None:
    (pod,) = pods_of_history([make_series(label_team=value, label_env="prod")], [], [])
    assert pod.labels == {"env": "prod"} | ({"team": value} if kept else {})


RESOURCES = {
    "nvidia_com_gpu": "nvidia.com/gpu",
    "nvidia_com_gpu_shared": "nvidia.com/gpu.shared",
    "nvidia_com_mig_1g_5gb": "nvidia.com/mig-1g.5gb",
    "nvidia_com_mig_1g_5gb_me": "nvidia.com/mig-1g.5gb.me",
    "nvidia_com_mig_3g_20gb_shared": "nvidia.com/mig-3g.20gb.shared",
    "nvidia_com_mig_1c_3g_20gb": "nvidia.com/mig-1c.3g.20gb",
}


@pytest.mark.parametrize(("printed", "resource"), RESOURCES.items(), ids=RESOURCES)
def test_the_resource_gets_its_name_back(printed: str, resource: str) -> None:
    (pod,) = pods_of_history([], [], [make_request(printed)])
    assert [request.resource for request in pod.requests] == [resource]

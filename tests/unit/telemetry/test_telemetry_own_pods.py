from datetime import UTC, datetime
from typing import Any

import pytest

from gpucost.model.fleet import Owner, Pod, Request
from gpucost.model.tenancy import LabelKeys, Tenant, tenant_of
from gpucost.telemetry.own_pods import PodInfo, pods_of_infos

KEYS = LabelKeys(team=("org/team", "team"), cost_centre=())
BOUND = datetime(2026, 11, 24, 8, 0, 0, 500_000, tzinfo=UTC)
ENDED = datetime(2026, 11, 24, 9, tzinfo=UTC)


def make_info(seen: float = 100, count: float = 2, **labels: str) -> PodInfo:
    series = {
        "namespace": "ml",
        "pod": "train-0",
        "uid": "u1",
        "node": "n1",
        "team": "vision",
        "product": "search",
        "cost_centre": "cc-1",
        "environment": "unassigned",
        "workload": "Job/train",
        "workload_type": "batch",
        "container": "main",
        "resource": "nvidia.com/gpu",
    }
    return PodInfo(series | labels, count, seen)


def make_pod(**parts: Any) -> Pod:
    pod: dict[str, Any] = {
        "uid": "u1",
        "namespace": "ml",
        "name": "train-0",
        "node": "n1",
        "labels": {
            "org/team": "vision",
            "product": "search",
            "environment": "unassigned",
            "gpucost.io/workload-type": "batch",
        },
        "owner": Owner("Job", "train"),
        "requests": (Request("main", "nvidia.com/gpu", 2),),
    }
    return Pod(**(pod | parts))


HIDDEN = {"namespace": "gpucost", "pod": "gpucost-0", "container": "gpucost", "exported_namespace": "ml"} | {
    "exported_pod": "train-0",
    "exported_container": "main",
}
PODS: dict[str, tuple[list[PodInfo], list[Pod]]] = {
    "nothing": ([], []),
    "one": ([make_info()], [make_pod()]),
    "hidden by the scrape's own labels": ([make_info(**HIDDEN)], [make_pod()]),
    "two containers with two resources": (
        [make_info(), make_info(count=1, container="side", resource="nvidia.com/mig-1g.5gb")],
        [
            make_pod(
                requests=(Request("main", "nvidia.com/gpu", 2), Request("side", "nvidia.com/mig-1g.5gb", 1)),
            )
        ],
    ),
    "two of ourselves, one after another": ([make_info(), make_info(200, instance="b")], [make_pod()]),
    "another tenant since: the last counts, and with it what it asked for": (
        [make_info(200, team="speech", count=1), make_info(100, container="old")],
        [
            make_pod(
                labels=make_pod().labels | {"org/team": "speech"},  # type: ignore[operator]  # a dict is a Mapping
                requests=(Request("main", "nvidia.com/gpu", 1),),
            )
        ],
    ),
    "two pods of one name, in the order in which they were last seen": (
        [make_info(200), make_info(100, uid="u0")],
        [make_pod(uid="u0"), make_pod()],
    ),
    "no owner": ([make_info(workload="Pod/train-0")], [make_pod(owner=None)]),
    "an owner that cannot be read": ([make_info(workload="train")], [make_pod(owner=None)]),
    "values that no label can have": (
        [make_info(team="a b", product="")],
        [make_pod(labels={"environment": "unassigned", "gpucost.io/workload-type": "batch"})],
    ),
    "no UID": ([make_info(uid="")], []),
}


@pytest.mark.parametrize(("infos", "pods"), PODS.values(), ids=PODS)
def test_pods_of_our_own_series(infos: list[PodInfo], pods: list[Pod]) -> None:
    assert list(pods_of_infos(infos, {}, {}, KEYS)) == pods


LIVES: dict[str, tuple[dict[str, float], dict[str, float], tuple[datetime | None, datetime | None]]] = {
    "both": ({"u1": BOUND.timestamp()}, {"u1": ENDED.timestamp()}, (BOUND, ENDED)),
    "still there when last seen": ({"u1": BOUND.timestamp()}, {}, (BOUND, None)),
    "of other pods": ({"u2": 1.0}, {"u2": 2.0}, (None, None)),
    "no times": ({"u1": float("nan")}, {"u1": 1e300}, (None, None)),
    "an end before the start is none": ({"u1": ENDED.timestamp()}, {"u1": BOUND.timestamp()}, (ENDED, None)),
}


@pytest.mark.parametrize(("bound", "ended", "life"), LIVES.values(), ids=LIVES)
def test_when_it_held_its_devices(
    bound: dict[str, float], ended: dict[str, float], life: tuple[datetime | None, datetime | None]
) -> None:
    (pod,) = pods_of_infos([make_info()], bound, ended, KEYS)
    assert (pod.bound, pod.ended) == life


def test_the_tenant_is_the_one_that_was_exported_whatever_its_namespace_says_now() -> None:
    (pod,) = pods_of_infos([make_info()], {}, {}, LabelKeys())
    assert tenant_of(pod, {"environment": "prod", "team": "other"}, LabelKeys()) == Tenant(
        team="vision",
        product="search",
        cost_centre="cc-1",
        environment="unassigned",
        workload="Job/train",
        workload_type="batch",
    )

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3
from prometheus_client.parser import text_string_to_metric_families

from gpucost.app.cli.exporter import NodePage, make_server
from gpucost.app.cli.main import main
from gpucost.model.errors import ConfigurationError, InputError, SourceUnavailable
from gpucost.model.fleet import Cluster, Node, Owner, Pod, Request

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
USED = "DCGM_FI_DEV_FB_USED"
GPU = "nvidia.com/gpu"
H100 = "NVIDIA-H100-80GB-HBM3"
A100 = "NVIDIA-A100-SXM4-40GB"
Series = dict[str, str]


def make_node(product: str = H100, cards: str = "2", slots: int = 1, **instances: str) -> Node:
    labels = {"nvidia.com/gpu.product": product, "nvidia.com/gpu.count": cards}
    mig = {f"mig-{name.removeprefix('of_').replace('_', '.')}": count for name, count in instances.items()}
    labels |= {f"nvidia.com/{name}.count": count for name, count in mig.items()}
    whole = int(cards) * slots if cards.isdecimal() and not mig else 0
    capacity = {GPU: whole, **{f"nvidia.com/{name}": int(count) for name, count in mig.items() if count.isdecimal()}}
    return Node(name="gpu-1", uid="1", created=NOON, labels=labels, capacity=capacity)


def make_pod(name: str, count: int = 1, resource: str = GPU, *, node: str = "gpu-1", minutes: int = 60) -> Pod:
    return Pod(
        uid=name,
        namespace="research",
        name=name,
        node=node,
        owner=Owner("ReplicaSet", "server"),
        requests=(Request("main", resource, count),),
        bound=NOON - timedelta(minutes=minutes),
    )


class Look:
    """What the API says; tests change it."""

    def __init__(self, node: Node, *pods: Pod) -> None:
        self.node = node
        self.pods = pods

    def __call__(self) -> Cluster:
        return Cluster(seen_at=NOON, nodes=(self.node,), pods=self.pods, namespaces={})


def series(text: str, metric: str = USED) -> list[Series]:
    return [
        dict(sample.labels)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == metric
    ]


def holders(text: str) -> dict[str, str]:
    """Card, with its instance, to the pod that is named."""
    return {each["UUID"] + each.get("GPU_I_ID", ""): each.get("pod", "") for each in series(text)}


def test_every_card_is_there_and_names_the_pod_that_runs_there() -> None:
    text = NodePage("gpu-1", Look(make_node(), make_pod("server"), make_pod("elsewhere", node="gpu-2")))(NOON)
    assert sorted(holders(text).values()) == ["", "server"]
    (held,) = (each for each in series(text) if each.get("pod"))
    assert {"namespace": "research", "container": "main", "Hostname": "gpu-1"}.items() <= held.items()


def test_a_pod_is_shown_as_soon_as_it_is_bound() -> None:
    assert "server" in NodePage("gpu-1", Look(make_node(), make_pod("server", minutes=0)))(NOON)


def test_a_pod_keeps_its_cards_when_another_goes() -> None:
    look = Look(make_node(cards="3"), make_pod("first", minutes=90), make_pod("second", 2))
    page = NodePage("gpu-1", look)
    before = holders(page(NOON))
    look.pods = (make_pod("second", 2), make_pod("third", minutes=1))
    after = holders(page(NOON))
    assert sorted(before.values()) == ["first", "second", "second"]
    assert after == {device: pod.replace("first", "third") for device, pod in before.items()}


def test_a_pod_that_has_ended_holds_nothing() -> None:
    ended = replace(make_pod("done"), ended=NOON)
    assert set(holders(NodePage("gpu-1", Look(make_node(), ended))(NOON)).values()) == {""}


def test_instances_are_held_by_their_profile() -> None:
    node = make_node(A100, "2", of_1g_5gb="4", of_3g_20gb="2")
    look = Look(node, make_pod("small", 3, "nvidia.com/mig-1g.5gb"), make_pod("large", 1, "nvidia.com/mig-3g.20gb"))
    found = [(each["GPU_I_PROFILE"], each.get("pod", "")) for each in series(NodePage("gpu-1", look)(NOON))]
    small, large = [("1g.5gb", "small")] * 3 + [("1g.5gb", "")], [("3g.20gb", "large"), ("3g.20gb", "")]
    assert sorted(found) == sorted(small + large)


def test_a_shared_card_has_one_series_and_pods_spread_over_the_cards() -> None:
    look = Look(make_node(slots=4), *(make_pod(f"pod-{number}") for number in range(4)))
    assert sorted(holders(NodePage("gpu-1", look)(NOON)).values()) == ["pod-0", "pod-1"]


REFUSED: dict[str, tuple[Node, str]] = {
    "a model that is not simulated": (make_node("Tesla-T4"), 'gpu.product "Tesla-T4", which is not simulated'),
    "no label of a model": (make_node(""), 'gpu.product "", which is not simulated'),
    "a count that is none": (make_node(cards="many"), 'gpu.count "many"; set it to a number from 1 to 16'),
    "too many cards": (make_node(cards="99"), "set it to a number from 1 to 16"),
    "more instances than fit": (make_node(A100, "1", of_3g_20gb="3"), "more MIG instances than fit on 1 cards"),
    "an unknown profile": (make_node(A100, "1", of_9g_99gb="1"), "MIG instances 9g.99gb, which are not simulated"),
    "another name": (replace(make_node(), name="other"), "There is no node gpu-1"),
}


@pytest.mark.parametrize(("node", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_node_that_cannot_be_simulated_is_refused(node: Node, sentence: str) -> None:
    with pytest.raises(InputError) as told:
        NodePage("gpu-1", Look(node))(NOON)
    assert sentence in str(told.value)


@contextmanager
def serving(read: Any) -> Iterator[str]:
    with make_server("127.0.0.1", 0, NodePage("gpu-1", read)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def get(url: str) -> tuple[int, str]:
    with urllib3.PoolManager() as pool:
        answer = pool.request("GET", url, timeout=10, retries=False, headers={"Connection": "close"})
        return answer.status, answer.data.decode()


def test_it_serves_the_page() -> None:
    with serving(Look(make_node(), make_pod("server", minutes=10**6))) as url:
        status, text = get(f"{url}/metrics")
        assert (status, get(url)[0]) == (200, 404)
    assert "server" in holders(text).values()


def test_an_api_that_does_not_answer_is_told_and_not_fatal(capsys: pytest.CaptureFixture[str]) -> None:
    def read() -> Cluster:
        raise SourceUnavailable("The API server is away")

    with serving(read) as url:
        assert get(f"{url}/metrics") == (503, "The API server is away\n")
    assert capsys.readouterr().err == "The API server is away\n"


def test_a_port_that_is_taken_is_told_in_a_sentence() -> None:
    with make_server("127.0.0.1", 0, str) as server, pytest.raises(ConfigurationError, match="choose others with"):
        make_server("127.0.0.1", server.server_port, str)


def test_without_a_node_it_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["simulate-exporter"])
    assert "--node" in capsys.readouterr().err

"""Nodes that are gone, from what an earlier run of ourselves said of them; and what asking for them costs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from gpu_series import START, make_windows
from scripted_server import Asked, Reply, ScriptedServer, answer, serving

from gpucost.model.errors import IncompleteAnswer
from gpucost.model.fleet import Cluster, Node
from gpucost.telemetry.own_nodes import Birth, births_of, ends_of, nodes_of
from gpucost.telemetry.queries import (
    OWN_NODE_CREATED,
    OWN_NODE_DETAIL,
    OWN_NODE_ENDED,
    Matcher,
    OwnNodeDetailsQuery,
    OwnNodesQuery,
)
from gpucost.telemetry.settings import TelemetrySettings
from gpucost.telemetry.source import PrometheusTelemetry

MINUTE = timedelta(minutes=1)
CREATED = START - timedelta(hours=5)
NOW = START + 20 * MINUTE
"""Of the look; the windows begin at ``START``."""


def at(minute: float) -> datetime:
    return START + minute * MINUTE


def make_node(uid: str = "u9", name: str = "n9", created: datetime = CREATED) -> Node:
    return Node(name=name, uid=uid, created=created)


def make_cluster(*nodes: Node, uid: str = "c1") -> Cluster:
    return Cluster(seen_at=NOW, nodes=nodes, pods=(), namespaces={}, uid=uid)


def make_detail(
    uid: str = "u1", seen: float = 1, kind: str = "capacity", key: str = "nvidia.com/gpu", value: str = "8"
) -> tuple[dict[str, str], float]:
    return {"uid": uid, "kind": kind, "key": key, "value": value}, at(seen).timestamp()


BIRTHS = {"u1": Birth("n1", CREATED), "u2": Birth("n2", CREATED)}
ODD_BIRTHS = {
    "no uid": ({"node": "n1"}, 1.0),
    "no name": ({"uid": "u1"}, 1.0),
    "a name that no node has": ({"uid": "u1", "node": "N1\n"}, 1.0),
    "a name without end": ({"uid": "u1", "node": "n" * 300}, 1.0),
    "a uid without end": ({"uid": "u" * 300, "node": "n1"}, 1.0),
    "no time": ({"uid": "u1", "node": "n1"}, float("nan")),
}


def test_the_name_of_a_node_may_be_hidden_by_that_of_the_scrape() -> None:
    series = [({"uid": "u1", "node": "where-we-ran", "exported_node": "n1"}, CREATED.timestamp())]
    assert births_of(series) == {"u1": Birth("n1", CREATED)}


@pytest.mark.parametrize("series", ODD_BIRTHS.values(), ids=ODD_BIRTHS)
def test_what_can_be_no_node_is_none(series: tuple[dict[str, str], float]) -> None:
    assert births_of([series]) == {}


def test_an_end_that_is_no_time_is_none() -> None:
    assert ends_of([({"uid": "u1"}, float("inf")), ({"uid": "u2"}, NOW.timestamp())]) == {"u2": NOW}


def made(*details: tuple[dict[str, str], float], ends: dict[str, datetime] | None = None, **parts: Any) -> list[Node]:
    births = parts.get("births", BIRTHS)
    return list(nodes_of(births, ends or {}, details, parts.get("cluster", make_cluster())))


def test_what_was_true_at_the_last_look_counts_and_nothing_that_was_true_before() -> None:
    (node,) = made(
        make_detail(seen=6, value="4"),
        make_detail(seen=1, value="8"),
        make_detail(seen=1, key="nvidia.com/mig-1g.5gb"),
        make_detail(seen=6, kind="label", key="zone", value="a"),
    )
    assert (node.capacity, node.labels, node.last_seen) == ({"nvidia.com/gpu": 4}, {"zone": "a"}, at(6))
    assert (node.name, node.uid, node.created) == ("n1", "u1", CREATED)


ENDS = {
    "by the look that missed it": (make_cluster(), at(8), at(8)),
    "by now, where nobody looked since": (make_cluster(), None, NOW),
    "by now, where a look that missed it was wrong": (make_cluster(), at(4), NOW),
    "by the creation of the next of its name": (make_cluster(make_node("u3", "n1", at(7))), None, at(7)),
    "not by a node of another name": (make_cluster(make_node("u3", "n3", at(7))), None, NOW),
    "not by an earlier node of its name": (make_cluster(make_node("u0", "n1", CREATED - MINUTE)), None, NOW),
}


@pytest.mark.parametrize(("cluster", "told", "ended"), ENDS.values(), ids=ENDS)
def test_when_a_node_was_gone(cluster: Cluster, told: datetime | None, ended: datetime) -> None:
    (node,) = made(make_detail(seen=6), ends={"u1": told} if told else {}, cluster=cluster)
    assert node.ended == ended


def test_of_two_gone_nodes_of_one_name_the_second_ended_the_first() -> None:
    births = {"u1": Birth("n1", CREATED), "u2": Birth("n1", at(3))}
    nodes = made(make_detail("u1", seen=1), make_detail("u2", seen=6), births=births)
    assert [(node.uid, node.ended) for node in nodes] == [("u1", at(3)), ("u2", NOW)]


def test_details_of_what_is_no_node_make_none() -> None:
    assert made(make_detail("u7"), ({"uid": "u1", "kind": "label"}, float("nan"))) == []


@dataclass
class FakePrometheus:
    """Answers to queries by a metric in them."""

    replies: dict[str, Reply] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> Reply:
        found = [reply for metric, reply in self.replies.items() if metric in asked.form["query"]]
        return found[0] if found else answer("vector")


def make_series(seconds: float, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [0, str(seconds)]}


def make_prometheus(*uids: str, ended: dict[str, datetime] | None = None) -> FakePrometheus:
    return FakePrometheus(
        {
            OWN_NODE_CREATED: answer(
                "vector", *(make_series(CREATED.timestamp(), uid=uid, node=f"n-{uid}") for uid in uids)
            ),
            OWN_NODE_ENDED: answer(
                "vector", *(make_series(end.timestamp(), uid=uid) for uid, end in (ended or {}).items())
            ),
            OWN_NODE_DETAIL: answer(
                "vector", *(make_series(seen, **labels) for labels, seen in map(make_detail, uids))
            ),
        }
    )


@contextmanager
def asking(prometheus: FakePrometheus, **settings: Any) -> Iterator[tuple[PrometheusTelemetry, ScriptedServer]]:
    with serving(prometheus) as server:
        telemetry = PrometheusTelemetry(TelemetrySettings(url=server.url, **settings))
        try:
            yield telemetry, server
        finally:
            telemetry.close()


def test_a_gone_node_comes_back_with_its_life() -> None:
    with asking(make_prometheus("u1", "u9")) as (telemetry, server):
        (node,) = telemetry.read_ended_nodes(make_cluster(make_node("u9", "n-u9")), make_windows(2))
    assert (node.uid, node.name, node.capacity, node.ended) == ("u1", "n-u1", {"nvidia.com/gpu": 8}, NOW)
    assert [asked.form["query"].count("u9") for asked in server.asked] == [0, 0, 0], "what is listed is not asked for"


def test_where_all_nodes_are_listed_one_question_is_all() -> None:
    with asking(make_prometheus("u9")) as (telemetry, server):
        assert telemetry.read_ended_nodes(make_cluster(make_node("u9")), make_windows(1)) == ()
    assert len(server.asked) == 1


def test_a_cluster_that_does_not_say_who_it_is_has_no_gone_nodes() -> None:
    with asking(make_prometheus("u1")) as (telemetry, server):
        assert telemetry.read_ended_nodes(make_cluster(uid=""), make_windows(1)) == ()
    assert server.asked == []


def test_nodes_that_were_gone_before_the_windows_are_not_asked_about() -> None:
    ended = {"u1": START, "u2": at(1)}
    with asking(make_prometheus("u1", "u2", ended=ended)) as (telemetry, server):
        nodes = telemetry.read_ended_nodes(make_cluster(), make_windows(1))
    assert [node.uid for node in nodes] == ["u2"]
    assert 'uid=~"u2"' in server.asked[-1].form["query"]


def test_many_gone_nodes_are_asked_about_in_batches_at_one_time() -> None:
    with asking(make_prometheus(*(f"u{number}" for number in range(45)))) as (telemetry, server):
        telemetry.read_ended_nodes(make_cluster(), make_windows(2))
    assert len(server.asked) == 2 + 3
    assert {float(asked.form["time"]) for asked in server.asked} == {at(10 + 60).timestamp()}


def test_every_selector_carries_the_matchers_and_the_cluster() -> None:
    with asking(make_prometheus("u1"), matchers=(Matcher("tenant", "=", "t"),)) as (telemetry, server):
        telemetry.read_ended_nodes(make_cluster(), make_windows(1))
    assert len(server.asked) == 3
    assert all('{tenant="t",cluster_uid="c1"' in asked.form["query"] for asked in server.asked)


def test_a_partial_answer_about_nodes_is_incomplete() -> None:
    prometheus = FakePrometheus({OWN_NODE_CREATED: answer("vector", warnings=["one store is away"])})
    with asking(prometheus) as (telemetry, _), pytest.raises(IncompleteAnswer, match="one store is away"):
        telemetry.read_ended_nodes(make_cluster(), make_windows(1))


def test_times_of_nodes_are_asked_in_steps_and_details_to_the_sample() -> None:
    times = OwnNodesQuery(metric="created", cluster_uid='a"b', range_ms=60_000).promql()
    assert times == 'min by (uid,node,exported_node) (min_over_time(created{cluster_uid="a\\"b"}[60000ms:5m]))'
    details = OwnNodeDetailsQuery(cluster_uid="c", uids=("u.1", "u2"), range_ms=60_000).promql()
    selector = f'{OWN_NODE_DETAIL}{{cluster_uid="c",uid=~"u\\\\.1|u2"}}'
    assert details == f"max by (uid,kind,key,value) (max_over_time({selector}[60000ms]))"

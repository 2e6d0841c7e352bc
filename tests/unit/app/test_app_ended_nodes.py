"""When the pipeline asks for nodes that are gone, and what becomes of the pods that ended with them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from prometheus_client.core import Metric

from gpucost.app.computing.looks import LatestLook
from gpucost.app.computing.pipeline import Pipeline
from gpucost.app.configuration.rules import rules_of
from gpucost.app.configuration.settings import Settings
from gpucost.app.prices.rates import Prices, resolver_of
from gpucost.app.process.node_metrics import node_metrics
from gpucost.model.fleet import GPU_RESOURCE, Cluster, Node, Pod
from gpucost.model.time import Window
from gpucost.model.usage import NamedHolder, Usage
from gpucost.pricing.rate_cards import RateCards, parse_rate_cards
from gpucost.pricing.rules import PriceRules
from tests.unit.matching.matched_windows import START, card, make_usage, named

MINUTE = timedelta(minutes=1)
LISTED = Node(name="n2", uid="listed", created=START, capacity={GPU_RESOURCE: 1})
GONE = Node(
    name="n1",
    uid="gone",
    created=START - MINUTE,
    annotations={"gpucost.io/hourly-rate": "12"},
    capacity={GPU_RESOURCE: 1},
    last_seen=START + 2 * MINUTE,
    ended=START + 3 * MINUTE,
)
POD = Pod(uid="p", namespace="ml", name="train", node="n1", bound=START)


@dataclass
class Sources:
    """A `ClusterSource` and a `TelemetrySource` in one."""

    watched_since: datetime | None
    pods: Sequence[Pod] = ()
    problems: tuple[str, ...] = ()
    questions: list[Sequence[Window]] = field(default_factory=list)

    def read(self) -> Cluster:
        return Cluster(
            seen_at=START + 6 * MINUTE,
            nodes=(LISTED, replace(GONE, uid="next", created=START + 3 * MINUTE, last_seen=None, ended=None)),
            pods=(),
            namespaces={},
            uid="c1",
            watched_since=self.watched_since,
        )

    def newest_sample(self) -> datetime | None:
        return None

    def read_usage(self, windows: Sequence[Window]) -> Usage:
        return replace(make_usage([(card(), named("train"), 4)]), windows=tuple(windows))

    def read_ended_pods(self, _holders: Sequence[NamedHolder], _until: datetime) -> Sequence[Pod]:
        return self.pods

    def read_ended_nodes(self, _cluster: Cluster, windows: Sequence[Window]) -> Sequence[Node]:
        self.questions.append(windows)
        return (GONE,)


@dataclass
class Told:
    """A `Witness`."""

    cluster: Cluster | None = None
    ended: Sequence[Pod] = ()

    def on_rates(self, rates: object) -> None: ...

    def on_read(self, cluster: Cluster, _usage: Usage, ended: Sequence[Pod]) -> None:
        self.cluster, self.ended = cluster, ended

    def on_window(self, *_found: object) -> None: ...


def compute(sources: Sources, *, blind: bool = False) -> Told:
    settings, told = Settings(), Told()
    pipeline = Pipeline(cluster=sources, telemetry=sources, rates=Prices(settings, tuple), rules=rules_of(settings))
    pipeline.compute([Window(START, START + 5 * MINUTE)], blind=blind, witness=told)
    return told


WATCHED = {
    "who looks for the first time asks": (None, False, True),
    "who looked first in the window asks": (START + MINUTE, False, True),
    "who has looked since before the window does not": (START, False, False),
    "who may not ask telemetry does not": (None, True, False),
}


@pytest.mark.parametrize(("watched_since", "blind", "asks"), WATCHED.values(), ids=WATCHED)
def test_gone_nodes_are_asked_for_where_nobody_watched(watched_since: datetime | None, blind: bool, asks: bool) -> None:
    sources = Sources(watched_since)
    told = compute(sources, blind=blind)
    assert len(sources.questions) == asks
    assert told.cluster is not None
    assert ("gone" in {node.uid for node in told.cluster.nodes}) == asks


ENDS: dict[str, tuple[Pod, datetime | None]] = {
    "of which nobody tells the end": (POD, GONE.ended),
    "whose end is known": (replace(POD, ended=START + MINUTE), START + MINUTE),
    "that was bound to the next of that name": (replace(POD, bound=START + 4 * MINUTE), None),
    "that was bound before any node of that name": (replace(POD, bound=START - 5 * MINUTE), None),
    "that was bound nobody knows when": (replace(POD, bound=None), None),
    "on another node": (replace(POD, node="n2"), None),
}


@pytest.mark.parametrize(("pod", "ended"), ENDS.values(), ids=ENDS)
def test_a_forgotten_pod_ends_with_its_node(pod: Pod, ended: datetime | None) -> None:
    (told,) = compute(Sources(None, pods=[pod])).ended
    assert told.ended == ended
    assert told.last_seen == (GONE.last_seen if ended == GONE.ended else None)


def make_look(*nodes: Node, uid: str = "c1", cards: RateCards | None = None) -> LatestLook:
    look = LatestLook()
    look.on_rates(resolver_of(cards or RateCards(), Settings()))
    look.on_read(
        Cluster(seen_at=START, nodes=nodes, pods=(), namespaces={}, uid=uid), make_usage([(card(), named("a"), 1)]), ()
    )
    return look


def samples_of(look: LatestLook) -> dict[str, list[tuple[dict[str, str], float]]]:
    families: list[Metric] = list(node_metrics(look))
    return {family.name: [(sample.labels, sample.value) for sample in family.samples] for family in families}


def test_a_listed_node_was_true_at_this_look_and_a_gone_one_at_its_last() -> None:
    told = samples_of(make_look(LISTED, GONE))
    seen = {labels["uid"]: value for labels, value in told["gpucost_node_detail_timestamp_seconds"]}
    assert GONE.last_seen is not None
    assert seen == {"listed": START.timestamp(), "gone": GONE.last_seen.timestamp()}
    assert {labels["cluster_uid"] for family in told.values() for labels, _ in family} == {"c1"}
    created = {labels["uid"]: value for labels, value in told["gpucost_node_created_timestamp_seconds"]}
    assert created == {"listed": START.timestamp(), "gone": GONE.created.timestamp()}


def test_only_a_gone_node_has_an_end() -> None:
    told = samples_of(make_look(LISTED, GONE))["gpucost_node_ended_timestamp_seconds"]
    assert GONE.ended is not None
    assert [(labels["uid"], value) for labels, value in told] == [("gone", GONE.ended.timestamp())]


def test_nodes_without_gpus_are_not_told_of() -> None:
    assert samples_of(make_look(replace(LISTED, capacity={})))["gpucost_node_created_timestamp_seconds"] == []


def test_nothing_that_cannot_be_told_from_another_cluster_is_told() -> None:
    assert samples_of(make_look(GONE, uid="")).keys() == {"gpucost_node_info"}


def test_labels_that_rate_cards_ask_for_are_told() -> None:
    rate = {"name": "r", "match": {"nodeLabels": {"site": "basement"}}, "nodeHourly": "1"}
    cards = parse_rate_cards([{"metadata": {"name": "c"}, "spec": {"rates": [rate]}}], PriceRules())
    labelled = replace(LISTED, labels={"site": "attic", "colour": "red", "topology.kubernetes.io/zone": "a"})
    told = samples_of(make_look(labelled, cards=cards))["gpucost_node_detail_timestamp_seconds"]
    keys = {labels["key"] for labels, _ in told if labels["kind"] == "label"}
    assert keys == {"site", "topology.kubernetes.io/zone"}

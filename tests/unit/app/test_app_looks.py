"""Looks at the API, one after the other, as the loop takes them."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from gpucost.app.computing.looks import RememberingCluster
from gpucost.matching.match import Matcher
from gpucost.model.fleet import GPU_RESOURCE, Cluster, Node, Pod, Request
from gpucost.model.holdings import WindowHoldings
from gpucost.model.tenancy import LabelKeys
from gpucost.model.usage import Usage
from tests.unit.matching.matched_windows import NOBODY, START, card, lines, make_rate, make_usage, minutes, named

MINUTE = timedelta(minutes=1)
NODE = Node(name="n1", uid="n", created=START, capacity={GPU_RESOURCE: 1})
POD = Pod(uid="p", namespace="ml", name="train", node="n1", bound=START, requests=(Request("main", GPU_RESOURCE, 1),))


@dataclass
class ScriptedCluster:
    """Answers one look after the other, with what each had to leave out."""

    looks: list[Cluster]
    told: list[tuple[str, ...]] = field(default_factory=list)
    problems: tuple[str, ...] = ()

    def read(self) -> Cluster:
        self.problems = self.told.pop(0) if self.told else ()
        return self.looks.pop(0)


def make_look(minute: int, *, nodes: tuple[Node, ...] = (), pods: tuple[Pod, ...] = ()) -> Cluster:
    return Cluster(seen_at=START + minute * MINUTE, nodes=nodes, pods=pods, namespaces={})


def match_window(cluster: Cluster, usage: Usage, number: int) -> WindowHoldings:
    rates = [make_rate(node.name, cards=1) for node in cluster.nodes]
    return Matcher(cluster=cluster, ended=(), keys=LabelKeys()).match(usage, number, rates)


def test_nodes_and_pods_that_vanished_between_two_looks_are_still_known() -> None:
    source = ScriptedCluster([make_look(1, nodes=(NODE,), pods=(POD,)), make_look(6)])
    remembering = RememberingCluster(source, keep=timedelta(hours=1))
    assert remembering.read().nodes == (NODE,)
    cluster = remembering.read()
    assert [(node.uid, node.ended) for node in cluster.nodes] == [("n", START + 6 * MINUTE)]
    assert [(pod.uid, pod.ended) for pod in cluster.pods] == [("p", START + 6 * MINUTE)]


def test_a_node_that_was_deleted_before_its_window_was_computed_is_billed_with_its_holders() -> None:
    other = replace(NODE, name="n2", uid="other")
    looks = [make_look(1, nodes=(NODE, other), pods=(POD,)), *(make_look(minute, nodes=(other,)) for minute in (6, 11))]
    remembering = RememberingCluster(ScriptedCluster(looks), keep=timedelta(hours=1))
    remembering.read()
    usage = make_usage([(card(), named("train"), 4)], [(card(node="n2"), NOBODY, 10)])
    got = [match_window(remembering.read(), usage, number) for number in range(2)]
    assert [lines(window) for window in got] == [{"n": 2.0, "other": 5.0}, {"other": 5.0}]
    assert [minutes(window) for window in got] == [{"n GPU-a train": 2.0}, {}]


def test_what_the_last_look_had_to_leave_out_is_told() -> None:
    source = ScriptedCluster([make_look(1), make_look(6)], told=[("Node n1 is left out: it has no metadata.uid",), ()])
    remembering = RememberingCluster(source, keep=timedelta(hours=1))
    remembering.read()
    assert remembering.problems == ("Node n1 is left out: it has no metadata.uid",)
    remembering.read()
    assert remembering.problems == ()

"""Between two looks: what vanished is known for a while, and was gone by the look that missed it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gpucost.cluster.memory import ClusterMemory
from gpucost.model.fleet import Cluster, Node, Pod

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minute: float) -> datetime:
    return START + minute * MINUTE


def make_pod(uid: str, **fields: object) -> Pod:
    return replace(Pod(uid=uid, namespace="ml", name=uid, node="n1", labels={"team": uid}), **fields)


def make_node(uid: str = "first", **fields: object) -> Node:
    return replace(Node(name="n1", uid=uid, created=at(-60)), **fields)


def make_memory(most: int = 10) -> ClusterMemory:
    return ClusterMemory(keep=10 * MINUTE, most=most)


def look(
    memory: ClusterMemory, minute: int, *objects: Node | Pod, namespaces: Mapping[str, Mapping[str, str]] | None = None
) -> Cluster:
    """What is known after a look at ``minute``."""
    seen = Cluster(
        seen_at=at(minute),
        nodes=tuple(one for one in objects if isinstance(one, Node)),
        pods=tuple(one for one in objects if isinstance(one, Pod)),
        namespaces=namespaces or {},
    )
    return memory.recall(seen)


def uids(cluster: Cluster) -> list[str]:
    return [one.uid for one in (*cluster.nodes, *cluster.pods)]


def test_since_when_looks_have_been_taken_is_told_as_far_back_as_is_remembered() -> None:
    memory = make_memory()
    assert [look(memory, minute).watched_since for minute in (0, 5, 15)] == [at(0), at(0), at(5)]


def test_a_vanished_pod_is_known_until_it_is_too_old() -> None:
    memory = make_memory()
    assert uids(look(memory, 0, make_pod("a"), make_pod("b"))) == ["a", "b"]
    assert uids(look(memory, 5, make_pod("b"))) == ["b", "a"]
    assert uids(look(memory, 15, make_pod("b"))) == ["b", "a"]
    assert uids(look(memory, 16, make_pod("b"))) == ["b"]


def test_a_vanished_node_is_known_until_it_is_too_old() -> None:
    memory = make_memory()
    assert uids(look(memory, 0, make_node("a"), make_node("b", name="n2"))) == ["a", "b"]
    assert uids(look(memory, 5, make_node("b", name="n2"))) == ["b", "a"]
    assert uids(look(memory, 16, make_node("b", name="n2"))) == ["b"]


def test_a_vanished_pod_has_its_last_labels_and_was_gone_by_the_look_that_missed_it() -> None:
    memory = make_memory()
    look(memory, 0, make_pod("a"))
    look(memory, 1, make_pod("a", labels={"team": "new"}))
    look(memory, 2)
    assert look(memory, 3).pods == (make_pod("a", labels={"team": "new"}, last_seen=at(1), ended=at(2)),)


def test_a_vanished_pod_that_had_ended_keeps_its_end() -> None:
    memory = make_memory()
    look(memory, 0, make_pod("a", ended=START))
    assert look(memory, 1).pods == (make_pod("a", ended=START),)


def test_a_vanished_node_was_gone_between_the_last_look_that_had_it_and_the_first_without() -> None:
    memory = make_memory()
    look(memory, 0, make_node())
    look(memory, 1, make_node(ready=False))
    look(memory, 4)
    assert look(memory, 5).nodes == (make_node(ready=False, last_seen=at(1), ended=at(4)),)


def test_a_node_was_gone_by_the_time_at_which_another_took_its_name() -> None:
    memory = make_memory()
    look(memory, 0, make_node())
    assert look(memory, 5, make_node("second", created=at(3))).nodes == (
        make_node("second", created=at(3)),
        make_node(last_seen=at(0), ended=at(3)),
    )


def test_a_pod_ends_with_its_node_and_not_on_the_next_of_that_name() -> None:
    memory = make_memory()
    look(memory, 0, make_node(), make_pod("a"))
    second = make_node("second", created=at(3))
    assert look(memory, 5, second).pods[0].ended == at(3)


def test_a_pod_that_the_api_lists_longer_than_its_node_ended_with_it_all_the_same() -> None:
    memory = make_memory()
    look(memory, 0, make_node(), make_pod("a"))
    look(memory, 2, make_pod("a"))
    assert look(memory, 5, make_node("second", created=at(3))).pods[0].ended == at(2)


def test_a_pod_that_goes_on_under_the_next_node_of_that_name_ends_when_it_is_missed() -> None:
    memory = make_memory()
    second = make_node("second", created=at(3))
    look(memory, 0, make_node(), make_pod("a"))
    assert look(memory, 5, second, make_pod("a")).pods == (make_pod("a"),)
    assert look(memory, 6, second).pods[0].ended == at(6)


def test_what_is_listed_again_is_not_doubled() -> None:
    memory = make_memory()
    look(memory, 0, make_node(), make_pod("a"))
    look(memory, 1)
    again = look(memory, 2, make_node(), make_pod("a"))
    assert (again.nodes, again.pods) == ((make_node(),), (make_pod("a"),))


def test_the_longest_gone_is_forgotten_first() -> None:
    memory = make_memory(most=2)
    look(memory, 0, *(make_pod(uid) for uid in "abc"), *(make_node(uid, name=uid) for uid in "xyz"))
    look(memory, 1, *(make_pod(uid) for uid in "bc"), *(make_node(uid, name=uid) for uid in "yz"))
    assert uids(look(memory, 2)) == ["y", "z", "b", "c"]


def test_a_namespace_that_goes_with_its_pods_keeps_its_labels_for_as_long_as_they_are_known() -> None:
    memory = make_memory()
    look(memory, 0, make_pod("a"), namespaces={"ml": {"team": "vision"}, "empty": {"team": "web"}})
    assert look(memory, 1).namespaces == {"ml": {"team": "vision"}}
    assert look(memory, 11).namespaces == {"ml": {"team": "vision"}}
    assert look(memory, 12).namespaces == {}


def test_a_namespace_that_goes_after_its_pods_keeps_its_last_labels() -> None:
    memory = make_memory()
    look(memory, 0, make_pod("a"), namespaces={"ml": {"team": "vision"}})
    look(memory, 1, namespaces={"ml": {"team": "research"}})
    assert look(memory, 2).namespaces == {"ml": {"team": "research"}}

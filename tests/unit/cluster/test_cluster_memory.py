from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gpucost.cluster.memory import RememberedPods
from gpucost.model.fleet import Cluster, Pod

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def make_pod(uid: str, **fields: object) -> Pod:
    return replace(Pod(uid=uid, namespace="ml", name=uid, node="n1", labels={"team": uid}), **fields)


def look(memory: RememberedPods, minute: int, *pods: Pod) -> list[str]:
    """The uids that are known after a look at ``minute``."""
    seen = Cluster(seen_at=START + minute * MINUTE, nodes=(), pods=pods, namespaces={})
    return [pod.uid for pod in memory.recall(seen).pods]


def make_memory(most: int = 10) -> RememberedPods:
    return RememberedPods(keep=10 * MINUTE, most=most)


def test_a_vanished_pod_is_known_until_it_is_too_old() -> None:
    memory = make_memory()
    assert look(memory, 0, make_pod("a"), make_pod("b")) == ["a", "b"]
    assert look(memory, 5, make_pod("b")) == ["b", "a"]
    assert look(memory, 15, make_pod("b")) == ["b", "a"]
    assert look(memory, 16, make_pod("b")) == ["b"]


def test_a_vanished_pod_has_its_last_labels_and_no_invented_end() -> None:
    memory = make_memory()
    look(memory, 0, make_pod("a"))
    look(memory, 1, make_pod("a", labels={"team": "new"}))
    seen = Cluster(seen_at=START + 2 * MINUTE, nodes=(), pods=(), namespaces={})
    (pod,) = memory.recall(seen).pods
    assert pod == make_pod("a", labels={"team": "new"}, ended=None)


def test_a_vanished_pod_that_had_ended_keeps_its_end() -> None:
    memory = make_memory()
    look(memory, 0, make_pod("a", ended=START))
    seen = Cluster(seen_at=START + MINUTE, nodes=(), pods=(), namespaces={})
    assert memory.recall(seen).pods[0].ended == START


def test_the_look_that_missed_a_pod_bounds_its_end() -> None:
    memory = make_memory()
    look(memory, 0, make_pod("a"), make_pod("b"))
    look(memory, 5, make_pod("b"))
    look(memory, 6, make_pod("b"))
    assert memory.gone_by("a") == START + 5 * MINUTE
    assert memory.gone_by("b") is None


def test_a_pod_that_is_listed_again_is_not_doubled() -> None:
    memory = make_memory()
    look(memory, 0, make_pod("a"))
    look(memory, 1)
    assert look(memory, 2, make_pod("a")) == ["a"]
    assert memory.gone_by("a") is None


def test_the_longest_gone_is_forgotten_first() -> None:
    memory = make_memory(most=2)
    look(memory, 0, make_pod("a"), make_pod("b"), make_pod("c"))
    look(memory, 1, make_pod("b"), make_pod("c"))
    assert look(memory, 2) == ["b", "c"]

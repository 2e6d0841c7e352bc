"""Nodes, pods and labels of namespaces that the API listed a while ago and lists no more."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from gpucost.model.fleet import Cluster, Node, Pod

T = TypeVar("T", bound=Node | Pod)


class ClusterMemory:
    """Keeps what vanished between two looks, as it was last seen, for the windows in which it was still there.

    Time is that of the looks; nothing here asks a clock. Bounded by age and by count: the longest gone goes first.
    """

    def __init__(self, *, keep: timedelta, most: int) -> None:
        """``most`` nodes, and as many pods."""
        self._nodes: _Vanished[Node] = _Vanished(keep, most)
        self._pods: _Vanished[Pod] = _Vanished(keep, most)
        self._keep = keep
        self._first_look: datetime | None = None
        self._last_look: datetime | None = None
        self._node_of_name: Mapping[str, str] = {}
        self._namespaces: Mapping[str, Mapping[str, str]] = {}

    def recall(self, cluster: Cluster) -> Cluster:
        """The look with what is remembered added; it is remembered in turn.

        What vanished was gone by this look, unless it is known to have ended before: a node by the time at which
        another took its name, a pod with its node. What is listed again is no longer a remembered one.
        """
        nodes = self._recall_nodes(cluster)
        pods = self._recall_pods(cluster, nodes)
        self._last_look = cluster.seen_at
        self._first_look = self._first_look or cluster.seen_at
        known = {**self._namespaces, **cluster.namespaces}
        self._namespaces = {name: known[name] for name in {pod.namespace for pod in pods} if name in known}
        return replace(
            cluster,
            nodes=nodes,
            pods=pods,
            namespaces={**self._namespaces, **cluster.namespaces},
            watched_since=max(self._first_look, cluster.seen_at - self._keep),
        )

    def _recall_nodes(self, cluster: Cluster) -> tuple[Node, ...]:
        created = {node.name: node.created for node in cluster.nodes}

        def end(node: Node) -> Node:
            gone_by = min(cluster.seen_at, created.get(node.name, cluster.seen_at))
            return replace(node, last_seen=self._last_look, ended=gone_by)

        return self._nodes.recall(cluster.nodes, cluster.seen_at, end)

    def _recall_pods(self, cluster: Cluster, nodes: Sequence[Node]) -> tuple[Pod, ...]:
        ends = {node.uid: node.ended for node in nodes}
        node_of_name = self._node_of_name

        def end(pod: Pod) -> Pod:
            if pod.ended is not None:
                return pod
            with_node = ends.get(node_of_name.get(pod.node, ""))
            return replace(pod, last_seen=self._last_look, ended=with_node or cluster.seen_at)

        self._node_of_name = _youngest(nodes)
        return self._pods.recall(cluster.pods, cluster.seen_at, end)


class _Vanished(Generic[T]):
    """Objects of one kind, by uid."""

    def __init__(self, keep: timedelta, most: int) -> None:
        self._keep = keep
        self._most = most
        self._listed: Mapping[str, T] = {}
        self._gone: dict[str, tuple[datetime, T]] = {}

    def recall(self, listed: Sequence[T], seen_at: datetime, end: Callable[[T], T]) -> tuple[T, ...]:
        """``listed`` at a look, then what is gone; ``end`` says until when that was there which this look misses."""
        now = {one.uid: one for one in listed}
        for uid, one in self._listed.items():
            if uid not in now:
                self._gone[uid] = seen_at, end(one)
        self._gone = {
            uid: (missed_at, one)
            for uid, (missed_at, one) in self._gone.items()
            if uid not in now and seen_at - missed_at <= self._keep
        }
        for uid in list(self._gone)[: max(0, len(self._gone) - self._most)]:
            del self._gone[uid]
        self._listed = now
        return (*listed, *(one for _, one in self._gone.values()))


def _youngest(nodes: Iterable[Node]) -> Mapping[str, str]:
    """Name to uid."""
    return {node.name: node.uid for node in sorted(nodes, key=lambda node: node.created)}

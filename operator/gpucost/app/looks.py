"""What the last look at the API found, for the metrics page; and pods that vanished between two looks."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from gpucost.cluster.memory import RememberedPods
from gpucost.model.fleet import Cluster, Pod
from gpucost.model.holdings import NodeFacts
from gpucost.model.source import ClusterSource

_MOST_REMEMBERED = 20_000


@dataclass
class LatestLook:
    """Written by the loop's thread, read by the metrics page; attributes are replaced whole."""

    pods: tuple[Pod, ...] = ()
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    nodes: tuple[NodeFacts, ...] = ()
    """GPU nodes only."""


class RememberingCluster:
    """A `ClusterSource` that also knows pods which vanished between two looks, ended at the latest by the next."""

    def __init__(self, source: ClusterSource, *, keep: timedelta) -> None:
        self._source = source
        self._memory = RememberedPods(keep=keep, most=_MOST_REMEMBERED)

    def read(self) -> Cluster:
        cluster = self._memory.recall(self._source.read())
        return replace(cluster, pods=tuple(self._bounded(pod) for pod in cluster.pods))

    def _bounded(self, pod: Pod) -> Pod:
        gone_by = self._memory.gone_by(pod.uid)
        return replace(pod, ended=gone_by) if gone_by is not None and pod.ended is None else pod

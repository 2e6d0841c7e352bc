"""What the last look at the API found, for the metrics page; and what vanished between two looks."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from gpucost.cluster.memory import ClusterMemory
from gpucost.model.fleet import Cluster, Pod
from gpucost.model.holdings import NodeFacts
from gpucost.model.source import ClusterSource

_MOST_REMEMBERED = 20_000

logger = logging.getLogger(__name__)


@dataclass
class LatestLook:
    """Written by the loop's thread, read by the metrics page; attributes are replaced whole."""

    pods: tuple[Pod, ...] = ()
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    nodes: tuple[NodeFacts, ...] = ()
    """GPU nodes only."""


class RememberingCluster:
    """A `ClusterSource` that also knows nodes and pods which vanished between two looks."""

    def __init__(self, source: ClusterSource, *, keep: timedelta) -> None:
        self._source = source
        self._memory = ClusterMemory(keep=keep, most=_MOST_REMEMBERED)

    @property
    def problems(self) -> tuple[str, ...]:
        return self._source.problems

    def read(self) -> Cluster:
        """What the source had to leave out is told in the log once, until it is something else."""
        before = self._source.problems
        cluster = self._source.read()
        for problem in self._source.problems:
            if problem not in before:
                logger.warning("%s", problem)
        return self._memory.recall(cluster)

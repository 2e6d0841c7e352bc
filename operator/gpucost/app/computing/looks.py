"""What the last look at the API found, for the metrics page; and what vanished between two looks."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from gpucost.cluster.memory import ClusterMemory
from gpucost.model.attributed import Attribution
from gpucost.model.fleet import Cluster, Pod
from gpucost.model.holdings import NodeFacts, WindowHoldings
from gpucost.model.ledger import Ledger
from gpucost.model.source import ClusterSource, RateSource
from gpucost.model.usage import Usage

_MOST_REMEMBERED = 20_000

logger = logging.getLogger(__name__)


@dataclass
class LatestLook:
    """A `Witness`, in the loop's thread; the metrics page reads it. Attributes are replaced whole."""

    pods: tuple[Pod, ...] = ()
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    nodes: tuple[NodeFacts, ...] = ()
    """Of the last window; GPU nodes only."""
    cluster: Cluster | None = None
    """With what vanished lately."""
    label_keys: frozenset[str] = frozenset()
    """Of the labels of nodes that decide rates."""
    samples_dropped: Mapping[str, int] = field(default_factory=dict)
    """By reason, since the process started."""
    compute_metrics: tuple[str, ...] = ()
    """Those that compute use was last read from."""

    def on_rates(self, rates: RateSource) -> None:
        self.label_keys = rates.label_keys

    def on_read(self, cluster: Cluster, usage: Usage, _ended: Sequence[Pod]) -> None:
        self.cluster = cluster
        self.pods, self.namespaces = cluster.pods, cluster.namespaces
        self.compute_metrics = usage.compute_metrics
        self.samples_dropped = Counter(self.samples_dropped) + Counter(usage.dropped)

    def on_window(self, found: WindowHoldings, _attribution: Attribution, _ledger: Ledger) -> None:
        self.nodes = found.nodes

    def forget(self) -> None:
        """Nobody looks here any more, and what was seen grows old. What was counted stays counted."""
        self.cluster = None
        self.pods, self.namespaces, self.nodes, self.compute_metrics = (), {}, (), ()


class RememberingCluster:
    """A `ClusterSource` that also knows nodes and pods which vanished between two looks."""

    def __init__(self, source: ClusterSource, *, keep: timedelta) -> None:
        self.source = source
        """May be replaced by another one of the same cluster."""
        self._memory = ClusterMemory(keep=keep, most=_MOST_REMEMBERED)

    @property
    def problems(self) -> tuple[str, ...]:
        return self.source.problems

    def read(self) -> Cluster:
        """What the source had to leave out is told in the log once, until it is something else."""
        before = self.source.problems
        cluster = self.source.read()
        for problem in self.source.problems:
            if problem not in before:
                logger.warning("%s", problem)
        return self._memory.recall(cluster)

"""Sources over a simulated fleet: what a cluster and a Prometheus would have answered."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from gpucost.cluster.decode import decode_namespaces, decode_nodes, decode_pods
from gpucost.cluster.resources import GpuResources
from gpucost.model.fleet import Cluster, Node, Pod
from gpucost.model.time import Window
from gpucost.model.usage import NamedHolder, Usage
from gpucost.simulation.fleet import Fleet
from gpucost.simulation.kube_state import POD_LABELS, POD_OWNER, POD_REQUESTS, kube_series
from gpucost.simulation.objects import lists_at
from gpucost.simulation.samples import window_samples
from gpucost.telemetry.metrics import MetricNames
from gpucost.telemetry.pods import pods_of_history
from gpucost.telemetry.series import MetricAnswer
from gpucost.telemetry.usage import usage_of


class SimulatedCluster:
    """A `ClusterSource`: the API at one moment, read as saved objects are."""

    def __init__(self, fleet: Fleet, at: datetime) -> None:
        self._fleet = fleet
        self._at = at
        self.problems: tuple[str, ...] = ()

    def read(self) -> Cluster:
        pages = {name: msgspec.json.encode(page) for name, page in lists_at(self._fleet, self._at).items()}
        resources = GpuResources()
        return Cluster(
            seen_at=self._at,
            nodes=decode_nodes(pages["nodes.json"], resources).objects,
            pods=decode_pods(pages["pods.json"], resources).objects,
            namespaces=dict(decode_namespaces(pages["namespaces.json"]).objects),
        )


class SimulatedTelemetry:
    """A `TelemetrySource`: the sums that Prometheus would have made of the exporters' samples."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def newest_sample(self) -> datetime:
        return self._fleet.end

    def read_usage(self, windows: Sequence[Window]) -> Usage:
        metrics = window_samples(self._fleet, windows)
        answers = {name: MetricAnswer.of(metric.labels, metric.sums, metric.counts) for name, metric in metrics.items()}
        return usage_of(answers, windows, MetricNames())

    def read_ended_nodes(self, _cluster: Cluster, _windows: Sequence[Window]) -> Sequence[Node]:
        """Nobody told of any."""
        return ()

    def read_ended_pods(self, holders: Sequence[NamedHolder], until: datetime) -> Sequence[Pod]:
        """From kube-state-metrics, as it would have exported them."""
        wanted = {(holder.namespace, holder.pod) for holder in holders}
        pods = [pod for pod in self._fleet.pods if (pod.namespace, pod.name) in wanted and pod.bound < until]
        series = list(kube_series(pods))
        gpu = [one for one in series if one.metric == POD_REQUESTS and one.labels["resource"].startswith("nvidia_com_")]
        return pods_of_history(
            [one.labels for one in series if one.metric == POD_LABELS],
            [one.labels for one in series if one.metric == POD_OWNER],
            [(one.labels, float(one.value)) for one in gpu],
        )

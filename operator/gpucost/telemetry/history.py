"""What Prometheus remembers of pods: who they were, and where they ran."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from gpucost.model.fleet import Pod
from gpucost.model.time import milliseconds
from gpucost.model.usage import NamedHolder
from gpucost.telemetry.client import PrometheusClient
from gpucost.telemetry.decode import decode_vector
from gpucost.telemetry.own_pods import PodInfo, pods_of_infos
from gpucost.telemetry.pods import own_label, pods_of_history
from gpucost.telemetry.queries import (
    OWN_POD_BOUND,
    OWN_POD_ENDED,
    OWN_POD_INFO,
    POD_INFO,
    POD_LABELS,
    POD_OWNER,
    POD_REQUESTS,
    PodHistoryQuery,
    PodLastSeenQuery,
    PodLifeQuery,
)
from gpucost.telemetry.series import Exporters
from gpucost.telemetry.settings import TelemetrySettings

T = TypeVar("T")

_PODS_PER_QUERY = 50
_MOST_REMEMBERED = 20_000

_Series = list[tuple[dict[str, str], float]]


class PodHistory:
    """For one thread at a time."""

    def __init__(self, settings: TelemetrySettings, client: PrometheusClient) -> None:
        self._settings, self._client = settings, client
        self._range_ms = milliseconds(settings.pod_history)
        self._nodes: dict[tuple[str, str], str] = {}

    def ended_pods(self, holders: Sequence[NamedHolder], until: datetime) -> tuple[Pod, ...]:
        """What our own series last said of the pods of these names, then kube-state-metrics of those they miss.

        Raises SourceUnavailable, or IncompleteAnswer where the answer is partial.
        """
        wanted = {(holder.namespace, holder.pod) for holder in holders}
        pods: list[Pod] = []
        for batch in _batches(sorted({name for _, name in wanted})):
            own = self._own_pods(batch, until)
            uids = {pod.uid for pod in own}
            names = {(pod.namespace, pod.name) for pod in own}
            pods += own
            pods += (
                pod
                for pod in self._kube_pods(batch, until)
                if (pod.uid not in uids if pod.uid else (pod.namespace, pod.name) not in names)
            )
        return tuple(pod for pod in pods if (pod.namespace, pod.name) in wanted)

    def nodes_of(self, pods: Collection[tuple[str, str]], until: datetime) -> Exporters:
        """The node of each pod by namespace and name, where kube-state-metrics says so.

        The namespace is empty where only the name is known; two nodes of one such name are none.

        Raises SourceUnavailable, or IncompleteAnswer where the answer is partial.
        """
        if len(self._nodes) > _MOST_REMEMBERED:
            self._nodes.clear()
        for batch in _batches(sorted({name for namespace, name in pods if (namespace, name) not in self._nodes})):
            by_name: dict[str, set[str]] = {}
            for series, _ in self._ask(PodHistoryQuery, POD_INFO, batch, until):
                name, node = own_label(series, "pod"), own_label(series, "node")
                if node:
                    self._nodes[own_label(series, "namespace"), name] = node
                    by_name.setdefault(name, set()).add(node)
            self._nodes |= {("", name): next(iter(nodes)) for name, nodes in by_name.items() if len(nodes) == 1}
        return self._nodes

    def _own_pods(self, names: tuple[str, ...], until: datetime) -> tuple[Pod, ...]:
        counts = {_identity(series): count for series, count in self._ask(PodHistoryQuery, OWN_POD_INFO, names, until)}
        if not counts:
            return ()
        infos = [
            PodInfo(series, counts.get(_identity(series), 0.0), seen)
            for series, seen in self._ask(PodLastSeenQuery, OWN_POD_INFO, names, until)
        ]
        uids = tuple(sorted({own_label(info.labels, "uid") for info in infos}))
        bound, ended = (self._lives(metric, uids, until) for metric in (OWN_POD_BOUND, OWN_POD_ENDED))
        return pods_of_infos(infos, bound, ended, self._settings.label_keys)

    def _lives(self, metric: str, uids: tuple[str, ...], until: datetime) -> dict[str, float]:
        query = PodLifeQuery(metric=metric, uids=uids, range_ms=self._range_ms, matchers=self._settings.matchers)
        told = decode_vector(self._client.custom_query(query.promql(), until), self._client.name)
        return {series.get("uid", ""): seconds for series, seconds in told}

    def _kube_pods(self, names: tuple[str, ...], until: datetime) -> tuple[Pod, ...]:
        labels = self._ask(PodLastSeenQuery, POD_LABELS, names, until)
        owners = self._ask(PodHistoryQuery, POD_OWNER, names, until)
        requests = self._ask(PodHistoryQuery, POD_REQUESTS, names, until)
        labels.sort(key=lambda series: series[1])
        return pods_of_history([series for series, _ in labels], [series for series, _ in owners], requests)

    def _ask(self, kind: type[PodHistoryQuery], metric: str, names: tuple[str, ...], until: datetime) -> _Series:
        query = kind(metric=metric, pods=names, range_ms=self._range_ms, matchers=self._settings.matchers)
        return decode_vector(self._client.custom_query(query.promql(), until), self._client.name)


def _identity(series: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """The labels without the name of the metric, which only some functions keep."""
    return tuple(sorted((name, value) for name, value in series.items() if name != "__name__"))


def _batches(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return (tuple(names[first : first + _PODS_PER_QUERY]) for first in range(0, len(names), _PODS_PER_QUERY))

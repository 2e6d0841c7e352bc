"""Prometheus as the source of telemetry."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from gpucost.model.errors import IncompleteAnswer, SourceUnavailable
from gpucost.model.fleet import Pod
from gpucost.model.time import Window, milliseconds
from gpucost.model.usage import NamedHolder, Usage
from gpucost.telemetry.client import PrometheusClient, QueryTooHeavy
from gpucost.telemetry.decode import WindowDecoder, decode_time, decode_value, decode_vector
from gpucost.telemetry.pods import pods_of_history
from gpucost.telemetry.queries import (
    POD_LABELS,
    POD_OWNER,
    POD_REQUESTS,
    NewestSampleQuery,
    PodHistoryQuery,
    PodLastSeenQuery,
    RangeEdgeQuery,
    ServerTimeQuery,
    WindowQuery,
)
from gpucost.telemetry.series import MetricAnswer
from gpucost.telemetry.settings import TelemetrySettings
from gpucost.telemetry.usage import join_usages, usage_of

READ_SECONDS = 120.0
"""For one `PrometheusTelemetry.read_usage`: no query begins later, so that who asks can do with less at once."""

_LONGEST_QUERY = timedelta(hours=6)
"""A day at once costs the server several times the memory and is no faster."""
_PODS_PER_QUERY = 50
_EDGE_STEP_SECONDS = 10


class PrometheusTelemetry:
    """For one thread at a time. Answers `model.source.TelemetrySource`."""

    def __init__(
        self,
        settings: TelemetrySettings,
        client: PrometheusClient | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._client = client or PrometheusClient(settings)
        self._clock = clock
        self._decoder = WindowDecoder()
        self._counts_both_edges: bool | None = None

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    @property
    def name(self) -> str:
        """For messages: which Prometheus it is, without credentials."""
        return self._client.name

    def server_time(self) -> datetime:
        """What the clock of Prometheus says.

        Raises SourceUnavailable, or IncompleteAnswer where the answer is partial.
        """
        told = decode_time(self._client.custom_query(ServerTimeQuery().promql()), self.name)
        if told is None:
            raise SourceUnavailable(
                f"{self.name} does not tell its time; set prometheus.url to a server that speaks PromQL as Prometheus"
                " does"
            )
        return told

    def newest_sample(self) -> datetime | None:
        """When Prometheus last saw a sample of any of the metrics; None: in the last ten minutes it has seen none.

        Raises SourceUnavailable, or IncompleteAnswer where the answer is partial.
        """
        query = NewestSampleQuery(metrics=self._settings.metrics.all, matchers=self._settings.matchers)
        return decode_time(self._client.custom_query(query.promql()), self._client.name)

    def read_usage(self, windows: Sequence[Window]) -> Usage:
        """Use of every device in ``windows``, which follow one another without a gap and have one length.

        What is too heavy for the server is asked in halves, and so is all that follows.

        Raises SourceUnavailable, or IncompleteAnswer where the answer is partial, too heavy even for one window, or not
        whole after `READ_SECONDS`.
        """
        try:
            return join_usages(self._read_all(windows))
        except SourceUnavailable:
            self._counts_both_edges = None  # what answers next may be another version
            raise

    def read_ended_pods(self, holders: Sequence[NamedHolder], until: datetime) -> Sequence[Pod]:
        """What kube-state-metrics last said of the pods of these names; empty where there is none.

        Pods of one name and different UIDs are different pods, in the order in which they were last seen.

        Raises SourceUnavailable, or IncompleteAnswer where the answer is partial.
        """
        wanted = {(holder.namespace, holder.pod) for holder in holders}
        names = sorted({name for _, name in wanted})
        batches = (names[first : first + _PODS_PER_QUERY] for first in range(0, len(names), _PODS_PER_QUERY))
        pods = (pod for batch in batches for pod in self._ask_pods(tuple(batch), until))
        return tuple(pod for pod in pods if (pod.namespace, pod.name) in wanted)

    def _read_all(self, windows: Sequence[Window]) -> list[Usage]:
        deadline = self._clock() + READ_SECONDS
        parts: list[Usage] = []
        done = 0
        size = max(1, _LONGEST_QUERY // windows[0].length) if windows else 0
        while done < len(windows):
            part = windows[done : done + size]
            answers: dict[str, MetricAnswer] = {}
            try:
                for name in self._settings.metrics.all:
                    if self._clock() > deadline:
                        raise self._too_slow(done, len(windows))
                    answers[name] = self._ask_metric(name, part)
            except QueryTooHeavy:
                if len(part) == 1:
                    raise
                size = len(part) // 2
                continue
            parts.append(usage_of(answers, part, self._settings.metrics, self._settings.scrape_interval))
            done += len(part)
        return parts

    def _too_slow(self, done: int, wanted: int) -> IncompleteAnswer:
        return IncompleteAnswer(
            f"{self.name} told of {done} of {wanted} windows in {READ_SECONDS:g} s; ask for fewer at once, give"
            " Prometheus more room or, where its queries time out, raise prometheus.timeout"
        )

    def _ask_metric(self, name: str, windows: Sequence[Window]) -> MetricAnswer:
        range_ms = windows[0].milliseconds - (1 if self._edges_count_twice(windows[0].end) else 0)
        query = WindowQuery(metric=name, range_ms=range_ms, matchers=self._settings.matchers)
        body = self._client.custom_query_range(query.promql(), windows[0], windows[-1])
        return self._decoder.decode(body, windows, self._client.name)

    def _edges_count_twice(self, near: datetime) -> bool:
        """Whether a sample on the edge of two ranges is in both: so it is before Prometheus 3."""
        if self._counts_both_edges is None:
            seconds = int(near.timestamp()) // _EDGE_STEP_SECONDS * _EDGE_STEP_SECONDS
            body = self._client.custom_query(RangeEdgeQuery().promql(), datetime.fromtimestamp(seconds, UTC))
            count = decode_value(body, self._client.name)
            if count not in (1, 2):
                raise SourceUnavailable(
                    f"{self._client.name} counts {count} samples in a range of ten seconds where Prometheus counts 1 or"
                    " 2; set prometheus.url to a server that speaks PromQL as Prometheus does"
                )
            self._counts_both_edges = count == 2
        return self._counts_both_edges

    def _ask_pods(self, names: tuple[str, ...], until: datetime) -> tuple[Pod, ...]:
        labels = self._ask_history(PodLastSeenQuery, POD_LABELS, names, until)
        owners = self._ask_history(PodHistoryQuery, POD_OWNER, names, until)
        requests = self._ask_history(PodHistoryQuery, POD_REQUESTS, names, until)
        labels.sort(key=lambda series: series[1])
        return pods_of_history([series for series, _ in labels], [series for series, _ in owners], requests)

    def _ask_history(
        self, kind: type[PodHistoryQuery], metric: str, names: tuple[str, ...], until: datetime
    ) -> list[tuple[dict[str, str], float]]:
        query = kind(
            metric=metric,
            pods=names,
            range_ms=milliseconds(self._settings.pod_history),
            matchers=self._settings.matchers,
        )
        return decode_vector(self._client.custom_query(query.promql(), until), self._client.name)

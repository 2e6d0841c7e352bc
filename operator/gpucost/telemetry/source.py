"""Prometheus as the source of telemetry."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TypeVar

import numpy as np

from gpucost.model.errors import IncompleteAnswer, SourceUnavailable
from gpucost.model.fleet import Cluster, Node, Pod
from gpucost.model.metered import NodePower, Offering
from gpucost.model.time import Window, milliseconds
from gpucost.model.usage import Bools, NamedHolder, Usage
from gpucost.telemetry.client import PrometheusClient
from gpucost.telemetry.decode import RawSeries, WindowDecoder, decode_points, decode_raw, decode_time, decode_value
from gpucost.telemetry.history import PodHistory
from gpucost.telemetry.joining import join_usages
from gpucost.telemetry.own_nodes import NodeHistory
from gpucost.telemetry.parts import Hurry, read_in_parts
from gpucost.telemetry.power import PowerAnswer
from gpucost.telemetry.power_samples import MOST_WATTS
from gpucost.telemetry.published import NODE_LABELS, OFFERING_LABELS, Points, node_prices, offering_prices
from gpucost.telemetry.queries import (
    KARPENTER_PRICES,
    OPENCOST_PRICES,
    NewestSampleQuery,
    OddSamplesQuery,
    PublishedPriceQuery,
    RangeEdgeQuery,
    RawSamplesQuery,
    ServerTimeQuery,
    WindowQuery,
)
from gpucost.telemetry.sanity import curable, mended, most_of
from gpucost.telemetry.series import UUID_LABELS, Exporters, MetricAnswer, exporters_to_find
from gpucost.telemetry.settings import TelemetrySettings
from gpucost.telemetry.signs import Signs, read_signs
from gpucost.telemetry.usage import usage_of

_MOST_CURED = 200
"""Series of one call whose samples are asked for; where more are spoiled, the exporter is broken."""
_EDGE_STEP_SECONDS = 10

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class PrometheusTelemetry:
    """For one thread at a time. Answers `model.source.TelemetrySource` and `model.source.MeteredSource`."""

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
        self._pods = PodHistory(settings, self._client)
        self._nodes = NodeHistory(settings, self._client)
        self._most = most_of(settings.metrics)
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

        Raises SourceUnavailable.
        """
        with self._client.taking_parts():  # a clock has none
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

    def settling(self) -> AbstractContextManager[list[IncompleteAnswer]]:
        """Within it incomplete answers are taken: what is partial as it is, what is too heavy as nothing.

        The list says what was wrong. For windows that cannot wait any longer.
        """
        return self._client.taking_parts()

    def signs(self, since: datetime, until: datetime) -> Signs:
        """When Prometheus had any samples, and when of GPUs.

        Raises SourceUnavailable, or IncompleteAnswer where the answer is partial.
        """
        return read_signs(self._client, self._settings, since, until)

    def read_usage(self, windows: Sequence[Window]) -> Usage:
        """Use of every device in ``windows``, which follow one another without a gap and have one length.

        What is too heavy for the server is asked in halves, and so is all that follows.

        Raises SourceUnavailable, or IncompleteAnswer where the answer is partial, too heavy even for one window, or not
        whole in time.
        """
        names, interval = self._settings.metrics, self._settings.scrape_interval
        return join_usages(self._in_parts(windows, self._usage, lambda part: usage_of({}, part, names, interval)))

    def read_power(self, windows: Sequence[Window]) -> dict[Window, dict[str, NodePower]]:
        """Power of the cards by name of the node, in windows as for `read_usage`.

        Raises as `read_usage`.
        """
        return _joined(self._in_parts(windows, self._power, _nothing))

    def read_offerings(self, windows: Sequence[Window]) -> dict[Window, dict[Offering, float]]:
        """Karpenter's prices at the end of each window, which are as for `read_usage`; up to an hour old.

        Raises as `read_usage`.
        """

        def read(part: Sequence[Window], hurry: Hurry) -> dict[Window, dict[Offering, float]]:
            return offering_prices(self._published(KARPENTER_PRICES, OFFERING_LABELS, part, hurry), part)

        return _joined(self._in_parts(windows, read, _nothing))

    def read_node_prices(self, windows: Sequence[Window]) -> dict[Window, dict[str, float]]:
        """OpenCost's prices by name of the node, else as `read_offerings`."""

        def read(part: Sequence[Window], hurry: Hurry) -> dict[Window, dict[str, float]]:
            return node_prices(self._published(OPENCOST_PRICES, NODE_LABELS, part, hurry), part)

        return _joined(self._in_parts(windows, read, _nothing))

    def read_ended_pods(self, holders: Sequence[NamedHolder], until: datetime) -> Sequence[Pod]:
        """What our own series, then kube-state-metrics, last said of the pods of these names.

        Pods of one name and different UIDs are different pods; of each source in the order in which it last saw them.

        Raises SourceUnavailable, or IncompleteAnswer where the answer is partial.
        """
        try:
            return self._pods.ended_pods(holders, until)
        except IncompleteAnswer as error:
            self._client.bear(error)
            return ()

    def read_ended_nodes(self, cluster: Cluster, windows: Sequence[Window]) -> Sequence[Node]:
        """What our own series last said of nodes that were there in the windows and that the cluster lists no more.

        Raises SourceUnavailable, or IncompleteAnswer where the answer is partial.
        """
        try:
            return self._nodes.ended_nodes(cluster, windows)
        except IncompleteAnswer as error:
            self._client.bear(error)
            return ()

    def _in_parts(
        self,
        windows: Sequence[Window],
        read: Callable[[Sequence[Window], Hurry], T],
        nothing: Callable[[Sequence[Window]], T],
    ) -> list[T]:
        try:
            return read_in_parts(windows, read, nothing, client=self._client, clock=self._clock)
        except SourceUnavailable:
            self._counts_both_edges = None  # what answers next may be another version
            raise

    def _usage(self, windows: Sequence[Window], hurry: Hurry) -> Usage:
        answers: dict[str, MetricAnswer] = {}
        for group in self._settings.metrics.groups:
            hurry()
            answers |= self._ask_metric(group, windows)
        answers = self._cured(answers, windows)
        exporters = self._exporters(answers, windows[-1].end)
        return usage_of(answers, windows, self._settings.metrics, self._settings.scrape_interval, exporters)

    def _power(self, windows: Sequence[Window], hurry: Hurry) -> dict[Window, dict[str, NodePower]]:
        names = self._settings.metrics.power
        hurry()
        answers = self._ask_metric(names, windows)
        hurry()
        query = OddSamplesQuery(
            metrics=names, most=MOST_WATTS, range_ms=self._range_ms(windows), matchers=self._settings.matchers
        )
        odd = self._ask(query, windows)
        power = PowerAnswer(answers, odd, windows, self._exporters(answers, windows[-1].end))
        samples: dict[str, list[RawSeries]] = {}
        for name, answer in answers.items():
            untold = power.untold(name)
            if untold.any():
                hurry()
                samples[name] = self._raw_samples(name, answer, untold, windows)
        return power.by_node(samples)

    def _published(self, metric: str, labels: tuple[str, ...], windows: Sequence[Window], hurry: Hurry) -> Points:
        hurry()
        query = PublishedPriceQuery(metric=metric, labels=labels, matchers=self._settings.matchers)
        body = self._client.custom_query_range(query.promql(), windows[0], windows[-1])
        return decode_points(body, windows, self._client.name)

    def _ask_metric(self, names: tuple[str, ...], windows: Sequence[Window]) -> dict[str, MetricAnswer]:
        query = WindowQuery(metrics=names, range_ms=self._range_ms(windows), matchers=self._settings.matchers)
        return self._ask(query, windows)

    def _ask(self, query: WindowQuery | OddSamplesQuery, windows: Sequence[Window]) -> dict[str, MetricAnswer]:
        body = self._client.custom_query_range(query.promql(), windows[0], windows[-1])
        return self._decoder.decode(body, query.metrics, windows, self._client.name)

    def _range_ms(self, windows: Sequence[Window]) -> int:
        """So that each sample is in one window."""
        return windows[0].milliseconds - (1 if self._edges_count_twice(windows[0].end) else 0)

    def _cured(self, answers: Mapping[str, MetricAnswer], windows: Sequence[Window]) -> dict[str, MetricAnswer]:
        """One sample that is no number spoils the sum of a window: then the samples themselves are asked for."""
        left = _MOST_CURED
        cured = {}
        for name, answer in answers.items():
            most = self._most[name]
            where = curable(answer, most)
            where[np.cumsum(where.any(axis=1)) > left] = False
            left -= int(where.any(axis=1).sum())
            raw = self._raw_samples(name, answer, where, windows)
            cured[name] = mended(answer, raw, windows, most, where) if raw else answer
        return cured

    def _raw_samples(self, name: str, answer: MetricAnswer, where: Bools, windows: Sequence[Window]) -> list[RawSeries]:
        """Of the cards and from the first to the last of the windows that ``where`` (s, w) names."""
        doubtful = [answer.labels[row] for row in np.flatnonzero(where.any(axis=1))]
        columns = np.flatnonzero(where.any(axis=0))
        raw: list[RawSeries] = []
        for label in UUID_LABELS:
            uuids = tuple(sorted({uuid for labels in doubtful if (uuid := getattr(labels, label))}))
            if uuids:
                first, last = windows[columns[0]], windows[columns[-1]]
                query = RawSamplesQuery(
                    metric=name,
                    label=label,
                    uuids=uuids,
                    range_ms=milliseconds(last.end - first.start),
                    matchers=self._settings.matchers,
                )
                raw += decode_raw(self._client.custom_query(query.promql(), last.end), self._client.name)
        return raw

    def _exporters(self, answers: Mapping[str, MetricAnswer], until: datetime) -> Exporters:
        """The nodes of exporters that do not print where they are."""
        pods = exporters_to_find(answers.values())
        return self._pods.nodes_of(pods, until) if pods else {}

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


def _nothing(_windows: Sequence[Window]) -> dict[Window, dict[K, V]]:
    return {}


def _joined(parts: Iterable[Mapping[Window, dict[K, V]]]) -> dict[Window, dict[K, V]]:
    return {window: found for part in parts for window, found in part.items()}

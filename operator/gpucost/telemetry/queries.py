"""Every PromQL text that gpucost sends. Parameters in, escaped text out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gpucost.model.errors import ConfigurationError
from gpucost.telemetry.series import LABEL_NAMES

STAT_LABEL = "gpucost_stat"
"""Tells the parts of a `WindowQuery` answer apart."""

POD_LABELS = "kube_pod_labels"
POD_OWNER = "kube_pod_owner"
POD_REQUESTS = "kube_pod_container_resource_requests"
POD_INFO = "kube_pod_info"
OWN_POD_INFO = "gpucost_pod_info"
OWN_POD_BOUND = "gpucost_pod_bound_timestamp_seconds"
OWN_POD_ENDED = "gpucost_pod_ended_timestamp_seconds"
OWN_NODE_CREATED = "gpucost_node_created_timestamp_seconds"
OWN_NODE_ENDED = "gpucost_node_ended_timestamp_seconds"
OWN_NODE_DETAIL = "gpucost_node_detail_timestamp_seconds"
KARPENTER_PRICES = "karpenter_cloudprovider_instance_type_offering_price_estimate"
OPENCOST_PRICES = "node_total_hourly_cost"
TARGETS = "up"
"""Prometheus writes it for whatever it scrapes."""

PAST = "past"
"""In `STAT_LABEL`: nothing newer is there."""

_MATCHER = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\["\\n])*)"\s*')
_REGEX_SIGN = re.compile(r"[\\.+*?()|\[\]{}^$]")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}


@dataclass(frozen=True, slots=True)
class Matcher:
    """A label matcher that every selector carries, such as ``cluster="prod"``."""

    label: str
    operator: str
    value: str

    @classmethod
    def parse(cls, text: str) -> "Matcher":
        """Raises ConfigurationError where ``text`` is not one matcher."""
        match = _MATCHER.fullmatch(text)
        if match is None:
            raise ConfigurationError(
                f'prometheus.matchers: {text!r} is no label matcher; write one a line, such as cluster="prod"'
            )
        label, operator, value = match.groups()
        return cls(label, operator, re.sub(r"\\(.)", lambda sign: "\n" if sign[1] == "n" else sign[1], value))

    def promql(self) -> str:
        return f"{self.label}{self.operator}{quote(self.value)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowQuery:
    """Sum and number of the samples in the window that ends at the time of evaluation, per series and metric.

    Sum and count, not the mean: so parts of one series that differ only in scrape labels join exactly. Each half says
    in `STAT_LABEL` which it is and of which of the metrics: ``sum`` and ``count`` of the first, then ``sum/1`` ...
    """

    metrics: tuple[str, ...]
    range_ms: int
    matchers: tuple[Matcher, ...] = ()

    def promql(self) -> str:
        by = ",".join(LABEL_NAMES)
        return " or ".join(
            f"label_replace(sum by ({by}) ({stat}_over_time({_select(metric, self.matchers)}[{self.range_ms}ms])),"
            f'"{STAT_LABEL}","{stat}{f"/{number}" if number else ""}","","")'
            for number, metric in enumerate(self.metrics)
            for stat in ("sum", "count")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OddSamplesQuery:
    """Where some sample of the window that ends at the time of evaluation is below 0 or above ``most``.

    Grouped and marked as the ``count`` half of a `WindowQuery`: how many stored series have one. Where none has, there
    is no answer. What is no number is not found: it shows in the sum.
    """

    metrics: tuple[str, ...]
    most: float
    range_ms: int
    matchers: tuple[Matcher, ...] = ()

    def promql(self) -> str:
        by = ",".join(LABEL_NAMES)
        return " or ".join(
            f"label_replace(count by ({by}) ({self._odd(metric)}),"
            f'"{STAT_LABEL}","count{f"/{number}" if number else ""}","","")'
            for number, metric in enumerate(self.metrics)
        )

    def _odd(self, metric: str) -> str:
        samples = f"{_select(metric, self.matchers)}[{self.range_ms}ms]"
        return f"min_over_time({samples}) < 0 or max_over_time({samples}) > {self.most:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPriceQuery:
    """The last price at the time of evaluation that somebody published, by ``labels``, if it is not an hour old.

    Of several series that are fresh the highest. Where none is, `STAT_LABEL` says `PAST`: a program that was replaced
    leaves its last price behind, and the price of its successor counts. What is no price is left out.
    """

    metric: str
    labels: tuple[str, ...]
    matchers: tuple[Matcher, ...] = ()

    def promql(self) -> str:
        selector = _select(self.metric, self.matchers)
        fresh, past = self._highest(selector), self._highest(f"last_over_time({selector}[1h])")
        return f'{fresh} or label_replace({past} unless {fresh},"{STAT_LABEL}","{PAST}","","")'

    def _highest(self, prices: str) -> str:
        own = ",".join(name for label in self.labels for name in (label, f"exported_{label}"))
        return f"max by ({own}) ({prices} > 0 < +Inf)"


@dataclass(frozen=True, slots=True, kw_only=True)
class RawSamplesQuery:
    """Every sample of some cards up to the time of evaluation, where their sum tells nothing."""

    metric: str
    label: str
    """Spelling of the label that names the card."""
    uuids: tuple[str, ...]
    range_ms: int
    matchers: tuple[Matcher, ...] = ()

    def promql(self) -> str:
        cards = Matcher(self.label, "=~", "|".join(escape_regex(uuid) for uuid in self.uuids))
        return f"{_select(self.metric, (*self.matchers, cards))}[{self.range_ms}ms]"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestSampleQuery:
    """Unix time of the newest sample of any of the metrics.

    Exact while series are fresh; of series that ended, to the half minute, for ten minutes.
    """

    metrics: tuple[str, ...]
    matchers: tuple[Matcher, ...] = ()

    def promql(self) -> str:
        stamps = " or ".join(f"timestamp({_select(name, self.matchers)})" for name in self.metrics)
        return f"max({stamps}) or max(max_over_time(({stamps})[10m:30s]))"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignsQuery:
    """How many series are fresh at the time of evaluation: in `STAT_LABEL` ``gpu`` of the metrics, ``any`` of targets.

    A part of which there is none is left out.
    """

    metrics: tuple[str, ...]
    matchers: tuple[Matcher, ...] = ()

    def promql(self) -> str:
        gpus = " or ".join(_select(name, self.matchers) for name in self.metrics)
        parts = {"gpu": gpus, "any": _select(TARGETS, self.matchers)}
        return " or ".join(
            f'label_replace(count({series}),"{STAT_LABEL}","{part}","","")' for part, series in parts.items()
        )


@dataclass(frozen=True, slots=True)
class ServerTimeQuery:
    """Unix time of the evaluation."""

    def promql(self) -> str:
        return "vector(time())"


@dataclass(frozen=True, slots=True)
class RangeEdgeQuery:
    """How many of the two samples on the edges of a range the server counts: 2 closed (2.x), 1 left-open (3.x).

    Means this only at times that 10 s divide.
    """

    def promql(self) -> str:
        return "count_over_time(vector(0)[10s:10s])"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodHistoryQuery:
    """What a metric last said of some pods, whether or not the pod that it comes from hides theirs in exported_pod."""

    metric: str
    pods: tuple[str, ...]
    range_ms: int
    matchers: tuple[Matcher, ...] = ()

    def promql(self) -> str:
        return " or ".join(f"last_over_time({selector}[{self.range_ms}ms])" for selector in self._selectors())

    def _selectors(self) -> list[str]:
        names = "|".join(escape_regex(name) for name in self.pods)
        gpu_only = (Matcher("resource", "=~", "nvidia_com_.+"),) if self.metric == POD_REQUESTS else ()
        return [
            _select(self.metric, (*self.matchers, Matcher(label, "=~", names), *gpu_only))
            for label in ("pod", "exported_pod")
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class PodLastSeenQuery(PodHistoryQuery):
    """The same series, but the value is the Unix time at which each was last seen, to the minute.

    0 where it lived for less than that.
    """

    def promql(self) -> str:
        selectors = self._selectors()
        seen = (f"max_over_time(timestamp({selector})[{self.range_ms}ms:1m])" for selector in selectors)
        all_of_them = (f"0 * last_over_time({selector}[{self.range_ms}ms])" for selector in selectors)
        return " or ".join((*seen, *all_of_them))


@dataclass(frozen=True, slots=True, kw_only=True)
class PodLifeQuery:
    """A time that our own series last told of some pods: Unix time, by ``uid``."""

    metric: str
    uids: tuple[str, ...]
    range_ms: int
    matchers: tuple[Matcher, ...] = ()

    def promql(self) -> str:
        pods = Matcher("uid", "=~", "|".join(escape_regex(uid) for uid in self.uids))
        return f"max by (uid) (last_over_time({_select(self.metric, (*self.matchers, pods))}[{self.range_ms}ms]))"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnNodesQuery:
    """The earliest time that our own series told of each node of the cluster: Unix time, by ``uid`` and ``node``.

    Looked at every five minutes, which no series that is scraped escapes: weeks of thousands of nodes stay cheap.
    """

    metric: str
    cluster_uid: str
    range_ms: int
    matchers: tuple[Matcher, ...] = ()

    def promql(self) -> str:
        selector = _select(self.metric, (*self.matchers, Matcher("cluster_uid", "=", self.cluster_uid)))
        return f"min by (uid,node,exported_node) (min_over_time({selector}[{self.range_ms}ms:5m]))"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnNodeDetailsQuery:
    """When each detail of some nodes of the cluster was last true: Unix time, by ``uid`` and what the detail is."""

    cluster_uid: str
    uids: tuple[str, ...]
    range_ms: int
    matchers: tuple[Matcher, ...] = ()

    def promql(self) -> str:
        nodes = Matcher("uid", "=~", "|".join(escape_regex(uid) for uid in self.uids))
        selector = _select(OWN_NODE_DETAIL, (*self.matchers, Matcher("cluster_uid", "=", self.cluster_uid), nodes))
        return f"max by (uid,kind,key,value) (max_over_time({selector}[{self.range_ms}ms]))"


def quote(value: str) -> str:
    """As a PromQL string."""
    return '"' + re.sub(r'[\\"\n]', lambda sign: _ESCAPES[sign[0]], value) + '"'


def escape_regex(text: str) -> str:
    """As a regular expression that matches ``text`` alone."""
    return _REGEX_SIGN.sub(r"\\\g<0>", text)


def _select(metric: str, matchers: Iterable[Matcher]) -> str:
    return f"{metric}{{{','.join(matcher.promql() for matcher in matchers)}}}"

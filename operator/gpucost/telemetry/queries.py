"""Every PromQL text that gpucost sends. Parameters in, escaped text out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gpucost.model.errors import ConfigurationError
from gpucost.telemetry.series import LABEL_NAMES

STAT_LABEL = "gpucost_stat"
"""Tells the two halves of a `WindowQuery` answer apart: ``sum`` or ``count``."""

POD_LABELS = "kube_pod_labels"
POD_OWNER = "kube_pod_owner"
POD_REQUESTS = "kube_pod_container_resource_requests"

_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
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


@dataclass(frozen=True, slots=True)
class ComputeMetric:
    """A metric of compute use."""

    name: str
    full: float = 1.0
    """The value of a device that is busy all the time: 1 for a ratio, 100 for percent."""
    measures_instances: bool = True
    """False: says nothing of MIG instances (some exporters print 0 there)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricNames:
    """What the exporter's metrics are called. Memory metrics share one unit, whichever."""

    memory_used: str = "DCGM_FI_DEV_FB_USED"
    memory_free: str = "DCGM_FI_DEV_FB_FREE"
    memory_reserved: str = "DCGM_FI_DEV_FB_RESERVED"
    compute: tuple[ComputeMetric, ...] = (
        ComputeMetric("DCGM_FI_PROF_GR_ENGINE_ACTIVE"),
        ComputeMetric("DCGM_FI_DEV_GPU_UTIL", full=100.0, measures_instances=False),
    )
    """The first that was measured counts."""

    def __post_init__(self) -> None:
        for name in self.all:
            if not _METRIC_NAME.fullmatch(name):
                raise ConfigurationError(
                    f"prometheus.metrics: {name!r} is no metric name; write the name that the exporter prints"
                )

    @property
    def all(self) -> tuple[str, ...]:
        compute = (metric.name for metric in self.compute)
        return (self.memory_used, self.memory_free, self.memory_reserved, *compute)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowQuery:
    """Sum and number of a metric's samples in the window that ends at the time of evaluation, per series.

    Sum and count, not the mean: so parts of one series that differ only in scrape labels join exactly.
    """

    metric: str
    range_ms: int
    matchers: tuple[Matcher, ...] = ()

    def promql(self) -> str:
        selector = f"{_select(self.metric, self.matchers)}[{self.range_ms}ms]"
        by = ",".join(LABEL_NAMES)
        halves = (
            f'label_replace(sum by ({by}) ({stat}_over_time({selector})),"{STAT_LABEL}","{stat}","","")'
            for stat in ("sum", "count")
        )
        return " or ".join(halves)


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
    """What kube-state-metrics last said of some pods, whether or not its own pod hides theirs in exported_pod."""

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


def quote(value: str) -> str:
    """As a PromQL string."""
    return '"' + re.sub(r'[\\"\n]', lambda sign: _ESCAPES[sign[0]], value) + '"'


def escape_regex(text: str) -> str:
    """As a regular expression that matches ``text`` alone."""
    return _REGEX_SIGN.sub(r"\\\g<0>", text)


def _select(metric: str, matchers: Iterable[Matcher]) -> str:
    return f"{metric}{{{','.join(matcher.promql() for matcher in matchers)}}}"

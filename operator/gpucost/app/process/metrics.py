"""What ``/metrics`` says: how the loop does, and who holds what, so that labels outlive their pods."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gpucost.app.computing.looks import LatestLook
from gpucost.app.mending.restoring import MENDED
from gpucost.app.process.leadership import Leadership
from gpucost.app.process.node_metrics import node_metrics
from gpucost.app.process.reload import Configuration
from gpucost.app.windows.gaps import INCOMPLETE_REASONS
from gpucost.app.windows.state import LoopState
from gpucost.model.tenancy import tenant_of
from gpucost.telemetry.sanity import REASONS

_POD_LABELS = (
    *("namespace", "pod", "uid", "node", "team", "product", "cost_centre", "environment"),
    *("workload", "workload_type", "container", "resource"),
)


def make_registry(
    state: LoopState, look: LatestLook, leadership: Leadership, configuration: Configuration
) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(_LoopCollector(state))
    registry.register(_ReplicaCollector(leadership, configuration))
    registry.register(_FleetCollector(look, configuration))
    return registry


class _ReplicaCollector(Collector):
    """What this replica is, and by which settings."""

    def __init__(self, leadership: Leadership, configuration: Configuration) -> None:
        self._leadership = leadership
        self._configuration = configuration

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "gpucost_leader",
            "1 where this replica does the work, 0 where it stands by for another.",
            value=self._leadership.is_held(),
        )
        yield CounterMetricFamily(
            "gpucost_leader_changes",
            "How often this replica came to lead, or ceased to.",
            value=self._leadership.changes,
        )
        yield GaugeMetricFamily(
            "gpucost_config_refused",
            "1 where the configuration file is bad, so that what was loaded before stays in force.",
            value=bool(self._configuration.problem),
        )
        yield GaugeMetricFamily(
            "gpucost_config_loaded_timestamp_seconds",
            "When the configuration that is in force was loaded.",
            value=self._configuration.loaded.timestamp(),
        )


class _LoopCollector(Collector):
    def __init__(self, state: LoopState) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        state = self._state
        if state.committed_until is not None:
            yield GaugeMetricFamily(
                "gpucost_committed_until_timestamp_seconds",
                "End of the last window that every report has.",
                value=state.committed_until.timestamp(),
            )
        yield GaugeMetricFamily(
            "gpucost_windows_behind", "Windows that are over and not in the reports yet.", value=state.windows_behind
        )
        yield CounterMetricFamily(
            "gpucost_windows_committed",
            "Windows that this process brought into the reports.",
            value=state.windows_committed,
        )
        incomplete = CounterMetricFamily(
            "gpucost_windows_incomplete",
            "Windows that were closed though Prometheus had no whole answer.",
            labels=("reason",),
        )
        for reason in INCOMPLETE_REASONS:
            incomplete.add_metric((reason,), state.windows_incomplete.get(reason, 0))
        yield incomplete
        mended = CounterMetricFamily(
            "gpucost_reports_mended",
            "Reports that somebody deleted or edited and that were put right.",
            labels=("how",),
        )
        for how in MENDED:
            mended.add_metric((how,), state.reports_mended.get(how, 0))
        yield mended
        failures = CounterMetricFamily(
            "gpucost_attempt_failures", "Failed attempts of the window loop.", labels=("reason",)
        )
        for reason, count in state.failures.items():
            failures.add_metric((reason,), count)
        cards = GaugeMetricFamily(
            "gpucost_rate_cards",
            "GpuRateCards: wholly accepted, refused wholly or in part, or yielding to an older one.",
            labels=("state",),
        )
        for name, count in state.rate_cards.items():
            cards.add_metric((name,), count)
        yield from (failures, cards)


class _FleetCollector(Collector):
    """GPU pods and GPU nodes only, as the last look at the API found them."""

    def __init__(self, look: LatestLook, configuration: Configuration) -> None:
        self._look = look
        self._configuration = configuration

    def collect(self) -> Iterator[Metric]:
        yield self._pods()
        yield from self._lives()
        yield from node_metrics(self._look)
        yield from self._telemetry()

    def _pods(self) -> Metric:
        info = GaugeMetricFamily(
            "gpucost_pod_info",
            "Who a GPU pod belongs to and what its containers request; the value is the count.",
            labels=_POD_LABELS,
        )
        namespaces = self._look.namespaces
        keys = self._configuration.settings.labels.keys()
        for pod in self._look.pods:
            tenant = tenant_of(pod, namespaces.get(pod.namespace, {}), keys)
            names = (pod.namespace, pod.name, pod.uid, pod.node, tenant.team, tenant.product, tenant.cost_centre)
            rest = (tenant.environment, tenant.workload, tenant.workload_type)
            for request in pod.requests:
                info.add_metric((*names, *rest, request.container, request.resource), request.count)
        return info

    def _lives(self) -> Iterator[Metric]:
        bound = GaugeMetricFamily(
            "gpucost_pod_bound_timestamp_seconds", "When the GPU pod was bound to its node.", labels=("uid",)
        )
        ended = GaugeMetricFamily(
            "gpucost_pod_ended_timestamp_seconds", "When the GPU pod gave its devices back.", labels=("uid",)
        )
        for pod in self._look.pods:
            if pod.bound is not None:
                bound.add_metric((pod.uid,), pod.bound.timestamp())
            if pod.ended is not None:
                ended.add_metric((pod.uid,), pod.ended.timestamp())
        yield from (bound, ended)

    def _telemetry(self) -> Iterator[Metric]:
        dropped = CounterMetricFamily(
            "gpucost_samples_dropped", "Samples of exporters that do not count, by reason.", labels=("reason",)
        )
        for reason in REASONS:
            dropped.add_metric((reason,), self._look.samples_dropped.get(reason, 0))
        used = GaugeMetricFamily(
            "gpucost_compute_metric_info", "Metrics that compute use was last read from.", labels=("metric",)
        )
        for name in self._look.compute_metrics:
            used.add_metric((name,), 1)
        yield from (dropped, used)

"""What ``/metrics`` says: how the loop does, and who holds what, so that labels outlive their pods."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gpucost.app.looks import LatestLook
from gpucost.app.state import LoopState
from gpucost.model.money import format_e9
from gpucost.model.rates import NodeRate
from gpucost.model.tenancy import LabelKeys, tenant_of
from gpucost.pricing.traits import traits_of
from gpucost.telemetry.sanity import REASONS

_POD_LABELS = (
    *("namespace", "pod", "uid", "node", "team", "product", "cost_centre", "environment"),
    *("workload", "workload_type", "container", "resource"),
)
_NODE_LABELS = (
    *("node", "uid", "instance_type", "region", "zone", "capacity_type", "product", "cards", "rate", "source"),
)


def make_registry(state: LoopState, look: LatestLook, keys: LabelKeys) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(_LoopCollector(state))
    registry.register(_FleetCollector(look, keys))
    return registry


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

    def __init__(self, look: LatestLook, keys: LabelKeys) -> None:
        self._look = look
        self._keys = keys

    def collect(self) -> Iterator[Metric]:
        yield self._pods()
        yield from self._lives()
        yield self._nodes()
        yield from self._telemetry()

    def _pods(self) -> Metric:
        info = GaugeMetricFamily(
            "gpucost_pod_info",
            "Who a GPU pod belongs to and what its containers request; the value is the count.",
            labels=_POD_LABELS,
        )
        namespaces = self._look.namespaces
        for pod in self._look.pods:
            tenant = tenant_of(pod, namespaces.get(pod.namespace, {}), self._keys)
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

    def _nodes(self) -> Metric:
        info = GaugeMetricFamily(
            "gpucost_node_info", "A GPU node, its hourly rate and where that is from.", labels=_NODE_LABELS
        )
        for facts in self._look.nodes:
            node, rate = facts.node, facts.rate
            traits = traits_of(node)
            names = (node.name, node.uid, node.instance_type, traits.region, traits.zone, str(traits.capacity_type))
            priced = (
                (str(rate.cards or ""), format_e9(rate.hourly_e9), rate.source)
                if isinstance(rate, NodeRate)
                else ("", "", "")
            )
            info.add_metric((*names, traits.gpu_product, *priced), 1)
        return info

"""All checks, in the order in which one thing rests on another."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

from kubernetes.client import ApiClient

from gpucost.app.configuration.rules import timing_of
from gpucost.app.configuration.settings import Settings
from gpucost.app.doctor import api_checks as api
from gpucost.app.doctor import fleet_checks as fleet
from gpucost.app.doctor import rate_checks as rates
from gpucost.app.doctor import right_checks as rights
from gpucost.app.doctor import telemetry_checks as telemetry
from gpucost.app.doctor.access import Access, Prometheus
from gpucost.app.doctor.reading import NotLookedAt, Reading, look, ok
from gpucost.app.plan import settled_until
from gpucost.app.prices.gpu_nodes import gpu_nodes
from gpucost.app.prices.rate_listing import rated_nodes
from gpucost.app.prices.rates import Prices
from gpucost.model.errors import SourceUnavailable
from gpucost.model.fleet import Cluster, Node
from gpucost.model.time import Window
from gpucost.model.usage import Usage
from gpucost.pricing.catalog import bundled_catalog
from gpucost.reports.findings import Finding
from gpucost.reports.rate_table import RatedNode
from gpucost.reports.storage.kube_client import KubeClient
from gpucost.reports.storage.store import ReportStore

CONFIGURATION = "configuration"


class Examination:
    """Looks once, when ``findings`` are asked for; every call that it makes is bounded in time."""

    def __init__(self, access: Access, clock: Callable[[], datetime]) -> None:
        self._access = access
        self._clock = clock
        self._now = clock()
        self._settings = Reading("the configuration cannot be used", access.settings)
        self._client = Reading("there is no way to a cluster", self._connect)
        self._version = Reading("the API server does not answer", self._read_version)
        self._cluster = Reading("the cluster cannot be read", self._read_cluster)
        self._cards = Reading("the rate cards cannot be read", self._read_cards)
        self._prometheus = Reading("there is no way to Prometheus", self._reach_prometheus)
        self._clocks = Reading("Prometheus cannot be asked", self._read_clocks)
        self._usage = Reading("Prometheus does not tell of the last window", self._read_usage)
        self._rates = Reading("rates cannot be told", self._read_rates)
        self._left_out: tuple[str, ...] = ()

    def findings(self) -> Iterator[Finding]:
        """At least one for each subject."""
        yield from look(CONFIGURATION, self._check_configuration)
        yield from look(api.API_SERVER, self._check_version)
        yield from look(api.KINDS, self._check_kinds, self._version)
        yield from look(rights.RIGHTS, self._check_rights, self._version, self._settings)
        yield from look(fleet.GPU_NODES, self._check_gpu_nodes)
        yield from look(fleet.FEATURE_LABELS, self._check_feature_labels, self._cluster)
        yield from look(telemetry.PROMETHEUS, self._check_clocks, self._settings)
        yield from look(telemetry.NEWEST, self._check_newest, self._settings, self._clocks)
        yield from look(telemetry.MEASURES, self._check_measures, self._settings, self._clocks, self._cluster)
        yield from look(telemetry.POD_LABELS, self._check_pod_labels, self._clocks, self._usage, self._cluster)
        yield from look(rates.CARDS, self._check_cards, self._settings, self._cluster)
        yield from look(rates.RATES, self._check_rates, self._settings, self._cluster, self._cards)
        yield from look(rates.DOUBTS, partial(self._of_rates, rates.check_doubts), self._rates)
        yield from look(rates.AGES, partial(self._of_rates, rates.check_ages), self._rates)
        yield from look(rates.LIST, self._check_list, self._settings)
        yield from look(fleet.TEAMS, self._check_teams, self._settings, self._cluster)

    def _check_configuration(self) -> Iterator[Finding]:
        self._settings.get()
        yield ok(CONFIGURATION, self._access.configuration)

    def _check_version(self) -> Iterator[Finding]:
        yield from api.check_version(self._client.get().configuration.host, self._version.get())

    def _check_kinds(self) -> Iterator[Finding]:
        yield from api.check_kinds(self._store().missing_kinds())

    def _check_rights(self) -> Iterator[Finding]:
        yield from rights.check_rights(KubeClient(self._client.get()), self._settings.get().namespace)

    def _check_gpu_nodes(self) -> Iterator[Finding]:
        cluster = self._cluster.get()
        yield from fleet.check_gpu_nodes(self._gpu_nodes(), len(cluster.nodes), self._left_out)

    def _check_feature_labels(self) -> Iterator[Finding]:
        yield from fleet.check_feature_labels(self._gpu_nodes())

    def _check_clocks(self) -> Iterator[Finding]:
        told, here = self._clocks.get()
        yield from telemetry.check_clock(self._prometheus.get().name, told, here)

    def _check_newest(self) -> Iterator[Finding]:
        told, _ = self._clocks.get()
        newest = self._prometheus.get().newest_sample()
        yield from telemetry.check_newest(newest, told, self._settings.get().window)

    def _check_measures(self) -> Iterator[Finding]:
        yield from telemetry.check_measures(self._usage.get(), [node.name for node in self._gpu_nodes()])

    def _check_pod_labels(self) -> Iterator[Finding]:
        yield from telemetry.check_pod_labels(self._usage.get(), self._cluster.get())

    def _check_cards(self) -> Iterator[Finding]:
        nodes = self._cluster.get().nodes
        yield from rates.check_cards(self._cards.get(), nodes, self._now, self._settings.get())

    def _check_rates(self) -> Iterator[Finding]:
        yield from rates.check_rates(self._rates.get())

    def _of_rates(self, check: Callable[[list[RatedNode]], Iterator[Finding]]) -> Iterator[Finding]:
        yield from check(self._rates.get())

    def _check_list(self) -> Iterator[Finding]:
        used = self._settings.get().list_prices
        yield from rates.check_list(bundled_catalog(), self._now.date(), used=used)

    def _check_teams(self) -> Iterator[Finding]:
        yield from fleet.check_teams(self._cluster.get(), self._settings.get().labels.keys())

    def _connect(self) -> ApiClient:
        if not self._access.is_live:
            raise NotLookedAt("saved objects are read instead of a cluster")
        return self._access.connect()

    def _read_version(self) -> str:
        return api.version_of(KubeClient(self._client.get()))

    def _read_cluster(self) -> Cluster:
        settings = self._settings_or_defaults()
        source = self._access.cluster(settings, self._answering(), self._now)
        cluster = source.read()
        self._left_out = source.problems
        return cluster

    def _read_cards(self) -> tuple[object, ...]:
        return self._access.cards(self._settings.get(), self._answering)

    def _reach_prometheus(self) -> Prometheus:
        return self._access.prometheus(self._settings.get())

    def _read_clocks(self) -> tuple[datetime, datetime]:
        """Of Prometheus and of this machine."""
        told = self._prometheus.get().server_time()
        return told, self._clock()

    def _read_usage(self) -> Usage:
        return self._prometheus.get().read_usage([self._window()])

    def _read_rates(self) -> list[RatedNode]:
        """Without what Prometheus would have told of them, where it does not answer."""
        settings, window, nodes = self._settings.get(), self._window(), self._cluster.get().nodes
        cards = self._cards.get()
        desk = Prices(settings, lambda: cards, None if self._clocks.lack else self._prometheus.get())
        try:
            source = desk.read([window])
        except SourceUnavailable:
            source = desk.read([window], blind=True)
        return rated_nodes(nodes, source, window, self._now.date())

    def _answering(self) -> ApiClient | None:
        """None: saved objects stand in. Raises NotLookedAt where the API server does not answer."""
        if not self._access.is_live:
            return None
        if self._version.lack:
            raise NotLookedAt(self._version.lack)
        return self._client.get()

    def _store(self) -> ReportStore:
        return ReportStore(self._client.get(), operator_namespace=self._settings_or_defaults().namespace)

    def _settings_or_defaults(self) -> Settings:
        """Good enough to see what is there."""
        return Settings() if self._settings.lack else self._settings.get()

    def _gpu_nodes(self) -> tuple[Node, ...]:
        return gpu_nodes(self._cluster.get().nodes, ())

    def _window(self) -> Window:
        """The last one that is settled."""
        settings = self._settings.get()
        end = settled_until(self._now, timing_of(settings))
        return Window(end - settings.window, end)

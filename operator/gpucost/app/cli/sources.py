"""Where a command's data comes from: the live cluster or saved files, Prometheus, rate cards."""

import argparse
from collections.abc import Iterable
from datetime import datetime

from kubernetes.client import ApiClient

from gpucost.app.pipeline import Pipeline
from gpucost.app.rates import resolver_of
from gpucost.app.rules import rules_of
from gpucost.app.settings import Settings
from gpucost.cluster.connection import connect
from gpucost.cluster.files import ClusterFiles
from gpucost.cluster.live import LiveCluster
from gpucost.model.errors import ConfigurationError
from gpucost.model.fleet import Cluster
from gpucost.model.source import ClusterSource
from gpucost.pricing.card_schema import KIND, load_rate_cards
from gpucost.pricing.rate_cards import parse_rate_cards
from gpucost.reports.storage.store import ReportStore
from gpucost.telemetry.source import PrometheusTelemetry


class _OneLook:
    """A command describes one moment: the cluster is read once, however many batches are computed."""

    def __init__(self, source: ClusterSource) -> None:
        self._source = source
        self._cluster: Cluster | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        return self._source.problems

    def read(self) -> Cluster:
        if self._cluster is None:
            self._cluster = self._source.read()
        return self._cluster


class Sources:
    """The pipeline of a command, and what its sources had to leave out."""

    def __init__(self, options: argparse.Namespace, settings: Settings, seen_at: datetime) -> None:
        """Raises GpuCostError where a source that was named cannot be used."""
        client = None if options.cluster_dir else _connect(options)
        self._cluster: ClusterFiles | LiveCluster = (
            LiveCluster(client, resources=settings.resources)
            if client
            else ClusterFiles(options.cluster_dir, seen_at=seen_at, resources=settings.resources)
        )
        self._rates = resolver_of(parse_rate_cards(_cards(options, settings, client), settings.currency), settings)
        self.pipeline = Pipeline(
            cluster=_OneLook(self._cluster),
            telemetry=PrometheusTelemetry(settings.telemetry()),
            read_rates=lambda: self._rates,
            rules=rules_of(settings),
        )

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence each; complete once the pipeline has computed."""
        return (*self._cluster.problems, *self._rates.problems)


def _connect(options: argparse.Namespace) -> ApiClient:
    try:
        return connect(options.kubeconfig, context=options.context)
    except ConfigurationError as error:
        raise ConfigurationError(f"{error}; or read saved objects with --cluster-dir") from error


def _cards(options: argparse.Namespace, settings: Settings, client: ApiClient | None) -> Iterable[object]:
    if options.rates:
        return load_rate_cards(options.rates)
    if client is None:
        return ()
    store = ReportStore(client, operator_namespace=settings.namespace)
    # Whoever tries a command out before anything is installed has no rate cards.
    return () if KIND in store.missing_kinds() else store.read_rate_cards()

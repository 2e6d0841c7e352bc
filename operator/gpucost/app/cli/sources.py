"""Where a command's data comes from: the live cluster or saved files, Prometheus, rate cards."""

import argparse
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property

from kubernetes.client import ApiClient

from gpucost.app.computing.pipeline import Pipeline, Witness
from gpucost.app.configuration.rules import rules_of, timing_of
from gpucost.app.configuration.settings import Settings
from gpucost.app.prices.rates import Prices
from gpucost.app.windows.settling import Settling
from gpucost.cluster.connection import connect
from gpucost.cluster.decode import Decoded
from gpucost.cluster.files import ClusterFiles
from gpucost.cluster.live import LiveCluster
from gpucost.model.errors import ConfigurationError
from gpucost.model.fleet import Cluster, Node
from gpucost.model.source import ClusterSource, RateDesk
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
    """Where a command's figures come from, and what of it had to be left out."""

    def __init__(self, options: argparse.Namespace, settings: Settings, seen_at: datetime) -> None:
        """Without a Prometheus in the settings there are prices, but no pipeline.

        Raises GpuCostError where a source that was named cannot be used.
        """
        client = None if options.cluster_dir else connect_to(options)
        self._source = cluster_of(options, settings, client, seen_at)
        self.cluster: ClusterSource = _OneLook(self._source)
        self.cards = cards_of(options, settings, client)
        """GpuRateCards as they are there."""
        self._settings = settings
        self._telemetry = PrometheusTelemetry(settings.telemetry()) if settings.prometheus.url else None

    def read_nodes(self) -> Decoded[Node]:
        """The nodes alone, and what of them had to be left out."""
        return self._source.read_nodes()

    def desk(self, cards: Sequence[object]) -> RateDesk:
        """Prices with these GpuRateCards."""
        return Prices(self._settings, lambda: cards, self._telemetry)

    @cached_property
    def pipeline(self) -> Pipeline:
        """Raises ConfigurationError where no Prometheus is named."""
        return Pipeline(
            cluster=self.cluster,
            telemetry=self._prometheus,
            rates=self.desk(self.cards),
            rules=rules_of(self._settings),
        )

    def settling(self, now: datetime, witness: Witness | None = None) -> Settling:
        """Computes what is over by ``now``. Raises ConfigurationError where no Prometheus is named."""
        return Settling(self.pipeline, self._prometheus, timing_of(self._settings), now, witness)

    @cached_property
    def _prometheus(self) -> PrometheusTelemetry:
        return self._telemetry or PrometheusTelemetry(self._settings.telemetry())

    @property
    def problems(self) -> tuple[str, ...]:
        """A sentence each; complete once the cluster has been read."""
        return (*self.cluster.problems, *parse_rate_cards(self.cards, self._settings.price_rules).problems)


def cluster_of(
    options: argparse.Namespace, settings: Settings, client: ApiClient | None, seen_at: datetime
) -> LiveCluster | ClusterFiles:
    """``client`` None: the saved objects of ``--cluster-dir``."""
    if client is None:
        return ClusterFiles(options.cluster_dir, seen_at=seen_at, resources=settings.resources)
    return LiveCluster(client, resources=settings.resources)


def connect_to(options: argparse.Namespace) -> ApiClient:
    """Raises ConfigurationError where there is no way to a cluster."""
    try:
        return connect(options.kubeconfig, context=options.context)
    except ConfigurationError as error:
        raise ConfigurationError(f"{error}; or read saved objects with --cluster-dir") from error


def cards_of(options: argparse.Namespace, settings: Settings, client: ApiClient | None) -> tuple[object, ...]:
    """The GpuRateCards of ``--rates``, else the cluster's.

    Raises GpuCostError where they cannot be read.
    """
    if options.rates:
        return load_rate_cards(options.rates)
    if client is None:
        return ()
    store = ReportStore(client, operator_namespace=settings.namespace)
    # Whoever tries a command out before anything is installed has no rate cards.
    return () if KIND in store.missing_kinds() else tuple(store.read_rate_cards())

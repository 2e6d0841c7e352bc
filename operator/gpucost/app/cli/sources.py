"""Where a command's data comes from: the live cluster or saved files, Prometheus, rate cards."""

import argparse
from collections.abc import Callable
from datetime import datetime

from gpucost.app.operator import read_rates, rules_of
from gpucost.app.pipeline import Pipeline
from gpucost.app.settings import Settings
from gpucost.cluster.connection import connect
from gpucost.cluster.files import ClusterFiles
from gpucost.cluster.live import LiveCluster
from gpucost.model.fleet import Cluster
from gpucost.model.source import ClusterSource, RateSource
from gpucost.pricing.card_schema import load_rate_cards
from gpucost.pricing.catalog import bundled_catalog
from gpucost.pricing.rate_cards import RateCards, parse_rate_cards
from gpucost.pricing.resolve import RateResolver
from gpucost.reports.store import ReportStore
from gpucost.telemetry.source import PrometheusTelemetry


class _OneLook:
    """A command describes one moment: the cluster is read once, however many batches are computed."""

    def __init__(self, source: ClusterSource) -> None:
        self._source = source
        self._cluster: Cluster | None = None

    def read(self) -> Cluster:
        if self._cluster is None:
            self._cluster = self._source.read()
        return self._cluster


class Sources:
    """The pipeline of a command, and what its sources had to leave out."""

    def __init__(self, options: argparse.Namespace, settings: Settings, seen_at: datetime) -> None:
        """Raises ConfigurationError or InputError where a source that was named cannot be used."""
        self._told: list[Callable[[], tuple[str, ...]]] = []
        cluster = self._cluster(options, seen_at)
        read = self._rates(options, settings)
        self.pipeline = Pipeline(
            cluster=_OneLook(cluster),
            telemetry=PrometheusTelemetry(settings.prometheus.telemetry()),
            read_rates=read,
            rules=rules_of(settings),
        )

    def problems(self) -> tuple[str, ...]:
        return tuple(problem for told in self._told for problem in told())

    def _cluster(self, options: argparse.Namespace, seen_at: datetime) -> ClusterSource:
        source: ClusterFiles | LiveCluster
        if options.cluster_dir:
            source = ClusterFiles(options.cluster_dir, seen_at=seen_at)
        else:
            source = LiveCluster(connect(options.kubeconfig, context=options.context))
        self._told.append(lambda: source.problems)
        return source

    def _rates(self, options: argparse.Namespace, settings: Settings) -> Callable[[], RateSource]:
        if options.rates or options.cluster_dir:
            cards = (
                parse_rate_cards(load_rate_cards(options.rates), settings.currency) if options.rates else RateCards()
            )
            catalog = bundled_catalog() if settings.list_prices else None
            self._told.append(lambda: cards.problems)
            return lambda: RateResolver(cards, catalog, currency=settings.currency)
        store = ReportStore(connect(options.kubeconfig, context=options.context), operator_namespace=settings.namespace)
        return lambda: read_rates(store, settings)

"""An operator that starts anew after its nodes were deleted comes to the figures of one that ran on."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from test_regimes import ScriptedCluster

from gpucost.app.computing.looks import LatestLook, RememberingCluster
from gpucost.app.computing.pipeline import Pipeline
from gpucost.app.configuration.rules import rules_of
from gpucost.app.configuration.settings import Settings
from gpucost.app.prices.rates import Prices
from gpucost.app.process.node_metrics import node_metrics
from gpucost.model.fleet import Cluster
from gpucost.model.ledger import Ledger
from gpucost.model.time import floor_to
from gpucost.simulation.scenarios.all_scenarios import SCENARIOS
from gpucost.simulation.scenarios.gone_nodes import scenario as gone_nodes
from gpucost.simulation.scenarios.rate_cards import rate_card_object
from gpucost.simulation.scenarios.scenario import LOOK, WINDOW, Scenario
from gpucost.simulation.scenarios.series import Series, openmetrics
from gpucost.telemetry.queries import Matcher
from gpucost.telemetry.settings import TelemetrySettings
from gpucost.telemetry.source import PrometheusTelemetry
from sandbox.prometheus import load_history, prometheus

pytestmark = pytest.mark.cluster

FIRST_LOOK = 360
"""A minute after the first window."""
TELLING = [scenario for scenario in SCENARIOS if scenario not in gone_nodes.scenarios]
"""Those in which nobody told of nodes yet."""


class EmptiedCluster:
    """A `ClusterSource`: a look that finds all, then looks that find the nodes gone, and nothing else changed."""

    def __init__(self, scenario: Scenario, start: datetime, *, already: bool = False) -> None:
        self._before = ScriptedCluster(replace(scenario, looks=(FIRST_LOOK,)), start).read()
        self._start, self._is_empty = start, already
        self.problems: tuple[str, ...] = ()

    def read(self) -> Cluster:
        if self._is_empty:
            return replace(self._before, seen_at=self._start + timedelta(seconds=LOOK), nodes=())
        self._is_empty = True
        return self._before


@dataclass(frozen=True)
class Operator:
    cluster: RememberingCluster
    look: LatestLook

    @classmethod
    def of(cls, source: EmptiedCluster) -> "Operator":
        return cls(RememberingCluster(source, keep=timedelta(hours=1)), LatestLook())

    def compute(self, scenario: Scenario, url: str, start: datetime, windows: slice) -> tuple[Ledger, ...]:
        matchers = tuple(Matcher.parse(matcher) for matcher in scenario.matchers)
        telemetry = PrometheusTelemetry(TelemetrySettings(url=url, matchers=matchers))
        settings = Settings.model_validate(scenario.configured)
        cards = [rate_card_object(card, start) for card in scenario.rate_cards]
        rates = Prices(settings, lambda: cards, telemetry)
        pipeline = Pipeline(cluster=self.cluster, telemetry=telemetry, rates=rates, rules=rules_of(settings))
        try:
            return pipeline.compute(scenario.windows(start)[windows], witness=self.look)
        finally:
            telemetry.close()

    def page(self, scenario: Scenario) -> Iterator[Series]:
        """What is scraped of it until it dies, ten seconds after its look or soon thereafter."""
        target = {label: value for label, _, value in (matcher.partition("=") for matcher in scenario.matchers)}
        labels = {label: value.strip('"') for label, value in target.items()} | {"job": "gpucost", "instance": "a:8080"}
        for family in node_metrics(self.look):
            for sample in family.samples:
                yield Series(
                    metric=sample.name, labels=labels | sample.labels, value=sample.value, since=FIRST_LOOK, until=420
                )


@pytest.fixture(scope="module")
def start() -> datetime:
    return floor_to(datetime.now(UTC) - timedelta(seconds=LOOK + 60), WINDOW)


@pytest.fixture(scope="module")
def operators(start: datetime) -> dict[str, Operator]:
    """By scenario: one that runs on."""
    return {scenario.slug: Operator.of(EmptiedCluster(scenario, start)) for scenario in TELLING}


@pytest.fixture(scope="module")
def url(
    start: datetime,
    operators: dict[str, Operator],
    prometheus_binaries: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """Of a Prometheus that also scraped what these operators said after their first window."""
    with ExitStack() as stack:

        def serve(name: str, series: list[Series]) -> str:
            folder = tmp_path_factory.mktemp(name)
            history = folder / "series.om"
            with history.open("w") as file:
                file.writelines(openmetrics(series, start))
            load_history(prometheus_binaries["promtool"], [history], folder)
            return stack.enter_context(prometheus(prometheus_binaries, folder)).url

        series = [one for scenario in TELLING for one in scenario.series]
        first = serve("first-window", series)
        for scenario in TELLING:
            operators[scenario.slug].compute(scenario, first, start, slice(1))
            series += operators[scenario.slug].page(scenario)
        yield serve("both-windows", series)


@pytest.mark.parametrize("scenario", TELLING, ids=[scenario.slug for scenario in TELLING])
def test_a_restart_after_the_nodes_were_deleted_changes_no_figure(
    scenario: Scenario, operators: dict[str, Operator], url: str, start: datetime
) -> None:
    undisturbed = operators[scenario.slug].compute(scenario, url, start, slice(2))
    again = Operator.of(EmptiedCluster(scenario, start, already=True)).compute(scenario, url, start, slice(2))
    assert again == undisturbed
    assert any(ledger.nodes for ledger in again)

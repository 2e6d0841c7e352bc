"""Rate cards that change while windows are computed, on a real API server: no window has two opinions of its price."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gpucost.app.computing.pipeline import Pipeline
from gpucost.app.computing.simulated import SimulatedCluster, SimulatedTelemetry
from gpucost.app.configuration.rules import rules_of
from gpucost.app.configuration.settings import Settings
from gpucost.app.prices.rates import Prices
from gpucost.model.ledger import Ledger
from gpucost.model.time import DAY, windows_between
from gpucost.reports.storage.store import ReportStore
from gpucost.simulation.fleet import make_fleet
from sandbox.control_plane import ControlPlane
from tests.integration.api_objects import OPERATOR_NAMESPACE, Api, Object, install_crds

pytestmark = pytest.mark.cluster

START = datetime(2026, 11, 24, tzinfo=UTC)
WINDOWS = windows_between(START, START + timedelta(hours=1), timedelta(minutes=5))
NODE, LISTED_E9 = "gpu-h100-1", 55_040_000_000
CARD = """
apiVersion: gpucost.io/v1alpha1
kind: GpuRateCard
metadata: {name: contract}
spec:
  rates:
  - {name: h100, match: {instanceType: p5.48xlarge}, nodeHourly: "40"}
"""


class Change:
    """Reads cards as the operator does; once it has, they change."""

    def __init__(self, api: Api, *arguments: str, told: str | None = None) -> None:
        self._api, self._arguments, self._told = api, arguments, told
        self._store = ReportStore(api.client, operator_namespace=OPERATOR_NAMESPACE)

    def read(self) -> Sequence[Object]:
        cards = self._store.read_rate_cards()
        if self._arguments:
            self._api.kubectl(*self._arguments, told=self._told)
        self._arguments = ()
        return cards


@pytest.fixture
def api(control_plane: ControlPlane, kubectl: Path) -> Iterator[Api]:
    api = install_crds(control_plane, kubectl)
    api.kubectl("apply", "-f", "-", told=CARD)
    yield api
    api.kubectl("delete", "gpuratecards", "--all")
    api.client.rest_client.pool_manager.clear()


def make_pipeline(change: Change) -> Pipeline:
    fleet, settings = make_fleet(seed=3, start=START, end=START + DAY), Settings()
    return Pipeline(
        cluster=SimulatedCluster(fleet, fleet.end),
        telemetry=SimulatedTelemetry(fleet),
        rates=Prices(settings, change.read),
        rules=rules_of(settings),
    )


def rates_in(ledgers: Sequence[Ledger]) -> list[int | None]:
    """Of the node, window by window; every bill must add up."""
    lines = [line for ledger in ledgers for line in ledger.nodes]
    assert all(line.residual == 0 for line in lines)
    return [line.rate_e9 for line in lines if line.node == NODE]


def test_a_card_that_is_deleted_while_windows_are_computed_counts_for_all_of_them_and_no_later_one(api: Api) -> None:
    pipeline = make_pipeline(Change(api, "delete", "gpuratecard", "contract"))
    first, then = WINDOWS[:6], WINDOWS[6:]
    assert rates_in(pipeline.compute(first)) == [40_000_000_000] * 6
    assert rates_in(pipeline.compute(then)) == [LISTED_E9] * 6


def test_a_card_that_is_edited_while_windows_are_computed_counts_from_the_next_on(api: Api) -> None:
    pipeline = make_pipeline(Change(api, "apply", "-f", "-", told=CARD.replace('"40"', '"48"')))
    assert rates_in(pipeline.compute(WINDOWS[:1])) == [40_000_000_000]
    assert rates_in(pipeline.compute(WINDOWS[1:3])) == [48_000_000_000] * 2


def test_a_card_that_begins_to_count_later_counts_from_then_on(api: Api) -> None:
    later = CARD.replace("  rates:", '  validFrom: "2026-11-24T00:17:00Z"\n  rates:')
    api.kubectl("apply", "-f", "-", told=later)
    rates = rates_in(make_pipeline(Change(api)).compute(WINDOWS[:6]))
    mean = (2 * LISTED_E9 + 3 * 40_000_000_000) // 5
    assert rates == [LISTED_E9] * 3 + [mean] + [40_000_000_000] * 2

"""What prices ask of Prometheus."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gpucost.app.configuration.settings import Settings
from gpucost.app.prices.rates import Prices
from gpucost.model.fleet import Node
from gpucost.model.metered import NodePower, Offering
from gpucost.model.rates import NodeRate
from gpucost.model.time import Window

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
WINDOW = Window(AT, AT + timedelta(minutes=5))
LABELS = {"node.kubernetes.io/instance-type": "p4d.24xlarge", "topology.kubernetes.io/zone": "us-east-1a"}
NODE = Node(name="n1", uid="u1", created=AT, labels=LABELS)

OWNED = {"purchase": "43800", "lifetimeHours": 43800, "powerPricePerKWh": "0.5"}
FREE_POWER = {"purchase": "43800", "lifetimeHours": 43800}


def make_card(**price: Any) -> dict[str, Any]:
    return {"kind": "GpuRateCard", "metadata": {"name": "own"}, "spec": {"rates": [{"name": "all", **price}]}}


class Prometheus:
    """Answers everything, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def read_power(self, windows: Sequence[Window]) -> Mapping[Window, Mapping[str, NodePower]]:
        self.asked.append("power")
        return {window: {"n1": NodePower(watts_per_card=250, cards=8)} for window in windows}

    def read_offerings(self, windows: Sequence[Window]) -> Mapping[Window, Mapping[Offering, float]]:
        self.asked.append("offerings")
        return {window: {Offering("p4d.24xlarge", "on-demand", "us-east-1a"): 20.0} for window in windows}

    def read_node_prices(self, windows: Sequence[Window]) -> Mapping[Window, Mapping[str, float]]:
        self.asked.append("node prices")
        return {window: {"n1": 19.0} for window in windows}


ASKED: dict[str, tuple[list[str], list[dict[str, Any]], list[str], int]] = {
    "nothing for list prices": ([], [], [], 21_957_642_000),
    "nothing for a card": ([], [make_card(nodeHourly="3")], [], 3_000_000_000),
    "nothing for hardware whose power costs nothing": ([], [make_card(owned=FREE_POWER)], [], 1_000_000_000),
    "power for hardware whose power costs something": ([], [make_card(owned=OWNED)], ["power"], 2_000_000_000),
    "what Karpenter publishes": (["karpenter"], [], ["offerings"], 20_000_000_000),
    "what OpenCost publishes": (["opencost"], [], ["node prices"], 19_000_000_000),
    "what both publish": (["opencost", "karpenter"], [], ["offerings", "node prices"], 19_000_000_000),
}


def hourly_e9(prices: Prices, *, blind: bool = False) -> int:
    (rate,) = prices.read([WINDOW], blind=blind).rates_of([NODE], WINDOW)
    assert isinstance(rate, NodeRate), rate
    return rate.hourly_e9


def make_prices(published: list[str], cards: Iterable[object], prometheus: Prometheus | None) -> Prices:
    settings = Settings.model_validate({"prometheus": {"prices": published}})
    return Prices(settings, lambda: cards, prometheus)


@pytest.mark.parametrize("case", ASKED)
def test_prometheus_is_asked(case: str) -> None:
    published, cards, asked, expected = ASKED[case]
    prometheus = Prometheus()
    assert hourly_e9(make_prices(published, cards, prometheus)) == expected
    assert prometheus.asked == asked


def test_prometheus_is_asked_nothing_about_windows_that_it_has_forgotten() -> None:
    prometheus = Prometheus()
    prices = make_prices(["karpenter"], [make_card(owned=OWNED)], prometheus)
    assert hourly_e9(prices, blind=True) == 1_000_000_000
    assert prometheus.asked == []


def test_there_may_be_no_prometheus() -> None:
    assert hourly_e9(make_prices(["karpenter"], [make_card(owned=OWNED)], None)) == 1_000_000_000


def test_cards_are_read_anew_each_time() -> None:
    cards = [make_card(nodeHourly="3")]
    prices = make_prices([], cards, None)
    before = prices.read([WINDOW])
    cards[0] = make_card(nodeHourly="4")
    assert hourly_e9(prices) == 4_000_000_000
    (rate,) = before.rates_of([NODE], WINDOW)
    assert isinstance(rate, NodeRate)
    assert rate.hourly_e9 == 3_000_000_000

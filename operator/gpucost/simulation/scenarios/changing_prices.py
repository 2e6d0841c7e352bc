"""Prices that change while nodes run, and prices that stand in for others."""

from fractions import Fraction as F  # noqa: N817

from gpucost.simulation.scenarios.collection import Collection
from gpucost.simulation.scenarios.draft import A_DAY_AGO, Draft
from gpucost.simulation.scenarios.features import A100_40, whole_cards
from gpucost.simulation.scenarios.objects import NodeSpec
from gpucost.simulation.scenarios.price_words import bought_as, opencost_price, power, publish, rate_card

scenario = Collection()

LIST = F("21.957642")
EIGHT_A100 = "p4d.24xlarge"
SMALL = "example.small"
"""A type that no list knows, with one card."""


def _small_node(
    s: Draft,
    hourly: F | int,
    *,
    capacity_type: str = "on-demand",
    created: int = A_DAY_AGO,
    listed_until: int | None = None,
) -> NodeSpec:
    labels = whole_cards(A100_40, 1) | bought_as(SMALL, capacity_type=capacity_type)
    return s.node(annotated=False, card_hourly=hourly, labels=labels, created=created, listed_until=listed_until)


@scenario
def a_node_replaced_by_a_spot_node_of_its_name(s: Draft) -> None:
    """Each is billed for its own life at the price of how it was bought: 12 an hour, then 4.80."""
    rate_card(
        s,
        "contract",
        {"match": {"instanceType": SMALL, "capacityType": "on-demand"}, "nodeHourly": "12"},
        {"match": {"instanceType": SMALL, "capacityType": "spot"}, "nodeHourly": "4.80"},
    )
    s.calm_node()
    old = _small_node(s, 12, listed_until=150)
    new = _small_node(s, F("4.8"), capacity_type="spot", created=150)
    s.look_before(120)
    first, second = s.pod("first-0", old, listed_until=150), s.pod("second-0", new, bound=150)
    s.see(old, "a", first, memory=0.4, until=150)
    s.see(new, "b", second, memory=0.8, since=180)
    s.owes(first, 0.5, 0.2, window=0)
    s.rest(old, 0, alive=0.5, window=0)
    s.owes(second, 0.2, 0.16, window=0)
    s.rest(new, 0, alive=0.5, window=0)
    s.owes(second, 0.4, 0.32, window=1)
    s.rest(new, 0, window=1)


@scenario
def a_card_that_expires_in_mid_window(s: Draft) -> None:
    """12 an hour for its first 100 seconds, 36 for the other 200: 28 in the mean."""
    rate_card(s, "old", {"nodeHourly": "12", "match": {"instanceType": SMALL}}, priority=10, valid_until=100)
    rate_card(s, "new", {"nodeHourly": "36", "match": {"instanceType": SMALL}})
    node = _small_node(s, 36)
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, compute=0.5)
    mean = F(100 * 12 + 200 * 36, 300)
    s.owes(pod, mean / 12, mean / 24, window=0)
    s.rest(node, 0, hourly=mean, window=0)
    s.owes(pod, 3, 1.5, window=1)
    s.rest(node, 0, window=1)


@scenario
def a_card_that_expires_while_a_node_is_replaced(s: Draft) -> None:
    """The first lived for 150 seconds, of which 50 at 36 an hour; the second not a second under the old card."""
    rate_card(s, "old", {"nodeHourly": "12", "match": {"instanceType": SMALL}}, priority=10, valid_until=100)
    rate_card(s, "new", {"nodeHourly": "36", "match": {"instanceType": SMALL}})
    s.calm_node()
    old, new = _small_node(s, 12, listed_until=150), _small_node(s, 36, created=150)
    s.look_before(120)
    first, second = s.pod("first-0", old, listed_until=150), s.pod("second-0", new, bound=150)
    s.see(old, "a", first, memory=0.4, until=150)
    s.see(new, "b", second, memory=0.8, since=180)
    mean = F(100 * 12 + 50 * 36, 150)
    s.owes(first, mean / 24, mean / 24 * F("0.4"), window=0)
    s.rest(old, 0, alive=0.5, hourly=mean, window=0)
    s.owes(second, 1.5, 1.2, window=0)
    s.rest(new, 0, alive=0.5, window=0)
    s.owes(second, 3, 2.4, window=1)
    s.rest(new, 0, window=1)


@scenario
def two_cards_that_tie(s: Draft) -> None:
    """The older one decides, whatever their names."""
    match = {"instanceType": SMALL}
    rate_card(s, "a-newer", {"nodeHourly": "24", "match": match}, created=-600)
    rate_card(s, "b-older", {"nodeHourly": "12", "match": match}, created=-1200)
    node = _small_node(s, 12)
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, compute=0.5)
    s.owes(pod, 1, 0.5)
    s.rest(node, 0)


@scenario
def a_card_in_another_currency(s: Draft) -> None:
    """10 EUR at 1.20 are 12 an hour."""
    s.configured["exchangeRates"] = {"EUR": 1.20}
    rate_card(s, "contract", {"nodeHourly": "10", "match": {"instanceType": SMALL}}, currency="EUR")
    node = _small_node(s, 12)
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, compute=0.5)
    s.owes(pod, 1, 0.5)
    s.rest(node, 0)


@scenario
def own_hardware_whose_power_is_not_measured_for_a_while(s: Draft) -> None:
    """1.00 + 0.50 + 0.25 x 1.2 x 2 kW = 2.10 an hour; in the second window the fixed part, flagged."""
    owned = {
        "purchase": "43800",
        "lifetimeHours": 43800,
        "hourlyFixed": "0.50",
        "powerPricePerKWh": "0.25",
        "pue": "1.2",
    }
    rate_card(s, "basement", {"match": {"nodeLabels": {"site": "basement"}}, "owned": owned})
    node = s.node(annotated=False, labels=whole_cards(A100_40, 1) | {"site": "basement"})
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, compute=0.5)
    power(s, node, "a", 2000, pod, until=300)
    measured, fixed = F("2.1"), F("1.5")
    s.owes(pod, measured / 12, measured / 24, window=0)
    s.rest(node, 0, hourly=measured, window=0)
    s.owes(pod, fixed / 12, fixed / 24, flags="rate-estimated", window=1)
    s.rest(node, 0, hourly=fixed, window=1)
    s.told("RatesEstimated", window=1)


def _eight_cards(s: Draft, hourly: F, *, flags: str = "", zone: str = "us-east-1a", capacity_type: str) -> NodeSpec:
    labels = whole_cards(A100_40, 8) | bought_as(EIGHT_A100, zone, capacity_type)
    node = s.node(cards=8, card_hourly=hourly / 8, annotated=False, labels=labels)
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, compute=0.5)
    for card in "bcdefgh":
        s.see(node, card)
    s.owes(pod, hourly / 96, hourly / 192, flags=flags)
    s.rest(node, 7 * hourly / 96)
    return node


@scenario
def a_spot_node_without_a_price_of_its_own(s: Draft) -> None:
    """A list has no spot prices: 0.4 of the list price, as an estimate."""
    _eight_cards(s, LIST * F("0.4"), capacity_type="spot", flags="rate-estimated")
    s.told("RatesEstimated")


@scenario
def a_list_price_of_another_region(s: Draft) -> None:
    """As an estimate."""
    _eight_cards(s, LIST, capacity_type="on-demand", zone="eu-west-1a", flags="rate-estimated")
    s.told("RatesEstimated")


@scenario
def a_price_of_opencost_that_cannot_be(s: Draft) -> None:
    """0.90 an hour for a node of 21.957642, as OpenCost has it of nodes with slices: ignored, and told."""
    publish(s, "opencost")
    opencost_price(s, _eight_cards(s, LIST, capacity_type="on-demand"), 0.9)
    s.told("PriceIgnored")


@scenario
def a_price_per_gpu_on_a_node_with_a_card_that_nobody_told_of(s: Draft) -> None:
    """The label counts two cards and telemetry three: three times 12 an hour."""
    rate_card(s, "contract", {"gpuHourly": "12", "match": {"gpuProduct": "NVIDIA-A100*"}})
    node = s.node(annotated=False, cards=3, labels=whole_cards(A100_40, 2))
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, compute=0.5)
    s.see(node, "b")
    s.see(node, "c")
    s.owes(pod, 1, 0.5)
    s.rest(node, 2)
    s.told("CardCountDisagrees")

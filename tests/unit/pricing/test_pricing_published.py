from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from math import inf, nan

import pytest

from gpucost.model.fleet import Node
from gpucost.model.metered import Metered, Offering
from gpucost.model.money import format_e9
from gpucost.model.rates import MissingRate, NodeRate, RateOrigin
from gpucost.model.time import Window
from gpucost.pricing.catalog import Catalog, ListPrice, ModelPrice
from gpucost.pricing.rate_cards import RateCards
from gpucost.pricing.resolve import RateResolver
from gpucost.pricing.rules import PriceRules, PublishedPrices
from tests.unit.pricing.priced_nodes import AT, COUNT, PRODUCT, hourly, make_node

KARPENTER, OPENCOST = PublishedPrices.KARPENTER, PublishedPrices.OPENCOST
WINDOW = Window(AT, AT + timedelta(minutes=5))
ZONE = "topology.kubernetes.io/zone"
CAPACITY = "karpenter.sh/capacity-type"
SPOT = {CAPACITY: "spot"}
LATER = Window(WINDOW.end, WINDOW.end + WINDOW.length)

CATALOG = Catalog(
    [
        ListPrice(
            cloud="X", instance="x8", gpus=8, gpu="H100", hourly_e9=20 * 10**9, region="", source="X's list", date=""
        )
    ],
    models=[ModelPrice(gpu="A10", products=("NVIDIA-A10",), hourly_e9=2 * 10**9, source="lists", date="2026-09-01")],
)


def rate_of(
    node: Node,
    *,
    offerings: Mapping[Offering, float] | None = None,
    opencost: float | None = None,
    rules: PriceRules | None = None,
    window: Window = WINDOW,
) -> NodeRate | MissingRate:
    metered = Metered(
        offerings={WINDOW: offerings or {}}, node_prices={WINDOW: {} if opencost is None else {node.name: opencost}}
    )
    resolver = RateResolver(RateCards(), CATALOG, rules or PriceRules(published=(KARPENTER, OPENCOST)), metered)
    (rate,) = resolver.rates_of([node], window)
    return rate


def flags(rate: NodeRate | MissingRate) -> list[str]:
    assert isinstance(rate, NodeRate), rate
    return [doubt.flag for doubt in rate.doubts]


def offered(price: float, capacity_type: str = "on-demand", zone: str = "a") -> dict[Offering, float]:
    return {Offering("x8", capacity_type, zone): price}


IN_A = make_node("x8", {ZONE: "a"})
OFFERED: dict[str, tuple[Node, Mapping[Offering, float], str]] = {
    "of its type and zone": (IN_A, offered(18) | offered(19, zone="b"), "18"),
    "spot": (make_node("x8", {ZONE: "a", **SPOT}), offered(18) | offered(7, "spot"), "7"),
    "of every zone alike, where its own is not told": (make_node("x8"), offered(18) | offered(18, zone="b"), "18"),
}


@pytest.mark.parametrize(("node", "offerings", "expected"), OFFERED.values(), ids=OFFERED)
def test_karpenter_has_the_price(node: Node, offerings: Mapping[Offering, float], expected: str) -> None:
    rate = rate_of(node, offerings=offerings)
    assert hourly(rate) == expected
    assert flags(rate) == []
    assert isinstance(rate, NodeRate)
    assert (rate.origin, rate.source, rate.cards) == (RateOrigin.KARPENTER, "Karpenter's price in Prometheus", 8)


NOT_OFFERED: dict[str, tuple[Node, Mapping[Offering, float]]] = {
    "another zone": (IN_A, offered(18, zone="b")),
    "zones that differ, where its own is not told": (make_node("x8"), offered(18) | offered(19, zone="b")),
    "another way of buying": (make_node("x8", {ZONE: "a"}), offered(18, "spot")),
    "another type": (IN_A, {Offering("x4", "on-demand", "a"): 18}),
    "reserved, of which it prints a token price": (
        make_node("x8", {ZONE: "a", CAPACITY: "reserved"}),
        offered(2e-6, "reserved"),
    ),
    "nothing known, which it prints as 0": (IN_A, offered(0)),
    "no number": (IN_A, offered(nan)),
    "infinity": (IN_A, offered(inf)),
    "less than nothing": (IN_A, offered(-18)),
    "less than can be billed": (IN_A, offered(1e-12)),
    "beyond what any node costs": (IN_A, offered(1e7)),
}


@pytest.mark.parametrize(("node", "offerings"), NOT_OFFERED.values(), ids=NOT_OFFERED)
def test_what_karpenter_does_not_price_is_asked_of_the_next(node: Node, offerings: Mapping[Offering, float]) -> None:
    rate = rate_of(node, offerings=offerings, opencost=21)
    assert hourly(rate) == "21"
    assert isinstance(rate, NodeRate)
    assert (rate.origin, rate.source) == (RateOrigin.OPENCOST, "OpenCost's price in Prometheus")
    assert "price-ignored" not in flags(rate)


@pytest.mark.parametrize("price", [0.0, nan, inf, -1.0])
def test_what_opencost_does_not_price_has_the_list_price(price: float) -> None:
    rate = rate_of(IN_A, opencost=price)
    assert (hourly(rate), flags(rate)) == ("20", [])


def test_the_configured_order_counts() -> None:
    first = PriceRules(published=(OPENCOST, KARPENTER))
    assert hourly(rate_of(IN_A, offerings=offered(18), opencost=21, rules=first)) == "21"
    assert hourly(rate_of(IN_A, offerings=offered(18), opencost=21)) == "18"


def test_only_what_is_configured_is_used() -> None:
    assert hourly(rate_of(IN_A, offerings=offered(18), opencost=21, rules=PriceRules())) == "20"
    assert hourly(rate_of(IN_A, offerings=offered(18), opencost=21, rules=PriceRules(published=(OPENCOST,)))) == "21"


def test_the_prices_are_those_of_the_window() -> None:
    assert hourly(rate_of(IN_A, offerings=offered(18), window=LATER)) == "20"


def test_what_floats_add_to_a_price_is_rounded_off() -> None:
    assert hourly(rate_of(IN_A, opencost=21.957642000000003)) == "21.957642"


BOUNDS: dict[str, tuple[dict[str, str], float, str]] = {
    "half of the list price": ({}, 10.0, ""),
    "below half": ({}, 9.999999, "below half of the list price of 20"),
    "one core's price": ({}, 0.031611, "below half of the list price of 20"),
    "twice the list price": ({}, 40.0, ""),
    "above twice": ({}, 40.000001, "above twice the list price of 20"),
    "spot at half of what spot is taken to cost": (SPOT, 4.0, ""),
    "spot below that": (SPOT, 3.999999, "below half of 0.4 x the list price of 20"),
    "spot at twice the price on demand": (SPOT, 40.0, ""),
    "spot above that": (SPOT, 40.000001, "above twice the list price of 20"),
    "reserved below half": ({CAPACITY: "reserved"}, 9.0, "below half of the list price of 20"),
}


@pytest.mark.parametrize(("labels", "price", "bound"), BOUNDS.values(), ids=BOUNDS)
def test_a_price_is_believed_within_bounds_of_the_list(labels: dict[str, str], price: float, bound: str) -> None:
    rate = rate_of(make_node("x8", labels), opencost=price)
    assert isinstance(rate, NodeRate)
    if not bound:
        assert (rate.origin, flags(rate)) == (RateOrigin.OPENCOST, [])
        return
    assert rate.origin is RateOrigin.LIST_PRICE
    doubt = rate.doubts[0]
    assert (doubt.flag, doubt.is_estimate) == ("price-ignored", False)
    assert doubt.message == f"OpenCost has a price of {price:.9g} that is not used, since it is {bound}"


def test_after_a_price_that_is_not_believed_the_next_is_asked() -> None:
    rate = rate_of(IN_A, offerings=offered(1), opencost=21)
    assert isinstance(rate, NodeRate)
    assert (hourly(rate), rate.origin, flags(rate)) == ("21", RateOrigin.OPENCOST, ["price-ignored"])
    assert not rate.is_estimate


def test_every_price_that_is_not_believed_is_told() -> None:
    rate = rate_of(IN_A, offerings=offered(1), opencost=2)
    assert (hourly(rate), flags(rate)) == ("20", ["price-ignored", "price-ignored"])


def test_the_price_of_a_gpu_model_is_a_bound_too() -> None:
    node = make_node("own.box", {PRODUCT: "NVIDIA-A10", COUNT: "4"})
    assert flags(rate_of(node, opencost=7)) == []
    rate = rate_of(node, opencost=3.5)
    assert flags(rate) == ["price-ignored", "gpu-model-price"]
    assert isinstance(rate, NodeRate)
    assert rate.doubts[0].message.endswith("below half of the price of its GPU model of 8")


def test_a_price_with_nothing_to_compare_it_with_is_used_and_flagged() -> None:
    rate = rate_of(make_node("own.box"), opencost=3)
    assert isinstance(rate, NodeRate)
    assert (hourly(rate), flags(rate), rate.is_estimate) == ("3", ["price-unchecked"], True)


def test_list_prices_that_may_not_stand_in_are_bounds_still() -> None:
    rules = PriceRules(published=(OPENCOST,), list_prices=False)
    rate = rate_of(IN_A, opencost=1, rules=rules)
    assert isinstance(rate, MissingRate)
    assert "OpenCost has a price of 1 that is not used, since it is below half of the list price of 20" in rate.reason
    assert hourly(rate_of(IN_A, opencost=15, rules=rules)) == "15"


def test_published_prices_are_converted() -> None:
    rules = PriceRules(currency="EUR", exchange_rates={"USD": Decimal("0.9")}, published=(KARPENTER,))
    rate = rate_of(IN_A, offerings=offered(21), rules=rules)
    assert isinstance(rate, NodeRate)
    assert (format_e9(rate.hourly_e9), flags(rate)) == ("18.900000000", [])
    assert rate.source == "Karpenter's price in Prometheus, converted from USD at 0.9"
    assert rate.terms == "21 x 0.9"


SILENT: dict[str, tuple[Node, PriceRules, str]] = {
    "nothing is told": (
        make_node("own.box", {ZONE: "a"}),
        PriceRules(published=(KARPENTER, OPENCOST)),
        "Karpenter has no price of own.box on-demand in a, OpenCost has no price of it, and there is no list price",
    ),
    "no zone": (
        make_node("own.box"),
        PriceRules(published=(KARPENTER,)),
        "Karpenter has no price of own.box on-demand that all zones share, and",
    ),
    "no instance type": (
        make_node(),
        PriceRules(published=(KARPENTER,)),
        "it has no instance type to find Karpenter's price by, and",
    ),
    "a capacity block": (
        make_node("own.box", {"eks.amazonaws.com/capacityType": "CAPACITY_BLOCK"}),
        PriceRules(published=(KARPENTER,)),
        "Karpenter has no price of what is capacity-block, and",
    ),
}


@pytest.mark.parametrize(("node", "rules", "words"), SILENT.values(), ids=SILENT)
def test_a_missing_rate_says_which_published_prices_were_looked_for(node: Node, rules: PriceRules, words: str) -> None:
    rate = rate_of(node, rules=rules)
    assert isinstance(rate, MissingRate)
    assert words in rate.reason


def test_a_published_price_without_an_exchange_rate_is_not_used() -> None:
    rate = rate_of(IN_A, opencost=21, rules=PriceRules(currency="EUR", published=(OPENCOST,)))
    assert isinstance(rate, MissingRate)
    assert "the price of OpenCost is in USD and exchangeRates does not have it" in rate.reason


def test_two_nodes_of_one_window_have_prices_of_their_own() -> None:
    resolver = RateResolver(
        RateCards(),
        CATALOG,
        PriceRules(published=(OPENCOST,)),
        Metered(node_prices={WINDOW: {"n1": 19.0}}),
    )
    other = Node(name="n2", uid="u2", created=AT, labels=IN_A.labels)
    assert [hourly(rate) for rate in resolver.rates_of([IN_A, other], WINDOW)] == ["19", "20"]

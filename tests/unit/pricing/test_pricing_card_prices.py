"""What a rate of a card comes to on a node, and what is said of it."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gpucost.model.fleet import Node
from gpucost.model.metered import NodePower
from gpucost.model.rates import MissingRate, NodeRate
from gpucost.pricing.rate_cards import parse_rate_cards
from gpucost.pricing.rules import FractionModel, PriceRules
from tests.unit.pricing.priced_nodes import AT, COUNT, PRODUCT, hourly, make_card, make_node

Rate = dict[str, Any]
DOLLARS = PriceRules()
A100_NODE = make_node("p4d.24xlarge", {PRODUCT: "NVIDIA-A100-SXM4-40GB", COUNT: "8"})
OWNED: Rate = {
    "purchase": "420000",
    "lifetimeHours": 43800,
    "hourlyFixed": "1.20",
    "powerPricePerKWh": "0.18",
    "pue": "1.4",
}
DRAWN = NodePower(watts_per_card=400.0, cards=8)


def price_of(
    rate: Rate,
    node: Node = A100_NODE,
    *,
    listed: int | None = None,
    power: NodePower | None = None,
    rules: PriceRules = DOLLARS,
    **spec: Any,
) -> NodeRate | MissingRate | None:
    cards = parse_rate_cards([make_card("c", rate, **spec)], rules)
    assert cards.problems == ()
    return cards.rate_of(node, AT, listed_cards=listed, power=power)


def priced(rate: Rate, node: Node = A100_NODE, **told: Any) -> NodeRate:
    found = price_of(rate, node, **told)
    assert isinstance(found, NodeRate), found
    return found


PRICES: dict[str, tuple[Rate, str, str]] = {
    "for the node": ({"nodeHourly": "21.957642"}, "21.957642", ""),
    "as a YAML number": ({"nodeHourly": 0.1}, "0.1", ""),
    "nothing": ({"nodeHourly": "0"}, "0", ""),
    "for each GPU": ({"gpuHourly": "2.50"}, "20", "2.50 x 8 GPUs"),
    "with a discount": ({"nodeHourly": "10", "discountPercent": "12.5"}, "8.75", "10 - 12.5 %"),
    "with a discount of nothing": ({"nodeHourly": "10", "discountPercent": "0"}, "10", ""),
    "for each GPU with a discount": ({"gpuHourly": "2.5", "discountPercent": 40}, "12", "(2.5 - 40 %) x 8 GPUs"),
    "all discounted": ({"nodeHourly": "10", "discountPercent": "100"}, "0", "10 - 100 %"),
    "rounded once, half to even": ({"nodeHourly": "0.000000001", "discountPercent": "50"}, "0", "0.000000001 - 50 %"),
    "a commitment": (
        {"commitment": {"upfront": "100000", "hourly": "9.10", "termHours": 8760}},
        "20.515525114",
        "100000 / 8760 h + 9.10",
    ),
    "a commitment that is all paid upfront": (
        {"commitment": {"upfront": "8760", "termHours": 8760}},
        "1",
        "8760 / 8760 h",
    ),
    "a commitment with a discount": (
        {"commitment": {"upfront": "8760", "hourly": "1", "termHours": 8760}, "discountPercent": "10"},
        "1.8",
        "(8760 / 8760 h + 1) - 10 %",
    ),
    "owned, with power": ({"owned": OWNED}, "11.595441096", "420000 / 43800 h + 1.20 + 3.2 kW x 0.18 x 1.4"),
    "owned, on a site that draws no more than its machines": (
        {"owned": {"purchase": "43800", "lifetimeHours": 43800, "powerPricePerKWh": "0.5"}},
        "2.6",
        "43800 / 43800 h + 3.2 kW x 0.5",
    ),
    "owned, with power paid by others": (
        {"owned": {"purchase": "43800", "lifetimeHours": 43800, "pue": "1.4"}},
        "1",
        "43800 / 43800 h",
    ),
}


@pytest.mark.parametrize(("rate", "expected", "terms"), PRICES.values(), ids=PRICES)
def test_a_rate_comes_to_this_and_says_how(rate: Rate, expected: str, terms: str) -> None:
    found = priced(rate, power=DRAWN)
    assert (hourly(found), found.terms, found.doubts) == (expected, terms, ())


def test_the_discount_of_a_card_does_not_touch_owned_hardware() -> None:
    assert priced({"owned": OWNED}, power=DRAWN, discountPercent="50") == priced({"owned": OWNED}, power=DRAWN)


def test_the_source_is_the_same_whatever_was_measured() -> None:
    sources = {priced({"owned": OWNED}, power=NodePower(watts_per_card=w, cards=8)).source for w in (70.0, 400.5)}
    assert sources == {"GpuRateCard c/r0"}


@settings(deadline=None)  # a busy machine is no failure
@given(
    watts=st.floats(0, 1500),
    purchase=st.decimals(0, 1_000_000, places=2),
    hours=st.integers(1000, 100_000),
    price=st.decimals("0.01", 2, places=4),
)
def test_owned_hardware_costs_its_fixed_part_and_its_energy(
    watts: float, purchase: Decimal, hours: int, price: Decimal
) -> None:
    owned = {"purchase": f"{purchase}", "lifetimeHours": hours, "powerPricePerKWh": f"{price}", "pue": "1.25"}
    found = priced({"owned": owned}, power=NodePower(watts_per_card=watts, cards=8))
    exact = Fraction(purchase) / hours + 8 * Fraction(watts) / 1000 * Fraction(price) * Fraction("1.25")
    assert abs(found.hourly_e9 - exact * 10**9) <= 1


SINGLE = {PRODUCT: "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", COUNT: "14"}
POWER: dict[str, tuple[Node, NodePower | None, str, dict[str, str]]] = {
    "measured on all": (A100_NODE, DRAWN, "3.2 kW", {}),
    "measured on none": (
        A100_NODE,
        None,
        "",
        {"power-missing": "the power of its GPUs was not measured, and only the fixed part of its price is billed"},
    ),
    "no number": (A100_NODE, NodePower(watts_per_card=float("nan"), cards=8), "", {"power-missing": ""}),
    "less than nothing": (A100_NODE, NodePower(watts_per_card=-1.0, cards=8), "", {"power-missing": ""}),
    "endless": (A100_NODE, NodePower(watts_per_card=float("inf"), cards=8), "", {"power-missing": ""}),
    "measured on some": (
        A100_NODE,
        NodePower(watts_per_card=400.0, cards=3),
        "3.2 kW",
        {"power-partial": "power was measured on 3 of its 8 GPUs, and their mean is taken for all"},
    ),
    "measured on more than there are": (A100_NODE, NodePower(watts_per_card=400.0, cards=9), "3.2 kW", {}),
    "where nothing else counts the cards": (make_node(), NodePower(watts_per_card=250.0, cards=2), "0.5 kW", {}),
    "on more than the fewest that carry its instances": (
        make_node("", SINGLE),
        NodePower(watts_per_card=100.0, cards=4),
        "0.4 kW",
        {},
    ),
    "on fewer than carry its instances": (
        make_node("", SINGLE),
        NodePower(watts_per_card=100.0, cards=1),
        "0.2 kW",
        {"power-partial": ""},
    ),
    "to a thousandth of a watt": (A100_NODE, NodePower(watts_per_card=100.00001, cards=8), "0.8 kW", {}),
    "nothing drawn": (A100_NODE, NodePower(watts_per_card=0.0, cards=8), "", {}),
}


@pytest.mark.parametrize(("node", "power", "drawn", "doubts"), POWER.values(), ids=POWER)
def test_energy_is_for_all_physical_cards_and_what_was_not_measured_is_told(
    node: Node, power: NodePower | None, drawn: str, doubts: dict[str, str]
) -> None:
    found = priced({"owned": OWNED}, node, power=power)
    fixed = "420000 / 43800 h + 1.20"
    assert found.terms == (f"{fixed} + {drawn} x 0.18 x 1.4" if drawn else fixed)
    assert {doubt.flag for doubt in found.doubts} == set(doubts)
    assert all(doubts[doubt.flag] in ("", doubt.message) for doubt in found.doubts)
    assert found.is_estimate == bool(doubts)


NEEDS: dict[str, tuple[Rate, bool]] = {
    "a price of energy": ({"owned": OWNED}, True),
    "energy that costs nothing": ({"owned": OWNED | {"powerPricePerKWh": "0"}}, False),
    "no price of energy": ({"owned": {"purchase": "1", "lifetimeHours": 1}}, False),
    "a price for the node": ({"nodeHourly": "1"}, False),
}


@pytest.mark.parametrize(("rate", "expected"), NEEDS.values(), ids=NEEDS)
def test_power_is_asked_for_only_where_a_price_rests_on_it(rate: Rate, expected: bool) -> None:
    assert parse_rate_cards([make_card("c", rate)], DOLLARS).needs_power == expected
    if not expected:
        assert priced(rate).doubts == ()


CARDS: dict[str, tuple[Node, int | None, str, bool]] = {
    "as discovery counts them": (A100_NODE, None, "8", False),
    "as the price list counts them": (make_node("x"), 4, "4", False),
    "the most where the two differ, as the bill is divided by": (A100_NODE, 4, "8", False),
    "instances are no cards": (make_node("", SINGLE), None, "2", True),
    "as the capacity suggests": (make_node("x", capacity={"nvidia.com/gpu": 4}), None, "4", True),
}


@pytest.mark.parametrize(("node", "listed", "cards", "estimated"), CARDS.values(), ids=CARDS)
def test_a_price_per_gpu_counts_physical_cards(node: Node, listed: int | None, cards: str, estimated: bool) -> None:
    found = priced({"gpuHourly": "1"}, node, listed=listed)
    assert (hourly(found), found.card_hourly_e9, found.is_estimate) == (cards, 10**9, estimated)
    assert [doubt.flag for doubt in found.doubts] == (["cards-estimated"] if estimated else [])


def test_a_price_per_gpu_is_rounded_before_it_is_multiplied_so_that_it_is_what_is_billed() -> None:
    rules = PriceRules(exchange_rates={"EUR": Decimal("1.5")})
    found = priced({"gpuHourly": "0.000000001"}, rules=rules, currency="EUR")
    assert (found.card_hourly_e9, found.hourly_e9) == (2, 16)


def test_a_price_per_node_is_no_estimate_whatever_the_count_of_its_cards() -> None:
    found = priced({"nodeHourly": "1"}, make_node("", SINGLE))
    assert (found.card_hourly_e9, found.is_estimate) == (None, False)


UNCOUNTABLE = {
    "nothing tells": make_node("x"),
    "instances of an unknown profile": make_node("", {PRODUCT: "NVIDIA-A100-MIG-INVALID", COUNT: "0"}),
    "a count that is none": make_node("", {COUNT: "eight"}),
    "a capacity of slots of shared GPUs": make_node("", capacity={"nvidia.com/gpu.shared": 8}),
}


@pytest.mark.parametrize("node", UNCOUNTABLE.values(), ids=UNCOUNTABLE)
def test_a_price_per_gpu_of_a_node_without_a_count_is_missing(node: Node) -> None:
    found = price_of({"gpuHourly": "1"}, node)
    assert isinstance(found, MissingRate)
    assert "Node n1: GpuRateCard c/r0 has a price per GPU" in found.reason
    assert "write nodeHourly" in found.reason


TOO_MUCH: dict[str, tuple[Rate, NodePower | None]] = {
    "for all its GPUs": ({"gpuHourly": "1000000"}, None),
    "with its power": ({"owned": OWNED}, NodePower(watts_per_card=1e300, cards=8)),
}


@pytest.mark.parametrize(("rate", "power"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_a_rate_beyond_what_any_node_costs_is_missing(rate: Rate, power: NodePower | None) -> None:
    found = price_of(rate, power=power)
    assert isinstance(found, MissingRate)
    assert found.reason.startswith("Node n1: GpuRateCard c/r0 comes to more than 1000000 an hour")


EUROS: dict[str, tuple[Rate, str, str]] = {
    "for the node": ({"nodeHourly": "10"}, "10.8", "10 x 1.08"),
    "for each GPU": ({"gpuHourly": "2.5"}, "21.6", "2.5 x 1.08 x 8 GPUs"),
    "with a discount": ({"nodeHourly": "10", "discountPercent": "50"}, "5.4", "(10 - 50 %) x 1.08"),
    "a commitment": (
        {"commitment": {"upfront": "8760", "hourly": "1", "termHours": 8760}},
        "2.16",
        "(8760 / 8760 h + 1) x 1.08",
    ),
    "owned": (
        {"owned": OWNED},
        "12.523076384",
        "(420000 / 43800 h + 1.20 + 3.2 kW x 0.18 x 1.4) x 1.08",
    ),
    "rounded once": (
        {"nodeHourly": "0.000000001", "discountPercent": "50"},
        "0.000000001",
        "(0.000000001 - 50 %) x 1.08",
    ),
}


@pytest.mark.parametrize(("rate", "expected", "terms"), EUROS.values(), ids=EUROS)
def test_a_card_in_a_declared_currency_is_converted(rate: Rate, expected: str, terms: str) -> None:
    rules = PriceRules(exchange_rates={"EUR": Decimal("1.08")})
    found = priced(rate, power=DRAWN, rules=rules, currency="EUR", source="contract 7")
    assert (hourly(found), found.terms) == (expected, terms)
    assert found.source == "GpuRateCard c/r0 (contract 7), converted from EUR at 1.08"


def test_a_card_in_the_configured_currency_is_not_converted() -> None:
    rules = PriceRules(currency="EUR", exchange_rates={"USD": Decimal("0.9")})
    found = priced({"nodeHourly": "10"}, rules=rules, currency="EUR")
    assert (hourly(found), found.terms, found.source) == ("10", "", "GpuRateCard c/r0")
    assert hourly(priced({"nodeHourly": "10"}, rules=rules)) == "10"


FRACTIONS: dict[str, tuple[Rate, Rate, float]] = {
    "as configured": ({}, {}, 0.6),
    "of the card": ({}, {"gpuFraction": "0.5"}, 0.5),
    "of the rate": ({"gpuFraction": "0"}, {"gpuFraction": "0.5"}, 0.0),
    "all of it by name": ({"gpuFraction": "all"}, {"gpuFraction": "0.5"}, 1.0),
}


@pytest.mark.parametrize(("rate", "spec", "expected"), FRACTIONS.values(), ids=FRACTIONS)
def test_the_part_of_the_gpus_is_of_the_rate_then_of_the_card_then_as_configured(
    rate: Rate, spec: Rate, expected: float
) -> None:
    found = priced({"nodeHourly": "10"} | rate, rules=PriceRules(gpu_fraction=Decimal("0.6")), **spec)
    assert (found.gpu_fraction, found.gpu_fraction_terms) == (expected, "")


@pytest.mark.parametrize("model", [model for model in FractionModel if model is not FractionModel.ALL])
def test_a_model_that_lacks_what_it_computes_with_is_told_beside_other_doubts(model: FractionModel) -> None:
    found = priced({"owned": OWNED, "gpuFraction": str(model)})
    assert [doubt.flag for doubt in found.doubts] == ["power-missing", "gpu-fraction-unknown"]


EXAMPLE = """
apiVersion: gpucost.io/v1alpha1
kind: GpuRateCard
metadata: {name: aws-contract}
spec:
  currency: USD
  source: "AWS private pricing, contract 1234, 2026-10-01"
  priority: 10
  validFrom: "2026-10-01T00:00:00Z"
  rates:
  - name: p4d
    match:
      instanceType: p4d.24xlarge
      region: us-east-1
      capacityType: on-demand
      gpuProduct: "NVIDIA-A100*"
      nodeLabels: {pool: train}
    nodeHourly: "21.957642"
    discountPercent: "12"
    gpuFraction: "1"
  - name: reserved
    match: {capacityType: reserved}
    commitment: {upfront: "100000", hourly: "9.10", termHours: 8760}
  - name: dgx-on-prem
    match: {nodeLabels: {site: basement}}
    owned: {purchase: "420000", lifetimeHours: 43800, hourlyFixed: "1.20", powerPricePerKWh: "0.18", pue: "1.4"}
"""
REGION_LABEL = "topology.kubernetes.io/region"
NODES: dict[str, tuple[Node, str, str]] = {
    "p4d": (
        make_node("p4d.24xlarge", {REGION_LABEL: "us-east-1", PRODUCT: "NVIDIA-A100-SXM4-40GB", "pool": "train"}),
        "19.32272496",
        "21.957642 - 12 %",
    ),
    "reserved": (
        make_node("p4d.24xlarge", {"karpenter.sh/capacity-type": "reserved"}),
        "20.515525114",
        "100000 / 8760 h + 9.10",
    ),
    "dgx-on-prem": (
        make_node("", {"site": "basement", COUNT: "8"}),
        "11.595441096",
        "420000 / 43800 h + 1.20 + 3.2 kW x 0.18 x 1.4",
    ),
}


@pytest.mark.parametrize(("node", "expected", "terms"), NODES.values(), ids=NODES)
def test_one_card_prices_rented_reserved_and_owned_nodes(node: Node, expected: str, terms: str) -> None:
    cards = parse_rate_cards([yaml.safe_load(EXAMPLE)], DOLLARS)
    assert cards.problems == ()
    found = cards.rate_of(node, AT, power=DRAWN)
    assert isinstance(found, NodeRate)
    assert (hourly(found), found.terms, found.as_of) == (expected, terms, "2026-10-01")
    assert found.source.endswith(" (AWS private pricing, contract 1234, 2026-10-01)")

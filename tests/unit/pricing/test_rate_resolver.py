from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from gpucost.model.fleet import Node
from gpucost.model.metered import Metered, NodePower
from gpucost.model.rates import MissingRate, NodeRate, RateOrigin
from gpucost.model.time import Window, format_time
from gpucost.pricing.annotation import annotated_rate
from gpucost.pricing.capacity import CapacityType, capacity_type_of
from gpucost.pricing.catalog import Catalog, ListPrice, ModelPrice
from gpucost.pricing.rate_cards import parse_rate_cards
from gpucost.pricing.resolve import RateResolver
from gpucost.pricing.rules import FractionModel, PriceRules, PublishedPrices
from tests.unit.pricing.priced_nodes import AT, COUNT, PRODUCT, REGION, hourly, make_card, make_node

WINDOW = Window(AT, AT + timedelta(minutes=5))
SPOT = {"karpenter.sh/capacity-type": "spot"}
RESERVED = {"karpenter.sh/capacity-type": "reserved"}
BLOCK = {"eks.amazonaws.com/capacityType": "CAPACITY_BLOCK"}
A10 = {PRODUCT: "NVIDIA-A10", COUNT: "4"}
EUR = PriceRules(currency="EUR", exchange_rates={"USD": Decimal("0.9")})

CATALOG = Catalog(
    [
        ListPrice(
            cloud="X",
            instance="p4d.24xlarge",
            gpus=8,
            gpu="A100",
            hourly_e9=21_957_642_000,
            region="us-east-1",
            source="X's list",
            date="2026-09-25",
        ),
        ListPrice(
            cloud="Y",
            instance="gpu_8x_a100",
            gpus=8,
            gpu="A100",
            hourly_e9=16 * 10**9,
            region="",
            source="Y's page",
            date="2026-09-20",
        ),
    ],
    models=[
        ModelPrice(gpu="A10", products=("NVIDIA-A10",), hourly_e9=1_500_000_000, source="lists", date="2026-09-01")
    ],
)
CARD = make_card("contract", {"match": {"instanceType": "p4d.*"}, "nodeHourly": "15"})


def make_resolver(
    *cards: dict[str, Any], rules: PriceRules | None = None, metered: Metered | None = None
) -> RateResolver:
    rules = rules or PriceRules()
    return RateResolver(parse_rate_cards(cards, rules), CATALOG, rules, metered)


def rate_of(resolver: RateResolver, node: Node, window: Window = WINDOW) -> NodeRate | MissingRate:
    (rate,) = resolver.rates_of([node], window)
    return rate


def known(rate: NodeRate | MissingRate) -> NodeRate:
    assert isinstance(rate, NodeRate), rate
    return rate


def missing(rate: NodeRate | MissingRate | None) -> str:
    assert isinstance(rate, MissingRate), rate
    assert rate.node == "n1"
    return rate.reason


def minute(minutes: float) -> datetime:
    return AT + timedelta(minutes=minutes)


def test_the_first_source_that_has_a_price_counts() -> None:
    annotated, listed = make_node("p4d.24xlarge", A10, rate="9.5"), make_node("p4d.24xlarge", A10)
    opencost = Metered(node_prices={WINDOW: {"n1": 20.0}})
    rules = PriceRules(published=(PublishedPrices.OPENCOST,))
    with_all, without_card = (
        make_resolver(CARD, rules=rules, metered=opencost),
        make_resolver(rules=rules, metered=opencost),
    )
    found = [
        rate_of(with_all, annotated),
        rate_of(with_all, listed),
        rate_of(without_card, listed),
        rate_of(make_resolver(rules=rules), listed),
        rate_of(make_resolver(rules=rules), make_node("own.box", A10)),
    ]
    assert [(known(rate).origin, hourly(rate), known(rate).cards) for rate in found] == [
        (RateOrigin.ANNOTATION, "9.5", 8),
        (RateOrigin.RATE_CARD, "15", 8),
        (RateOrigin.OPENCOST, "20", 8),
        (RateOrigin.LIST_PRICE, "21.957642", 8),
        (RateOrigin.GPU_MODEL, "6", None),
    ]


def test_a_list_price_names_its_source_and_its_date() -> None:
    assert rate_of(make_resolver(), make_node("p4d.24xlarge", {REGION: "us-east-1"})) == NodeRate(
        node="n1",
        hourly_e9=21_957_642_000,
        origin=RateOrigin.LIST_PRICE,
        source="X's list",
        as_of="2026-09-25",
        cards=8,
    )


AMOUNTS = {"21.95": "21.95", " 3 ": "3", "0": "0", "1000000": "1000000", "0.000000001": "0.000000001"}


@pytest.mark.parametrize(("value", "expected"), AMOUNTS.items(), ids=AMOUNTS)
def test_an_annotated_amount_is_the_rate(value: str, expected: str) -> None:
    assert hourly(annotated_rate(make_node(rate=value))) == expected


BAD_AMOUNTS = [
    "abc",
    "",
    "-1",
    "NaN",
    "inf",
    "1e400",
    "1e2",
    "$3",
    "3,50",
    "1000000.1",
    "0.0000000001",
    "٣",
    "9" * 5000,
]


@pytest.mark.parametrize("value", BAD_AMOUNTS, ids=[value[:12] for value in BAD_AMOUNTS])
def test_a_broken_annotation_is_told_and_no_other_price_stands_in(value: str) -> None:
    reason = missing(rate_of(make_resolver(CARD), make_node("p4d.24xlarge", rate=value)))
    assert f'Node n1: annotation gpucost.io/hourly-rate "{value[:40]}" is no price; write' in reason
    assert len(reason) < 300


def test_a_node_without_the_annotation_has_no_annotated_rate() -> None:
    assert annotated_rate(make_node()) is None


ON_DEMAND_PRICE = "price on demand, though it is"
ELSEWHERE = ("other-region", "list price of us-east-1, though it is in eu-west-1")
LISTED: dict[str, tuple[dict[str, str], str, list[tuple[str, str]]]] = {
    "on demand in the list's region": ({REGION: "us-east-1"}, "21.957642", []),
    "on demand in a region that is not known": ({}, "21.957642", []),
    "in another region": ({REGION: "eu-west-1"}, "21.957642", [ELSEWHERE]),
    "on a spot node": (SPOT, "8.7830568", [("spot-ratio", "spot, taken to cost 0.4 of its price on demand")]),
    "on a reserved node elsewhere": (
        RESERVED | {REGION: "eu-west-1"},
        "21.957642",
        [("on-demand-price", f"{ON_DEMAND_PRICE} reserved"), ELSEWHERE],
    ),
    "in a capacity block": (BLOCK, "21.957642", [("on-demand-price", f"{ON_DEMAND_PRICE} capacity-block")]),
}


@pytest.mark.parametrize(("labels", "price", "doubts"), LISTED.values(), ids=LISTED)
def test_a_list_price_says_what_is_doubtful(labels: dict[str, str], price: str, doubts: list[tuple[str, str]]) -> None:
    rate = known(rate_of(make_resolver(), make_node("p4d.24xlarge", labels)))
    assert (hourly(rate), [(doubt.flag, doubt.message) for doubt in rate.doubts]) == (price, doubts)
    assert rate.source == "X's list"
    assert rate.is_estimate == bool(doubts)


def test_a_price_that_is_the_same_everywhere_is_nobodys_elsewhere() -> None:
    rate = known(rate_of(make_resolver(), make_node("gpu_8x_a100", {REGION: "us-south-1"})))
    assert (rate.source, rate.doubts) == ("Y's page", ())


def test_the_spot_ratio_is_configured_and_told() -> None:
    rate = known(rate_of(make_resolver(rules=PriceRules(spot_ratio=Decimal("0.25"))), make_node("gpu_8x_a100", SPOT)))
    assert (hourly(rate), rate.terms) == ("4", "16 x 0.25")


def test_factors_are_told_with_all_their_digits() -> None:
    rules = PriceRules(currency="BTC", exchange_rates={"USD": Decimal("0.0000105123456")}, spot_ratio=Decimal("0.40"))
    rate = known(rate_of(make_resolver(rules=rules), make_node("p4d.24xlarge", SPOT)))
    assert rate.terms == "21.957642 x 0.0000105123456 x 0.40"
    assert rate.source == "X's list, converted from USD at 0.0000105123456"


def test_list_prices_are_converted_and_say_so() -> None:
    rate = known(rate_of(make_resolver(rules=EUR), make_node("p4d.24xlarge", SPOT)))
    assert (hourly(rate), rate.terms) == ("7.90475112", "21.957642 x 0.9 x 0.4")
    assert rate.source == "X's list, converted from USD at 0.9"


MODELS: dict[str, tuple[dict[str, str], dict[str, int], str, str, list[str]]] = {
    "by its labelled cards": (A10, {}, "6", "4 x 1.5", ["gpu-model-price"]),
    "by what it hands out": (
        {PRODUCT: "NVIDIA-A10"},
        {"nvidia.com/gpu": 2},
        "3",
        "2 x 1.5",
        ["gpu-model-price", "cards-estimated"],
    ),
    "shared": (A10 | {PRODUCT: "NVIDIA-A10-SHARED"}, {}, "6", "4 x 1.5", ["gpu-model-price"]),
    "on a spot node": (A10 | SPOT, {}, "2.4", "4 x 1.5 x 0.4", ["gpu-model-price", "spot-ratio"]),
    "on a reserved node": (A10 | RESERVED, {}, "6", "4 x 1.5", ["gpu-model-price", "on-demand-price"]),
}


@pytest.mark.parametrize("case", MODELS)
def test_the_price_of_a_gpu_model_stands_in_where_no_list_knows_the_instance_type(case: str) -> None:
    labels, capacity, price, terms, flags = MODELS[case]
    rate = known(rate_of(make_resolver(), make_node("own.box", labels, capacity=capacity)))
    assert (hourly(rate), rate.terms, [doubt.flag for doubt in rate.doubts]) == (price, terms, flags)
    assert (rate.origin, rate.source, rate.as_of) == (RateOrigin.GPU_MODEL, "lists, GPU A10", "2026-09-01")
    assert rate.card_hourly_e9 == (600_000_000 if labels.get("karpenter.sh/capacity-type") == "spot" else 1_500_000_000)


def test_the_price_of_a_gpu_model_is_rounded_before_it_is_multiplied_so_that_it_is_what_is_billed() -> None:
    rules = PriceRules(spot_ratio=Decimal("0.3333333331"))
    rate = known(rate_of(make_resolver(rules=rules), make_node("own.box", A10 | SPOT)))
    assert (rate.card_hourly_e9, rate.hourly_e9) == (500_000_000, 2_000_000_000)


def test_the_configured_part_of_the_gpus_is_that_of_every_source() -> None:
    rules = PriceRules(gpu_fraction=FractionModel.AWS_SPLIT, published=(PublishedPrices.OPENCOST,))
    sources = {
        "annotation": (make_resolver(rules=rules), make_node("p4d.24xlarge", rate="9")),
        "card": (make_resolver(CARD, rules=rules), make_node("p4d.24xlarge")),
        "published": (
            make_resolver(rules=rules, metered=Metered(node_prices={WINDOW: {"n1": 20.0}})),
            make_node("p4d.24xlarge"),
        ),
        "list": (make_resolver(rules=rules), make_node("p4d.24xlarge")),
        "model": (make_resolver(rules=rules), make_node("own.box", A10 | {COUNT: "8"})),
    }
    found = {
        source: known(rate_of(resolver, replace(node, cpus=96.0, memory_gib=1152.0))).gpu_fraction
        for source, (resolver, node) in sources.items()
    }
    assert found == dict.fromkeys(sources, pytest.approx(0.263158, abs=1e-6))


def test_a_card_has_a_part_of_the_gpus_of_its_own() -> None:
    card = make_card("half", {"nodeHourly": "15", "gpuFraction": "0.5"})
    rules = PriceRules(gpu_fraction=FractionModel.AWS_SPLIT)
    assert known(rate_of(make_resolver(card, rules=rules), make_node("p4d.24xlarge"))).gpu_fraction == 0.5


EXPIRES = make_card("old", {"nodeHourly": "15", "validUntil": format_time(minute(2.5))})
BEGINS = make_card("new", {"nodeHourly": "30", "validFrom": format_time(minute(4))})
OLD_NODE = replace(make_node("p4d.24xlarge"), created=minute(-60))


def test_a_card_that_expires_in_the_window_counts_until_then() -> None:
    rate = known(rate_of(make_resolver(EXPIRES), OLD_NODE))
    assert rate.hourly_e9 == (15_000_000_000 + 21_957_642_000) // 2
    assert rate.source == "GpuRateCard old/r0 until 12:02:30Z, then X's list"


def test_a_card_that_begins_in_the_window_counts_from_then_on() -> None:
    rate = known(rate_of(make_resolver(EXPIRES, BEGINS), OLD_NODE))
    assert hourly(rate) == "20.0872926"  # (15 x 150 + 21.957642 x 90 + 30 x 60) / 300
    assert rate.source == "GpuRateCard old/r0 until 12:02:30Z, then X's list until 12:04:00Z, then GpuRateCard new/r0"


def test_a_card_counts_for_its_part_of_the_nodes_life() -> None:
    node = replace(OLD_NODE, created=minute(2), ended=minute(4))
    assert hourly(rate_of(make_resolver(EXPIRES), node)) == "20.2182315"  # (15 x 30 + 21.957642 x 90) / 120
    assert hourly(rate_of(make_resolver(EXPIRES), replace(OLD_NODE, created=minute(3)))) == "21.957642"
    assert hourly(rate_of(make_resolver(EXPIRES), replace(OLD_NODE, ended=minute(2)))) == "15"


def test_one_resolver_finds_the_rates_of_all_windows_in_any_order() -> None:
    resolver = make_resolver(EXPIRES, make_card("new", {"nodeHourly": "30", "validFrom": format_time(minute(15))}))
    windows = [Window(minute(start), minute(start + 5)) for start in (-10, -5, 0, 5, 10, 15, 20)]
    found = {window: hourly(rate_of(resolver, OLD_NODE, window)) for window in [*windows, *reversed(windows)]}
    assert list(found.values()) == ["15", "15", "18.478821", "21.957642", "21.957642", "30", "30"]
    assert {window: hourly(rate_of(resolver, OLD_NODE, window)) for window in windows} == found


def test_windows_may_differ_in_length() -> None:
    resolver = make_resolver(EXPIRES)
    windows = [WINDOW, Window(AT, minute(2)), Window(AT, minute(2.5)), Window(AT, minute(10))]
    assert [hourly(rate_of(resolver, OLD_NODE, window)) for window in windows] == [
        "18.478821",
        "15",
        "15",
        "20.2182315",
    ]


def test_two_machines_of_one_name_have_each_the_rate_of_its_own() -> None:
    before = replace(OLD_NODE, ended=minute(2))
    after = replace(make_node("p4d.24xlarge", SPOT), uid="uid-2", created=minute(2))
    assert [hourly(rate) for rate in make_resolver().rates_of([before, after], WINDOW)] == ["21.957642", "8.7830568"]


def test_an_annotation_counts_whatever_cards_do() -> None:
    node = replace(OLD_NODE, annotations={"gpucost.io/hourly-rate": "9"})
    assert known(rate_of(make_resolver(EXPIRES), node)).source == "annotation gpucost.io/hourly-rate"


def test_a_card_that_expires_with_nothing_after_it_leaves_the_window_without_a_rate() -> None:
    node = replace(make_node("own.box"), created=minute(-60))
    assert missing(rate_of(make_resolver(EXPIRES), node)) == (
        "Node n1, from 12:02:30Z to 12:05:00Z: GpuRateCard old/r0 matches it but counts only until"
        " 2026-11-24T12:02:30Z, and there is no list price for instance type own.box and no label"
        " nvidia.com/gpu.product to find a price per GPU by; extend its validity, add a GpuRateCard that matches it,"
        " or annotate it with gpucost.io/hourly-rate"
    )


OWNED = make_card(
    "own",
    {
        "match": {"nodeLabels": {"site": "basement"}},
        "owned": {"purchase": "43800", "lifetimeHours": 43800, "powerPricePerKWh": "0.5"},
    },
)


def test_only_what_is_metered_is_looked_up_anew_in_every_window() -> None:
    windows = [WINDOW, Window(WINDOW.end, minute(10))]
    metered = Metered(
        power={
            window: {"n1": NodePower(watts_per_card=watts, cards=8)}
            for window, watts in zip(windows, (250, 500), strict=True)
        },
        node_prices={window: {"n1": price} for window, price in zip(windows, (20.0, 21.0), strict=True)},
    )
    resolver = make_resolver(OWNED, CARD, rules=PriceRules(published=(PublishedPrices.OPENCOST,)), metered=metered)
    nodes = {
        "annotation": make_node("p5.48xlarge", rate="9"),
        "card": make_node("p4d.24xlarge"),
        "power": make_node("", {"site": "basement", COUNT: "8"}),
        "published": make_node("own.box"),
    }
    found = {name: [rate_of(resolver, node, window) for window in windows] for name, node in nodes.items()}
    assert {name: [hourly(rate) for rate in rates] for name, rates in found.items()} == {
        "annotation": ["9", "9"],
        "card": ["15", "15"],
        "power": ["2", "3"],
        "published": ["20", "21"],
    }
    assert [name for name, (first, second) in found.items() if first is second] == ["annotation", "card"]


def test_power_is_that_of_the_node_in_the_window() -> None:
    owned = {"purchase": "43800", "lifetimeHours": 43800, "powerPricePerKWh": "0.5"}
    power = Metered(power={WINDOW: {"n1": NodePower(watts_per_card=250, cards=8)}})
    resolver, node = make_resolver(make_card("own", {"owned": owned}), metered=power), make_node("p4d.24xlarge")
    later = known(rate_of(resolver, node, Window(WINDOW.end, minute(10))))
    assert (hourly(later), [doubt.flag for doubt in later.doubts]) == ("1", ["power-missing"])
    assert hourly(rate_of(resolver, node)) == "2"
    assert rate_of(resolver, node, Window(WINDOW.end, minute(10))) == later


OFF = PriceRules(list_prices=False)
MISSING: dict[str, tuple[RateResolver, Node, str]] = {
    "no instance type": (make_resolver(), make_node(), "it has no label node.kubernetes.io/instance-type"),
    "an unknown instance type": (
        make_resolver(),
        make_node("own.box"),
        "no GpuRateCard matches it, and there is no list price for instance type own.box",
    ),
    "an unknown GPU": (make_resolver(), make_node("own.box", {PRODUCT: "NVIDIA-X1"}), "and none for GPU NVIDIA-X1;"),
    "a known GPU and no count": (
        make_resolver(),
        make_node("own.box", {PRODUCT: "NVIDIA-A10"}),
        "and nothing tells how many NVIDIA-A10 it has;",
    ),
    "list prices in another currency": (
        make_resolver(rules=PriceRules(currency="EUR")),
        make_node("p4d.24xlarge"),
        "list prices are in USD and exchangeRates does not have it",
    ),
    "list prices switched off": (
        make_resolver(rules=OFF),
        make_node("p4d.24xlarge", A10),
        "no GpuRateCard matches it, and list prices are switched off; add",
    ),
    "no list at all": (
        RateResolver(parse_rate_cards([], PriceRules()), None, PriceRules()),
        make_node("p4d.24xlarge", A10),
        "list prices are switched off",
    ),
    "a card that is over": (
        make_resolver(make_card("old", {"nodeHourly": "1", "validUntil": "2026-01-01T00:00:00Z"})),
        make_node("own.box"),
        "GpuRateCard old/r0 matches it but counts only until 2026-01-01T00:00:00Z, and",
    ),
    "a card that is still to come": (
        make_resolver(make_card("new", {"nodeHourly": "1", "validFrom": "2027-01-01T00:00:00Z"})),
        make_node("own.box"),
        "GpuRateCard new/r0 matches it but counts only from 2027-01-01T00:00:00Z, and",
    ),
    "a card per GPU and no count": (
        make_resolver(make_card("per-gpu", {"gpuHourly": "1"})),
        make_node("own.box"),
        "nothing tells how many GPUs",
    ),
}


@pytest.mark.parametrize(("resolver", "node", "words"), MISSING.values(), ids=MISSING)
def test_a_missing_rate_says_what_was_looked_for_and_what_to_do(resolver: RateResolver, node: Node, words: str) -> None:
    reason = missing(rate_of(resolver, node))
    assert reason.startswith("Node n1: ")
    assert words in reason
    assert "; " in reason


def test_a_long_label_makes_no_long_reason() -> None:
    node = make_node("x" * 5000, {PRODUCT: "y" * 5000, "topology.kubernetes.io/zone": "z" * 5000})
    rules = PriceRules(published=(PublishedPrices.KARPENTER,))
    assert len(missing(rate_of(make_resolver(rules=rules), node))) < 600


def test_cards_of_an_instance_type_are_known_where_list_prices_may_not_stand_in() -> None:
    assert known(rate_of(make_resolver(CARD, rules=OFF), make_node("p4d.24xlarge"))).cards == 8


def test_bad_cards_are_told_by_the_resolver() -> None:
    (problem,) = make_resolver(make_card("c", {"nodeHourly": "abc"})).problems
    assert problem.startswith('GpuRateCard c/r0 is not used: nodeHourly "abc" is not a number')


CAPACITY: dict[str, tuple[dict[str, str], CapacityType]] = {
    "no label": ({}, CapacityType.ON_DEMAND),
    "Karpenter spot": ({"karpenter.sh/capacity-type": "spot"}, CapacityType.SPOT),
    "Karpenter reserved": ({"karpenter.sh/capacity-type": "reserved"}, CapacityType.RESERVED),
    "Karpenter on demand": ({"karpenter.sh/capacity-type": "on-demand"}, CapacityType.ON_DEMAND),
    "Karpenter reserved in a capacity block": (
        RESERVED | {"karpenter.k8s.aws/capacity-reservation-type": "capacity-block"},
        CapacityType.CAPACITY_BLOCK,
    ),
    "Karpenter reserved by default": (
        RESERVED | {"karpenter.k8s.aws/capacity-reservation-type": "default"},
        CapacityType.RESERVED,
    ),
    "EKS on demand": ({"eks.amazonaws.com/capacityType": "ON_DEMAND"}, CapacityType.ON_DEMAND),
    "EKS spot": ({"eks.amazonaws.com/capacityType": "SPOT"}, CapacityType.SPOT),
    "EKS capacity block": ({"eks.amazonaws.com/capacityType": "CAPACITY_BLOCK"}, CapacityType.CAPACITY_BLOCK),
    "GKE spot": ({"cloud.google.com/gke-spot": "true"}, CapacityType.SPOT),
    "GKE not spot": ({"cloud.google.com/gke-spot": "false"}, CapacityType.ON_DEMAND),
    "GKE preemptible": ({"cloud.google.com/gke-preemptible": "true"}, CapacityType.SPOT),
    "GKE provisioning": ({"cloud.google.com/gke-provisioning": "spot"}, CapacityType.SPOT),
    "GKE preemptible provisioning": ({"cloud.google.com/gke-provisioning": "preemptible"}, CapacityType.SPOT),
    "GKE standard provisioning": ({"cloud.google.com/gke-provisioning": "standard"}, CapacityType.ON_DEMAND),
    "AKS spot": ({"kubernetes.azure.com/scalesetpriority": "spot"}, CapacityType.SPOT),
    "AKS regular": ({"kubernetes.azure.com/scalesetpriority": "regular"}, CapacityType.ON_DEMAND),
    "a value that nobody knows, and another label": (
        {"karpenter.sh/capacity-type": "odd", "cloud.google.com/gke-spot": "true"},
        CapacityType.SPOT,
    ),
    "a value that nobody knows": ({"karpenter.sh/capacity-type": "odd"}, CapacityType.ON_DEMAND),
}


@pytest.mark.parametrize(("labels", "expected"), CAPACITY.values(), ids=CAPACITY)
def test_labels_say_how_a_node_was_bought(labels: dict[str, str], expected: CapacityType) -> None:
    assert capacity_type_of(labels) is expected

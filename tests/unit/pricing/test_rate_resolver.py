from typing import Any

import pytest

from gpucost.model.rates import MissingRate, NodeRate
from gpucost.pricing.annotation import annotated_rate
from gpucost.pricing.capacity import CapacityType, capacity_type_of
from gpucost.pricing.catalog import bundled_catalog
from gpucost.pricing.rate_cards import RateCards, parse_rate_cards
from gpucost.pricing.resolve import RateResolver
from tests.unit.pricing.priced_nodes import AT, REGION, hourly, make_card, make_node

CARD = make_card("contract", {"match": {"instanceType": "p4d.*"}, "nodeHourly": "15"})


def make_resolver(*cards: dict[str, Any], currency: str = "USD") -> RateResolver:
    return RateResolver(parse_rate_cards(cards, currency), bundled_catalog(), currency=currency)


def missing(rate: NodeRate | MissingRate | None) -> str:
    assert isinstance(rate, MissingRate), rate
    assert rate.node == "n1"
    return rate.reason


def test_the_annotation_goes_before_cards_and_cards_before_list_prices() -> None:
    annotated, listed = make_node("p4d.24xlarge", rate="9.5"), make_node("p4d.24xlarge")
    assert make_resolver(CARD).rates_of([annotated, listed], AT) == [
        NodeRate(node="n1", hourly_e9=9_500_000_000, source="annotation gpucost.io/hourly-rate", cards=8),
        NodeRate(node="n1", hourly_e9=15_000_000_000, source="GpuRateCard contract/r0", cards=8),
    ]
    assert make_resolver().rates_of([listed], AT) == [
        NodeRate(
            node="n1",
            hourly_e9=21_957_642_000,
            source="AWS price list, us-east-1, published 2026-09-25",
            as_of="2026-09-25",
            cards=8,
        )
    ]


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
    (rate,) = make_resolver(CARD).rates_of([make_node("p4d.24xlarge", rate=value)], AT)
    reason = missing(rate)
    assert f'Node n1: annotation gpucost.io/hourly-rate "{value[:40]}" is no price; write' in reason
    assert len(reason) < 300


def test_a_node_without_the_annotation_has_no_annotated_rate() -> None:
    assert annotated_rate(make_node()) is None


ELSEWHERE = "price of us-east-1, though the node is in eu-west-1"
LISTED: dict[str, tuple[dict[str, str], str, bool]] = {
    "on demand in the list's region": ({REGION: "us-east-1"}, "", False),
    "on demand in a region that is not known": ({}, "", False),
    "in another region": ({REGION: "eu-west-1"}, f"; {ELSEWHERE}", False),
    "on a spot node": (
        {"karpenter.sh/capacity-type": "spot"},
        "; on-demand list price, though the node is spot",
        True,
    ),
    "on a reserved node elsewhere": (
        {"karpenter.sh/capacity-type": "reserved", REGION: "eu-west-1"},
        f"; on-demand list price, though the node is reserved; {ELSEWHERE}",
        True,
    ),
}


@pytest.mark.parametrize(("labels", "notes", "estimated"), LISTED.values(), ids=LISTED)
def test_a_list_price_says_what_it_is(labels: dict[str, str], notes: str, estimated: bool) -> None:
    (rate,) = make_resolver().rates_of([make_node("p5.48xlarge", labels)], AT)
    assert isinstance(rate, NodeRate)
    assert rate.source == f"AWS price list, us-east-1, published 2026-09-25{notes}"
    assert rate.estimated == estimated


def test_a_price_that_is_the_same_everywhere_names_no_region() -> None:
    (rate,) = make_resolver().rates_of([make_node("gpu_8x_a100", {REGION: "us-south-1"})], AT)
    assert isinstance(rate, NodeRate)
    assert rate.source == "Lambda instances page, retrieved 2026-09-20"


MISSING: dict[str, tuple[RateResolver, str, str]] = {
    "no instance type": (make_resolver(), "", "it has no label node.kubernetes.io/instance-type"),
    "an unknown instance type": (make_resolver(), "own.box", "there is no list price for instance type own.box"),
    "list prices in another currency": (
        make_resolver(currency="EUR"),
        "p5.48xlarge",
        "list prices are in USD and gpucost is set to EUR",
    ),
    "list prices switched off": (
        RateResolver(RateCards(), None, currency="USD"),
        "p5.48xlarge",
        "list prices are switched off",
    ),
    "a card that is over": (
        make_resolver(make_card("old", {"nodeHourly": "1", "validUntil": "2026-01-01T00:00:00Z"})),
        "own.box",
        "GpuRateCard old/r0 matches but is not valid at that time; extend its validity",
    ),
    "a card per GPU and no count": (
        make_resolver(make_card("per-gpu", {"gpuHourly": "1"})),
        "own.box",
        "nothing tells how many GPUs",
    ),
}


@pytest.mark.parametrize(("resolver", "instance", "words"), MISSING.values(), ids=MISSING)
def test_a_missing_rate_says_what_was_looked_for_and_what_to_do(
    resolver: RateResolver, instance: str, words: str
) -> None:
    (rate,) = resolver.rates_of([make_node(instance)], AT)
    reason = missing(rate)
    assert reason.startswith("Node n1: ")
    assert words in reason
    assert "; " in reason


def test_bad_cards_are_told_by_the_resolver() -> None:
    (problem,) = make_resolver(make_card("c", {"nodeHourly": "abc"})).problems
    assert problem.startswith('GpuRateCard c/r0 is not used: nodeHourly "abc" is not a number')


CAPACITY: dict[str, tuple[dict[str, str], CapacityType]] = {
    "no label": ({}, CapacityType.ON_DEMAND),
    "Karpenter spot": ({"karpenter.sh/capacity-type": "spot"}, CapacityType.SPOT),
    "Karpenter reserved": ({"karpenter.sh/capacity-type": "reserved"}, CapacityType.RESERVED),
    "EKS spot": ({"eks.amazonaws.com/capacityType": "SPOT"}, CapacityType.SPOT),
    "EKS capacity block": ({"eks.amazonaws.com/capacityType": "CAPACITY_BLOCK"}, CapacityType.CAPACITY_BLOCK),
    "GKE spot": ({"cloud.google.com/gke-spot": "true"}, CapacityType.SPOT),
    "GKE not spot": ({"cloud.google.com/gke-spot": "false"}, CapacityType.ON_DEMAND),
    "GKE preemptible": ({"cloud.google.com/gke-preemptible": "true"}, CapacityType.SPOT),
    "GKE provisioning": ({"cloud.google.com/gke-provisioning": "spot"}, CapacityType.SPOT),
    "GKE standard provisioning": ({"cloud.google.com/gke-provisioning": "standard"}, CapacityType.ON_DEMAND),
    "AKS spot": ({"kubernetes.azure.com/scalesetpriority": "spot"}, CapacityType.SPOT),
    "a value that nobody knows": ({"karpenter.sh/capacity-type": "odd"}, CapacityType.ON_DEMAND),
}


@pytest.mark.parametrize(("labels", "expected"), CAPACITY.values(), ids=CAPACITY)
def test_labels_say_how_a_node_was_bought(labels: dict[str, str], expected: CapacityType) -> None:
    assert capacity_type_of(labels) is expected

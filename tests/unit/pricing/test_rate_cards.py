"""Which rate of some cards is a node's, and when."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from gpucost.model.fleet import Node
from gpucost.model.rates import MissingRate, NodeRate, RateOrigin
from gpucost.model.time import parse_time
from gpucost.pricing.rate_cards import RateCards, parse_rate_cards
from gpucost.pricing.rules import PriceRules
from tests.unit.pricing.priced_nodes import AT, COUNT, INSTANCE_TYPE, PRODUCT, REGION, hourly, make_card, make_node

A100_NODE = make_node(
    "p4d.24xlarge",
    {
        REGION: "us-east-1",
        "topology.kubernetes.io/zone": "us-east-1a",
        "karpenter.sh/capacity-type": "spot",
        PRODUCT: "NVIDIA-A100-SXM4-40GB",
        COUNT: "8",
        "pool": "train",
        "tier": "gold",
    },
)
Rate = dict[str, Any]


def parsed(*cards: dict[str, Any]) -> RateCards:
    found = parse_rate_cards(cards, PriceRules())
    assert found.problems == ()
    return found


def rate_of(node: Node, *cards: dict[str, Any], listed: int | None = None) -> NodeRate | MissingRate | None:
    return parsed(*cards).rate_of(node, AT, listed_cards=listed)


MATCHES: dict[str, tuple[Rate, bool]] = {
    "nothing to match matches all": ({}, True),
    "instance type": ({"instanceType": "p4d.24xlarge"}, True),
    "instance type in another case": ({"instanceType": "P4D.24xlarge"}, True),
    "another instance type": ({"instanceType": "p5.48xlarge"}, False),
    "a pattern of instance types": ({"instanceType": "p4d.*"}, True),
    "region": ({"region": "us-east-1"}, True),
    "another region": ({"region": "us-east"}, False),
    "a pattern of regions": ({"region": "us-*"}, True),
    "zone": ({"zone": "us-east-1a"}, True),
    "another zone": ({"zone": "us-east-1b"}, False),
    "capacity type": ({"capacityType": "spot"}, True),
    "another capacity type": ({"capacityType": "on-demand"}, False),
    "product": ({"gpuProduct": "NVIDIA-A100-SXM4-40GB"}, True),
    "a pattern of products": ({"gpuProduct": "NVIDIA-A100-*"}, True),
    "another product": ({"gpuProduct": "NVIDIA-H100*"}, False),
    "labels": ({"nodeLabels": {"pool": "train", "tier": "gold"}}, True),
    "one label of two": ({"nodeLabels": {"pool": "train", "tier": "silver"}}, False),
    "a label in another case": ({"nodeLabels": {"pool": "Train"}}, False),
    "an absent label": ({"nodeLabels": {"gone": ""}}, False),
    "one key of two": ({"instanceType": "p4d.24xlarge", "region": "eu-west-1"}, False),
}


@pytest.mark.parametrize(("match", "expected"), MATCHES.values(), ids=MATCHES)
def test_a_rate_is_for_the_nodes_that_match_all_its_keys(match: Rate, expected: bool) -> None:
    rate = rate_of(A100_NODE, make_card("c", {"match": match, "nodeHourly": "10"}))
    assert (rate is not None) == expected


@pytest.mark.parametrize("key", ["instanceType", "region", "zone", "gpuProduct"])
@pytest.mark.parametrize("pattern", ["*", ""])
def test_what_a_node_does_not_tell_fits_no_pattern(key: str, pattern: str) -> None:
    assert rate_of(make_node(), make_card("c", {"match": {key: pattern}, "nodeHourly": "10"})) is None


def test_a_product_matches_without_the_marks_of_mig_and_sharing() -> None:
    node = make_node("", {PRODUCT: "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb-SHARED"})
    card = make_card("c", {"match": {"gpuProduct": "NVIDIA-A100-SXM4-40GB"}, "nodeHourly": "10"})
    assert hourly(rate_of(node, card)) == "10"


PRECEDENCE: dict[str, tuple[list[Rate], str]] = {
    "the first of equals": ([{"nodeHourly": "1"}, {"nodeHourly": "2"}], "1"),
    "more keys before fewer": (
        [
            {"nodeHourly": "1", "match": {"region": "us-east-1"}},
            {"nodeHourly": "2", "match": {"region": "us-east-1", "capacityType": "spot"}},
        ],
        "2",
    ),
    "every node label is a key": (
        [
            {"nodeHourly": "1", "match": {"instanceType": "p4d.24xlarge"}},
            {"nodeHourly": "2", "match": {"nodeLabels": {"pool": "train", "tier": "gold"}}},
        ],
        "2",
    ),
    "exact before pattern": (
        [
            {"nodeHourly": "1", "match": {"gpuProduct": "NVIDIA-A100*"}},
            {"nodeHourly": "2", "match": {"gpuProduct": "NVIDIA-A100-SXM4-40GB"}},
        ],
        "2",
    ),
    "two patterns before one exact key": (
        [
            {"nodeHourly": "1", "match": {"region": "us-east-1"}},
            {"nodeHourly": "2", "match": {"region": "us-*", "gpuProduct": "*A100*"}},
        ],
        "2",
    ),
    "priority before all": (
        [
            {"nodeHourly": "1", "match": {"instanceType": "p4d.24xlarge"}},
            {"nodeHourly": "2", "priority": 1},
        ],
        "2",
    ),
    "what does not match does not count": (
        [{"nodeHourly": "1", "priority": 9, "match": {"region": "mars"}}, {"nodeHourly": "2"}],
        "2",
    ),
    "what is not valid does not count": (
        [{"nodeHourly": "1", "priority": 9, "validUntil": "2026-01-01T00:00:00Z"}, {"nodeHourly": "2"}],
        "2",
    ),
}


@pytest.mark.parametrize(("rates", "expected"), PRECEDENCE.values(), ids=PRECEDENCE)
def test_precedence_is_the_same_within_a_card_and_among_cards(rates: list[Rate], expected: str) -> None:
    assert hourly(rate_of(A100_NODE, make_card("one", *rates))) == expected
    cards = [make_card(f"c{number}", rate) for number, rate in enumerate(rates)]
    assert hourly(rate_of(A100_NODE, *cards)) == expected


OLD, NEW = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
TIES: dict[str, tuple[list[tuple[str, str | None]], str]] = {
    "the older card": ([("a", NEW), ("b", OLD)], "b"),
    "by name where they are of one age": ([("b", OLD), ("a", OLD)], "a"),
    "a card of a file is younger than all": ([("a", None), ("b", NEW)], "b"),
    "cards of files by name": ([("b", None), ("a", None)], "a"),
    "an age that is none is as of a file": ([("a", "long ago"), ("b", NEW)], "b"),
}


@pytest.mark.parametrize(("cards", "expected"), TIES.values(), ids=TIES)
def test_of_cards_that_tie_the_older_stays_in_force(cards: list[tuple[str, str | None]], expected: str) -> None:
    made = [make_card(name, {"nodeHourly": "1"}, created=created) for name, created in cards]
    rate = parsed(*made).match(A100_NODE, AT)
    assert rate is not None
    assert rate.name == f"{expected}/r0"


def test_only_rates_that_tie_go_by_the_age_of_their_card() -> None:
    old = make_card("old", {"nodeHourly": "1", "match": {"region": "us-*"}}, created=OLD)
    new = make_card("new", {"nodeHourly": "2", "match": {"region": "us-east-1"}}, {"nodeHourly": "3"}, created=NEW)
    assert hourly(rate_of(A100_NODE, old, new)) == "2"


VALIDITY: dict[str, tuple[Rate, bool]] = {
    "from its first moment": ({"validFrom": "2026-11-24T12:00:00Z"}, True),
    "not before": ({"validFrom": "2026-11-24T12:00:01Z"}, False),
    "in another zone": ({"validFrom": "2026-11-24T13:30:00+02:00"}, True),
    "until just before its end": ({"validUntil": "2026-11-24T12:00:01Z"}, True),
    "not at its end": ({"validUntil": "2026-11-24T12:00:00Z"}, False),
    "within": ({"validFrom": "2026-11-01T00:00:00Z", "validUntil": "2026-12-01T00:00:00Z"}, True),
}


@pytest.mark.parametrize(("terms", "expected"), VALIDITY.values(), ids=VALIDITY)
def test_a_rate_counts_only_while_it_is_valid(terms: Rate, expected: bool) -> None:
    on_rate = make_card("c", {"nodeHourly": "1"} | terms)
    on_card = make_card("c", {"nodeHourly": "1"}, **terms)
    assert (rate_of(A100_NODE, on_rate) is not None) == expected
    assert (rate_of(A100_NODE, on_card) is not None) == expected


def moments(cards: RateCards, node: Node, start: str, end: str) -> list[str]:
    return [f"{edge:%H:%M:%S}" for edge in cards.edges(node, parse_time(start), parse_time(end))]


def test_edges_are_moments_inside_at_which_a_rate_that_matches_begins_or_ends() -> None:
    cards = parsed(
        make_card("ends", {"nodeHourly": "1", "validUntil": "2026-11-24T12:02:30Z"}),
        make_card("begins", {"nodeHourly": "1", "validFrom": "2026-11-24T12:01:00Z"}),
        make_card("begins-too", {"nodeHourly": "1", "validFrom": "2026-11-24T13:01:00+01:00"}),
        make_card("elsewhere", {"nodeHourly": "1", "match": {"region": "mars"}}, validFrom="2026-11-24T12:01:30Z"),
    )
    noon, five = "2026-11-24T12:00:00Z", "2026-11-24T12:05:00Z"
    assert moments(cards, A100_NODE, noon, five) == ["12:01:00", "12:02:30"]
    assert moments(cards, A100_NODE, "2026-11-24T12:01:00Z", "2026-11-24T12:02:30Z") == []
    assert moments(RateCards(), A100_NODE, noon, five) == []


def at(minute: float) -> datetime:
    return AT + timedelta(minutes=minute)


def test_a_rate_that_would_count_at_another_time_is_known() -> None:
    cards = parsed(make_card("c", {"nodeHourly": "1", "validUntil": "2026-11-24T12:01:00Z"}))
    assert cards.match(A100_NODE, at(0.5)) is not None
    assert cards.expired_for(A100_NODE, at(0.5)) is None
    assert cards.match(A100_NODE, at(1)) is None
    expired = cards.expired_for(A100_NODE, at(1))
    assert expired is not None
    assert expired.name == "c/r0"


def test_terms_of_the_card_hold_for_its_rates_and_the_rate_may_differ() -> None:
    card = make_card(
        "contract",
        {"name": "a", "nodeHourly": "10"},
        {"name": "b", "nodeHourly": "10", "discountPercent": "0", "priority": 1, "source": "amendment 3"},
        discountPercent="20",
        gpuFraction="0.75",
        source="contract 7",
        validFrom="2026-02-01T00:00:00Z",
        currency="USD",
    )
    assert rate_of(A100_NODE, card) == NodeRate(
        node="n1",
        hourly_e9=10_000_000_000,
        origin=RateOrigin.RATE_CARD,
        source="GpuRateCard contract/b (amendment 3)",
        as_of="2026-02-01",
        gpu_fraction=0.75,
    )
    card["spec"]["rates"].pop()
    assert rate_of(A100_NODE, card, listed=8) == NodeRate(
        node="n1",
        hourly_e9=8_000_000_000,
        origin=RateOrigin.RATE_CARD,
        source="GpuRateCard contract/a (contract 7)",
        as_of="2026-02-01",
        terms="10 - 20 %",
        cards=8,
        gpu_fraction=0.75,
    )


def test_labels_of_other_clouds_name_the_instance_type() -> None:
    node = make_node("", {"node.coreweave.cloud/type": "gd-8xh100ib-i128", INSTANCE_TYPE: "own-name"})
    card = make_card("c", {"match": {"instanceType": "gd-8xh100*"}, "nodeHourly": "1"})
    assert hourly(rate_of(node, card)) == "1"

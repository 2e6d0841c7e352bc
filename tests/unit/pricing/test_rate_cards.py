from pathlib import Path
from typing import Any

import pytest

from gpucost.model.errors import ConfigurationError, InputError
from gpucost.model.fleet import Node
from gpucost.model.rates import MissingRate, NodeRate
from gpucost.pricing.card_schema import load_rate_cards
from gpucost.pricing.rate_cards import parse_rate_cards
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


def rate_of(node: Node, *cards: dict[str, Any], listed: int | None = None) -> NodeRate | MissingRate | None:
    parsed = parse_rate_cards(cards, "USD")
    assert parsed.problems == ()
    return parsed.rate_of(node, AT, listed)


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
    "an absent label": ({"nodeLabels": {"gone": ""}}, False),
    "one key of two": ({"instanceType": "p4d.24xlarge", "region": "eu-west-1"}, False),
}


@pytest.mark.parametrize(("match", "expected"), MATCHES.values(), ids=MATCHES)
def test_a_rate_is_for_the_nodes_that_match_all_its_keys(match: Rate, expected: bool) -> None:
    rate = rate_of(A100_NODE, make_card("c", {"match": match, "nodeHourly": "10"}))
    assert (rate is not None) == expected


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


AMOUNTS: dict[str, tuple[Rate, str]] = {
    "for the node": ({"nodeHourly": "21.957642"}, "21.957642"),
    "as a YAML number": ({"nodeHourly": 0.1}, "0.1"),
    "nothing": ({"nodeHourly": "0"}, "0"),
    "for each GPU": ({"gpuHourly": "2.5"}, "20"),
    "with a discount": ({"nodeHourly": "10", "discountPercent": "12.5"}, "8.75"),
    "for each GPU with a discount": ({"gpuHourly": "2.5", "discountPercent": 40}, "12"),
    "all discounted": ({"nodeHourly": "10", "discountPercent": "100"}, "0"),
    "rounded once, half to even": ({"nodeHourly": "0.000000001", "discountPercent": "50"}, "0"),
}


@pytest.mark.parametrize(("rate", "expected"), AMOUNTS.values(), ids=AMOUNTS)
def test_a_rate_is_its_price_for_the_node_less_the_discount(rate: Rate, expected: str) -> None:
    assert hourly(rate_of(A100_NODE, make_card("c", rate))) == expected


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
        source="GpuRateCard contract/b (amendment 3)",
        as_of="2026-02-01",
        gpu_fraction=0.75,
    )
    card["spec"]["rates"].pop()
    assert rate_of(A100_NODE, card, listed=8) == NodeRate(
        node="n1",
        hourly_e9=8_000_000_000,
        source="GpuRateCard contract/a (contract 7)",
        as_of="2026-02-01",
        cards=8,
        gpu_fraction=0.75,
    )


SINGLE = {PRODUCT: "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb", COUNT: "14"}
CARDS: dict[str, tuple[Node, int | None, str, bool]] = {
    "as discovery counts them": (A100_NODE, None, "8", False),
    "as the price list counts them": (make_node("x"), 4, "4", False),
    "the most where the two differ, as the bill is divided by": (A100_NODE, 4, "8", False),
    "instances are no cards": (make_node("", SINGLE), None, "2", True),
    "as the capacity suggests": (make_node("x", capacity={"nvidia.com/gpu": 4}), None, "4", True),
}


@pytest.mark.parametrize(("node", "listed", "cards", "estimated"), CARDS.values(), ids=CARDS)
def test_a_price_per_gpu_counts_physical_cards(node: Node, listed: int | None, cards: str, estimated: bool) -> None:
    rate = rate_of(node, make_card("c", {"gpuHourly": "1"}), listed=listed)
    assert isinstance(rate, NodeRate)
    assert (hourly(rate), rate.estimated) == (cards, estimated)


def test_a_price_per_node_is_no_estimate_whatever_the_count_of_its_cards() -> None:
    rate = rate_of(make_node("", SINGLE), make_card("c", {"nodeHourly": "1"}))
    assert isinstance(rate, NodeRate)
    assert not rate.estimated


UNCOUNTABLE = {
    "nothing tells": make_node("x"),
    "instances of an unknown profile": make_node("", {PRODUCT: "NVIDIA-A100-MIG-INVALID", COUNT: "0"}),
    "a count that is none": make_node("", {COUNT: "eight"}),
    "a capacity of slots of shared GPUs": make_node("", capacity={"nvidia.com/gpu.shared": 8}),
}


@pytest.mark.parametrize("node", UNCOUNTABLE.values(), ids=UNCOUNTABLE)
def test_a_price_per_gpu_of_a_node_without_a_count_is_missing(node: Node) -> None:
    rate = rate_of(node, make_card("c", {"gpuHourly": "1"}))
    assert isinstance(rate, MissingRate)
    assert "Node n1: GpuRateCard c/r0 has a price per GPU" in rate.reason
    assert "write nodeHourly" in rate.reason


BAD_RATES: dict[str, tuple[Rate, str]] = {
    "no number": ({"nodeHourly": "abc"}, 'nodeHourly "abc" is not a number'),
    "negative": ({"nodeHourly": "-1"}, 'nodeHourly "-1" Input should be greater than or equal to 0'),
    "NaN": ({"nodeHourly": "NaN"}, 'nodeHourly "NaN" is not a number'),
    "endless": ({"nodeHourly": float("inf")}, 'nodeHourly "inf" is not a number'),
    "beyond all prices": ({"nodeHourly": "1e400"}, 'nodeHourly "1e400" Input should be less than or equal'),
    "too fine": ({"nodeHourly": "0.0000000001"}, "more than nine decimals"),
    "a truth": ({"nodeHourly": True}, "is no number"),
    "a list": ({"nodeHourly": ["1"]}, "nodeHourly"),
    "no price": ({}, "either nodeHourly or gpuHourly"),
    "two prices": ({"nodeHourly": "1", "gpuHourly": "1"}, "either nodeHourly or gpuHourly"),
    "a misspelt key": ({"nodeHourly": "1", "discountPercnt": "5"}, 'discountPercnt "5" is an unknown key'),
    "a misspelt match": ({"nodeHourly": "1", "match": {"instance": "x"}}, 'match.instance "x" is an unknown key'),
    "too much discount": ({"nodeHourly": "1", "discountPercent": "101"}, "discountPercent"),
    "a fraction above one": ({"nodeHourly": "1", "gpuFraction": "1.1"}, "gpuFraction"),
    "an unknown capacity type": ({"nodeHourly": "1", "match": {"capacityType": "cheap"}}, "match.capacityType"),
    "a day instead of a time": ({"nodeHourly": "1", "validFrom": "2026-11-24"}, "no time with a zone"),
    "a day that is none": ({"nodeHourly": "1", "validFrom": "2026-13-41T00:00:00Z"}, "no time with a zone"),
    "no mapping": ({"name": ["x"], "nodeHourly": "1"}, "name"),
}


@pytest.mark.parametrize(("rate", "words"), BAD_RATES.values(), ids=BAD_RATES)
def test_a_bad_rate_is_told_and_takes_no_good_one_down(rate: Rate, words: str) -> None:
    parsed = parse_rate_cards([make_card("c", rate, {"nodeHourly": "5"}), make_card("d")], "USD")
    (problem,) = parsed.problems
    assert problem.startswith("GpuRateCard c/")
    assert words in problem
    assert "\n" not in problem
    assert hourly(parsed.rate_of(A100_NODE, AT)) == "5"


BAD_CARDS: dict[str, tuple[object, str]] = {
    "no object": ("card", "GpuRateCard number 1 is not used"),
    "no name": ({"metadata": {}, "spec": {"rates": []}}, "metadata.name is missing"),
    "no spec": ({"metadata": {"name": "c"}}, "GpuRateCard c is not used: spec is missing"),
    "no rates": ({"metadata": {"name": "c"}, "spec": {}}, "spec.rates is missing"),
    "rates that are no list": ({"metadata": {"name": "c"}, "spec": {"rates": "x"}}, "spec.rates"),
    "an unknown key": (make_card("c", until="x"), 'spec.until "x" is an unknown key'),
    "another currency": (
        make_card("c", {"nodeHourly": "1"}, currency="EUR"),
        "its currency is EUR and gpucost is set to USD; convert its rates",
    ),
}


@pytest.mark.parametrize(("card", "words"), BAD_CARDS.values(), ids=BAD_CARDS)
def test_a_bad_card_is_told_and_takes_no_good_one_down(card: object, words: str) -> None:
    parsed = parse_rate_cards([card, make_card("good", {"nodeHourly": "5"})], "USD")
    (problem,) = parsed.problems
    assert words in problem
    assert hourly(parsed.rate_of(A100_NODE, AT)) == "5"


CARD_TEXT = """
apiVersion: gpucost.io/v1alpha1
kind: GpuRateCard
metadata: {name: NAME}
spec:
  validFrom: 2026-01-01T00:00:00Z
  rates:
  - {name: all, nodeHourly: 2.50}
"""
FILES: dict[str, tuple[str, list[str]]] = {
    "one document": (CARD_TEXT.replace("NAME", "a"), ["a"]),
    "several documents": (
        CARD_TEXT.replace("NAME", "a") + "---" + CARD_TEXT.replace("NAME", "b") + "---\n",
        ["a", "b"],
    ),
    "a list": (
        '{"kind": "List", "items": [{"kind": "GpuRateCard", "metadata": {"name": "a"},'
        ' "spec": {"rates": [{"name": "all", "nodeHourly": "2.5"}]}}]}',
        ["a"],
    ),
}


@pytest.mark.parametrize(("text", "names"), FILES.values(), ids=FILES)
def test_a_file_holds_cards_as_the_api_does(tmp_path: Path, text: str, names: list[str]) -> None:
    path = tmp_path / "rates.yaml"
    path.write_text(text)
    parsed = parse_rate_cards(load_rate_cards(path), "USD")
    assert parsed.problems == ()
    assert [rate.name for rate in parsed.rates] == [f"{name}/all" for name in names]
    assert hourly(parsed.rate_of(make_node(), AT)) == "2.5"


BAD_FILES = {
    "no YAML": ("{", r"rates\.yaml is no YAML"),
    "a time that is none": ("when: 2026-13-41T00:00:00Z", r"rates\.yaml (is no YAML|holds an object)"),
    "another kind": ("kind: Pod", "object of kind Pod; it must hold GpuRateCards only"),
    "a list of another kind": ("kind: List\nitems: [{kind: Node}]", "object of kind Node"),
    "a text": ("hello", "object of kind str"),
    "a binary": ("\x00\x01", "is no YAML"),
    "nothing": ("", "holds no GpuRateCard"),
    "an empty list": ("kind: List\nitems: []", "holds no GpuRateCard"),
    "a list of no items": ("kind: List", "holds no GpuRateCard"),
}


@pytest.mark.parametrize(("text", "words"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "rates.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        load_rate_cards(path)


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone\.yaml cannot be read: No such file"):
        load_rate_cards(tmp_path / "gone.yaml")


def test_labels_of_other_clouds_name_the_instance_type() -> None:
    node = make_node("", {"node.coreweave.cloud/type": "gd-8xh100ib-i128", INSTANCE_TYPE: "own-name"})
    card = make_card("c", {"match": {"instanceType": "gd-8xh100*"}, "nodeHourly": "1"})
    assert hourly(rate_of(node, card)) == "1"

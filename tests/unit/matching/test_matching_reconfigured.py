"""Nodes whose MIG geometry or cards change: telemetry says what there was in the window, labels what there is now."""

from math import nan

import pytest
from matched_windows import (
    A100,
    NOBODY,
    Shown,
    card,
    held,
    instance,
    make_node,
    make_pod,
    make_rate,
    match,
    named,
    note_types,
    shares,
)

from gpucost.model.fleet import Node, Pod

PRODUCT = A100.replace(" ", "-")


def make_mig(product: str = PRODUCT, strategy: str = "", state: str = "", **capacity: int) -> Node:
    labels = {
        "nvidia.com/gpu.product": product,
        "nvidia.com/mig.strategy": strategy,
        "nvidia.com/mig.config.state": state,
    }
    return make_node(labels={key: value for key, value in labels.items() if value}, capacity=capacity or None)


PLAIN_REQUESTS: dict[str, tuple[Node, list[Shown], dict[str, float]]] = {
    "single: an instance as labelled": (
        make_mig(f"{PRODUCT}-MIG-1g.5gb", "single"),
        [(instance(1), NOBODY, 10)],
        {"GPU-a/1 p": 1 / 7},
    ),
    "single, labelled anew since: an instance as telemetry shows it": (
        make_mig(f"{PRODUCT}-MIG-1g.5gb", "single"),
        [(instance(1, "3g.20gb"), NOBODY, 10)],
        {"GPU-a/1 p": 1 / 2},
    ),
    "single, not yet labelled: likewise": (
        make_mig(PRODUCT, "single"),
        [(instance(1, "3g.20gb"), NOBODY, 10)],
        {"GPU-a/1 p": 1 / 2},
    ),
    "single, cards not cut alike: likewise, where all that is left is of one profile": (
        make_mig(f"{PRODUCT}-MIG-INVALID", "single"),
        [(instance(1, "3g.20gb"), NOBODY, 10)],
        {"GPU-a/1 p": 1 / 2},
    ),
    "single, and the cards were whole in the window": (
        make_mig(f"{PRODUCT}-MIG-1g.5gb", "single"),
        [(card(), NOBODY, 10)],
        {"GPU-a p": 1.0},
    ),
    "single, two profiles shown: what the label says": (
        make_mig(f"{PRODUCT}-MIG-1g.5gb", "single"),
        [(instance(1, "3g.20gb"), NOBODY, 10), (instance(2, "2g.10gb"), NOBODY, 10)],
        {"? p": 1 / 7},
    ),
    "mixed: a whole card, though only instances are shown": (
        make_mig(PRODUCT, "mixed"),
        [(instance(1, "3g.20gb"), NOBODY, 10)],
        {"? p": 1.0},
    ),
    "mixed, while it is cut anew: what telemetry shows": (
        make_mig(PRODUCT, "mixed", "pending"),
        [(instance(1, "3g.20gb"), NOBODY, 10)],
        {"GPU-a/1 p": 1 / 2},
    ),
    "none: a whole card, however it is cut": (make_mig(), [(instance(1, "3g.20gb"), NOBODY, 10)], {"? p": 1.0}),
    "no discovery: what telemetry shows": (
        make_node(),
        [(instance(1, "3g.20gb"), NOBODY, 10)],
        {"GPU-a/1 p": 1 / 2},
    ),
    "without telemetry: what the label says": (make_mig(f"{PRODUCT}-MIG-1g.5gb", "single"), [], {"? p": 1 / 7}),
}


@pytest.mark.parametrize(("node", "shown", "expected"), PLAIN_REQUESTS.values(), ids=PLAIN_REQUESTS)
def test_what_a_plain_gpu_request_gets(node: Node, shown: list[Shown], expected: dict[str, float]) -> None:
    got = match(*shown, pods=[make_pod("p")], nodes=[node], rates=[make_rate(cards=1)])
    assert shares(got) == pytest.approx(expected)


def test_a_card_that_is_to_be_cut_is_not_given_to_a_pod_that_wants_a_whole_one() -> None:
    empty: Shown = (card("GPU-a"), NOBODY, 10, nan, 0.0)
    whole: Shown = (card("GPU-b"), NOBODY, 10, 0.01, 0.0)
    got = match(empty, whole, pods=[make_pod("p")], nodes=[make_mig(PRODUCT, "mixed")])
    assert held(got) == {"GPU-b p": 1.0}
    alone = match(empty, pods=[], nodes=[make_mig(PRODUCT, "mixed")], rates=[make_rate(cards=1)])
    assert (alone.holders, alone.nodes[0].uncut_share, note_types(alone)) == ((), 0.0, [])


def test_a_card_whose_memory_is_not_printed_is_held_where_no_card_of_its_node_prints_it() -> None:
    got = match((card(), NOBODY, 10, nan, 0.0), pods=[make_pod("p")], nodes=[make_mig(PRODUCT, "mixed")])
    assert held(got) == {"GPU-a p": 1.0}


CHANGES: dict[str, tuple[list[Shown], list[Pod], dict[str, float]]] = {
    "an instance number that passes to another profile": (
        [(instance(1, "3g.20gb"), named("a"), 4), (instance(1, "2g.10gb"), named("b"), 6)],
        [make_pod("a", ended=2, requests={"main:3g.20gb": 1}), make_pod("b", bound=2, requests={"main:2g.10gb": 1})],
        {"GPU-a/1 a": 0.4, "GPU-a/1 b": 0.6},
    ),
    "a card that is replaced": (
        [(card("GPU-old"), named("a"), 4), (card("GPU-new"), named("b"), 6), (card("GPU-x"), NOBODY, 10)],
        [make_pod("a", ended=2), make_pod("b", bound=2)],
        {"GPU-new b": 0.6, "GPU-old a": 0.4},
    ),
    "the only card that the API knows of, replaced": (
        [(card("GPU-old"), named("a"), 4), (card("GPU-new"), named("b"), 6)],
        [],
        {"GPU-new b": 0.6, "GPU-old a": 0.4},
    ),
    "a pod that came and went between others": (
        [(card(), named("a"), 2), (card(), named("b"), 3), (card(), named("c"), 5)],
        [make_pod("a", ended=1), make_pod("b", bound=1, ended=2.5), make_pod("c", bound=2.5)],
        {"GPU-a a": 0.2, "GPU-a b": 0.3, "GPU-a c": 0.5},
    ),
    "a pod that holds a card and does not run yet": (
        [(card(), NOBODY, 10)],
        [make_pod("a", bound=1)],
        {"GPU-a a": 0.8},
    ),
    "a gap in the samples does not shorten what was held": (
        [(card(), named("a"), 3)],
        [make_pod("a")],
        {"GPU-a a": 1.0},
    ),
}


@pytest.mark.parametrize(("shown", "pods", "expected"), CHANGES.values(), ids=CHANGES)
def test_changes_within_a_window(shown: list[Shown], pods: list[Pod], expected: dict[str, float]) -> None:
    cards = 2 if "GPU-x" in {series[0].uuid for series in shown} else 1
    node = make_node(labels={"nvidia.com/mig.strategy": "mixed", "nvidia.com/gpu.product": PRODUCT}, gpus=cards)
    got = match(*shown, pods=pods, nodes=[node], rates=[make_rate(cards=cards)])
    assert held(got) == expected
    assert got.holdings.bills.cards.tolist() == [cards]
    assert note_types(got) == []


COUNTED: dict[str, tuple[Node, int | None, list[Shown], int, list[str]]] = {
    "mixed: labels count cards": (
        make_node(
            labels={"nvidia.com/gpu.count": "2", "nvidia.com/gpu.product": PRODUCT, "nvidia.com/mig.strategy": "mixed"},
            capacity={"nvidia.com/mig-1g.5gb": 7, "nvidia.com/gpu": 1},
        ),
        None,
        [*((instance(n), NOBODY, 10.0) for n in range(7)), (card("GPU-b"), NOBODY, 10)],
        2,
        [],
    ),
    "single: labels count instances, telemetry counts cards": (
        make_node(labels={"nvidia.com/gpu.count": "7", "nvidia.com/gpu.product": f"{PRODUCT}-MIG-1g.5gb"}),
        None,
        [(instance(n), NOBODY, 10) for n in range(7)],
        1,
        [],
    ),
    "single without telemetry: as many cards as carry the instances": (
        make_node(labels={"nvidia.com/gpu.count": "9", "nvidia.com/gpu.product": f"{PRODUCT}-MIG-1g.5gb"}),
        None,
        [],
        2,
        ["CardCountEstimated"],
    ),
    "single: the price list knows more cards than are seen": (
        make_node(labels={"nvidia.com/gpu.count": "7", "nvidia.com/gpu.product": f"{PRODUCT}-MIG-1g.5gb"}),
        2,
        [(instance(n), NOBODY, 10) for n in range(7)],
        2,
        ["CardCountDisagrees"],
    ),
    "none: labels count cards": (
        make_node(labels={"nvidia.com/gpu.count": "2", "nvidia.com/gpu.product": PRODUCT}),
        2,
        [(card("GPU-a"), NOBODY, 10, nan, 0.0), (card("GPU-b"), NOBODY, 10, nan, 0.0)],
        2,
        [],
    ),
    "whole: one that fell off the bus is still paid for": (
        make_node(labels={"nvidia.com/gpu.count": "2", "nvidia.com/gpu.product": PRODUCT}),
        2,
        [(card("GPU-a"), NOBODY, 10)],
        2,
        ["CardCountDisagrees"],
    ),
}


@pytest.mark.parametrize(("node", "listed", "shown", "cards", "notes"), COUNTED.values(), ids=COUNTED)
def test_physical_cards(node: Node, listed: int | None, shown: list[Shown], cards: int, notes: list[str]) -> None:
    got = match(*shown, nodes=[node], rates=[make_rate(cards=listed)])
    assert got.holdings.bills.cards.tolist() == [cards]
    assert note_types(got) == notes

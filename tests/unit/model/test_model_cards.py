from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gpucost.model.cards import ToldCards, split_product, told_cards
from gpucost.model.fleet import Node

A100, A30 = "NVIDIA-A100-SXM4-40GB", "NVIDIA-A30"
GPU, MIG = "nvidia.com/gpu", "nvidia.com/mig-"


def make_node(product: str = "", count: str = "", capacity: Mapping[str, int] | None = None) -> Node:
    labels = {"nvidia.com/gpu.product": product, "nvidia.com/gpu.count": count}
    return Node(
        name="n1",
        uid="uid-n1",
        created=datetime(2026, 11, 24, tzinfo=UTC),
        labels={key: value for key, value in labels.items() if value},
        capacity=capacity or {},
    )


COUNTED: dict[str, tuple[Node, int | None, int, bool]] = {
    "discovery counts cards": (make_node(A100, "8", {GPU: 8}), None, 8, False),
    "the price list is asked too": (make_node(), 8, 8, False),
    "the most of price list and discovery counts": (make_node(A100, "8"), 4, 8, False),
    "shared cards are still cards": (make_node(f"{A100}-SHARED", "4", {GPU: 40}), None, 4, False),
    "with MIG mixed discovery counts cards": (make_node(A100, "2", {f"{MIG}1g.5gb": 14}), None, 2, False),
    "with MIG single discovery counts instances": (make_node(f"{A100}-MIG-1g.5gb", "14"), None, 2, True),
    "with MIG single so does the capacity": (make_node(f"{A100}-MIG-1g.5gb", "", {GPU: 15}), None, 3, True),
    "slots of instances are not instances": (make_node(f"{A100}-MIG-1g.5gb-SHARED", "7", {GPU: 28}), None, 1, True),
    "the price list knows cards where discovery counts instances": (
        make_node(f"{A100}-MIG-1g.5gb", "14"),
        8,
        8,
        False,
    ),
    "a card that is not full is one": (make_node("NVIDIA-H100-80GB-HBM3-MIG-3g.40gb", "3"), None, 2, True),
    "only the capacity tells": (make_node("", "", {GPU: 4}), None, 4, True),
    "a count that is no number does not count": (make_node("", "eight", {GPU: 4}), None, 4, True),
    "nothing tells": (make_node(), None, 0, True),
    "instances that are not cut alike are not counted": (make_node("NVIDIA-A100-MIG-INVALID", "0"), None, 0, True),
}


@pytest.mark.parametrize(("node", "listed", "cards", "is_estimate"), COUNTED.values(), ids=COUNTED)
def test_physical_cards_are_counted(node: Node, listed: int | None, cards: int, is_estimate: bool) -> None:
    told = told_cards(node, listed)
    assert (told.cards, told.is_estimate) == (cards, is_estimate)


CARRIED: dict[str, tuple[str, dict[str, int], int]] = {
    "one card takes seven of the smallest": (A100, {"1g.5gb": 7}, 1),
    "and no eighth": (A100, {"1g.5gb": 8}, 2),
    "one takes three of 2g, though slices would be left": (A100, {"2g.10gb": 7}, 3),
    "one takes four of double memory": (A100, {"1g.10gb": 5}, 2),
    "3g and 4g fill a card": (A100, {"3g.20gb": 1, "4g.20gb": 1}, 1),
    "3g and four of 1g fill a card": (A100, {"3g.20gb": 2, "1g.5gb": 8}, 2),
    "memory may run out first": (A100, {"3g.20gb": 1, "1g.10gb": 3}, 2),
    "four of an A30": (A30, {"1g.6gb": 5}, 2),
    "a profile that nobody knows is taken by its name": (A100, {"9g.5gb": 2}, 2),
    "a model that nobody knows has seven slices": ("", {"1g.5gb": 8}, 2),
    "slots that nobody counts by device are no instances": (A100, {"1g.5gb.shared": 28, "7g.40gb": 1}, 1),
    "profiles that are gone are none": (A100, {"1g.5gb": 0}, 0),
}


@pytest.mark.parametrize(("product", "instances", "cards"), CARRIED.values(), ids=CARRIED)
def test_instances_need_the_fewest_cards_that_can_carry_them(
    product: str, instances: dict[str, int], cards: int
) -> None:
    capacity = {f"{MIG}{profile}": count for profile, count in instances.items()}
    assert told_cards(make_node(product, "", capacity)).fewest == cards


SLOTS = {
    "of cards": ({"nvidia.com/gpu.replicas": "4"}, {GPU: 10}, 3),
    "of cards, renamed": ({"nvidia.com/gpu.replicas": "4"}, {f"{GPU}.shared": 8}, 2),
    "of instances": ({"nvidia.com/gpu.product": A30, f"{MIG}1g.6gb.replicas": "2"}, {f"{MIG}1g.6gb": 10}, 2),
    "that nobody counts by device": ({}, {f"{GPU}.shared": 8}, 0),
}


@pytest.mark.parametrize(("labels", "capacity", "cards"), SLOTS.values(), ids=SLOTS)
def test_slots_need_as_many_cards_as_their_replicas_say(
    labels: dict[str, str], capacity: dict[str, int], cards: int
) -> None:
    assert told_cards(replace(make_node(capacity=capacity), labels=labels)).fewest == cards


def test_whole_cards_come_on_top_of_those_that_are_cut() -> None:
    node = make_node(A100, "8", {GPU: 6, f"{MIG}3g.20gb": 4})
    assert told_cards(node) == ToldCards(listed=0, labelled=8, fewest=8)


PRODUCTS = {
    "a whole card": (A100, (A100, "")),
    "shared": ("Tesla-T4-SHARED", ("Tesla-T4", "")),
    "MIG single": (f"{A100}-MIG-1g.5gb", (A100, "1g.5gb")),
    "MIG single, shared": (f"{A100}-MIG-1g.5gb.me-SHARED", (A100, "1g.5gb.me")),
    "MIG single, not cut alike": (f"{A100}-MIG-INVALID", (A100, "INVALID")),
    "no label": ("", ("", "")),
}


@pytest.mark.parametrize(("product", "parts"), PRODUCTS.values(), ids=PRODUCTS)
def test_a_product_is_a_model_and_maybe_a_profile(product: str, parts: tuple[str, str]) -> None:
    assert split_product(product) == parts

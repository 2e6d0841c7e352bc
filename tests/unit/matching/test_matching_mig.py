"""MIG instances: what part of their card they are, who holds them, and what of a card is not cut."""

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
    note,
    note_types,
    shares,
)

from gpucost.matching.kinds import same_kind
from gpucost.matching.lacking import NOT_IN_TELEMETRY
from gpucost.matching.named import UNKNOWN_PROFILE
from gpucost.model.fleet import Node, Pod
from gpucost.model.usage import Device

MIXED_NODE = make_node(
    gpus=0, labels={"nvidia.com/gpu.count": "1", "nvidia.com/gpu.product": A100, "nvidia.com/mig.strategy": "mixed"}
)
ONE_CARD = make_rate(cards=1)


def whole(*devices: Device) -> list[Shown]:
    """Each device held by a pod of its own, all the time."""
    return [(device, named(f"p{number}"), 10) for number, device in enumerate(devices)]


GEOMETRIES = {
    "the memory slices decide where they are more": ([instance(1, "3g.20gb")], [1 / 2], 1 / 2),
    "the compute slices decide where they are more": ([instance(1, "4g.20gb")], [4 / 7], 3 / 7),
    "seven of one slice are the whole card": ([instance(n) for n in range(7)], [1 / 7] * 7, 0.0),
    "two of three slices leave nothing to cut": ([instance(n, "3g.20gb") for n in (1, 2)], [1 / 2] * 2, 0.0),
    "what would be more than the card is scaled to it": (
        [instance(1, "4g.20gb"), instance(2, "3g.20gb")],
        [4 / 7 / (15 / 14), 1 / 2 / (15 / 14)],
        0.0,
    ),
    "a card beside it is counted apart": ([instance(1, "3g.20gb"), card("GPU-b")], [1 / 2, 1.0], 1 / 2),
}


@pytest.mark.parametrize(("devices", "expected", "uncut"), GEOMETRIES.values(), ids=GEOMETRIES)
@pytest.mark.parametrize("beside", [[], [(card(), NOBODY, 10.0)]], ids=["instances only", "the cut card as well"])
def test_parts_of_a_card(devices: list[Device], expected: list[float], uncut: float, beside: list[Shown]) -> None:
    got = match(*whole(*devices), *beside, nodes=[MIXED_NODE], rates=[make_rate(cards=2)])
    assert list(shares(got).values()) == pytest.approx(expected)
    assert got.nodes[0].uncut_share == pytest.approx(uncut)
    assert set(held(got).values()) == {1.0}


def sold(shown: list[Shown]) -> float:
    """Cards' worth of held time."""
    got = match(*shown, nodes=[MIXED_NODE], rates=[ONE_CARD])
    return float((got.holdings.slice_share[got.holdings.device] * got.holdings.held_ratio).sum())


RECUT = {
    "another geometry": [
        *((instance(n), named(f"a{n}"), 4.0) for n in range(7)),
        *((instance(n, "3g.20gb"), named(f"b{n}"), 6.0) for n in (8, 9)),
        (card("GPU-b"), NOBODY, 10.0),
    ],
    "one instance number given to another profile": [
        (instance(1, "3g.20gb"), named("a"), 4.0),
        (instance(2, "3g.20gb"), named("b"), 4.0),
        (instance(1, "7g.40gb"), named("c"), 6.0),
    ],
    "a whole card that was cut": [
        (card(), named("a"), 4.0),
        *((instance(n, "3g.20gb"), named(f"b{n}"), 6.0) for n in (1, 2)),
        (card("GPU-b"), NOBODY, 10.0),
    ],
}


@pytest.mark.parametrize("shown", RECUT.values(), ids=RECUT)
def test_a_card_that_is_cut_anew_in_the_window_is_sold_once(shown: list[Shown]) -> None:
    assert sold(shown) == pytest.approx(1.0)


def test_the_only_card_was_there_all_the_time_however_it_was_cut() -> None:
    shown: list[Shown] = [
        *((instance(n), named(f"a{n}"), 4.0) for n in range(7)),
        *((instance(n, "3g.20gb"), named(f"b{n}"), 6.0) for n in (8, 9)),
    ]
    got = match(*shown, nodes=[MIXED_NODE], rates=[ONE_CARD])
    assert set(held(got).values()) == {0.4, 0.6}
    assert set(shares(got).values()) == {1 / 7, 1 / 2}


def test_a_sliver_is_left_where_the_new_geometry_leaves_one() -> None:
    shown: list[Shown] = [
        *((instance(n), named(f"a{n}"), 4.0) for n in range(7)),
        (instance(8, "3g.20gb"), named("b"), 6.0),
        (card("GPU-b"), NOBODY, 10.0),
    ]
    got = match(*shown, nodes=[MIXED_NODE], rates=[make_rate(cards=2)])
    assert sold(shown) == pytest.approx(0.7)
    assert got.nodes[0].uncut_share == pytest.approx(0.3)


REQUESTS = {
    "a pod holds what it requests on an instance that nobody is named on": (
        [(instance(1), named("other"), 10.0), (instance(2), NOBODY, 10.0)],
        [make_pod("other", requests={"main:1g.5gb": 1}), make_pod("silent", requests={"main:1g.5gb": 1})],
        {"GPU-a/1 other": 1 / 7, "GPU-a/2 silent": 1 / 7},
    ),
    "an instance of another profile is no place for it": (
        [(instance(2, "2g.10gb"), NOBODY, 10.0)],
        [make_pod("silent", requests={"main:1g.5gb": 1})],
        {"? silent": 1 / 7},
    ),
    "without telemetry the profile and the product of the node say how much": (
        [],
        [make_pod("silent", requests={"main:3g.20gb": 1})],
        {"? silent": 1 / 2},
    ),
    "a cut card is not given to a pod that wants a whole one": (
        [(card(), NOBODY, 10.0), (instance(1), NOBODY, 10.0), (card("GPU-b"), NOBODY, 10.0)],
        [make_pod("big")],
        {"GPU-b big": 1.0},
    ),
    "resource and exporter spell a profile differently": (
        [(instance(1, "1g.5gb+me"), named("media"), 10.0), (instance(2, "1g.5gb+me"), NOBODY, 10.0)],
        [make_pod("media", requests={"main:1g.5gb.me": 2})],
        {"GPU-a/1 media": 1 / 7, "GPU-a/2 media": 1 / 7},
    ),
    "requests of two profiles are fulfilled one by one": (
        [(instance(1), named(), 10.0), (instance(2, "2g.10gb"), NOBODY, 10.0)],
        [make_pod(requests={"main:1g.5gb": 1, "side:2g.10gb": 1})],
        {"GPU-a/1 train-0": 1 / 7, "GPU-a/2 train-0": 2 / 7},
    ),
}


@pytest.mark.parametrize(("shown", "pods", "expected"), REQUESTS.values(), ids=REQUESTS)
def test_requests_of_instances(shown: list[Shown], pods: list[Pod], expected: dict[str, float]) -> None:
    got = match(*shown, pods=pods, nodes=[MIXED_NODE], rates=[make_rate(cards=2)])
    assert shares(got) == pytest.approx(expected)
    assert {holder.sharing for holder in got.holders} == ({"exclusive"} if "GPU-b big" in expected else {"mig"})


def test_with_strategy_single_a_gpu_request_is_an_instance() -> None:
    node = make_node(gpus=7, labels={"nvidia.com/gpu.count": "7", "nvidia.com/gpu.product": f"{A100}-MIG-1g.5gb"})
    got = match(
        (instance(1), named(), 10), pods=[make_pod(), make_pod("silent")], nodes=[node], rates=[make_rate(cards=None)]
    )
    assert shares(got) == pytest.approx({"? silent": 1 / 7, "GPU-a/1 train-0": 1 / 7})
    assert got.holdings.bills.cards.tolist() == [1]


UNKNOWN = {
    "a profile that the model does not have": (instance(1, "5g.25gb"), 5 / 7),
    "a model that nobody knows": (instance(1, "2g.9gb", model="NVIDIA Z900"), 2 / 7),
    "a model of four slices": (instance(1, "3g.18gb", model="NVIDIA A30"), 3 / 4),
    "no profile printed": (instance(1, ""), 1 / 7),
    "more slices than a card has": (instance(1, "9g.99gb"), 1.0),
}


@pytest.mark.parametrize(("device", "expected"), UNKNOWN.values(), ids=UNKNOWN)
def test_a_profile_that_nobody_knows_is_estimated_and_told(device: Device, expected: float) -> None:
    pod = make_pod(requests={"main:1g.5gb": 1})
    got = match((device, named(), 10), pods=[pod], nodes=[MIXED_NODE], rates=[ONE_CARD])
    assert shares(got) == pytest.approx({"GPU-a/1 train-0": expected})
    assert got.holdings.estimated.tolist() == [True]
    assert got.holders[0].flags == (UNKNOWN_PROFILE,)
    assert note(got, "UnknownProfile").subject == f"n1/{device.profile}"
    assert "n1" in note(got, "UnknownProfile").message


def test_a_request_of_an_unknown_profile_without_telemetry_is_estimated_and_told() -> None:
    got = match(pods=[make_pod(requests={"main:5g.25gb": 1})], nodes=[MIXED_NODE], rates=[ONE_CARD])
    assert got.holders[0].flags == (NOT_IN_TELEMETRY, UNKNOWN_PROFILE)
    assert got.holdings.estimated.tolist() == [True]
    assert note_types(got) == ["UnknownProfile"]


SAME = {
    "equal": ("1g.5gb", "1g.5gb", True),
    "one gigabyte off, as old exporters print": ("7g.79gb", "7g.80gb", True),
    "media engines, as a resource and as the driver": ("1g.24gb+me.all", "1g.24gb.me.all", True),
    "with and without media engines": ("1g.5gb", "1g.5gb+me", False),
    "explicitly without media engines": ("1g.24gb-me", "1g.24gb.me", False),
    "plain and double memory": ("1g.5gb", "1g.10gb", False),
    "another number of slices": ("3g.20gb", "4g.20gb", False),
    "a compute instance of its own": ("1c.2g.10gb", "2g.10gb", False),
    "no profile": ("", "1g.5gb", False),
}


@pytest.mark.parametrize(("one", "other", "expected"), SAME.values(), ids=SAME)
def test_two_names_of_one_profile(one: str, other: str, expected: bool) -> None:
    assert same_kind(one, other) is expected
    assert same_kind(other, one) is expected


def test_capacity_counts_cards_where_nothing_else_does() -> None:
    capacity = {"nvidia.com/gpu": 2, "nvidia.com/mig-1g.5gb": 7, "nvidia.com/mig-3g.20gb": 3}
    node = Node(
        name="n1", uid="u", created=MIXED_NODE.created, labels={"nvidia.com/gpu.product": A100}, capacity=capacity
    )
    got = match(nodes=[node], rates=[make_rate(cards=None)])
    assert got.holdings.bills.cards.tolist() == [5]
    assert note_types(got) == ["CardCountEstimated"]

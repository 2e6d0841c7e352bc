"""Shared devices that name an arbitrary holder: all who share them by the API share what they did."""

from math import nan

import pytest
from matched_windows import (
    NOBODY,
    Shown,
    card,
    figures,
    held,
    make_pod,
    make_rate,
    match,
    note_types,
)
from sliced_nodes import ONE_CARD, POD_A, POD_B, T4, A, B, sliced

from gpucost.matching.lacking import NOT_IN_TELEMETRY
from gpucost.model.fleet import Pod

POOLED: dict[str, tuple[list[Shown], list[Pod], int, dict[str, tuple[float, float | None]]]] = {
    "whom a device names is arbitrary, so all share it by their slots": (
        [(T4, A, 10, 0.2, 0.9)],
        [POD_A, make_pod("b", requests={"main": 2})],
        1,
        {"GPU-a a": (0.25, 0.3), "GPU-a b": (0.5, 0.6)},
    ),
    "on several cards nobody knows which": (
        [(T4, A, 10, nan, 0.9), (card("GPU-b", model="Tesla T4"), NOBODY, 10, nan, 0.1)],
        [POD_A, POD_B],
        2,
        {"? a": (0.25, 0.5), "? b": (0.25, 0.5)},
    ),
    "who was there alone did what was done then": (
        [(T4, A, 10, nan, 0.8)],
        [POD_A, make_pod("b", bound=2.5)],
        1,
        {"GPU-a a": (0.25, 0.6), "GPU-a b": (0.125, 0.2)},
    ),
    "what the device did was done while somebody held it": (
        [(T4, A, 5, nan, 0.8), (T4, NOBODY, 5, nan, 0.0)],
        [make_pod("a", ended=2.5)],
        1,
        {"GPU-a a": (0.125, 0.4)},
    ),
    "a pod that the API has forgotten holds for as long as it is named": (
        [(T4, A, 4, nan, 0.5), (T4, B, 6, nan, 0.5)],
        [POD_B],
        1,
        {"GPU-a a": (0.1, 0.1429), "GPU-a b": (0.25, 0.3571)},
    ),
    "an ended pod without times counts with the slots that it asked for": (
        [(T4, A, 10, nan, 0.5)],
        [make_pod("a", bound=None, requests={"main": 2})],
        1,
        {"GPU-a a": (0.5, 0.5)},
    ),
    "without telemetry the use is unknown": ([], [POD_A], 1, {"? a": (0.25, None)}),
}


@pytest.mark.parametrize(("shown", "pods", "cards", "expected"), POOLED.values(), ids=POOLED)
def test_devices_that_name_an_arbitrary_holder(
    shown: list[Shown], pods: list[Pod], cards: int, expected: dict[str, tuple[float, float | None]]
) -> None:
    got = match(*shown, pods=pods, nodes=[sliced(cards=cards)], rates=[make_rate(cards=cards)])
    assert figures(got) == expected
    assert got.holdings.estimated.tolist() == [bool(shown)] * len(expected)
    assert {holder.flags for holder in got.holders} - {("labels-unknown",)} <= {() if shown else (NOT_IN_TELEMETRY,)}
    assert got.notes == ()


def test_a_pod_that_vanished_held_its_slot_until_it_was_missed_since_no_series_had_to_name_it() -> None:
    pods = [POD_A, make_pod("b", last_seen=-4, ended=1)]
    got = match((T4, A, 10, nan, 0.5), pods=pods, nodes=[sliced()], rates=[ONE_CARD])
    assert held(got) == {"GPU-a a": 1.0, "GPU-a b": 0.2}


def test_a_pool_is_one_device_as_large_as_all_of_its_cards() -> None:
    shown: list[Shown] = [(card(f"GPU-{n}", model="Tesla T4"), A, 10, nan, 0.3) for n in range(3)]
    got = match(*shown, pods=[POD_A, POD_B], nodes=[sliced(cards=3)], rates=[make_rate(cards=3)])
    assert got.holdings.slice_share.tolist() == [3.0]
    assert got.holdings.slot_share.tolist() == pytest.approx([1 / 12, 1 / 12])
    assert [(holder.device.uuid, holder.device.model) for holder in got.holders] == [("", "Tesla T4")] * 2


def test_a_device_that_is_not_seen_is_in_the_pool_and_not_in_what_was_measured() -> None:
    got = match((T4, A, 10, nan, 0.9), pods=[POD_A], nodes=[sliced(cards=2)], rates=[make_rate(cards=2)])
    assert figures(got) == {"? a": (0.25, 0.9)}
    assert got.holdings.seen_ratio.tolist() == [0.5]
    assert note_types(got) == ["CardCountDisagrees"]

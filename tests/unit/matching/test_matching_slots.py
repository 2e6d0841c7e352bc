"""Shared devices that show all their holders: how many slots each holds, and what each used."""

from math import nan

import pytest
from matched_windows import (
    NOBODY,
    Shared,
    Shown,
    card,
    figures,
    make_pod,
    make_rate,
    match,
    named,
)
from sliced_nodes import ONE_CARD, POD_A, POD_B, T4, A, B, sliced

from gpucost.matching.lacking import NOT_IN_TELEMETRY
from gpucost.model.fleet import Pod

KNOWN_BY_SLOTS: dict[str, tuple[list[Shown], list[Pod], dict[str, tuple[float, float | None]]]] = {
    "holders of one slot each share what the device did": (
        [Shared(T4, A, 10, 0.6, 0.8, slots=1), Shared(T4, B, 10, 0.6, 0.8, slots=1)],
        [POD_A, POD_B],
        {"GPU-a a": (0.25, 0.4), "GPU-a b": (0.25, 0.4)},
    ),
    "who holds more slots did more of it": (
        [Shared(T4, A, 10, 0.6, 0.8, slots=3), Shared(T4, B, 10, 0.6, 0.8, slots=1)],
        [make_pod("a", requests={"main": 3}), POD_B],
        {"GPU-a a": (0.75, 0.6), "GPU-a b": (0.25, 0.2)},
    ),
    "a lone holder of one slot may have used the whole device": (
        [Shared(T4, A, 10, 0.6, 0.8, slots=1)],
        [POD_A],
        {"GPU-a a": (0.25, 0.8)},
    ),
    "what a device did while a pod was alone on it is that pod's": (
        [Shared(T4, A, 10, nan, 0.54, slots=1), Shared(T4, B, 6, nan, 0.7, slots=1)],
        [POD_A, make_pod("b", bound=2)],
        {"GPU-a a": (0.25, 0.3471), "GPU-a b": (0.15, 0.1929)},
    ),
    "holders that follow each other do not share": (
        [Shared(T4, A, 4, nan, 0.9, slots=1), Shared(T4, B, 6, nan, 0.2, slots=1)],
        [make_pod("a", ended=2), make_pod("b", bound=2)],
        {"GPU-a a": (0.1, 0.36), "GPU-a b": (0.15, 0.12)},
    ),
    "of pods without times the samples say whether they were there together": (
        [Shared(T4, A, 4, nan, 0.9, slots=1), Shared(T4, B, 6, nan, 0.2, slots=1)],
        [],
        {"GPU-a a": (0.1, 0.36), "GPU-a b": (0.15, 0.12)},
    ),
    "a pod without times was there beside the one that was there all the time": (
        [Shared(T4, A, 10, nan, 0.6, slots=1), Shared(T4, B, 5, nan, 0.6, slots=1)],
        [POD_A],
        {"GPU-a a": (0.25, 0.45), "GPU-a b": (0.125, 0.15)},
    ),
    "with the device's total beside them, too": (
        [
            Shared(T4, A, 4, nan, 0.9, slots=1),
            Shared(T4, B, 6, nan, 0.2, slots=1),
            Shared(T4, NOBODY, 10, nan, 0.48, beside=True),
        ],
        [],
        {"GPU-a a": (0.1, 0.36), "GPU-a b": (0.15, 0.12)},
    ),
    "time with nobody is no time together": (
        [Shared(T4, A, 5, nan, 0.8, slots=1), Shared(T4, B, 5, nan, 0.8, slots=1), Shared(T4, NOBODY, 5, nan, 0.0)],
        [],
        {"GPU-a a": (0.125, 0.2), "GPU-a b": (0.125, 0.2)},
    ),
    "a pod that the API has ended holds no more than it says": (
        [Shared(T4, A, 10, nan, 0.8, slots=1), Shared(T4, B, 10, nan, 0.8, slots=1)],
        [POD_A, make_pod("b", ended=-1)],
        {"GPU-a a": (0.25, 0.8)},
    ),
    "one metric may be measured and the other copied": (
        [
            Shared(T4, A, 10, 0.3, 0.8, slots=1, own="memory"),
            Shared(T4, B, 10, 0.1, 0.8, slots=1, own="memory"),
            Shared(T4, NOBODY, 10, 0.45, nan, beside=True),
        ],
        [POD_A, POD_B],
        {"GPU-a a": (0.25, 0.4), "GPU-a b": (0.25, 0.4)},
    ),
    "measurements of the holders' own beat what the device did": (
        [
            Shared(T4, A, 10, 0.7, 0.2, slots=1, own="memory compute"),
            Shared(T4, B, 10, 0.4, 0.1, slots=1, own="memory compute"),
            Shared(T4, NOBODY, 10, 0.9, 0.3, beside=True),
        ],
        [POD_A, POD_B],
        {"GPU-a a": (0.25, 0.7), "GPU-a b": (0.25, 0.4)},
    ),
    "the device's total beside its holders is no time without one": (
        [
            Shared(T4, A, 5, 0.3, 0.2, slots=1, own="memory compute"),
            Shared(T4, NOBODY, 10, 0.15, 0.1, beside=True),
        ],
        [make_pod("a", bound=2.5)],
        {"GPU-a a": (0.125, 0.15)},
    ),
    "where slots are not told, those that are asked for lie on the devices that name the pod": (
        [
            Shared(T4, A, 10, 0.3, nan, own="memory"),
            Shared(card("GPU-b", model="Tesla T4"), A, 10, 0.5, nan, own="memory"),
        ],
        [make_pod("a", requests={"main": 4})],
        {"GPU-a a": (0.5, 0.3), "GPU-b a": (0.5, 0.5)},
    ),
}


@pytest.mark.parametrize(("shown", "pods", "expected"), KNOWN_BY_SLOTS.values(), ids=KNOWN_BY_SLOTS)
def test_a_device_that_shows_all_its_holders(
    shown: list[Shown], pods: list[Pod], expected: dict[str, tuple[float, float | None]]
) -> None:
    node = sliced(cards=len({series[0] for series in shown}))
    got = match(*shown, pods=pods, nodes=[node], rates=[make_rate(cards=None)])
    assert figures(got) == expected
    assert {holder.sharing for holder in got.holders} == {"time-slicing"}
    assert got.notes == ()


ESTIMATED: dict[str, tuple[str, bool]] = {
    "both ratios are copies": ("", True),
    "one ratio is a copy": ("memory", True),
    "both ratios are measured": ("memory compute", False),
}


@pytest.mark.parametrize(("own", "expected"), ESTIMATED.values(), ids=ESTIMATED)
def test_a_split_of_copies_is_an_estimate(own: str, expected: bool) -> None:
    shown = Shared(T4, A, 10, 0.6, 0.8, slots=1, own=own)
    got = match(shown, pods=[POD_A], nodes=[sliced()], rates=[ONE_CARD])
    assert got.holdings.estimated.tolist() == [expected]


def test_a_measurement_of_a_pod_is_not_counted_again_for_each_of_its_containers() -> None:
    shown = [
        Shared(T4, named("a", container), scrapes, 0.8, nan, slots=1, own="memory")
        for container, scrapes in (("encode", 10), ("decode", 5))
    ]
    pod = make_pod("a", requests={"encode": 1, "decode": 1})
    got = match(*shown, pods=[pod], nodes=[sliced()], rates=[ONE_CARD])
    used = got.holdings.held_ratio * got.holdings.memory_ratio
    assert used.sum() == pytest.approx(0.8)
    assert used.tolist() == pytest.approx([0.8 / 3, 1.6 / 3])


UNNAMED: dict[str, tuple[list[Pod], dict[str, tuple[float, float | None]]]] = {
    "a pod that is never named holds slots, and its use is unknown": (
        [POD_A, POD_B],
        {"GPU-a a": (0.25, 0.8), "GPU-a b": (0.25, None)},
    ),
    "a pod that is named for a part of its time is timed by that": (
        [make_pod("a", bound=-20)],
        {"GPU-a a": (0.25, 0.8)},
    ),
    "a pod that vanished unseen was gone before": (
        [POD_A, make_pod("b", last_seen=-4, ended=1)],
        {"GPU-a a": (0.25, 0.8)},
    ),
}


@pytest.mark.parametrize(("pods", "expected"), UNNAMED.values(), ids=UNNAMED)
def test_pods_that_a_device_which_shows_all_its_holders_does_not_name(
    pods: list[Pod], expected: dict[str, tuple[float, float | None]]
) -> None:
    got = match(Shared(T4, A, 10, nan, 0.8, slots=1), pods=pods, nodes=[sliced()], rates=[ONE_CARD])
    assert figures(got) == expected
    flags = {holder.pod: holder.flags for holder in got.holders}
    assert flags.get("b", (NOT_IN_TELEMETRY,)) == (NOT_IN_TELEMETRY,)


def test_slots_that_a_pod_asks_for_and_is_not_named_with_are_held_too() -> None:
    pod = make_pod("a", requests={"main": 3})
    got = match(Shared(T4, A, 10, nan, 0.8, slots=1), pods=[pod], nodes=[sliced()], rates=[ONE_CARD])
    assert got.holdings.slot_share.tolist() == [0.25, 0.5]
    assert got.holdings.seen_ratio.tolist() == [1.0, 0.0]


def test_of_a_pod_with_two_containers_the_one_that_no_series_names_has_the_slot_that_is_left() -> None:
    pod = make_pod("a", requests={"main": 1, "side": 1})
    got = match(Shared(T4, A, 10, nan, 0.8, slots=1), pods=[pod], nodes=[sliced()], rates=[ONE_CARD])
    assert [(holder.container, holder.flags) for holder in got.holders] == [("main", ()), ("side", (NOT_IN_TELEMETRY,))]

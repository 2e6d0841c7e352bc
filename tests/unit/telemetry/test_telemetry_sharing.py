"""Devices with several holders at once, in every form in which exporters print them."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pytest
from gpu_series import (
    ENGINE,
    FREE,
    RESERVED,
    UTIL,
    Labels,
    Line,
    held_by,
    instance,
    make_answer,
    make_labels,
    make_usage,
    steady,
)

from gpucost.model.usage import Usage

NAN = float("nan")
USED = "DCGM_FI_DEV_FB_USED"
TOTAL = "(total)"
Metrics = Mapping[str, list[Line]]


class Shown(NamedTuple):
    """One row; ``own``: ``m`` and ``c`` where the ratio of memory, of compute is the holder's own."""

    holder: str
    scrapes: float = 10
    of: float = 10
    slots: float = 0
    memory: float = NAN
    compute: float = NAN
    own: str = ""


def shown(usage: Usage) -> list[Shown]:
    return [
        Shown(
            TOTAL if usage.beside[row] else usage.holders[holder].pod if holder >= 0 else "",
            float(usage.scrapes[row]),
            float(usage.device_scrapes[row]),
            float(usage.slots[row]),
            float(usage.memory_ratio[row]),
            float(usage.compute_ratio[row]),
            "m" * int(usage.own_memory[row]) + "c" * int(usage.own_compute[row]),
        )
        for row, holder in enumerate(usage.holder.tolist())
    ]


def assert_shown(usage: Usage, expected: list[Shown]) -> None:
    got = shown(usage)
    assert [(row.holder, row.own) for row in got] == [(row.holder, row.own) for row in expected]
    np.testing.assert_allclose([row[1:6] for row in got], [row[1:6] for row in expected], rtol=1e-12)


def usage_told_by(metrics: Metrics) -> Usage:
    return make_usage({name: make_answer(*lines) for name, lines in metrics.items()})


def copy(pod: str, slot: str = "", **labels: str) -> Labels:
    """Of a series of the one shared card."""
    return make_labels(**held_by(pod), **({"vgpu": slot} if slot else {}), **labels)


def own(pod: str, slot: str = "", uid: str = "") -> Labels:
    """As printed with what one pod used: such series carry its UID, where the exporter knows it."""
    return copy(pod, slot, **({"pod_uid": uid} if uid else {}))


CARD = make_labels()
ELSEWHERE: Line = (make_labels(UUID="GPU-z", Hostname="n2", instance="10.0.0.9:9400"), steady(0))
PAIR = [copy("a", "0"), copy("b", "1")]
OWN_PAIR = [own("a", "0", "ua"), own("b", "1", "ub")]


def each(series: list[Labels], *values: float, samples: int = 10) -> list[Line]:
    return [(labels, steady(value, samples)) for labels, value in zip(series, values, strict=True)]


COPIES: dict[str, tuple[Metrics, list[Shown]]] = {
    "every slot repeats the device: one row a holder, the device seen once a scrape": (
        {USED: each(PAIR, 30, 30), FREE: each(PAIR, 10, 10), ENGINE: each(PAIR, 0.7, 0.7)},
        [Shown("a", slots=1, memory=0.75, compute=0.7), Shown("b", slots=1, memory=0.75, compute=0.7)],
    ),
    "several slots of one holder are one row": (
        {ENGINE: each([copy("a", "0"), copy("a", "2"), copy("b", "1")], 0.7, 0.7, 0.7)},
        [Shown("a", slots=2, compute=0.7), Shown("b", slots=1, compute=0.7)],
    ),
    "a holder whose second slot came late has the mean number of them": (
        {ENGINE: [*each([copy("a", "0")], 0.7), *each([copy("a", "1")], 0.7, samples=5)]},
        [Shown("a", slots=1.5, compute=0.7)],
    ),
    "one slot that passes from a holder to another": (
        {ENGINE: [*each([copy("a", "0")], 0.4, samples=6), *each([copy("b", "0")], 0.8, samples=4)]},
        [Shown("a", 6, slots=1, compute=0.4), Shown("b", 4, slots=1, compute=0.8)],
    ),
    "time before anybody came adds to the time of the slots": (
        {ENGINE: [*each([CARD], 0, samples=4), *each(PAIR, 0.7, 0.7, samples=6)]},
        [
            Shown("", 4, compute=0),
            Shown("a", 6, slots=1, compute=0.7),
            Shown("b", 6, slots=1, compute=0.7),
        ],
    ),
    "holders of an exclusive card follow one another": (
        {ENGINE: [*each([copy("a")], 0.4, samples=6), *each([copy("b")], 0.8, samples=4)]},
        [Shown("a", 6, compute=0.4), Shown("b", 4, compute=0.8)],
    ),
    "one arbitrary pod named on a shared card is one holder": (
        {ENGINE: each([copy("a")], 0.7), USED: each([copy("a")], 30), FREE: each([copy("a")], 10)},
        [Shown("a", memory=0.75, compute=0.7)],
    ),
    "a copy for each batch job is no more time": (
        {ENGINE: each([copy("a") | {"hpc_job": "1"}, copy("a") | {"hpc_job": "2"}], 0.7, 0.7)},
        [Shown("a", compute=0.7)],
    ),
    "an exporter that names itself beside each holder is no holder": (
        {ENGINE: each([copy("a"), make_labels(**held_by("dcgm-exporter-x", "gpu-operator", "exporter"))], 0.7, 0.7)},
        [Shown("a", compute=0.7)],
    ),
    "it stands for the time in which nobody held the device": (
        {
            ENGINE: [
                *each([copy("a")], 0.7, samples=6),
                *each([make_labels(**held_by("dcgm-exporter-x", "gpu-operator", "exporter"))], 0.7),
            ]
        },
        [Shown("", 4, compute=0.7), Shown("a", 6, compute=0.7)],
    ),
}
OF_HOLDERS: Metrics = {
    USED: [(CARD, steady(60)), *each(OWN_PAIR, 40, 10)],
    FREE: each(PAIR, 30, 30),
    RESERVED: each(PAIR, 10, 10),
}
PER_POD: dict[str, tuple[Metrics, list[Shown]]] = {
    "memory of each holder over that of the device, whose total stands beside": (
        OF_HOLDERS,
        [
            Shown(TOTAL, memory=0.6),
            Shown("a", slots=1, memory=0.4, own="m"),
            Shown("b", slots=1, memory=0.1, own="m"),
        ],
    ),
    "utilisation of each holder counts before the engine time of the device": (
        OF_HOLDERS
        | {
            UTIL: [(CARD, steady(90)), *each(OWN_PAIR, 60, 20)],
            ENGINE: each(PAIR, 0.8, 0.8),
        },
        [
            Shown(TOTAL, memory=0.6, compute=0.8),
            Shown("a", slots=1, memory=0.4, compute=0.6, own="mc"),
            Shown("b", slots=1, memory=0.1, compute=0.2, own="mc"),
        ],
    ),
    "identical series for each slot of a pod count once": (
        {
            USED: [(CARD, steady(60)), *each([own("a", "0", "ua"), own("a", "1", "ua")], 40, 40)],
            FREE: each([copy("a", "0"), copy("a", "1")], 30, 30),
            RESERVED: each([copy("a", "0"), copy("a", "1")], 10, 10),
        },
        [Shown(TOTAL, memory=0.6), Shown("a", slots=2, memory=0.4, own="m")],
    ),
    "a MIG instance has memory of its holders, and engine time of its own": (
        {
            USED: [
                (CARD | instance(), steady(60)),
                *each([labels | instance() for labels in OWN_PAIR], 40, 10),
            ],
            FREE: each([labels | instance() for labels in PAIR], 40, 40),
            ENGINE: each([labels | instance() for labels in PAIR], 0.5, 0.5),
        },
        [
            Shown(TOTAL, memory=0.6, compute=0.5),
            Shown("a", slots=1, memory=0.4, compute=0.5, own="m"),
            Shown("b", slots=1, memory=0.1, compute=0.5, own="m"),
        ],
    ),
    "while nobody holds the device its total is no total beside others": (
        {USED: each([CARD], 0), FREE: each([CARD], 90), RESERVED: each([CARD], 10)},
        [Shown("", memory=0)],
    ),
    "a holder from the middle of the window on: before that nobody": (
        {
            USED: [(CARD, [(60 * 5, 10)]), *each([own("a", "0", "ua")], 50, samples=5)],
            FREE: [(CARD, steady(90, 5)), *each([copy("a", "0")], 30, samples=5)],
            RESERVED: [(CARD, steady(10, 5)), *each([copy("a", "0")], 10, samples=5)],
        },
        [
            Shown("", 5, memory=0),
            Shown(TOTAL, 5, memory=0.3),
            Shown("a", 5, slots=1, memory=0.5, own="m"),
        ],
    ),
    "a pod that was replaced by another of its name is two": (
        {
            USED: [
                (CARD, steady(60)),
                *each([own("a", "0", "u1")], 40, samples=6),
                *each([own("a", "0", "u2")], 50, samples=4),
            ],
            FREE: each([copy("a", "0")], 40),
        },
        [
            Shown(TOTAL, memory=0.6),
            Shown("a", 6, slots=1, memory=0.4, own="m"),
            Shown("a", 4, slots=1, memory=0.5, own="m"),
        ],
    ),
    "zero of every holder of a device in use tells nothing: the device's ratios, as copies": (
        {
            USED: [(CARD, steady(60)), *each(PAIR, 0, 0)],
            FREE: each(PAIR, 30, 30),
            RESERVED: each(PAIR, 10, 10),
            UTIL: [(CARD, steady(90)), *each(PAIR, 0, 0)],
            ENGINE: each(PAIR, 0.8, 0.8),
        },
        [
            Shown(TOTAL, memory=0.6, compute=0.8),
            Shown("a", slots=1, memory=0.6, compute=0.8),
            Shown("b", slots=1, memory=0.6, compute=0.8),
        ],
    ),
    "then utilisation of holders is not believed either": (
        {
            USED: [(CARD, steady(60)), *each(PAIR, 0, 0)],
            FREE: each(PAIR, 40, 40),
            UTIL: [(CARD, steady(90)), *each(PAIR, 1, 0)],
        },
        [
            Shown(TOTAL, memory=0.6, compute=0.9),
            Shown("a", slots=1, memory=0.6, compute=0.9),
            Shown("b", slots=1, memory=0.6, compute=0.9),
        ],
    ),
    "zero of one holder is what it used": (
        {USED: [(CARD, steady(60)), *each(OWN_PAIR, 60, 0)], FREE: each(PAIR, 40, 40)},
        [
            Shown(TOTAL, memory=0.6),
            Shown("a", slots=1, memory=0.6, own="m"),
            Shown("b", slots=1, memory=0, own="m"),
        ],
    ),
    "zero of every holder of a device that is as good as empty is what they used": (
        {USED: [(CARD, steady(1)), *each(OWN_PAIR, 0, 0)], FREE: each(PAIR, 99, 99)},
        [
            Shown(TOTAL, memory=0.01),
            Shown("a", slots=1, memory=0, own="m"),
            Shown("b", slots=1, memory=0, own="m"),
        ],
    ),
    "without other metrics a total is known by the slots beside it": (
        {UTIL: [(CARD, steady(90)), *each(OWN_PAIR, 60, 20)]},
        [
            Shown(TOTAL, compute=0.9),
            Shown("a", slots=1, compute=0.6, own="c"),
            Shown("b", slots=1, compute=0.2, own="c"),
        ],
    ),
    "processes that together seem to use more than all of it used all": (
        OF_HOLDERS | {UTIL: [(CARD, steady(100)), *each(OWN_PAIR, 120, 20)]},
        [
            Shown(TOTAL, memory=0.6, compute=1),
            Shown("a", slots=1, memory=0.4, compute=1, own="mc"),
            Shown("b", slots=1, memory=0.1, compute=0.2, own="mc"),
        ],
    ),
    "an exclusive card whose free memory missed a scrape has no total beside": (
        {
            USED: [(CARD, steady(0, 6)), *each([copy("a")], 30, samples=4)],
            FREE: [(CARD, steady(40, 5)), *each([copy("a")], 10, samples=4)],
        },
        [Shown("", 6, memory=0), Shown("a", 4, memory=0.75)],
    ),
}


@pytest.mark.parametrize(("metrics", "rows"), COPIES.values(), ids=COPIES)
def test_copies_of_what_a_device_did(metrics: Metrics, rows: list[Shown]) -> None:
    assert_shown(usage_told_by(metrics), rows)


@pytest.mark.parametrize(("metrics", "rows"), PER_POD.values(), ids=PER_POD)
def test_values_of_each_pod_beside_the_total(metrics: Metrics, rows: list[Shown]) -> None:
    usage = usage_told_by(metrics)
    assert_shown(usage, rows)
    assert usage.interval_seconds == pytest.approx([30])


@pytest.mark.parametrize("metrics", [case for case, _ in (*COPIES.values(), *PER_POD.values())])
def test_copies_do_not_shorten_the_interval_of_other_devices(metrics: Metrics) -> None:
    usage = usage_told_by({**metrics, FREE: [*metrics.get(FREE, []), ELSEWHERE]})
    assert usage.row_interval_seconds == pytest.approx([30] * usage.window.size)


def test_a_uid_that_only_some_metrics_print_makes_no_second_holder() -> None:
    usage = usage_told_by(OF_HOLDERS)
    assert [(holder.pod, holder.pod_uid) for holder in usage.holders] == [("a", "ua"), ("b", "ub")]


def test_zeros_of_holders_that_are_not_believed_are_counted() -> None:
    metrics, _ = PER_POD["zero of every holder of a device in use tells nothing: the device's ratios, as copies"]
    assert usage_told_by(metrics).dropped == {"zeroPerPod": 2 * 2 * 10}


AT_ONCE: dict[str, tuple[list[Line], list[Shown]]] = {
    "a pod that has ended keeps its label beside the next": (
        each([copy("done"), copy("next")], 0.7, 0.7),
        [Shown("done", compute=0.7), Shown("next", compute=0.7)],
    ),
    "also on a slot": (
        each([copy("done", "0"), copy("next", "0")], 0.7, 0.7),
        [Shown("done", slots=1, compute=0.7), Shown("next", slots=1, compute=0.7)],
    ),
    "though the next came later": (
        [*each([copy("done")], 0.7), *each([copy("next")], 0.7, samples=4)],
        [Shown("done", compute=0.7), Shown("next", 4, compute=0.7)],
    ),
    "holders that follow one another are not mistaken for that": (
        [*each([copy("done")], 0.7, samples=6), *each([copy("next")], 0.7, samples=5)],
        [Shown("done", 6, 11, compute=0.7), Shown("next", 5, 11, compute=0.7)],
    ),
}


@pytest.mark.parametrize(("series", "rows"), AT_ONCE.values(), ids=AT_ONCE)
def test_a_device_is_never_seen_more_often_than_others_of_its_source(series: list[Line], rows: list[Shown]) -> None:
    usage = usage_told_by({ENGINE: [*series, ELSEWHERE]})
    assert_shown(usage, [*rows, Shown("", compute=0)])


def test_a_device_that_was_there_for_a_part_of_the_window_has_the_scrapes_of_that_part() -> None:
    late = [labels | {"UUID": "GPU-b"} for labels in PAIR]
    usage = usage_told_by({ENGINE: [*each([copy("a")], 0.5), *each(late, 0.7, 0.7, samples=4)]})
    assert usage.device_scrapes.tolist() == [10, 4, 4]


def test_halves_of_an_exporter_that_restarted_join_slot_by_slot() -> None:
    there = [labels | {"instance": "10.0.0.8:9400"} for labels in PAIR]
    usage = usage_told_by({ENGINE: [*each(PAIR, 0.5, 0.5, samples=6), *each(there, 1, 1, samples=4)]})
    assert_shown(usage, [Shown("a", slots=1, compute=0.7), Shown("b", slots=1, compute=0.7)])


def test_profiles_that_follow_one_another_on_one_instance_are_devices_of_their_own() -> None:
    first, then = copy("a") | instance("9", "1g.5gb"), copy("b") | instance("9", "2g.10gb")
    usage = usage_told_by({ENGINE: [*each([first], 0.5, samples=6), *each([then], 0.5, samples=4)]})
    assert [
        (usage.devices[device].profile, scrapes)
        for device, scrapes in zip(usage.device, usage.device_scrapes, strict=True)
    ] == [
        ("1g.5gb", 6),
        ("2g.10gb", 4),
    ]


def test_a_card_that_is_printed_beside_its_instances_is_a_device_too() -> None:
    usage = usage_told_by(
        {USED: each([CARD, copy("a") | instance()], 30, 3), FREE: each([CARD, copy("a") | instance()], 10, 1)}
    )
    assert [device.gpu_instance_id for device in usage.devices] == ["", "9"]
    assert not usage.beside.any()

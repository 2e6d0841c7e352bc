"""Rows some of whose samples did not count, beside rows all of whose samples did."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from gpu_series import (
    ENGINE,
    FREE,
    SM,
    USED,
    UTIL,
    Labels,
    Line,
    held_by,
    make_answer,
    make_labels,
    make_usage,
    rows_of,
    steady,
)

from gpucost.model.usage import Usage
from gpucost.telemetry.metrics import ENGINE_ACTIVE, MetricNames

NAN = float("nan")
NO_VALUE = 9223372036854775794.0
CARD, OTHER_CARD = make_labels(), make_labels(UUID="GPU-b")
HELD = make_labels(**held_by("odd"))
NEXT = make_labels(UUID="GPU-b", **held_by("even"))
SLOTS = make_labels(**held_by("odd"), vgpu="0"), make_labels(**held_by("even"), vgpu="1")
OTHER_SLOTS = make_labels(UUID="GPU-b", **held_by("x"), vgpu="0"), make_labels(UUID="GPU-b", **held_by("y"), vgpu="1")

Metrics = Mapping[str, list[Line]]


def both(odd: float, even: float, labels: tuple[Labels, Labels] = (HELD, NEXT)) -> list[Line]:
    return [(labels[0], steady(odd)), (labels[1], steady(even))]


def usage_told_by(metrics: Metrics, names: MetricNames | None = None) -> Usage:
    return make_usage({name: make_answer(*lines) for name, lines in metrics.items()}, names=names or MetricNames())


def odd_rows(usage: Usage) -> list[str]:
    """Holders of the odd rows; a total that is printed beside holders is of "total"."""
    rows = zip(rows_of(usage), usage.beside.tolist(), usage.odd.tolist(), strict=True)
    return ["total" if beside else row[2] for row, beside, odd in rows if odd]


ODD: dict[str, Metrics] = {
    "no number": {ENGINE: both(NAN, 0.4)},
    "infinity": {ENGINE: both(float("inf"), 0.4)},
    "less than nothing": {UTIL: both(-1, 40)},
    "what DCGM prints for no value": {USED: both(NO_VALUE, 30), FREE: both(10, 10)},
    "of free memory alone": {USED: both(30, 30), FREE: both(NO_VALUE, 10)},
    "far more than full": {ENGINE: both(1.6, 0.4)},
    "though another metric stands in": {ENGINE: both(NAN, 0.4), UTIL: both(70, 70)},
    "an engine that is silent while the card is busy": {ENGINE: both(0, 0.4), UTIL: both(98, 40)},
    "both profiling metrics": {ENGINE: both(0, 0.4), SM: both(0, 0.4), UTIL: both(98, 40)},
}


@pytest.mark.parametrize("metrics", ODD.values(), ids=ODD)
def test_a_row_is_odd_and_its_neighbour_is_not(metrics: Metrics) -> None:
    usage = usage_told_by(metrics)
    assert usage.odd.size == 2
    assert odd_rows(usage) == ["ml/odd/main"]


SOUND: dict[str, Metrics] = {
    "all samples count": {ENGINE: both(0.4, 0.4)},
    "a little more than full counts as full": {ENGINE: both(1.2, 0.4), UTIL: both(120, 40)},
    "an engine that rests": {ENGINE: both(0, 0.4), UTIL: both(4, 40)},
    "an impossible name is no sample that does not count": {
        ENGINE: [(make_labels(**held_by("No Pod")), steady(0.4)), (NEXT, steady(0.4))]
    },
    "a second job whose samples are no numbers does not count at all": {
        ENGINE: [*both(0.4, 0.4), (make_labels(job="z"), steady(NAN))]
    },
}


@pytest.mark.parametrize("metrics", SOUND.values(), ids=SOUND)
def test_nothing_is_odd(metrics: Metrics) -> None:
    assert usage_told_by(metrics).odd.tolist() == [False, False]


def test_only_the_window_of_the_sample_is_odd() -> None:
    answer = make_answer((HELD, [(4, 10), (NAN, 10), (4, 10)]), (NEXT, steady(0.4, windows=3)), windows=3)
    usage = make_usage({ENGINE: answer}, 3)
    assert usage.odd.tolist() == [False, False, True, False, False, False]


def test_one_sample_of_many_makes_a_row_odd() -> None:
    answer = make_answer(*both(0.4, 0.4))
    usage = make_usage({ENGINE: replace(answer, sums=answer.sums * 0.9, measured=np.array([[9.0], [10.0]]))})
    assert odd_rows(usage) == ["ml/odd/main"]


def test_of_a_container_whose_uid_only_some_metrics_print_the_row_is_odd() -> None:
    metrics = {
        USED: both(30, 30),
        FREE: both(NO_VALUE, 10),
        ENGINE: both(0.4, 0.4, (HELD | {"pod_uid": "u"}, NEXT | {"pod_uid": "v"})),
    }
    assert odd_rows(usage_told_by(metrics)) == ["ml/odd/main/u"]


SHARED: dict[str, tuple[Metrics, list[str]]] = {
    "what one holder used is no number": (
        {UTIL: [(CARD, steady(90)), *both(NAN, 20, SLOTS)]},
        ["ml/odd/main"],
    ),
    "the total beside holders is no number": (
        {UTIL: [(CARD, steady(NAN)), *both(60, 20, SLOTS)]},
        ["total"],
    ),
    "the total is no number, and for a time nobody held the device": (
        {
            UTIL: [(CARD, steady(NAN)), (SLOTS[0], steady(60, 6))],
            ENGINE: [(CARD, steady(0, 4)), (SLOTS[0], steady(0.6, 6))],
        },
        ["total"],
    ),
    "0 of every holder while the device is in use, not of the device next to it": (
        {
            UTIL: [
                *[(CARD, steady(90)), *both(0, 0, SLOTS)],
                *[(OTHER_CARD, steady(90)), *both(90, 0, OTHER_SLOTS)],
            ]
        },
        ["ml/odd/main", "ml/even/main"],
    ),
    "0 of every holder's memory while the device is in use": (
        {USED: [(CARD, steady(60)), *both(0, 0, SLOTS)], FREE: both(40, 40, SLOTS)},
        ["ml/odd/main", "ml/even/main"],
    ),
    "0 of the engine that is copied to holders, also of the total": (
        {UTIL: [(CARD, steady(90)), *both(60, 20, SLOTS)], ENGINE: both(0, 0, SLOTS)},
        ["total", "ml/odd/main", "ml/even/main"],
    ),
    "nothing": (
        {UTIL: [(CARD, steady(90)), *both(60, 20, SLOTS)], ENGINE: both(0.9, 0.9, SLOTS)},
        [],
    ),
}


@pytest.mark.parametrize(("metrics", "odd"), SHARED.values(), ids=SHARED)
def test_which_rows_of_a_shared_device_are_odd(metrics: Metrics, odd: list[str]) -> None:
    assert sorted(odd_rows(usage_told_by(metrics))) == sorted(odd)


def test_totals_of_memory_where_no_metric_of_compute_comes_per_pod() -> None:
    metrics = {USED: [(CARD, steady(60)), *both(0, 0, SLOTS)], FREE: both(40, 40, SLOTS), ENGINE: both(0.4, 0.4, SLOTS)}
    usage = usage_told_by(metrics, MetricNames(compute=(ENGINE_ACTIVE,)))
    assert sorted(odd_rows(usage)) == ["ml/even/main", "ml/odd/main"]

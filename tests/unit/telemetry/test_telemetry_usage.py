from collections.abc import Mapping
from datetime import timedelta
from random import Random

import numpy as np
import pytest
from gpu_series import (
    ENGINE,
    FREE,
    NAMES,
    RESERVED,
    USED,
    UTIL,
    Line,
    Row,
    held_by,
    instance,
    make_answer,
    make_labels,
    make_usage,
    make_windows,
    rows_of,
    steady,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from gpucost.model.usage import Usage
from gpucost.telemetry.queries import ComputeMetric, MetricNames
from gpucost.telemetry.usage import join_usages, usage_of

NAN = float("nan")
INF = float("inf")
HELD = make_labels(**held_by())
IDLE = make_labels()
SLICE = make_labels(**instance(), **held_by())

Metrics = Mapping[str, list[Line]]
ONE_WINDOW: dict[str, tuple[Metrics, list[Row]]] = {
    "a whole card: memory over all memory, engine time as it is": (
        {USED: [(HELD, steady(30))], FREE: [(HELD, steady(10))], ENGINE: [(HELD, steady(0.4))]},
        [(0, "n1/GPU-a", "ml/train-0/main", 10, 0.75, 0.4)],
    ),
    "reserved memory is part of all memory where it is printed": (
        {USED: [(HELD, steady(30))], FREE: [(HELD, steady(10))], RESERVED: [(HELD, steady(20))]},
        [(0, "n1/GPU-a", "ml/train-0/main", 10, 0.5, NAN)],
    ),
    "a MIG instance is a device of its own beside its siblings": (
        {
            USED: [(SLICE, steady(1)), (make_labels(**instance("5", "2g.10gb")), steady(2))],
            FREE: [(SLICE, steady(3)), (make_labels(**instance("5", "2g.10gb")), steady(6))],
            ENGINE: [(SLICE, steady(0.9))],
        },
        [(0, "n1/GPU-a/5/2g.10gb", "", 10, 0.25, NAN), (0, "n1/GPU-a/9/1g.5gb", "ml/train-0/main", 10, 0.25, 0.9)],
    ),
    "an idle card is seen and held by nobody": (
        {USED: [(IDLE, steady(0))], FREE: [(IDLE, steady(40))], ENGINE: [(IDLE, steady(0))]},
        [(0, "n1/GPU-a", "", 10, 0, 0)],
    ),
    "two holders in one window have each their own samples": (
        {
            USED: [(HELD, [(30 * 4, 4)]), (make_labels(**held_by("train-1")), [(10 * 6, 6)])],
            FREE: [(HELD, [(10 * 4, 4)]), (make_labels(**held_by("train-1")), [(30 * 6, 6)])],
        },
        [(0, "n1/GPU-a", "ml/train-0/main", 4, 0.75, NAN), (0, "n1/GPU-a", "ml/train-1/main", 6, 0.25, NAN)],
    ),
    "a card that was idle for a part of the window has a row for that part": (
        {USED: [(HELD, steady(30, 7)), (IDLE, steady(0, 3))], FREE: [(HELD, steady(10, 7)), (IDLE, steady(40, 3))]},
        [(0, "n1/GPU-a", "", 3, 0, NAN), (0, "n1/GPU-a", "ml/train-0/main", 7, 0.75, NAN)],
    ),
    "a sum that is no number means that the metric is absent": (
        {USED: [(HELD, [(NAN, 10)])], FREE: [(HELD, steady(10))], ENGINE: [(HELD, steady(0.4))]},
        [(0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.4)],
    ),
    "infinite engine time is absent, and utilisation stands in": (
        {ENGINE: [(HELD, [(INF, 10)])], UTIL: [(HELD, steady(80))]},
        [(0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.8)],
    ),
    "a negative sum is absent": (
        {USED: [(HELD, steady(-30))], FREE: [(HELD, steady(10))], ENGINE: [(HELD, steady(-0.1))]},
        [(0, "n1/GPU-a", "ml/train-0/main", 10, NAN, NAN)],
    ),
    "what DCGM prints for no value is absent": (
        {USED: [(HELD, [(9223372036854775794.0, 10)])], FREE: [(HELD, steady(10))]},
        [(0, "n1/GPU-a", "ml/train-0/main", 10, NAN, NAN)],
    ),
    "memory without its free part is unknown": (
        {USED: [(HELD, steady(30))], ENGINE: [(HELD, steady(0.4))]},
        [(0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.4)],
    ),
    "a card without any memory is unknown, not divided by": (
        {USED: [(HELD, steady(0))], FREE: [(HELD, steady(0))]},
        [(0, "n1/GPU-a", "ml/train-0/main", 10, NAN, NAN)],
    ),
    "engine time above one is one": (
        {ENGINE: [(HELD, steady(1.2))]},
        [(0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 1)],
    ),
    "engine time counts before utilisation": (
        {ENGINE: [(HELD, steady(0.4))], UTIL: [(HELD, steady(80))]},
        [(0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.4)],
    ),
    "utilisation says nothing of a MIG instance": (
        {UTIL: [(SLICE, steady(0))], USED: [(SLICE, steady(1))], FREE: [(SLICE, steady(3))]},
        [(0, "n1/GPU-a/9/1g.5gb", "ml/train-0/main", 10, 0.25, NAN)],
    ),
    "a metric that missed a scrape does not shorten what another saw": (
        {USED: [(HELD, steady(30, 9))], FREE: [(HELD, steady(10, 10))]},
        [(0, "n1/GPU-a", "ml/train-0/main", 10, 0.75, NAN)],
    ),
    "the halves of an exporter that restarted as another pod join": (
        {
            USED: [(HELD, steady(30, 6)), (HELD | {"pod": "nvidia-dcgm-exporter-9q1zz"}, steady(10, 4))],
            FREE: [(HELD, steady(10, 6)), (HELD | {"pod": "nvidia-dcgm-exporter-9q1zz"}, steady(30, 4))],
        },
        [(0, "n1/GPU-a", "ml/train-0/main", 10, 0.55, NAN)],
    ),
    "a series that names no GPU is no device": ({USED: [({"job": "x", "Hostname": "n1"}, steady(1))]}, []),
    "no series at all": ({USED: [], FREE: []}, []),
    "no metric at all": ({}, []),
}
JOB_A = {"job": "a"}
TWO_JOBS: dict[str, tuple[list[Line], Row]] = {
    "the job that names holders counts, though it has fewer samples": (
        [(IDLE | JOB_A, steady(0.9, 20)), (HELD, steady(0.4))],
        (0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.4),
    ),
    "then the one with most samples": (
        [(IDLE | JOB_A, steady(0.9, 10)), (IDLE | {"job": "b"}, steady(0.4, 20))],
        (0, "n1/GPU-a", "", 20, NAN, 0.4),
    ),
    "then the first by name, whatever the order of the series": (
        [(IDLE | {"job": "b"}, steady(0.9)), (IDLE | JOB_A, steady(0.4))],
        (0, "n1/GPU-a", "", 10, NAN, 0.4),
    ),
}


def assert_rows(usage: Usage, expected: list[Row]) -> None:
    got = rows_of(usage)
    assert [row[:3] for row in got] == [row[:3] for row in expected]
    numbers = [row[3:] for row in got], [row[3:] for row in expected]
    np.testing.assert_allclose(*(np.array(side).reshape(-1, 3) for side in numbers), rtol=1e-12)


@pytest.mark.parametrize(("metrics", "rows"), ONE_WINDOW.values(), ids=ONE_WINDOW)
def test_one_window(metrics: Metrics, rows: list[Row]) -> None:
    assert_rows(make_usage({name: make_answer(*lines) for name, lines in metrics.items()}), rows)


@pytest.mark.parametrize(("series", "row"), TWO_JOBS.values(), ids=TWO_JOBS)
def test_jobs_that_tell_of_one_device_are_alternatives(series: list[Line], row: Row) -> None:
    assert_rows(make_usage({ENGINE: make_answer(*series)}), [row])


def test_a_job_that_names_holders_counts_for_idle_devices_too() -> None:
    idle = make_labels(UUID="GPU-b")
    usage = make_usage({ENGINE: make_answer((HELD, steady(0.4)), (idle, steady(0)), (idle | JOB_A, steady(0, 20)))})
    assert [row[3] for row in rows_of(usage)] == [10, 10]
    assert usage.interval_seconds == pytest.approx([30])


def test_the_job_is_chosen_for_all_windows_together() -> None:
    named_later = (HELD, [(0, 0), *steady(0.4)])
    idle_first = (IDLE, [*steady(0), (0, 0)])
    usage = make_usage({ENGINE: make_answer(named_later, idle_first, (IDLE | JOB_A, steady(0.9, 20, 2)), windows=2)}, 2)
    assert_rows(usage, [(0, "n1/GPU-a", "", 10, NAN, 0), (1, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.4)])


def test_rows_are_those_of_the_window_and_only_where_something_was_seen() -> None:
    later = make_labels(UUID="GPU-b")
    answer = make_answer(
        (HELD, [*steady(0.4), (0, 0), *steady(0.6, 5)]), (later, [(0, 0), *steady(0, 10, 2)]), windows=3
    )
    usage = make_usage({ENGINE: answer}, 3)
    assert_rows(
        usage,
        [
            (0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.4),
            (1, "n1/GPU-b", "", 10, NAN, 0),
            (2, "n1/GPU-a", "ml/train-0/main", 5, NAN, 0.6),
            (2, "n1/GPU-b", "", 10, NAN, 0),
        ],
    )
    assert [usage.rows_of(window) for window in range(3)] == [slice(0, 1), slice(1, 2), slice(2, 4)]


def test_a_sum_without_samples_means_nothing() -> None:
    assert rows_of(make_usage({ENGINE: make_answer((HELD, [(NAN, 0)]))})) == []


def test_the_first_configured_compute_metric_that_was_measured_counts() -> None:
    names = MetricNames(compute=(ComputeMetric("ours"), ComputeMetric("theirs", full=10.0)))
    usage = make_usage({"theirs": make_answer((SLICE, steady(4)))}, names=names)
    assert_rows(usage, [(0, "n1/GPU-a/9/1g.5gb", "ml/train-0/main", 10, NAN, 0.4)])


INTERVALS: dict[str, tuple[list[Line], timedelta | None, list[float]]] = {
    "told from the device with most samples": (
        [(HELD, [*steady(1, 10), (9, 9)]), (make_labels(UUID="GPU-b"), [(5, 5), (20, 20)])],
        None,
        [30, 15],
    ),
    "the samples of all holders of a device add up": (
        [(HELD, [(4, 4), (10, 10)]), (IDLE, [(6, 6), (0, 0)])],
        None,
        [30, 30],
    ),
    "as configured": ([(HELD, [(4, 4), (10, 10)])], timedelta(seconds=15), [15, 15]),
    "unknown where nothing was seen": ([(HELD, [(0, 0), (10, 10)])], None, [NAN, 30]),
    "unknown where nothing was seen, though configured": ([], timedelta(seconds=15), [NAN, NAN]),
}


@pytest.mark.parametrize(("series", "configured", "seconds"), INTERVALS.values(), ids=INTERVALS)
def test_scrape_interval(series: list[Line], configured: timedelta | None, seconds: list[float]) -> None:
    usage = make_usage({ENGINE: make_answer(*series, windows=2)}, 2, configured)
    np.testing.assert_allclose(usage.interval_seconds, seconds)


CELL = st.tuples(st.floats(0, 100, allow_subnormal=False), st.integers(0, 10)).map(
    lambda cell: (cell[0] * cell[1], float(cell[1]))
)
SERIES = st.builds(
    lambda uuid, extra: make_labels(UUID=uuid, **extra),
    st.sampled_from(["GPU-a", "GPU-b"]),
    st.sampled_from([{}, held_by(), held_by("train-1"), instance(), instance() | held_by()]),
)
LINES = st.lists(st.tuples(SERIES, st.lists(CELL, min_size=4, max_size=4)), max_size=8)


@settings(deadline=None)  # a busy machine is no failure
@given(used=LINES, free=LINES, cut=st.integers(0, 4), shuffled=st.randoms(use_true_random=False))
def test_neither_the_order_of_series_nor_a_cut_between_windows_changes_a_row(
    used: list[Line], free: list[Line], cut: int, shuffled: Random
) -> None:
    whole = usage_of({USED: make_answer(*used, windows=4), FREE: make_answer(*free, windows=4)}, make_windows(4), NAMES)
    shuffled.shuffle(used)
    parts = []
    for window in (slice(0, cut), slice(cut, 4)):
        windows = make_windows(4)[window]
        answers = {
            name: make_answer(*((labels, cells[window]) for labels, cells in lines), windows=len(windows))
            for name, lines in ((USED, used), (FREE, free))
        }
        parts.append(usage_of(answers, windows, NAMES))
    joined = join_usages(parts)
    assert joined.windows == whole.windows
    assert_rows(joined, rows_of(whole))
    np.testing.assert_allclose(joined.interval_seconds, whole.interval_seconds)


def test_nothing_joined_is_nothing() -> None:
    usage = join_usages([])
    assert (usage.windows, usage.devices, usage.holders, rows_of(usage)) == ((), (), (), [])


def test_every_ratio_is_a_ratio_or_unknown() -> None:
    values = [0.0, 1e-300, 1.0, 1e13, -1e-300, NAN, INF, -INF]
    series = [(make_labels(UUID=f"GPU-{number}", **held_by()), [(value, 1.0)]) for number, value in enumerate(values)]
    usage = make_usage({name: make_answer(*series) for name in NAMES.all})
    assert usage.window.size == len(values)
    for ratio in (usage.memory_ratio, usage.compute_ratio):
        known = ratio[~np.isnan(ratio)]
        assert np.all((known >= 0) & (known <= 1))

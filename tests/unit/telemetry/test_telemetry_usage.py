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
from gpucost.telemetry.joining import join_usages
from gpucost.telemetry.metrics import ComputeMetric, MetricNames
from gpucost.telemetry.usage import usage_of

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
OTHER_CARD = make_labels(UUID="GPU-b")
TWO_JOBS: dict[str, tuple[list[Line], Row]] = {
    "the job that names holders counts, though it has fewer samples": (
        [(IDLE | JOB_A, steady(0.9, 20)), (HELD, steady(0.4))],
        (0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.4),
    ),
    "though another names holders elsewhere": (
        [(IDLE | JOB_A, steady(0.9, 20)), (OTHER_CARD | JOB_A | held_by("x"), steady(0.9, 20)), (HELD, steady(0.4))],
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
    usage = make_usage({ENGINE: make_answer(*series)})
    shown = [one for one in rows_of(usage) if one[1] == row[1]]
    assert shown == [pytest.approx(row, nan_ok=True)]


def test_a_job_that_names_holders_counts_for_idle_devices_too() -> None:
    idle = make_labels(UUID="GPU-b")
    usage = make_usage({ENGINE: make_answer((HELD, steady(0.4)), (idle, steady(0)), (idle | JOB_A, steady(0, 20)))})
    assert [row[3] for row in rows_of(usage)] == [10, 10]
    assert usage.interval_seconds == pytest.approx([30])


def test_a_job_that_is_renamed_between_two_windows_loses_neither() -> None:
    usage = make_usage(
        {ENGINE: make_answer((HELD, [*steady(0.4), (0, 0)]), (HELD | JOB_A, [(0, 0), *steady(0.6)]), windows=2)}, 2
    )
    assert_rows(
        usage, [(0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.4), (1, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.6)]
    )


def test_the_job_is_chosen_in_each_window_by_what_it_says_there() -> None:
    named_later = (HELD, [(0, 0), *steady(0.4)])
    idle_first = (IDLE, [*steady(0), (0, 0)])
    usage = make_usage({ENGINE: make_answer(named_later, idle_first, (IDLE | JOB_A, steady(0.9, 20, 2)), windows=2)}, 2)
    assert_rows(usage, [(0, "n1/GPU-a", "", 20, NAN, 0.9), (1, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.4)])


def test_only_devices_and_holders_with_rows_are_listed() -> None:
    usage = make_usage({ENGINE: make_answer((HELD, steady(0.4, 20)), (HELD | JOB_A | held_by("other"), steady(0.9)))})
    assert [holder.pod for holder in usage.holders] == ["train-0"]


MONITORED = {"service": "nvidia-dcgm-exporter", "endpoint": "gpu-metrics"}
SCRAPED_TWICE: dict[str, tuple[list[Line], Row]] = {
    "a Service and a PodMonitor of one job": (
        [(HELD | MONITORED, steady(0.4)), (HELD | {"endpoint": "gpu-metrics"}, steady(0.9, 9))],
        (0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.4),
    ),
    "two replicas of Prometheus": (
        [(HELD | {"replica": "0"}, steady(0.9, 9)), (HELD | {"replica": "1"}, steady(0.4))],
        (0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.4),
    ),
    "two monitors while the exporter restarts": (
        [
            *((HELD | MONITORED | {"instance": name}, steady(0.4, count)) for name, count in (("a:1", 6), ("b:1", 4))),
            *((HELD | {"endpoint": "m", "instance": name}, steady(0.9, 4)) for name in ("a:1", "b:1")),
        ],
        (0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.4),
    ),
}


@pytest.mark.parametrize(("series", "row"), SCRAPED_TWICE.values(), ids=SCRAPED_TWICE)
def test_series_that_differ_only_in_scrape_labels_are_alternatives(series: list[Line], row: Row) -> None:
    assert_rows(make_usage({ENGINE: make_answer(*series)}), [row])


THERE = {"instance": "10.0.0.8:9400"}
OTHER = HELD | held_by("train-1")
ELSEWHERE: Line = (make_labels(UUID="GPU-z", Hostname="n2", instance="10.0.0.9:9400"), steady(0))
TWO_INSTANCES: dict[str, tuple[list[Line], list[Row]]] = {
    "a clean restart: both halves": (
        [(HELD, steady(0.4, 6)), (HELD | THERE, steady(0.9, 4))],
        [(0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.6)],
    ),
    "a clean restart whose second half is the longer": (
        [(HELD, steady(0.9, 1)), (HELD | THERE, steady(0.4, 9))],
        [(0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.45)],
    ),
    "a restart with another holder after it": (
        [(HELD, steady(0.4, 6)), (OTHER | THERE, steady(0.9, 4))],
        [(0, "n1/GPU-a", "ml/train-0/main", 6, NAN, 0.4), (0, "n1/GPU-a", "ml/train-1/main", 4, NAN, 0.9)],
    ),
    "a full duplicate: one of them, the first": (
        [(HELD | THERE, steady(0.9)), (HELD, steady(0.4))],
        [(0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.4)],
    ),
    "a duplicate that missed a scrape: the other": (
        [(HELD, steady(0.9, 9)), (HELD | THERE, steady(0.4))],
        [(0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.4)],
    ),
    "a duplicate that names nobody: the one that does": (
        [(IDLE, steady(0.9, 10)), (HELD | THERE, steady(0.4, 9))],
        [(0, "n1/GPU-a", "ml/train-0/main", 9, NAN, 0.4)],
    ),
    "three at once": (
        [(HELD, steady(0.4)), (HELD | THERE, steady(0.9)), (HELD | {"instance": "10.0.0.9:1"}, steady(0.9))],
        [(0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.4)],
    ),
}
KNOWING_THE_INTERVAL: dict[str, tuple[list[Line], list[Row]]] = {
    "a restart in the middle": (
        [(HELD, steady(0.4, 5)), (HELD | THERE, steady(0.9, 5))],
        [(0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.65)],
    ),
    "a second instance from the middle on: the one that saw all": (
        [(HELD, steady(0.4)), (HELD | THERE, steady(0.9, 4))],
        [(0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.4)],
    ),
    "a restart between scrapes that are close together": (
        [(HELD, steady(0.4, 9)), (HELD | THERE, steady(0.4, 2))],
        [(0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.4)],
    ),
    "instances that overlap: the second for what the first cannot have seen": (
        [(HELD, steady(0.4, 4)), (OTHER, steady(0.9, 2)), (OTHER | THERE, steady(0.9, 6))],
        [(0, "n1/GPU-a", "ml/train-0/main", 4, NAN, 0.4), (0, "n1/GPU-a", "ml/train-1/main", 6, NAN, 0.9)],
    ),
    "two exporters of one node, each with its cards": (
        [(HELD, steady(0.4)), (make_labels(UUID="GPU-b") | THERE, steady(0))],
        [(0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.4), (0, "n1/GPU-b", "", 10, NAN, 0)],
    ),
}


def usage_told_by(series: list[Line], metrics: tuple[str, ...] = (ENGINE,), **settings: timedelta) -> Usage:
    return make_usage({name: make_answer(*series) for name in metrics}, **settings)


@pytest.mark.parametrize(("series", "rows"), TWO_INSTANCES.values(), ids=TWO_INSTANCES)
def test_instances_of_one_job_without_anything_else_to_tell_the_interval(series: list[Line], rows: list[Row]) -> None:
    usage = usage_told_by(series)
    assert_rows(usage, rows)
    assert usage.interval_seconds == pytest.approx([30])


@pytest.mark.parametrize(
    ("series", "rows"),
    [*TWO_INSTANCES.values(), *KNOWING_THE_INTERVAL.values()],
    ids=[*TWO_INSTANCES, *KNOWING_THE_INTERVAL],
)
def test_instances_of_one_job_join_where_they_follow_one_another_and_never_add_up(
    series: list[Line], rows: list[Row]
) -> None:
    assert_rows(usage_told_by([*series, ELSEWHERE]), [*rows, (0, "n2/GPU-z", "", 10, NAN, 0)])
    assert_rows(usage_told_by(series, scrape_interval=timedelta(seconds=30)), rows)


def test_one_instance_counts_whole_where_scrapes_are_denser_than_configured() -> None:
    series = [(HELD, steady(0.4, 20)), (HELD | THERE, steady(0.9, 20))]
    usage = usage_told_by(series, scrape_interval=timedelta(seconds=30))
    assert_rows(usage, [(0, "n1/GPU-a", "ml/train-0/main", 20, NAN, 0.4)])


def test_a_sum_that_is_no_number_means_nothing_where_its_instance_does_not_count() -> None:
    duplicate_at_first = (HELD | THERE, [(NAN, 10), *steady(0.6)])
    usage = make_usage({ENGINE: make_answer((HELD, [*steady(0.4), (0, 0)]), duplicate_at_first, windows=2)}, 2)
    assert_rows(
        usage, [(0, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.4), (1, "n1/GPU-a", "ml/train-0/main", 10, NAN, 0.6)]
    )


def test_whose_pod_a_label_means_is_told_window_by_window() -> None:
    own_pod = {"pod": "gpu-metrics-1", "container": "metrics"}
    idle = (make_labels(UUID="GPU-b") | own_pod, steady(0, windows=2))
    held_later = (HELD | own_pod, [(0, 0), *steady(0.4)])
    alone = [row[:3] for row in rows_of(make_usage({ENGINE: make_answer((idle[0], idle[1][:1]))}))]
    together = [row[:3] for row in rows_of(make_usage({ENGINE: make_answer(idle, held_later, windows=2)}, 2))]
    assert together == [*alone, (1, "n1/GPU-a", "ml/train-0/main"), (1, "n1/GPU-b", "")]


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
    names = MetricNames(compute=(ComputeMetric(names=("ours",)), ComputeMetric(names=("theirs",), full=10.0)))
    usage = make_usage({"theirs": make_answer((SLICE, steady(4)))}, names=names)
    assert_rows(usage, [(0, "n1/GPU-a/9/1g.5gb", "ml/train-0/main", 10, NAN, 0.4)])


INTERVALS: dict[str, tuple[list[Line], timedelta | None, list[float], list[float]]] = {
    "told from the device with most samples": (
        [(HELD, [*steady(1, 10), (9, 9)]), (make_labels(UUID="GPU-b"), [(5, 5), (20, 20)])],
        None,
        [30, 30, 15, 15],
        [30, 15],
    ),
    "the samples of all holders of a device add up": (
        [(HELD, [(4, 4), (10, 10)]), (IDLE, [(6, 6), (0, 0)])],
        None,
        [30, 30, 30],
        [30, 30],
    ),
    "of each job for itself": (
        [(HELD, steady(1, 10, 2)), (make_labels(UUID="GPU-b", job="b"), [(20, 20), (0, 0)])],
        None,
        [30, 15, 30],
        [15, 30],
    ),
    "of the job that counts, not of one that is ignored": (
        [(HELD, steady(1, 10, 2)), (IDLE | JOB_A, steady(1, 20, 2))],
        None,
        [30, 30],
        [30, 30],
    ),
    "of an exporter that restarted, from both halves": (
        [(HELD, [(6, 6), (10, 10)]), (HELD | THERE, [(4, 4), (0, 0)])],
        None,
        [30, 30],
        [30, 30],
    ),
    "as configured": ([(HELD, [(4, 4), (10, 10)])], timedelta(seconds=15), [15, 15], [15, 15]),
    "unknown where nothing was seen": ([(HELD, [(0, 0), (10, 10)])], None, [30], [NAN, 30]),
    "unknown where nothing was seen, though configured": ([], timedelta(seconds=15), [], [NAN, NAN]),
}


@pytest.mark.parametrize(("series", "configured", "rows", "windows"), INTERVALS.values(), ids=INTERVALS)
def test_scrape_interval(
    series: list[Line], configured: timedelta | None, rows: list[float], windows: list[float]
) -> None:
    usage = make_usage({ENGINE: make_answer(*series, windows=2)}, 2, configured)
    np.testing.assert_allclose(usage.row_interval_seconds, rows)
    np.testing.assert_allclose(usage.interval_seconds, windows)


CELL = st.tuples(st.floats(0, 100, allow_subnormal=False), st.integers(0, 10)).map(
    lambda cell: (cell[0] * cell[1], float(cell[1]))
)
SERIES = st.builds(
    lambda uuid, extra, scraped: make_labels(UUID=uuid) | extra | scraped,
    st.sampled_from(["GPU-a", "GPU-b"]),
    st.sampled_from(
        [
            {},
            held_by(),
            held_by("train-1"),
            instance(),
            instance() | held_by(),
            held_by() | {"vgpu": "0"},
            held_by() | {"vgpu": "1"},
            held_by("train-1") | {"vgpu": "1", "pod_uid": "u1"},
        ]
    ),
    st.sampled_from([{}, THERE, JOB_A, JOB_A | THERE, MONITORED, {"pod": "gpu-metrics-1", "container": "metrics"}]),
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
    for name in ("row_interval_seconds", "interval_seconds", "device_scrapes", "slots"):
        np.testing.assert_allclose(getattr(joined, name), getattr(whole, name))
    for name in ("own_memory", "own_compute", "beside", "odd"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))
    assert (joined.devices, joined.holders) == (whole.devices, whole.holders)
    assert (joined.dropped, joined.compute_metrics) == (whole.dropped, whole.compute_metrics)


ONE_SOURCE = st.builds(
    lambda uuid, extra: make_labels(UUID=uuid) | extra,
    st.sampled_from(["GPU-a", "GPU-b"]),
    st.sampled_from([{}, held_by(), held_by("train-1"), instance(), instance() | held_by()]),
)


@settings(deadline=None)
@given(
    lines=st.lists(st.tuples(ONE_SOURCE, st.lists(CELL, min_size=1, max_size=1)), max_size=5), slots=st.integers(1, 4)
)
def test_the_copies_that_virtual_gpus_print_change_nothing(lines: list[Line], slots: int) -> None:
    copied = [
        (labels | {"vgpu": str(slot)}, cells) if "exported_pod" in labels else (labels, cells)
        for labels, cells in lines
        for slot in range(slots)
        if "exported_pod" in labels or slot == 0
    ]
    assert_rows(make_usage({FREE: make_answer(*copied)}), rows_of(make_usage({FREE: make_answer(*lines)})))


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

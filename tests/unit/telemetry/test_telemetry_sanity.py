"""What is left out or corrected, and how it is counted."""

from collections.abc import Mapping

import numpy as np
import pytest
from gpu_series import (
    ENGINE,
    FREE,
    SM,
    USED,
    UTIL,
    UTIL_RATIO,
    Line,
    held_by,
    instance,
    make_answer,
    make_labels,
    make_usage,
    make_windows,
    rows_of,
    steady,
)

from gpucost.telemetry.decode import RawSeries
from gpucost.telemetry.metrics import GPU_UTIL, SM_ACTIVE, ComputeMetric, MetricNames
from gpucost.telemetry.sanity import MOST_MEMORY, REASONS, curable, mended
from gpucost.telemetry.series import SeriesLabels

NAN = float("nan")
HELD = make_labels(**held_by())
SLICE = make_labels(**instance(), **held_by())
THERE = {"instance": "10.0.0.8:9400"}
LOWER = {
    "job": "j",
    "uuid": "GPU-a",
    "hostname": "n1",
    "modelname": "NVIDIA A100-SXM4-40GB",
    "namespace": "ml",
    "pod": "train-0",
    "container": "main",
}

Metrics = Mapping[str, list[Line]]
DROPPED: dict[str, tuple[Metrics, dict[str, int], tuple[float, float]]] = {
    "nothing of what is sound": ({ENGINE: [(HELD, steady(0.4))]}, {}, (NAN, 0.4)),
    "no number": ({ENGINE: [(HELD, [(NAN, 10)])]}, {"notANumber": 10}, (NAN, NAN)),
    "infinity": ({ENGINE: [(HELD, [(-float("inf"), 10)])]}, {"notANumber": 10}, (NAN, NAN)),
    "less than nothing": ({UTIL: [(HELD, steady(-1))]}, {"negative": 10}, (NAN, NAN)),
    "what DCGM prints for no value, as a whole number": (
        {USED: [(HELD, steady(9223372036854775794.0))], FREE: [(HELD, steady(1))]},
        {"sentinel": 10},
        (NAN, NAN),
    ),
    "what DCGM prints for no value, as a fraction": (
        {ENGINE: [(HELD, steady(140737488355328.0))]},
        {"sentinel": 10},
        (NAN, NAN),
    ),
    "a ratio a little above one is one": ({ENGINE: [(HELD, steady(1.2))]}, {"aboveFull": 10}, (NAN, 1)),
    "a ratio far above one is none": (
        {ENGINE: [(HELD, steady(1.6))], UTIL: [(HELD, steady(70))]},
        {"aboveFull": 10},
        (NAN, 0.7),
    ),
    "percent a little above a hundred are a hundred": ({UTIL: [(HELD, steady(120))]}, {"aboveFull": 10}, (NAN, 1)),
    "percent far above a hundred are none": ({UTIL: [(HELD, steady(160))]}, {"aboveFull": 10}, (NAN, NAN)),
    "percent under the name of a ratio are none": ({UTIL_RATIO: [(HELD, steady(70))]}, {"aboveFull": 10}, (NAN, NAN)),
    "an engine that is silent while the card is busy": (
        {ENGINE: [(HELD, steady(0))], UTIL: [(HELD, steady(98))]},
        {"silentZero": 10},
        (NAN, 0.98),
    ),
    "both profiling metrics": (
        {ENGINE: [(HELD, steady(0))], SM: [(HELD, steady(0))], UTIL: [(HELD, steady(98))]},
        {"silentZero": 20},
        (NAN, 0.98),
    ),
    "not an engine that rests": ({ENGINE: [(HELD, steady(0))], UTIL: [(HELD, steady(4))]}, {}, (NAN, 0)),
    "not an engine that says something": (
        {ENGINE: [(HELD, steady(0.01))], UTIL: [(HELD, steady(98))]},
        {},
        (NAN, 0.01),
    ),
    "not the engine of an instance: utilisation is of the whole card": (
        {ENGINE: [(SLICE, steady(0))], UTIL: [(SLICE, steady(98))]},
        {},
        (NAN, 0),
    ),
    "names that no pod can have": (
        {ENGINE: [(make_labels(**held_by("No Pod")), steady(0.4))]},
        {"impossibleName": 10},
        (NAN, 0.4),
    ),
    "what a second job tells": (
        {ENGINE: [(HELD, steady(0.4)), (make_labels(job="z"), steady(0.9, 20))]},
        {"duplicateJob": 20},
        (NAN, 0.4),
    ),
    "what a second instance tells at the same time": (
        {ENGINE: [(HELD, steady(0.4)), (HELD | THERE, steady(0.9))]},
        {"duplicateInstance": 10},
        (NAN, 0.4),
    ),
}


@pytest.mark.parametrize(("metrics", "dropped", "ratios"), DROPPED.values(), ids=DROPPED)
def test_what_is_dropped_is_counted(metrics: Metrics, dropped: dict[str, int], ratios: tuple[float, float]) -> None:
    usage = make_usage({name: make_answer(*lines) for name, lines in metrics.items()})
    assert usage.dropped == dropped
    assert rows_of(usage)[0][4:] == pytest.approx(ratios, nan_ok=True)


def test_every_reason_is_explained() -> None:
    seen = {reason for _, dropped, _ in DROPPED.values() for reason in dropped}
    assert seen | {"zeroPerPod"} == set(REASONS)


def test_counts_of_windows_add_up() -> None:
    spoiled = (HELD, [(NAN, 10), (9.0, 10), (NAN, 4)])
    other = (make_labels(**held_by(), UUID="GPU-b"), [(NAN, 10), (-1.0, 10), (9.0, 10)])
    usage = make_usage({ENGINE: make_answer(spoiled, other, windows=3)}, 3)
    assert usage.dropped == {"notANumber": 24, "negative": 10}


CHAIN: dict[str, tuple[Metrics, float, tuple[str, ...]]] = {
    "engine time first": ({ENGINE: [(HELD, steady(0.4))], SM: [(HELD, steady(0.3))]}, 0.4, (ENGINE,)),
    "then the time of multiprocessors": ({SM: [(HELD, steady(0.3))], UTIL: [(HELD, steady(90))]}, 0.3, (SM,)),
    "then utilisation": ({UTIL: [(HELD, steady(90))]}, 0.9, (UTIL,)),
    "then utilisation as a ratio": ({UTIL_RATIO: [(HELD, steady(0.8))]}, 0.8, (UTIL_RATIO,)),
    "under its new name": (
        {"DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO": [(HELD, steady(0.6))], UTIL: [(HELD, steady(90))]},
        0.6,
        ("DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO",),
    ),
    "under both names once, the first": (
        {"DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO": [(HELD, steady(0.6))], ENGINE: [(HELD, steady(0.4))]},
        0.4,
        (ENGINE,),
    ),
    "all in lower case": (
        {"dcgm_fi_prof_gr_engine_active": [(LOWER, steady(0.6))]},
        0.6,
        ("dcgm_fi_prof_gr_engine_active",),
    ),
    "in both cases, with labels to match, once": (
        {ENGINE: [(LOWER | {"UUID": "GPU-a"}, steady(0.4))], "dcgm_fi_prof_gr_engine_active": [(LOWER, steady(0.6))]},
        0.4,
        (ENGINE,),
    ),
}


@pytest.mark.parametrize(("metrics", "ratio", "names"), CHAIN.values(), ids=CHAIN)
def test_which_metric_tells_of_compute(metrics: Metrics, ratio: float, names: tuple[str, ...]) -> None:
    usage = make_usage({name: make_answer(*lines) for name, lines in metrics.items()})
    assert [row[3:] for row in rows_of(usage)] == [pytest.approx((10, NAN, ratio), nan_ok=True)]
    assert usage.compute_metrics == names


def test_each_exporter_tells_under_the_first_of_its_own_names() -> None:
    there = make_labels(**held_by(), UUID="GPU-b", job="other")
    usage = make_usage(
        {
            ENGINE: make_answer((HELD, steady(0.4))),
            ENGINE.lower(): make_answer((HELD, steady(0.9)), (there, steady(0.6))),
        }
    )
    assert [row[5] for row in rows_of(usage)] == pytest.approx([0.4, 0.6])
    assert usage.compute_metrics == (ENGINE, ENGINE.lower())


def test_memory_under_lower_case_names() -> None:
    usage = make_usage({USED.lower(): make_answer((LOWER, steady(30))), FREE.lower(): make_answer((LOWER, steady(10)))})
    assert [row[1:5] for row in rows_of(usage)] == [("n1/GPU-a", "ml/train-0/main", 10, 0.75)]


def test_the_chain_is_as_configured() -> None:
    names = MetricNames(compute=(GPU_UTIL, SM_ACTIVE, ComputeMetric(names=("own",), full=8.0)))
    assert names.groups[3:] == (GPU_UTIL.names, SM_ACTIVE.names, ("own",))
    answers = {"own": make_answer((SLICE, steady(2))), UTIL: make_answer((SLICE, steady(90)))}
    assert rows_of(make_usage(answers, names=names))[0][5] == 0.25


MOST = MOST_MEMORY
SPOILED = (HELD, [(NAN, 10), (70.0, 10), (float("inf"), 10)])


def raw(labels: Mapping[str, str], *samples: tuple[float, float]) -> RawSeries:
    """Samples at seconds after the start of the first window."""
    start = make_windows()[0].start.timestamp()
    seconds, values = np.array(samples, dtype=float).reshape(-1, 2).T
    return RawSeries(labels=SeriesLabels.of(labels), seconds=start + seconds, values=values)


def test_one_sample_that_is_no_number_leaves_the_others() -> None:
    answer = make_answer(SPOILED, windows=3)
    where = curable(answer, MOST)
    assert where.tolist() == [[True, False, True]]
    samples = [(30.0 * tick, 4.0) for tick in range(1, 10)]
    again = mended(answer, [raw(HELD, *samples, (300, NAN), (601, -1), (900, 8))], make_windows(3), MOST, where)
    assert again.sums.tolist() == [[36, 70, 8]]
    assert again.measured is not None
    assert again.measured.tolist() == [[9, 10, 1]]
    assert again.counts.tolist() == [[10, 10, 10]]
    assert {reason: counts.tolist() for reason, counts in again.dropped.items()} == {
        "notANumber": [1, 0, 0],
        "negative": [0, 0, 1],
    }
    usage = make_usage({USED: again, FREE: make_answer((HELD, steady(4, 10, 3)), windows=3)}, 3)
    assert usage.memory_ratio == pytest.approx([0.5, 7 / 11, 8 / 12])
    assert usage.scrapes.tolist() == [10, 10, 10]
    assert usage.dropped == {"notANumber": 1, "negative": 1}


def test_a_sample_on_the_edge_belongs_to_the_window_that_it_ends() -> None:
    answer = make_answer((HELD, [(NAN, 1), (NAN, 1)]), windows=2)
    samples = raw(HELD, (0, 100), (0.001, 1), (300, 2), (300.001, 4), (600, 8), (600.001, 100))
    again = mended(answer, [samples], make_windows(2), MOST, curable(answer, MOST))
    assert again.sums.tolist() == [[3, 12]]


def test_series_that_differ_only_in_labels_that_are_not_read_are_mended_together() -> None:
    answer = make_answer((HELD, [(NAN, 3)]))
    parts = [raw(HELD | {"gpu": "0"}, (30, 1), (60, NAN)), raw(HELD | {"gpu": "1"}, (90, 5)), raw(SLICE, (90, 7))]
    again = mended(answer, parts, make_windows(), MOST, curable(answer, MOST))
    assert again.sums.tolist() == [[6]]


def test_what_has_no_samples_any_more_stays_absent() -> None:
    answer = make_answer((HELD, [(NAN, 10)]))
    again = mended(answer, [], make_windows(), MOST, curable(answer, MOST))
    usage = make_usage({USED: again, FREE: make_answer((HELD, steady(4)))})
    assert np.isnan(usage.memory_ratio).all()
    assert usage.dropped == {"notANumber": 10}


CURABLE: dict[str, tuple[float, bool]] = {
    "no number": (NAN, True),
    "infinity": (float("inf"), True),
    "a number for no value": (9.2e18, True),
    "less than nothing": (-1.0, True),
    "another unit": (80.0, False),
    "sound": (0.5, False),
}


@pytest.mark.parametrize(("value", "may_be_cured"), CURABLE.values(), ids=CURABLE)
def test_where_samples_may_tell_more_than_their_sum(value: float, may_be_cured: bool) -> None:
    assert curable(make_answer((HELD, steady(value))), 1.5).tolist() == [[may_be_cured]]

"""What is known of power from sums, and from samples; what a real Prometheus makes of it is for tests/integration."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from math import ceil, isfinite, nan

import numpy as np
import pytest
from gpu_series import FIVE_MINUTES, NAMES, START, held_by, instance, make_labels, make_windows
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import Asked, Reply, answer, json_reply, serving

from gpucost.model.errors import IncompleteAnswer
from gpucost.model.metered import NodePower
from gpucost.model.source import MeteredSource
from gpucost.telemetry.decode import RawSeries
from gpucost.telemetry.parts import READ_SECONDS
from gpucost.telemetry.power import PowerAnswer
from gpucost.telemetry.power_samples import MOST_WATTS
from gpucost.telemetry.queries import Matcher
from gpucost.telemetry.series import MetricAnswer, SeriesLabels
from gpucost.telemetry.settings import TelemetrySettings
from gpucost.telemetry.source import PrometheusTelemetry

POWER, POWER_LOWER = NAMES.power
SCRAPE = timedelta(seconds=30)
PER_WINDOW = FIVE_MINUTES // SCRAPE

Labels = Mapping[str, str]
Sample = tuple[int, Labels, float]
"""Tick of half a minute, from 1 in the first window, 11 in the second; the series; watts."""


def steady(labels: Labels, watts: float, ticks: Iterable[int] = range(1, 11)) -> list[Sample]:
    return [(tick, labels, watts) for tick in ticks]


def card(node: str = "n1", uuid: str = "GPU-a", **labels: str) -> dict[str, str]:
    return make_labels(Hostname=node, UUID=uuid, instance=f"{node}:9400") | labels


CALM = steady(card("calm"), 70)
"""A node that is scraped all the time, and so tells how often its job scrapes."""


class Told:
    """What `PowerAnswer` makes of samples, by metric, in some windows: it is told of no sample but those it wants."""

    def __init__(self, samples: Mapping[str, Iterable[Sample]], windows: int = 1) -> None:
        self.asked: set[str] = set()
        """Nodes."""
        self._windows = make_windows(windows)
        series = {name: _by_series(of_name) for name, of_name in samples.items()}
        answers = {name: self._answer(of_name) for name, of_name in series.items()}
        odd = {name: self._answer(of_name, odd=True) for name, of_name in series.items()}
        power = PowerAnswer(answers, odd, self._windows, {})
        wanted = {name: self._wanted(of_name, answers[name], power.untold(name)) for name, of_name in series.items()}
        by_node = power.by_node(wanted)
        assert tuple(by_node) == self._windows
        self.by_window = [
            {node: (power.watts_per_card, power.cards) for node, power in by_node[window].items() if node != "calm"}
            for window in self._windows
        ]
        self.asked -= {"calm"}

    def _answer(self, series: Mapping[SeriesLabels, list[tuple[int, float]]], *, odd: bool = False) -> MetricAnswer:
        """As Prometheus answers: ``odd`` counts what is below 0 or too much, and says nothing of others."""
        sums, counts = np.zeros((2, len(series), len(self._windows)))
        for row, samples in enumerate(series.values()):
            for tick, watts in samples:
                column = (tick - 1) // PER_WINDOW
                sums[row, column] += watts
                counts[row, column] += not odd or watts < 0 or watts > MOST_WATTS
        rows = np.flatnonzero(counts.any(axis=1))
        labels = [list(series)[row] for row in rows]
        return MetricAnswer(labels=tuple(labels), sums=sums[rows], counts=counts[rows])

    def _wanted(
        self, series: Mapping[SeriesLabels, list[tuple[int, float]]], answer: MetricAnswer, untold: np.ndarray
    ) -> list[RawSeries]:
        wanted = []
        for labels, where in zip(answer.labels, untold, strict=True):
            if where.any():
                self.asked.add(labels.Hostname)
                samples = [one for one in series[labels] if where[(one[0] - 1) // PER_WINDOW]]
                seconds = [START.timestamp() + tick * SCRAPE.total_seconds() for tick, _ in samples]
                values = [watts for _, watts in samples]
                wanted.append(RawSeries(labels=labels, seconds=np.array(seconds), values=np.array(values)))
        return wanted


def _by_series(samples: Iterable[Sample]) -> dict[SeriesLabels, list[tuple[int, float]]]:
    series = defaultdict(list)
    for tick, labels, watts in samples:
        series[SeriesLabels.of(labels)].append((tick, watts))
    return series


def power_of(samples: list[Sample]) -> tuple[tuple[float, int], set[str]]:
    """Of node n1 in the first window, and which nodes it was asked about."""
    told = Told({POWER: [*samples, *CALM]})
    return told.by_window[0]["n1"], told.asked


SUMS_TELL: dict[str, tuple[list[Sample], tuple[float, int]]] = {
    "one card": (steady(card(), 100), (100, 1)),
    "two cards": (steady(card(), 100) + steady(card(uuid="GPU-b"), 200), (150, 2)),
    "a reading that changes": (steady(card(), 100, range(1, 5)) + steady(card(), 200, range(5, 11)), (160, 1)),
    "instances": ([one for n in range(7) for one in steady(card(**instance(str(n))), 300)], (300, 1)),
    "instances of which one is held for a while": (
        steady(card(**instance("1")), 100, range(1, 5))
        + steady(card(**instance("1"), **held_by()), 200, range(5, 11))
        + steady(card(**instance("2")), 100, range(1, 5))
        + steady(card(**instance("2")), 200, range(5, 11)),
        (160, 1),
    ),
    "a pod that comes": (steady(card(), 60, range(1, 4)) + steady(card(**held_by()), 300, range(4, 11)), (228, 1)),
    "slots": ([one for n in "0123" for one in steady(card(vgpu=n, **held_by(f"p{n}")), 280)], (280, 1)),
    "a claim that two pods share": ([one for p in "ab" for one in steady(card(**held_by(p)), 280)], (280, 1)),
    "a window of which a scrape fell into the next": (steady(card(), 100, range(1, 10)), (100, 1)),
}


@pytest.mark.parametrize(("samples", "expected"), SUMS_TELL.values(), ids=SUMS_TELL)
def test_where_all_is_there_at_every_scrape_no_samples_are_asked_for(
    samples: list[Sample], expected: tuple[float, int]
) -> None:
    (watts, cards), asked = power_of(samples)
    assert (watts, cards) == (pytest.approx(expected[0]), expected[1])
    assert asked == set()


BUSY = range(6, 11)
SAMPLES_TELL: dict[str, tuple[list[Sample], tuple[float, int]]] = {
    "slots that are taken in mid window": (
        steady(card(), 60, range(1, 6))
        + [one for n in "0123" for one in steady(card(vgpu=n, **held_by(n)), 300, BUSY)],
        (180, 1),
    ),
    "a claim that is taken in mid window": (
        steady(card(), 60, range(1, 6)) + [one for p in "ab" for one in steady(card(**held_by(p)), 300, BUSY)],
        (180, 1),
    ),
    "a card that is cut anew": (
        steady(card(**instance("0")), 100, range(1, 6))
        + [one for n in "12" for one in steady(card(**instance(n)), 400, BUSY)],
        (250, 1),
    ),
    "a silence": (steady(card(), 240, range(1, 6)), (240, 1)),
    "a card that is replaced": (
        steady(card(uuid="GPU-whole"), 100) + steady(card(), 200, range(1, 6)) + steady(card(uuid="GPU-b"), 300, BUSY),
        (200, 2),
    ),
    "a node that is replaced": (
        [one for u in "ab" for one in steady(card(uuid=u), 100, range(1, 6))]
        + [one for u in "cd" for one in steady(card(uuid=u, instance="other:9400"), 300, range(7, 11))],
        (200, 2),
    ),
    "an exporter that is scraped at two addresses": (
        steady(card(), 100) + steady(card(instance="other:9400"), 200, range(4, 9)),
        ((10 * 100 + 5 * 200) / 15, 1),
    ),
    "a sample that is no number": ([*steady(card(), 100, range(1, 10)), (10, card(), nan)], (100, 1)),
    "a sample below zero": ([*steady(card(), 100, range(1, 10)), (10, card(), -1)], (100, 1)),
    "an infinite sample": ([*steady(card(), 100, range(1, 10)), (10, card(), float("inf"))], (100, 1)),
    "a sample above what a card can take": ([*steady(card(), 100, range(1, 10)), (10, card(), 5001)], (100, 1)),
    "one instance of which a sample is odd": (
        steady(card(**instance("1")), 100)
        + steady(card(**instance("2")), 100, range(1, 10))
        + steady(card(**instance("2")), -7.0, [10]),
        (100, 1),
    ),
}


@pytest.mark.parametrize(("samples", "expected"), SAMPLES_TELL.values(), ids=SAMPLES_TELL)
def test_where_it_is_not_the_samples_tell(samples: list[Sample], expected: tuple[float, int]) -> None:
    (watts, cards), asked = power_of(samples)
    assert (watts, cards) == (pytest.approx(expected[0]), expected[1])
    assert asked == {"n1"}


def test_the_most_that_a_card_can_take_counts() -> None:
    assert power_of(steady(card(), MOST_WATTS)) == ((MOST_WATTS, 1), set())


def test_a_node_alone_in_its_job_is_looked_at_sample_by_sample() -> None:
    one_after_the_other = steady(card(), 100, range(1, 6)) + steady(card(uuid="GPU-b"), 300, BUSY)
    told = Told({POWER: one_after_the_other})
    assert (told.by_window, told.asked) == ([{"n1": (200, 1)}], {"n1"})


def test_where_scrapes_are_few_each_of_them_matters() -> None:
    cut_anew = steady(card(**instance("0")), 100, [5]) + [
        one for n in "12" for one in steady(card(**instance(n)), 400, [10])
    ]
    told = Told({POWER: [*cut_anew, *steady(card("calm"), 70, [5, 10])]})
    assert (told.by_window, told.asked) == ([{"n1": (250, 1)}], {"n1"})


def test_what_is_there_in_another_window_is_no_reason_to_ask() -> None:
    one_after_the_other = steady(card(**held_by("a")), 100) + steady(card(**held_by("b")), 300, range(11, 21))
    told = Told({POWER: [*one_after_the_other, *CALM, *steady(card("calm"), 70, range(11, 21))]}, windows=2)
    assert (told.by_window, told.asked) == ([{"n1": (100, 1)}, {"n1": (300, 1)}], set())


def test_a_card_without_any_measurement_is_left_out() -> None:
    told = Told({POWER: [*steady(card(), -1), *steady(card("n2"), 100), *steady(card("n2", "GPU-b"), nan), *CALM]})
    assert told.by_window == [{"n2": (100, 1)}]


def test_a_series_without_card_or_node_is_left_out() -> None:
    told = Told({POWER: [*steady(make_labels(UUID=""), 100), *steady(make_labels(Hostname="", pod=""), 100)]})
    assert told.by_window == [{}]


SECOND_JOB = {"job": "second"}
TELLERS: dict[str, tuple[dict[str, list[Sample]], float]] = {
    "the job with most scrapes": (
        {POWER: steady(card(), 300, range(3, 11)) + steady(card(**SECOND_JOB), 310)},
        310,
    ),
    "the first job of those alike": ({POWER: steady(card(), 300) + steady(card(**SECOND_JOB), 310)}, 300),
    "the first name of those alike": ({POWER: steady(card(), 300), POWER_LOWER: steady(card(), 310)}, 300),
    "another name where the first has no measurement": (
        {POWER: steady(card(), nan), POWER_LOWER: steady(card(), 310)},
        310,
    ),
}


@pytest.mark.parametrize(("samples", "watts"), TELLERS.values(), ids=TELLERS)
def test_of_those_who_tell_of_one_card_one_counts(samples: dict[str, list[Sample]], watts: float) -> None:
    assert Told(samples).by_window == [{"n1": (watts, 1)}]


def test_cards_that_different_jobs_tell_of_add_up() -> None:
    first, second = steady(card(), 300), steady(card(uuid="GPU-b", **SECOND_JOB), 500)
    assert Told({POWER: first + second}).by_window == [{"n1": (400, 2)}]


COPIES = (
    {},
    held_by("a"),
    held_by("b"),
    {"vgpu": "0", **held_by("c")},
    instance("1"),
    {**instance("1"), **held_by("a")},
    instance("2"),
)
READING = st.floats(0, 1000) | st.sampled_from([nan, -1.0, 6000.0])
SHOWN = st.none() | st.tuples(READING, st.sets(st.sampled_from(range(len(COPIES))), min_size=1))
"""A card at one scrape: what is read of it, and under which labels that is printed; None: it is not there."""
LATER_TICKS = range(11, 17)
"""Of the second window; too few for one of them to be no matter."""
PAGES = st.dictionaries(
    st.sampled_from(["n1", "n2"]),
    st.dictionaries(
        st.sampled_from(["a", "b", "c"]), st.lists(SHOWN, min_size=len(LATER_TICKS), max_size=len(LATER_TICKS))
    ),
)


@given(PAGES)
def test_whatever_is_printed_of_a_card_its_power_is_the_mean_over_its_scrapes(
    pages: dict[str, dict[str, list[tuple[float, set[int]] | None]]],
) -> None:
    samples = steady(card("calm"), 70, LATER_TICKS)
    expected = {}
    for node, cards in pages.items():
        means, ticks = [], []
        for uuid, shown in cards.items():
            printed = [(tick, *one) for tick, one in zip(LATER_TICKS, shown, strict=True) if one]
            samples += [(tick, card(node, uuid, **COPIES[copy]), watts) for tick, watts, of in printed for copy in of]
            good = [(tick, watts) for tick, watts, _ in printed if isfinite(watts) and 0 <= watts <= MOST_WATTS]
            if good:
                means.append(sum(watts for _, watts in good) / len(good))
                ticks += [tick for tick, _ in good]
        if means:
            at_once = len(ticks) / len(set(ticks))
            expected[node] = (pytest.approx(sum(means) / len(means)), ceil(at_once - 1e-9))
    assert Told({POWER: samples}, windows=2).by_window == [{}, expected]


class FakePrometheus:
    """One card at 100 W, all the time; ``odd``: something is wrong with a sample of each window."""

    def __init__(self, *, odd: bool = False, most_windows: int = 1000) -> None:
        self._odd, self._most_windows = odd, most_windows

    def __call__(self, asked: Asked) -> Reply:
        query = asked.form["query"]
        if not asked.path.endswith("/query_range"):
            return self._instant(query, float(asked.form["time"]))
        start, end, step = (float(asked.form[name]) for name in ("start", "end", "step"))
        ends = [start + number * step for number in range(round((end - start) / step) + 1)]
        if len(ends) > self._most_windows:
            return json_reply(422, errorType="execution", error="too many samples")
        parts = {"sum": "1000", "count": "10"} if "sum_over_time" in query else {"count": "1"} if self._odd else {}
        halves = [
            {"metric": card(node) | {"gpucost_stat": stat}, "values": [[at, value] for at in ends]}
            for node in ("n1", "n2")
            for stat, value in parts.items()
        ]
        return answer("matrix", *halves)

    def _instant(self, query: str, at: float) -> Reply:
        if "vector(0)" in query:
            return answer("vector", {"metric": {}, "value": [0, "1"]})
        values = [[at - 60, "80"], [at - 30, "-1"], [at, "100"]]
        return answer("matrix", *({"metric": card(node), "values": values} for node in ("n1", "n2")))


def test_power_is_asked_with_the_matchers_in_two_questions() -> None:
    with serving(FakePrometheus()) as server:
        telemetry = PrometheusTelemetry(
            TelemetrySettings(url=server.url, matchers=(Matcher("cluster", "=", "prod"),)),
        )
        source: MeteredSource = telemetry
        told = source.read_power(make_windows(2))
        telemetry.close()
    power = NodePower(watts_per_card=100, cards=1)
    assert told == {window: {"n1": power, "n2": power} for window in make_windows(2)}
    asked = [one.form["query"] for one in server.asked if one.path.endswith("/query_range")]
    assert len(asked) == 2
    assert all(query.count("{") == query.count('{cluster="prod"') for query in asked)


def test_samples_are_asked_of_the_windows_that_need_them() -> None:
    with serving(FakePrometheus(odd=True)) as server:
        telemetry = PrometheusTelemetry(TelemetrySettings(url=server.url))
        (window,) = make_windows(1)
        told = telemetry.read_power([window])
        telemetry.close()
    assert told == {window: dict.fromkeys(("n1", "n2"), NodePower(watts_per_card=90, cards=1))}
    assert server.asked[-1].form["query"] == f'{POWER}{{UUID=~"GPU-a"}}[300000ms]'


def test_power_of_too_many_windows_at_once_is_asked_in_halves() -> None:
    with serving(FakePrometheus(most_windows=3)) as server:
        telemetry = PrometheusTelemetry(TelemetrySettings(url=server.url))
        told = telemetry.read_power(make_windows(7))
        telemetry.close()
    assert tuple(told) == make_windows(7)


def test_power_that_takes_too_long_is_incomplete() -> None:
    now = iter(range(0, 10_000, 40))
    with serving(FakePrometheus(most_windows=1)) as server:
        telemetry = PrometheusTelemetry(TelemetrySettings(url=server.url), clock=lambda: float(next(now)))
        with pytest.raises(IncompleteAnswer, match=f"in {READ_SECONDS:g} s"):
            telemetry.read_power(make_windows(7))
        telemetry.close()


def test_no_windows_have_no_power() -> None:
    with serving(FakePrometheus()) as server:
        telemetry = PrometheusTelemetry(TelemetrySettings(url=server.url))
        assert telemetry.read_power([]) == {}
        telemetry.close()
    assert server.asked == []

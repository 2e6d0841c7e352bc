"""What is asked of Prometheus, and in which order; what it means is for tests/integration."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from gpu_series import NAMES, START, USED, held_by, make_labels, make_windows
from scripted_server import Asked, Reply, ScriptedServer, answer, json_reply, serving

from gpucost.model.errors import IncompleteAnswer, SourceUnavailable
from gpucost.model.source import TelemetrySource
from gpucost.model.usage import NamedHolder
from gpucost.telemetry.queries import POD_LABELS, POD_OWNER, POD_REQUESTS, Matcher
from gpucost.telemetry.settings import TelemetrySettings
from gpucost.telemetry.source import READ_SECONDS, PrometheusTelemetry

EDGES = "vector(0)"
TOO_HEAVY = json_reply(422, errorType="execution", error="too many samples")


@dataclass
class FakePrometheus:
    """One card, held all the time, ten samples a window."""

    edge_count: str = "1"
    most_windows: int = 1000
    """More at once are too heavy."""
    down: bool = False
    instant: dict[str, Reply] = field(default_factory=dict)
    """Answers to instant queries by a word in them."""

    def __call__(self, asked: Asked) -> Reply:
        if self.down:
            return json_reply(500, error="down")
        if asked.path.endswith("/query_range"):
            return self._windows(asked)
        if EDGES in asked.form["query"]:
            return answer("vector", {"metric": {}, "value": [0, self.edge_count]})
        found = [reply for word, reply in self.instant.items() if word in asked.form["query"]]
        return found[0] if found else answer("vector")

    def _windows(self, asked: Asked) -> Reply:
        start, end, step = (float(asked.form[name]) for name in ("start", "end", "step"))
        ends = [start + number * step for number in range(round((end - start) / step) + 1)]
        if len(ends) > self.most_windows:
            return TOO_HEAVY
        labels = make_labels(**held_by())
        halves = [
            {"metric": labels | {"gpucost_stat": stat}, "values": [[at, value] for at in ends]}
            for stat, value in (("sum", "5"), ("count", "10"))
        ]
        return answer("matrix", *halves)


@contextmanager
def asking(prometheus: FakePrometheus, **settings: Any) -> Iterator[tuple[PrometheusTelemetry, ScriptedServer]]:
    with serving(prometheus) as server:
        telemetry = PrometheusTelemetry(TelemetrySettings(url=server.url, **settings))
        try:
            yield telemetry, server
        finally:
            telemetry.close()


def queries(server: ScriptedServer, word: str) -> list[str]:
    return [asked.form["query"] for asked in server.asked if word in asked.form["query"]]


def test_it_answers_as_a_telemetry_source() -> None:
    with asking(FakePrometheus()) as (telemetry, _):
        source: TelemetrySource = telemetry
        assert source.read_usage(make_windows(2)).scrapes.tolist() == [10, 10]


RANGES = {"left-open: the whole window": ("1", "300000ms"), "closed: a millisecond less": ("2", "299999ms")}


@pytest.mark.parametrize(("edge_count", "span"), RANGES.values(), ids=RANGES)
def test_the_range_takes_each_edge_once(edge_count: str, span: str) -> None:
    with asking(FakePrometheus(edge_count=edge_count)) as (telemetry, server):
        telemetry.read_usage(make_windows(2))
    assert all(query.count(f"[{span}]") == 2 for query in queries(server, "sum_over_time"))


def test_edges_are_asked_once_at_a_time_that_ten_seconds_divide_and_again_after_an_error() -> None:
    prometheus = FakePrometheus()
    with asking(prometheus) as (telemetry, server):
        telemetry.read_usage(make_windows(1))
        telemetry.read_usage(make_windows(2))
        assert len(queries(server, EDGES)) == 1
        prometheus.down = True
        with pytest.raises(SourceUnavailable):
            telemetry.read_usage(make_windows(1))
        prometheus.down, prometheus.edge_count = False, "2"
        telemetry.read_usage(make_windows(1))
    times = [asked.form["time"] for asked in server.asked if EDGES in asked.form["query"]]
    assert len(times) == 2
    assert all(float(time) % 10 == 0 for time in times)
    assert "[299999ms]" in server.asked[-1].form["query"]


def test_a_server_that_counts_edges_in_no_known_way_is_not_believed() -> None:
    with (
        asking(FakePrometheus(edge_count="3")) as (telemetry, _),
        pytest.raises(SourceUnavailable, match="ten seconds"),
    ):
        telemetry.read_usage(make_windows(1))


def test_a_day_is_asked_in_slices_of_six_hours_metric_by_metric() -> None:
    with asking(FakePrometheus()) as (telemetry, server):
        usage = telemetry.read_usage(make_windows(288))
    ranged = [asked for asked in server.asked if asked.path.endswith("/query_range")]
    assert len(ranged) == 4 * len(NAMES.all)
    spans = {float(asked.form["end"]) - float(asked.form["start"]) for asked in ranged}
    assert spans == {timedelta(hours=6, minutes=-5).total_seconds()}
    assert usage.windows == make_windows(288)
    assert usage.window.tolist() == list(range(288))


def test_no_windows_are_no_question() -> None:
    with asking(FakePrometheus()) as (telemetry, server):
        assert telemetry.read_usage([]).windows == ()
    assert server.asked == []


@pytest.mark.parametrize("most_windows", [1, 2, 3])
def test_what_is_too_heavy_is_halved_and_joined(most_windows: int) -> None:
    with asking(FakePrometheus()) as (telemetry, _):
        whole = telemetry.read_usage(make_windows(7))
    with asking(FakePrometheus(most_windows=most_windows)) as (telemetry, _):
        halved = telemetry.read_usage(make_windows(7))
    assert halved.windows == whole.windows
    assert (halved.devices, halved.holders) == (whole.devices, whole.holders)
    for name in ("window", "device", "holder", "scrapes", "row_interval_seconds", "interval_seconds"):
        assert getattr(halved, name).tolist() == getattr(whole, name).tolist()


def test_one_window_that_is_too_heavy_is_incomplete() -> None:
    with (
        asking(FakePrometheus(most_windows=0)) as (telemetry, _),
        pytest.raises(IncompleteAnswer, match="gave up on the query"),
    ):
        telemetry.read_usage(make_windows(4))


def test_a_size_that_worked_is_kept_for_the_rest_of_the_call() -> None:
    with asking(FakePrometheus(most_windows=9)) as (telemetry, server):
        usage = telemetry.read_usage(make_windows(144))
    assert usage.window.tolist() == list(range(144))
    ranged = [asked for asked in server.asked if asked.path.endswith("/query_range")]
    refused_at_72_36_and_18 = 3
    assert len(ranged) == refused_at_72_36_and_18 + 144 // 9 * len(NAMES.all)


@dataclass
class SlowClock:
    """Every look at it is so many seconds after the one before."""

    seconds: float
    now: float = 1000.0

    def __call__(self) -> float:
        self.now += self.seconds
        return self.now


def test_a_server_that_is_slow_all_the_time_is_left_after_two_minutes() -> None:
    with serving(FakePrometheus(most_windows=1)) as server:
        telemetry = PrometheusTelemetry(TelemetrySettings(url=server.url), clock=SlowClock(3))
        with pytest.raises(
            IncompleteAnswer, match=r"told of \d+ of 288 windows in 120 s; .*prometheus\.timeout\b"
        ) as caught:
            telemetry.read_usage(make_windows(288))
        telemetry.close()
    assert type(caught.value) is IncompleteAnswer, "a shorter range of the same call does not help"
    assert len(server.asked) <= READ_SECONDS / 3 + 1


def test_the_time_limit_is_of_one_call() -> None:
    with serving(FakePrometheus()) as server:
        telemetry = PrometheusTelemetry(TelemetrySettings(url=server.url), clock=SlowClock(15))
        for _ in range(3):
            assert telemetry.read_usage(make_windows(1)).scrapes.tolist() == [10]
        telemetry.close()


def test_it_says_its_name_without_credentials() -> None:
    telemetry = PrometheusTelemetry(TelemetrySettings(url="http://user:secret@prometheus:9090"))
    assert telemetry.name == "Prometheus at http://prometheus:9090"
    telemetry.close()


def test_the_time_of_the_server_is_asked_at_its_own_now() -> None:
    prometheus = FakePrometheus(instant={"time()": answer("vector", {"metric": {}, "value": [0, "1795507200.5"]})})
    with asking(prometheus) as (telemetry, server):
        assert telemetry.server_time() == datetime(2026, 11, 24, 8, 0, 0, 500_000, tzinfo=UTC)
    assert "time" not in server.asked[0].form


def test_a_server_without_a_time_is_not_believed() -> None:
    with asking(FakePrometheus()) as (telemetry, _), pytest.raises(SourceUnavailable, match="time"):
        telemetry.server_time()


def test_the_matchers_are_on_every_selector() -> None:
    with asking(FakePrometheus(), matchers=(Matcher("cluster", "=", "prod"),)) as (telemetry, server):
        telemetry.newest_sample()
        telemetry.read_usage(make_windows(1))
        telemetry.read_ended_pods([NamedHolder("ml", "train-0", "main")], START)
    asked = [query for query in (asked.form["query"] for asked in server.asked) if EDGES not in query]
    assert len(asked) == 1 + len(NAMES.all) + 3
    assert all(query.count("{") == query.count('{cluster="prod"') for query in asked)


def test_the_newest_sample_is_a_time() -> None:
    prometheus = FakePrometheus(instant={USED: answer("vector", {"metric": {}, "value": [0, "1795507200.5"]})})
    with asking(prometheus) as (telemetry, _):
        assert telemetry.newest_sample() == datetime(2026, 11, 24, 8, 0, 0, 500_000, tzinfo=UTC)


def test_no_sample_lately_is_none() -> None:
    with asking(FakePrometheus()) as (telemetry, _):
        assert telemetry.newest_sample() is None


def make_pod_series(name: str, uid: str, seen: int, namespace: str = "ml", **labels: str) -> dict[str, Any]:
    return {"metric": {"namespace": namespace, "pod": name, "uid": uid} | labels, "value": [0, str(seen)]}


def test_ended_pods_are_those_named_in_the_order_in_which_they_were_last_seen() -> None:
    seen = [
        make_pod_series("train-0", "u2", 200, label_team="new"),
        make_pod_series("train-0", "u1", 100, label_team="old"),
        make_pod_series("train-0", "u3", 300, namespace="other"),
    ]
    prometheus = FakePrometheus(instant={POD_LABELS: answer("vector", *seen)})
    with asking(prometheus) as (telemetry, _):
        pods = telemetry.read_ended_pods([NamedHolder("ml", "train-0", "main")], START)
    assert [(pod.uid, pod.labels) for pod in pods] == [("u1", {"team": "old"}), ("u2", {"team": "new"})]


def test_many_pods_are_asked_in_batches_at_the_given_time() -> None:
    holders = [NamedHolder("ml", f"train-{number}", container) for number in range(120) for container in ("a", "b")]
    with asking(FakePrometheus(), pod_history=timedelta(hours=2)) as (telemetry, server):
        assert telemetry.read_ended_pods(holders, START) == ()
    assert len(server.asked) == 3 * 3
    assert {asked.form["time"] for asked in server.asked} == {"1795507200.000"}
    for metric in (POD_LABELS, POD_OWNER, POD_REQUESTS):
        assert all("[7200000ms" in query for query in queries(server, metric))


def test_nobody_to_ask_about_is_no_question() -> None:
    with asking(FakePrometheus()) as (telemetry, server):
        assert telemetry.read_ended_pods([], START) == ()
    assert server.asked == []


def test_a_partial_pod_history_is_incomplete() -> None:
    prometheus = FakePrometheus(instant={POD_OWNER: answer("vector", warnings=["a store is away"])})
    with asking(prometheus) as (telemetry, _), pytest.raises(IncompleteAnswer, match="a store is away"):
        telemetry.read_ended_pods([NamedHolder("ml", "train-0", "main")], START)

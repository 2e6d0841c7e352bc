"""What is asked of Prometheus, and in which order; what it means is for tests/integration."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from gpu_series import ENGINE, NAMES, START, USED, held_by, make_labels, make_windows
from scripted_server import Asked, Reply, ScriptedServer, answer, json_reply, serving

from gpucost.model.errors import IncompleteAnswer, SourceUnavailable
from gpucost.model.fleet import Request
from gpucost.model.source import TelemetrySource
from gpucost.model.tenancy import LabelKeys
from gpucost.model.usage import NamedHolder
from gpucost.telemetry import source
from gpucost.telemetry.parts import READ_SECONDS
from gpucost.telemetry.queries import (
    OWN_POD_BOUND,
    OWN_POD_ENDED,
    OWN_POD_INFO,
    POD_INFO,
    POD_LABELS,
    POD_OWNER,
    POD_REQUESTS,
    Matcher,
)
from gpucost.telemetry.settings import TelemetrySettings
from gpucost.telemetry.source import PrometheusTelemetry

EDGES = "vector(0)"
TOO_HEAVY = json_reply(422, errorType="execution", error="too many samples")


@dataclass
class FakePrometheus:
    """One card, held all the time, ten samples a window."""

    edge_count: str = "1"
    most_windows: int = 1000
    """More at once are too heavy."""
    down: bool = False
    sum: str = "5"
    labels: dict[str, str] = field(default_factory=dict)
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
        return found[0] if found else answer("matrix" if asked.form["query"].endswith("]") else "vector")

    def _windows(self, asked: Asked) -> Reply:
        start, end, step = (float(asked.form[name]) for name in ("start", "end", "step"))
        ends = [start + number * step for number in range(round((end - start) / step) + 1)]
        if len(ends) > self.most_windows:
            return TOO_HEAVY
        labels = make_labels(**held_by()) | self.labels
        halves = [
            {"metric": labels | {"gpucost_stat": stat}, "values": [[at, value] for at in ends]}
            for stat, value in (("sum", self.sum), ("count", "10"))
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
    asked = queries(server, "sum_over_time")
    assert all(query.count(f"[{span}]") == query.count("_over_time(") for query in asked)


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
    assert len(ranged) == 4 * len(NAMES.groups)
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
    assert len(ranged) == refused_at_72_36_and_18 + 144 // 9 * len(NAMES.groups)


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
    assert len(asked) == 1 + len(NAMES.groups) + 4
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
    assert len(server.asked) == 3 * 4
    assert {asked.form["time"] for asked in server.asked} == {"1795507200.000"}
    for metric in (POD_LABELS, POD_OWNER, POD_REQUESTS):
        assert all("[7200000ms" in query for query in queries(server, metric))


def test_nobody_to_ask_about_is_no_question() -> None:
    with asking(FakePrometheus()) as (telemetry, server):
        assert telemetry.read_ended_pods([], START) == ()
    assert server.asked == []


TENANCY = {"team": "vision", "product": "p", "cost_centre": "c", "environment": "e"}
INFO = TENANCY | {"node": "n1", "workload": "Job/train", "workload_type": "batch", "container": "main"}


def test_what_we_said_of_a_pod_ourselves_counts_before_kube_state_metrics() -> None:
    info = make_pod_series("train-0", "u1", 2, **INFO, resource="nvidia.com/gpu")
    seen = [make_pod_series("train-0", uid, 100, label_team="other") for uid in ("u1", "u2")]
    life = [{"metric": {"uid": "u1"}, "value": [0, "1795507200.5"]}]
    prometheus = FakePrometheus(
        instant={
            OWN_POD_INFO: answer("vector", info),
            POD_LABELS: answer("vector", *seen),
            OWN_POD_BOUND: answer("vector", *life),
        }
    )
    with asking(prometheus, label_keys=LabelKeys(team=("org/team",))) as (telemetry, server):
        pods = telemetry.read_ended_pods([NamedHolder("ml", "train-0", "main")], START)
    assert [(pod.uid, pod.labels.get("org/team"), pod.labels.get("team")) for pod in pods] == [
        ("u1", "vision", None),
        ("u2", None, "other"),
    ]
    assert pods[0].bound == datetime(2026, 11, 24, 8, 0, 0, 500_000, tzinfo=UTC)
    assert pods[0].requests == (Request("main", "nvidia.com/gpu", 2),)
    assert all('uid=~"u1"' in query for query in queries(server, OWN_POD_ENDED))


def test_pods_that_have_a_series_of_ours_need_none_without_uid() -> None:
    info = make_pod_series("train-0", "u1", 2, **INFO, resource="nvidia.com/gpu")
    nameless = make_pod_series("train-0", "", 100, label_team="other")
    prometheus = FakePrometheus(instant={OWN_POD_INFO: answer("vector", info), POD_LABELS: answer("vector", nameless)})
    with asking(prometheus) as (telemetry, _):
        pods = telemetry.read_ended_pods([NamedHolder("ml", "train-0", "main")], START)
    assert [pod.uid for pod in pods] == ["u1"]


UNNAMED = {"Hostname": "", "pod": "nvidia-dcgm-exporter-x7k2p", "namespace": "gpu-operator"}


def make_place(node: str = "n7", namespace: str = "gpu-operator") -> dict[str, Any]:
    return make_pod_series("nvidia-dcgm-exporter-x7k2p", "u", 1, namespace, node=node)


def test_the_node_of_an_exporter_that_does_not_say_it_is_that_of_its_pod() -> None:
    prometheus = FakePrometheus(labels=UNNAMED, instant={POD_INFO: answer("vector", make_place())})
    with asking(prometheus) as (telemetry, server):
        for _ in range(2):
            assert [device.node for device in telemetry.read_usage(make_windows(1)).devices] == ["n7"]
    assert len(queries(server, POD_INFO)) == 1, "a pod never moves"


def test_an_exporter_known_by_its_name_alone_is_on_no_node_where_two_have_that_name() -> None:
    prometheus = FakePrometheus(
        labels=UNNAMED | {"Hostname": "nvidia-dcgm-exporter-x7k2p", "pod": "", "container": ""},
        instant={POD_INFO: answer("vector", make_place(), make_place("n8", "other"))},
    )
    with asking(prometheus) as (telemetry, _):
        devices = telemetry.read_usage(make_windows(1)).devices
    assert [device.node for device in devices] == ["nvidia-dcgm-exporter-x7k2p"]


def test_exporters_that_say_where_they_are_cost_no_question() -> None:
    with asking(FakePrometheus()) as (telemetry, server):
        telemetry.read_usage(make_windows(1))
    assert queries(server, POD_INFO) == []


def make_raw(*samples: tuple[float, str]) -> Reply:
    """Samples at seconds after the start."""
    values = [[START.timestamp() + seconds, value] for seconds, value in samples]
    return answer("matrix", {"metric": make_labels(**held_by()), "values": values})


def test_one_sample_that_is_no_number_costs_one_more_question_and_no_other_sample() -> None:
    raw = make_raw((30, "0.5"), (60, "NaN"), (330, "0.7"), (630, "0.9"))
    prometheus = FakePrometheus(sum="NaN", instant={f'{ENGINE}{{UUID=~"GPU-a"}}[900000ms]': raw})
    with asking(prometheus) as (telemetry, server):
        usage = telemetry.read_usage(make_windows(3))
    assert usage.compute_ratio.tolist() == pytest.approx([0.5, 0.7, 0.9])
    assert usage.dropped["notANumber"] >= 1
    times = [asked.form["time"] for asked in server.asked if "UUID=~" in asked.form["query"]]
    assert set(times) == {f"{make_windows(3)[-1].end.timestamp():.3f}"}


def test_an_exporter_whose_every_series_is_spoiled_is_not_asked_for_all_its_samples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(source, "_MOST_CURED", 2)
    with asking(FakePrometheus(sum="NaN")) as (telemetry, server):
        usage = telemetry.read_usage(make_windows(1))
    assert len(queries(server, "UUID=~")) == 2
    assert usage.dropped == {"notANumber": 10 * len(NAMES.groups)}


def test_samples_are_asked_under_the_matchers_and_for_the_spelling_of_the_card() -> None:
    prometheus = FakePrometheus(sum="NaN", labels={"UUID": "", "uuid": "GPU-a"})
    with asking(prometheus, matchers=(Matcher("cluster", "=", "prod"),)) as (telemetry, server):
        usage = telemetry.read_usage(make_windows(1))
    assert np.isnan(usage.compute_ratio).all()
    assert f'{ENGINE}{{cluster="prod",uuid=~"GPU-a"}}[300000ms]' in [asked.form["query"] for asked in server.asked]


def test_a_partial_pod_history_is_incomplete() -> None:
    prometheus = FakePrometheus(instant={POD_OWNER: answer("vector", warnings=["a store is away"])})
    with asking(prometheus) as (telemetry, _), pytest.raises(IncompleteAnswer, match="a store is away"):
        telemetry.read_ended_pods([NamedHolder("ml", "train-0", "main")], START)

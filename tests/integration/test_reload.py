"""Another configuration while the operator runs: taken between two windows if it is good, refused if it is bad."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from past_morning import SETTLED, PastMorning, past_morning
from running_operator import Object, RunningOperator, read_cluster_report
from true_figures import assert_bill_exact

from gpucost.model.money import parse_e9
from gpucost.model.time import windows_between

pytestmark = pytest.mark.cluster

Eventually = Callable[[Callable[[], object], float], bool]
HOURS = timedelta(hours=3)
HOUR = timedelta(hours=1)
HASTE = 20
FIVE, TEN = timedelta(minutes=5), timedelta(minutes=10)
BAD = {
    "an unknown key": "prometeus: {}",
    "a window that divides no day": "window: 7m",
    "no YAML": "window: [",
    "a URL that is none": "prometheus: {url: nowhere}",
    "no Prometheus": "{}",
}


@pytest.fixture(scope="module")
def box(
    control_plane_binaries: dict[str, Path],
    prometheus_binaries: dict[str, Path],
    kubectl: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[PastMorning]:
    assert control_plane_binaries
    assert prometheus_binaries
    assert kubectl
    with past_morning(tmp_path_factory.mktemp("reload"), hours=HOURS, seed=8) as morning:
        yield morning


@pytest.fixture
def morning(box: PastMorning) -> PastMorning:
    box.clear()
    box.set_time(HOUR + SETTLED)
    return box


@contextmanager
def running(morning: PastMorning, folder: Path, **settings: object) -> Iterator[RunningOperator]:
    url = morning.sandbox.prometheus_url
    with RunningOperator(folder, morning.kubeconfig, url, now=morning.pace, settings=settings, haste=HASTE) as operator:
        yield operator
        assert operator.stop() < 10


def cluster_status(morning: PastMorning) -> Object:
    report = read_cluster_report(morning.sandbox, morning.day)
    assert report is not None
    status: Object = report["status"]
    return status


def test_a_good_one_counts_from_the_next_window_on(
    morning: PastMorning, tmp_path: Path, eventually: Eventually
) -> None:
    with running(morning, tmp_path) as operator:
        assert eventually(lambda: morning.is_at(HOUR), 60), operator.log()
        loaded = operator.metric("gpucost_config_loaded_timestamp_seconds")
        before = cluster_status(morning)
        morning.set_time(HOUR + SETTLED + timedelta(seconds=30))
        operator.configure({"gpuFraction": 0.5})
        assert eventually(lambda: "has changed" in operator.log(), 30), operator.log()
        later = operator.metric("gpucost_config_loaded_timestamp_seconds")
        assert loaded is not None
        assert later is not None
        assert later > loaded
        morning.set_time(HOURS + SETTLED)
        assert eventually(lambda: morning.is_at(HOURS), 60), operator.log()
        assert operator.metric("gpucost_leader_changes_total") == 1
    after = cluster_status(morning)
    windows = windows_between(morning.window.start, morning.window.end, FIVE)
    assert after["windows"] == len(windows)
    grown = parse_e9(after["nodeCost"]) - parse_e9(before["nodeCost"])
    assert parse_e9(before["host"]) == 0
    assert abs(parse_e9(after["host"]) - grown / 2) <= len(windows) * len(morning.fleet.gpu_nodes)
    report = read_cluster_report(morning.sandbox, morning.day)
    assert report is not None
    assert_bill_exact(report, morning.fleet, windows)


def test_a_bad_one_is_refused_and_the_one_before_stays(
    morning: PastMorning, tmp_path: Path, eventually: Eventually
) -> None:
    with running(morning, tmp_path) as operator:
        assert eventually(lambda: morning.is_at(HOUR), 60), operator.log()
        good = operator.config.read_text()
        for text in BAD.values():
            before = operator.log().count("is not taken")
            operator.config.write_text(text)
            assert eventually(lambda before=before: operator.log().count("is not taken") > before, 30), operator.log()
            assert operator.metric("gpucost_config_refused") == 1
        assert 'window "7m" must be a span of time with its unit' in operator.log()
        morning.set_time(2 * HOUR + SETTLED)
        assert eventually(lambda: morning.is_at(2 * HOUR), 60), operator.log()
        operator.config.write_text(good)
        assert eventually(lambda: operator.metric("gpucost_config_refused") == 0, 30), operator.log()
        assert "has changed" not in operator.log()
        morning.set_time(HOURS + SETTLED)
        assert eventually(lambda: morning.is_at(HOURS), 60), operator.log()
        assert "ERROR" not in operator.log()
    morning.assert_true(HOURS)


def test_a_mounted_one_is_replaced_as_the_kubelet_does_it(
    morning: PastMorning, tmp_path: Path, eventually: Eventually
) -> None:
    (tmp_path / "..first").mkdir()
    (tmp_path / "..data").symlink_to("..first")
    (tmp_path / "config.yaml").symlink_to("..data/config.yaml")
    with running(morning, tmp_path, prometheus={"url": "http://127.0.0.1:9", "timeout": "1s"}) as operator:
        assert eventually(lambda: "127.0.0.1:9 cannot be reached" in operator.ask("/readyz")[1], 60), operator.log()
        (tmp_path / "..second").mkdir()
        text = operator.config.read_text().replace("http://127.0.0.1:9", morning.sandbox.prometheus_url)
        (tmp_path / "..second" / "config.yaml").write_text(text)
        (tmp_path / "..data_tmp").symlink_to("..second")
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")
        assert eventually(lambda: morning.is_at(HOUR), 60), operator.log()
        assert eventually(lambda: operator.ask("/readyz")[0] == 200, 30), operator.log()
    morning.assert_true(HOUR)


def test_what_cannot_change_is_told_and_the_rest_is_taken(
    morning: PastMorning, tmp_path: Path, eventually: Eventually
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, running(morning, tmp_path) as operator:
        assert eventually(lambda: morning.is_at(HOUR), 60), operator.log()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        operator.configure({"listen": address, "leaderElection": {"enabled": False}, "gpuFraction": 0.5})
        assert eventually(lambda: "has changed" in operator.log(), 30), operator.log()
        assert "listen and leaderElection changed and will count after a restart" in operator.log()
        assert operator.ask("/healthz") == (200, "ok\n")
        morning.set_time(2 * HOUR + SETTLED)
        assert eventually(lambda: morning.is_at(2 * HOUR), 60), operator.log()
    assert parse_e9(cluster_status(morning)["host"]) > 0


def test_windows_of_another_length_go_on_where_the_ones_before_ended(
    morning: PastMorning, tmp_path: Path, eventually: Eventually
) -> None:
    morning.set_time(HOUR + FIVE + SETTLED)
    with running(morning, tmp_path) as operator:
        assert eventually(lambda: morning.is_at(HOUR + FIVE), 60), operator.log()
        operator.configure({"window": "10m"})
        assert eventually(lambda: "has changed" in operator.log(), 30), operator.log()
        morning.set_time(HOURS + SETTLED)
        assert eventually(lambda: morning.is_at(HOURS), 60), operator.log()
    start, seam = morning.window.start, morning.window.start + HOUR + TEN
    windows = (*windows_between(start, seam, FIVE), *windows_between(seam, morning.window.end, TEN))
    report = read_cluster_report(morning.sandbox, morning.day)
    assert report is not None
    assert_bill_exact(report, morning.fleet, windows)
    assert report["status"]["windows"] == len(windows)

"""The same windows by the operator live, by its backfill and by a command: the same statuses, but for times."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fault_proxy import FaultProxy, Mode
from past_morning import SETTLED, PastMorning, past_morning
from running_operator import Object, RunningOperator, read_cluster_report, read_reports
from true_figures import figures_of

from gpucost.model.time import format_time
from tests.chaos.world import part_of

pytestmark = pytest.mark.cluster

Eventually = Callable[[Callable[[], object], float], bool]
HOUR = timedelta(hours=1)
WINDOW = timedelta(minutes=5)
Said = dict[str, str]
"""Which report to its status, but for times, as canonical JSON."""


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
    with past_morning(
        tmp_path_factory.mktemp("same"), hours=HOUR, seed=12, only=lambda fleet: part_of(fleet, ())
    ) as box:
        yield box


@pytest.fixture
def morning(box: PastMorning) -> PastMorning:
    box.clear()
    return box


def test_the_same_windows_are_the_same_bytes_live_later_and_by_a_command(
    morning: PastMorning, tmp_path: Path, eventually: Eventually
) -> None:
    live = operated(morning, tmp_path, eventually, steps=[WINDOW * count for count in range(1, HOUR // WINDOW + 1)])
    morning.clear()
    later = operated(morning, tmp_path, eventually, steps=[HOUR])
    assert later == live
    assert reported(morning, morning.sandbox.prometheus_url)[0] == live
    assert len(live) > 5


def test_a_command_takes_partial_answers_and_says_so_with_the_same_figures(morning: PastMorning) -> None:
    whole, silence = reported(morning, morning.sandbox.prometheus_url)
    with FaultProxy(morning.sandbox.prometheus_url, Mode.PARTIAL) as proxy:
        partial, told = reported(morning, proxy.url)
        explained = run(morning, "explain", a_pod(morning), *interval_of(morning), prometheus_url=proxy.url).stderr
    assert "TelemetryIncomplete" not in silence
    for words in (told, explained):
        assert "TelemetryIncomplete: " in words
        assert "a part of the storage is away" in words
    assert partial.keys() == whole.keys()
    for key, text in partial.items():
        mine, other = json.loads(text), json.loads(whole[key])
        assert "PartialAnswer" in {condition["reason"] for condition in mine.pop("conditions")}
        for status in (mine, other):
            for name in ("conditions", "digest", "concerns"):
                status.pop(name, None)
        assert mine == other


def test_pods_that_only_prometheus_knows_any_more_cost_the_same(morning: PastMorning, tmp_path: Path) -> None:
    """The API server here gives pods other UIDs than Prometheus says: where that makes two of one, it is told."""
    known, late = tmp_path / "known", tmp_path / "late"
    save(morning, known)
    save(morning, late, without="pods")
    before, after = (
        {key: json.loads(text) for key, text in reported(morning, "", "--cluster-dir", str(folder))[0].items()}
        for folder in (known, late)
    )
    assert before.keys() == after.keys()
    for key, status in after.items():
        for name in ("nodeCost", "allocated", "cost", "unallocated", "residual"):
            assert status.get(name) == before[key].get(name), key
    assert {status["estimatedCost"] for status in after.values()} == {"0.000000000"}
    assert any(status["estimatedCost"] != "0.000000000" for status in before.values())


def save(morning: PastMorning, folder: Path, without: str = "") -> None:
    folder.mkdir()
    for kind in ("nodes", "pods", "namespaces"):
        listed = json.loads(morning.sandbox.kubectl("get", kind, "-A", "-o", "json"))
        (folder / f"{kind}.json").write_text(
            json.dumps({**listed, "items": [] if kind == without else listed["items"]})
        )


def operated(morning: PastMorning, folder: Path, eventually: Eventually, *, steps: list[timedelta]) -> Said:
    """What the operator writes whose clock stands at each step until the windows up to there are in."""
    morning.set_time(steps[0] + SETTLED)
    url = morning.sandbox.prometheus_url
    with RunningOperator(folder, morning.kubeconfig, url, now=morning.pace, haste=50) as operator:
        for step in steps:
            morning.set_time(step + SETTLED)
            assert eventually(lambda step=step: morning.is_at(step), 60), operator.log()
        assert operator.stop() < 10
    cluster = read_cluster_report(morning.sandbox, morning.day)
    assert cluster is not None
    return {key_of(report): said(report) for report in (cluster, *read_reports(morning.sandbox, morning.day).values())}


def reported(morning: PastMorning, prometheus_url: str, *options: str) -> tuple[Said, str]:
    """What the command prints, and what it tells beside it."""
    done = run(morning, "report", *interval_of(morning), *options, "-o", "json", prometheus_url=prometheus_url)
    return {key_of(report): said(report) for report in json.loads(done.stdout)["items"]}, done.stderr


def interval_of(morning: PastMorning) -> tuple[str, ...]:
    return "--from", format_time(morning.window.start), "--to", format_time(morning.window.end)


def run(morning: PastMorning, *arguments: str, prometheus_url: str = "") -> "subprocess.CompletedProcess[str]":
    prometheus = ("--prometheus", prometheus_url or morning.sandbox.prometheus_url)
    command = [
        sys.executable,
        "-m",
        "gpucost.app.cli",
        *arguments,
        *prometheus,
        "--kubeconfig",
        str(morning.kubeconfig),
    ]
    environ = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2] / "operator"),
        "KUBECONFIG": str(morning.kubeconfig),
    }
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=True)


def key_of(report: Object) -> str:
    return f"{report['kind']} {report['metadata'].get('namespace', '')}/{report['metadata']['name']}"


def said(report: Object) -> str:
    return json.dumps(figures_of(report), sort_keys=True)


def a_pod(morning: PastMorning) -> str:
    """That held a GPU in these hours."""
    window = morning.window
    return next(pod.name for pod in morning.fleet.pods if pod.bound < window.start + HOUR / 2 and pod.ended is None)

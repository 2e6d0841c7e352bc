"""A release on a real API server: what the operator does with its rights, and what becomes of the reports."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from chart_cluster import NAME, NAMESPACE, RELEASE, Cluster, ReleasedOperator, cluster_at_the_end_of_a_month
from chart_rendering import CARD, CHART, Object

from gpucost.model.time import format_time

pytestmark = pytest.mark.cluster

Eventually = Callable[[Callable[[], object], float], bool]

GPUCOST = (sys.executable, "-m", "gpucost.app.cli")
EARLY, CLOSED = timedelta(minutes=8), timedelta(minutes=12)
"""After a period's end: a window is still waited for; the default lateness is over."""
REPORT: Object = {
    "team": "research",
    "period": "Day",
    "start": "2026-01-01T00:00:00Z",
    "end": "2026-01-02T00:00:00Z",
    "currency": "USD",
}
COLUMN = "    - {name: Newer, type: string, jsonPath: .spec.team, description: Of a later version.}\n"
BROKEN: Object = {"currency": "EUR", "rates": [{"name": "all", "nodeHourly": "1"}]}
"""In a currency that nothing is known of: an Event tells so."""


@pytest.fixture(scope="module")
def cluster(
    control_plane_binaries: dict[str, Path],
    prometheus_binaries: dict[str, Path],
    kubectl: Path,
    helm: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cluster]:
    assert control_plane_binaries
    assert prometheus_binaries
    assert kubectl
    with cluster_at_the_end_of_a_month(helm, tmp_path_factory.mktemp("release")) as cluster:
        yield cluster


@pytest.fixture
def installed(cluster: Cluster) -> None:
    """Whatever the test before left."""
    if not cluster.helm("list", "-q").strip():
        cluster.install({})


def test_with_only_the_url_set_operators_do_their_whole_job_and_nothing_is_refused(
    cluster: Cluster, tmp_path: Path, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPUCOST_NAMESPACE", NAMESPACE)  # the pod's own, which it reads beside its token
    assert "What to do next" in cluster.install({})
    refused = cluster.refused_requests()
    cluster.apply("GpuRateCard", "broken", BROKEN)
    cluster.set_time(cluster.midnight + EARLY)
    with replicas(cluster, tmp_path, eventually) as (leader, rival):
        before = format_time(cluster.midnight - timedelta(minutes=5))
        assert eventually(lambda: f"until {before}" in leader.log(), 120), leader.log()
        assert eventually(lambda: cluster.events() == {("GpuRateCard", "broken")}, 30), leader.log()
        assert cluster.read("grc", "broken")["status"]["conditions"]
        assert cluster.phases(*cluster.day) == {"Open"}
        leader.stop()
        assert eventually(rival.leads, 30), rival.log()
        finish_the_month(cluster, rival, eventually)
        follow_a_shorter_retention(cluster, rival, eventually)
        rival.stop()
    assert cluster.read("lease", "gpucost")["spec"]["holderIdentity"] == ""
    assert cluster.names("gcw") == set()
    assert cluster.refused_requests() == refused


@contextmanager
def replicas(
    cluster: Cluster, folder: Path, eventually: Eventually
) -> Iterator[tuple[ReleasedOperator, ReleasedOperator]]:
    """Two of them: the first leads, the other stands by."""
    with cluster.operator(folder / "a", "a") as leader:
        assert eventually(leader.leads, 30), leader.log()
        with cluster.operator(folder / "b", "b") as rival:
            assert eventually(lambda: f"is held by {leader.replica}" in rival.log(), 30), rival.log()
            yield leader, rival


def finish_the_month(cluster: Cluster, operator: ReleasedOperator, eventually: Eventually) -> None:
    """And write anew what somebody deletes."""
    cluster.set_time(cluster.midnight + CLOSED)
    assert eventually(lambda: f"closed {cluster.month_name}\n" in operator.log(), 60), operator.log()
    reports = cluster.reports(*cluster.day)
    assert cluster.phases(*cluster.day) == cluster.phases(*cluster.month) == {"Final"}
    status = cluster.read("cgcr", cluster.month_name)["status"]
    assert status["residual"] == "0.000000000"
    assert float(status["allocated"]) > 0
    namespace, name = next(key for key in reports if key[0])
    cluster.sandbox.kubectl("delete", "gcr", name, "-n", namespace)
    assert eventually(lambda: cluster.reports(*cluster.day) == reports, 60), operator.log()


def follow_a_shorter_retention(cluster: Cluster, operator: ReleasedOperator, eventually: Eventually) -> None:
    assert cluster.reports(*cluster.day_before)
    cluster.upgrade({"config": {"retention": {"days": 1}}})
    operator.text = cluster.configuration()
    operator.configure({})
    assert eventually(lambda: not cluster.reports(*cluster.day_before), 60), operator.log()
    assert cluster.reports(*cluster.day)
    assert cluster.reports(*cluster.month)


@pytest.mark.usefixtures("installed")
def test_helm_test_runs_a_doctor_that_may_look_at_all_it_needs(cluster: Cluster, tmp_path: Path) -> None:
    refused = cluster.refused_requests()
    config = tmp_path / "config.yaml"
    config.write_text(cluster.configuration())
    files = ("--config", str(config), "--kubeconfig", str(cluster.kubeconfig()))
    command = [*GPUCOST, "doctor", *files, "-o", "json"]
    environ = {**os.environ, "GPUCOST_NAMESPACE": NAMESPACE}  # the pod's own, which it reads beside its token
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    found = {(entry["subject"], entry["status"]) for entry in json.loads(done.stdout)}
    assert {("API server", "ok"), ("CRDs", "ok"), ("rights", "ok")} <= found, done.stderr
    assert cluster.refused_requests() == refused


@pytest.mark.usefixtures("installed")
def test_reports_outlive_upgrades_a_rollback_and_an_uninstall(cluster: Cluster, tmp_path: Path) -> None:
    cluster.apply("GpuCostReport", "kept", REPORT)
    kept, columns = cluster.read("gcr", "kept"), cluster.columns()
    newer = tmp_path / "gpucost"
    shutil.copytree(CHART, newer)
    crd = newer / "files" / "crds" / "gpucostreports.yaml"
    crd.write_text(crd.read_text().replace("additionalPrinterColumns:\n", f"additionalPrinterColumns:\n{COLUMN}"))
    meta = newer / "Chart.yaml"
    meta.write_text(re.sub(r"(?m)^version: .*", "version: 99.0.0", meta.read_text()))

    cluster.upgrade({"config": {"window": "10m"}}, newer)
    assert cluster.columns() == ["Newer", *columns]
    assert "window: 10m" in cluster.configuration()
    cluster.helm("rollback", RELEASE, "1")
    assert cluster.columns() == columns
    assert "window" not in cluster.configuration()
    assert "gpucostreports.gpucost.io" in cluster.helm("uninstall", RELEASE)
    assert cluster.read("gcr", "kept") == kept
    assert NAME not in cluster.names("deployment")

    cluster.install({"rateCard": {"name": "contract", "spec": CARD}})
    assert cluster.read("gcr", "kept") == kept
    assert cluster.read("grc", "contract")["spec"] == CARD


@pytest.mark.usefixtures("installed")
def test_a_rate_card_of_the_values_is_changed_in_place_and_never_taken_away(cluster: Cluster) -> None:
    cluster.upgrade({"rateCard": {"name": "first", "spec": CARD}})
    first = cluster.read("grc", "first")
    dearer = {**CARD, "rates": [{"name": "all", "nodeHourly": "3.00"}]}
    cluster.upgrade({"rateCard": {"name": "first", "spec": dearer}})
    second = cluster.read("grc", "first")
    assert (second["spec"], second["metadata"]["uid"]) == (dearer, first["metadata"]["uid"])
    cluster.upgrade({})
    assert cluster.read("grc", "first")["spec"] == dearer


@pytest.mark.usefixtures("installed")
def test_under_another_name_there_are_two_ways_and_both_work(cluster: Cluster) -> None:
    cluster.helm("uninstall", RELEASE)
    values = cluster.chart.file({"prometheus": {"url": cluster.sandbox.prometheus_url}})
    other = ("install", "other", str(CHART), "-n", "elsewhere", "--create-namespace", "-f", values)
    assert "invalid ownership metadata" in cluster.refusal(*other)
    cluster.run(*other, "--set=crds.enabled=false")
    cluster.run("uninstall", "other", "-n", "elsewhere")
    cluster.run(*other, "--take-ownership")
    cluster.run("uninstall", "other", "-n", "elsewhere")
    assert "gpucostreports.gpucost.io" in cluster.names("crd")
    cluster.helm("install", RELEASE, str(CHART), "-f", values, "--take-ownership")


@pytest.mark.usefixtures("installed")
def test_without_keep_an_uninstall_takes_the_crds_with_it(cluster: Cluster, eventually: Eventually) -> None:
    cluster.upgrade({"crds": {"keep": False}})
    cluster.helm("uninstall", RELEASE)
    assert eventually(lambda: not [name for name in cluster.names("crd") if name.endswith(".gpucost.io")], 30)
    cluster.install({"rateCard": {"name": "contract", "spec": CARD}})
    assert cluster.read("grc", "contract")["spec"] == CARD

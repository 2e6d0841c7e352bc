"""A release on a real API server: what the operator does with its rights, and what becomes of the reports."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from chart_rendering import CARD, CHART, Chart, Object, Values

from gpucost.model.time import DAY, Window, floor_to, format_time
from gpucost.simulation.fleet import make_fleet
from sandbox.session import Sandbox

pytestmark = pytest.mark.cluster

Eventually = Callable[[Callable[[], object], float], bool]

NAMESPACE = "gpu-costs"
RELEASE = "costs"
NAME = "costs-gpucost"
GPUCOST = (sys.executable, "-m", "gpucost.app.cli")
SETTLED = timedelta(minutes=2)
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


@dataclass(frozen=True)
class Cluster:
    """A sandbox with a GPU fleet, and helm."""

    sandbox: Sandbox
    chart: Chart
    history: Window

    def helm(self, *arguments: str) -> str:
        return self.run(*arguments, "-n", NAMESPACE)

    def run(self, *arguments: str) -> str:
        return self.chart.run(*arguments, environ={"KUBECONFIG": str(self.sandbox.kubeconfig)})

    def refusal(self, *arguments: str) -> str:
        with pytest.raises(AssertionError) as refusal:
            self.run(*arguments)
        return str(refusal.value)

    def install(self, values: Values) -> str:
        return self.helm("install", RELEASE, str(CHART), "--create-namespace", "-f", self._file(values))

    def upgrade(self, values: Values, chart: Path = CHART) -> str:
        return self.helm("upgrade", RELEASE, str(chart), "-f", self._file(values))

    def _file(self, values: Values) -> str:
        return self.chart.file({"prometheus": {"url": self.sandbox.prometheus_url}, **values})

    def apply(self, kind: str, name: str, spec: Object) -> None:
        metadata = {"name": name, **({} if kind == "GpuRateCard" else {"namespace": NAMESPACE})}
        path = self.chart.folder / f"{name}.json"
        path.write_text(
            json.dumps({"apiVersion": "gpucost.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec})
        )
        self.sandbox.kubectl("apply", "-f", str(path))

    def read(self, kind: str, name: str) -> Object:
        told: Object = json.loads(self.sandbox.kubectl("get", kind, name, "-n", NAMESPACE, "-o", "json"))
        return told

    def items(self, kind: str) -> list[Object]:
        """Of all namespaces, or of none where the kind has none."""
        told: list[Object] = json.loads(self.sandbox.kubectl("get", kind, "-A", "-o", "json"))["items"]
        return told

    def names(self, kind: str) -> set[str]:
        return {item["metadata"]["name"] for item in self.items(kind)}

    def figures(self) -> dict[str, Object]:
        """Statuses of the cluster's Days, by the end of the last window that they have."""
        reports = [item for item in self.items("cgcr") if item["spec"]["period"] == "Day" and "status" in item]
        return {report["status"]["lastWindowEnd"]: report["status"] for report in reports}

    def events(self) -> set[tuple[str, str]]:
        """Kind and name of what they are about."""
        about = [item["involvedObject"] for item in self.items("event")]
        return {(each["kind"], each["name"]) for each in about if each["kind"].startswith("Gpu")}

    def columns(self) -> list[str]:
        versions = self.read("crd", "gpucostreports.gpucost.io")["spec"]["versions"]
        return [column["name"] for column in versions[0]["additionalPrinterColumns"]]

    def refused_requests(self) -> int:
        """How many the API server has answered with 403, to whomever."""
        page = self.sandbox.kubectl("get", "--raw", "/metrics")
        counts = re.findall(r'^apiserver_request_total\{[^}]*code="403"[^}]*\} (\d+)', page, re.MULTILINE)
        return sum(map(int, counts))

    def kubeconfig(self) -> Path:
        """With the token of the chart's account."""
        token = self.sandbox.kubectl("create", "token", NAME, "-n", NAMESPACE, "--duration=1h").strip()
        config = yaml.safe_load(self.sandbox.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": token}
        path = self.chart.folder / "account.kubeconfig"
        path.write_text(yaml.safe_dump(config))
        return path

    def configuration(self) -> Path:
        """What the ConfigMap holds, and a port that is free here."""
        text = self.read("configmap", NAME)["data"]["config.yaml"]
        path = self.chart.folder / "config.yaml"
        path.write_text(f"{text}\nlisten: 127.0.0.1:0\n")
        return path


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
    end = floor_to(datetime.now(UTC) - SETTLED, timedelta(minutes=5))
    history = Window(end - timedelta(minutes=15), end)
    fleet = make_fleet(seed=5, start=history.start, end=end + DAY)
    with Sandbox.start(tmp_path_factory.mktemp("release"), fleet=fleet, history=history) as sandbox:
        yield Cluster(sandbox, Chart(helm, tmp_path_factory.mktemp("helm"), NAMESPACE), history)


@contextmanager
def operator(cluster: Cluster, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """As its pod runs it."""
    files = ("--config", str(cluster.configuration()), "--kubeconfig", str(cluster.kubeconfig()))
    environ = {**os.environ, "GPUCOST_NAMESPACE": NAMESPACE, "POD_NAME": f"{NAME}-0"}
    with log.open("wb") as output:
        process = subprocess.Popen([*GPUCOST, "run", *files], stdout=output, stderr=output, env=environ)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def installed(cluster: Cluster) -> None:
    """Whatever the test before left."""
    if not cluster.helm("list", "-q").strip():
        cluster.install({})


def test_with_only_the_url_set_the_operator_does_its_whole_job(
    cluster: Cluster, tmp_path: Path, eventually: Eventually
) -> None:
    assert "What to do next" in cluster.install({})
    refused, log = cluster.refused_requests(), tmp_path / "log"
    cluster.apply("GpuRateCard", "broken", BROKEN)
    end = format_time(cluster.history.end)
    with operator(cluster, log) as process:
        assert eventually(lambda: end in cluster.figures(), 60), log.read_text()
        assert eventually(lambda: cluster.events() == {("GpuRateCard", "broken")}, 30), log.read_text()
        assert cluster.read("lease", "gpucost")["spec"]["holderIdentity"] == f"{NAME}-0"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, log.read_text()
    assert cluster.read("lease", "gpucost")["spec"]["holderIdentity"] == ""
    assert cluster.read("grc", "broken")["status"]["conditions"]
    status = cluster.figures()[end]
    assert status["residual"] == "0.000000000"
    assert float(status["allocated"]) > 0
    assert len(cluster.names("gcr")) > 3
    assert cluster.names("gcw") == set()
    assert cluster.refused_requests() == refused
    assert "Traceback" not in log.read_text()


@pytest.mark.usefixtures("installed")
def test_helm_test_runs_a_doctor_that_may_look_at_all_it_needs(cluster: Cluster) -> None:
    refused = cluster.refused_requests()
    files = ("--config", str(cluster.configuration()), "--kubeconfig", str(cluster.kubeconfig()))
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
    assert "window: 10m" in cluster.configuration().read_text()
    cluster.helm("rollback", RELEASE, "1")
    assert cluster.columns() == columns
    assert "window" not in cluster.configuration().read_text()
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

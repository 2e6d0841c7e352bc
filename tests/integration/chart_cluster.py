"""A sandbox with a GPU fleet around the end of a past month, a release of the chart in it, and operators as it says."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from chart_rendering import CHART, Chart, Object, Values
from operator_process import Pace
from running_operator import RunningOperator, with_token

from gpucost.model.time import DAY, Window, start_of_day
from gpucost.simulation.fleet import make_fleet
from sandbox.session import Sandbox

NAMESPACE = "gpu-costs"
RELEASE = "costs"
NAME = "costs-gpucost"
QUARTER = timedelta(minutes=15)


@dataclass
class ReleasedOperator(RunningOperator):
    """Configured by the release's ConfigMap, to the letter; only the port is one that is free here."""

    text: str = ""

    def configure(self, _settings: object) -> None:
        self.config.write_text(f"{self.text}\nlisten: 127.0.0.1:0\n")


@dataclass(frozen=True)
class Cluster:
    """With helm."""

    sandbox: Sandbox
    chart: Chart
    history: Window
    """Its samples are in Prometheus; a month ends in its middle."""
    pace: Path
    """How time goes for operators."""

    @property
    def midnight(self) -> datetime:
        return self.history.start + QUARTER

    @property
    def day(self) -> tuple[str, str]:
        """The last of the month: its period and its start, as labels have them."""
        return "Day", f"{self.history.start:%Y-%m-%d}"

    @property
    def day_before(self) -> tuple[str, str]:
        return "Day", f"{self.history.start - DAY:%Y-%m-%d}"

    @property
    def month(self) -> tuple[str, str]:
        return "Month", f"{self.month_name}-01"

    @property
    def month_name(self) -> str:
        return f"{self.history.start:%Y-%m}"

    def set_time(self, now: datetime) -> None:
        """It is so late, and stays so."""
        Pace.still(now).write(self.pace)

    def operator(self, folder: Path, replica: str) -> ReleasedOperator:
        """Not started yet. Its pod runs it so, with the chart's account."""
        folder.mkdir()
        url, text = self.sandbox.prometheus_url, self.configuration()
        return ReleasedOperator(
            folder, self.kubeconfig(), url, now=self.pace, haste=10, replica=f"{NAME}-{replica}", text=text
        )

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

    def items(self, kind: str, *selected: str) -> list[Object]:
        """Of all namespaces, or of none where the kind has none."""
        told: list[Object] = json.loads(self.sandbox.kubectl("get", kind, "-A", "-o", "json", *selected))["items"]
        return told

    def names(self, kind: str) -> set[str]:
        return {item["metadata"]["name"] for item in self.items(kind)}

    def reports(self, period: str, start: str) -> dict[tuple[str, str], tuple[str, str]]:
        """Phase and end of the last window, by namespace (none: of the cluster) and name, of those with a status."""
        selected = ("-l", f"gpucost.io/period={period},gpucost.io/start={start}")
        found = [each for kind in ("gcr", "cgcr") for each in self.items(kind, *selected) if "status" in each]
        return {
            (each["metadata"].get("namespace", ""), each["metadata"]["name"]): (
                each["status"]["phase"],
                each["status"]["lastWindowEnd"],
            )
            for each in found
        }

    def phases(self, period: str, start: str) -> set[str]:
        return {phase for phase, _ in self.reports(period, start).values()}

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
        return with_token(self.sandbox.kubeconfig, token, self.chart.folder / "account.kubeconfig")

    def configuration(self) -> str:
        """What the ConfigMap holds."""
        return str(self.read("configmap", NAME)["data"]["config.yaml"])


@contextmanager
def cluster_at_the_end_of_a_month(helm: Path, folder: Path) -> Iterator[Cluster]:
    sandbox_folder, helm_folder = folder / "sandbox", folder / "helm"
    sandbox_folder.mkdir()
    helm_folder.mkdir()
    midnight = start_of_day(datetime.now(UTC) - 3 * DAY).replace(day=1)
    history = Window(midnight - QUARTER, midnight + QUARTER)
    fleet = make_fleet(seed=5, start=history.start, end=midnight + DAY)
    with Sandbox.start(sandbox_folder, fleet=fleet, history=history) as sandbox:
        yield Cluster(sandbox, Chart(helm, helm_folder, NAMESPACE), history, folder / "pace")

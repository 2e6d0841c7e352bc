"""Whatever fails, the operator says why in one sentence, goes on trying, and loses nothing."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fault_proxy import FaultProxy, Mode
from running_operator import (
    CRDS,
    RunningOperator,
    install,
    last_window_end,
    pointed_at,
    read_cluster_report,
    read_reports,
)
from true_figures import assert_bill_exact, assert_reports_true, windows_of

from gpucost.model.time import DAY, Window, format_time, start_of_day
from gpucost.simulation.fleet import Fleet, make_fleet
from sandbox.session import Sandbox

pytestmark = pytest.mark.cluster

Eventually = Callable[[Callable[[], object], float], bool]
HOURS = timedelta(hours=8)
"""More than one record holds, so that there is something between two of them."""


@dataclass(frozen=True)
class Morning:
    """The first hours of a past day, with nothing written yet."""

    sandbox: Sandbox
    fleet: Fleet
    window: Window
    kubeconfig: Path
    folder: Path

    @property
    def day(self) -> str:
        return f"{self.window.start:%Y-%m-%d}"

    def operator(self, *, prometheus_url: str = "", kubeconfig: Path | None = None) -> RunningOperator:
        return RunningOperator(
            self.folder,
            kubeconfig or self.kubeconfig,
            prometheus_url or self.sandbox.prometheus_url,
            now=self.window.end + timedelta(minutes=3),
        )

    def is_done(self) -> bool:
        return last_window_end(self.sandbox, self.day) == format_time(self.window.end)

    def assert_true(self) -> None:
        windows = windows_of(self.window.start, self.window.end)
        assert_reports_true(read_reports(self.sandbox, self.day), self.fleet, windows)
        cluster = read_cluster_report(self.sandbox, self.day)
        assert cluster is not None
        assert_bill_exact(cluster, self.fleet, windows)
        assert cluster["status"]["windows"] == len(windows)

    def condition(self, kind: str) -> tuple[str, str]:
        cluster = read_cluster_report(self.sandbox, self.day)
        found = cluster["status"].get("conditions", []) if cluster and "status" in cluster else []
        return next(((each["status"], each["message"]) for each in found if each["type"] == kind), ("", ""))


@pytest.fixture(scope="module")
def box(
    control_plane_binaries: dict[str, Path],
    prometheus_binaries: dict[str, Path],
    kubectl: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Sandbox, Fleet, Window, Path]]:
    assert control_plane_binaries
    assert prometheus_binaries
    assert kubectl
    start = start_of_day(datetime.now(UTC)) - DAY
    window = Window(start, start + HOURS)
    fleet = make_fleet(seed=5, start=start, end=start + DAY)
    with Sandbox.start(tmp_path_factory.mktemp("faults"), fleet=fleet, history=window) as sandbox:
        yield sandbox, fleet, window, install(sandbox)


@pytest.fixture
def morning(box: tuple[Sandbox, Fleet, Window, Path], tmp_path: Path) -> Morning:
    sandbox, fleet, window, kubeconfig = box
    for kind in ("gcr", "cgcr", "gcw"):
        sandbox.kubectl("delete", kind, "--all", *(["-A"] if kind != "cgcr" else []))
    return Morning(sandbox, fleet, window, kubeconfig, tmp_path)


def test_a_prometheus_that_is_away_is_told_and_waited_for(morning: Morning, eventually: Eventually) -> None:
    with (
        FaultProxy(morning.sandbox.prometheus_url, Mode.REFUSE) as proxy,
        morning.operator(prometheus_url=proxy.url) as operator,
    ):
        assert eventually(lambda: morning.condition("UpToDate")[0] == "False", 30), operator.log()
        assert f"Prometheus at {proxy.url}" in morning.condition("UpToDate")[1]
        assert operator.ask("/readyz")[0] == 503
        assert proxy.url in operator.ask("/readyz")[1]
        assert operator.ask("/healthz") == (200, "ok\n")
        assert read_reports(morning.sandbox, morning.day) == {}

        proxy.set(Mode.ANSWER_500)
        assert eventually(lambda: "(500)" in operator.ask("/readyz")[1], 60), operator.log()

        proxy.set(Mode.THROUGH)
        assert eventually(morning.is_done, 120), operator.log()
        assert eventually(lambda: morning.condition("UpToDate")[0] == "True", 60), operator.log()
        assert operator.stop() < 10
    morning.assert_true()


def test_a_prometheus_that_never_answers_does_not_hold_up_a_stop(morning: Morning, eventually: Eventually) -> None:
    with (
        FaultProxy(morning.sandbox.prometheus_url, Mode.SILENT) as proxy,
        morning.operator(prometheus_url=proxy.url) as operator,
    ):
        assert eventually(lambda: "does not answer within" in operator.ask("/readyz")[1], 60), operator.log()
        assert operator.ask("/healthz") == (200, "ok\n")
        assert operator.stop() < 10


def test_an_api_server_that_goes_away_is_told_and_waited_for(morning: Morning, eventually: Eventually) -> None:
    with (
        FaultProxy(morning.sandbox.plane.url, Mode.REFUSE) as proxy,
        morning.operator(kubeconfig=pointed_at(morning.kubeconfig, proxy.url)) as operator,
    ):
        assert eventually(lambda: proxy.url in operator.ask("/readyz")[1], 30), operator.log()
        assert operator.ask("/healthz") == (200, "ok\n")

        proxy.set(Mode.THROUGH)
        assert eventually(lambda: last_window_end(morning.sandbox, morning.day), 60), operator.log()
        proxy.set(Mode.REFUSE)
        assert eventually(lambda: operator.ask("/readyz")[0] == 503, 60), operator.log()
        proxy.set(Mode.THROUGH)
        assert eventually(morning.is_done, 120), operator.log()
        assert operator.process.poll() is None
        assert operator.stop() < 10
    morning.assert_true()


def test_missing_kinds_are_named_and_waited_for(morning: Morning, eventually: Eventually) -> None:
    morning.sandbox.kubectl("delete", "crd", "gpucostwindows.gpucost.io")
    with morning.operator() as operator:
        assert eventually(lambda: "GpuCostWindow" in operator.ask("/readyz")[1], 30), operator.log()
        morning.sandbox.kubectl("apply", "--server-side", "-f", str(CRDS))
        assert eventually(morning.is_done, 120), operator.log()
        assert operator.stop() < 10
    morning.assert_true()


def test_a_node_without_a_rate_costs_nobody_else_their_figures(morning: Morning, eventually: Eventually) -> None:
    model, product = "node.kubernetes.io/instance-type", "nvidia.com/gpu.product"
    relabel = ("label", "node", "gpu-h100-1", "--overwrite")
    morning.sandbox.kubectl(*relabel, f"{model}=home-made", f"{product}=HOME-MADE-GPU")
    try:
        with morning.operator() as operator:
            assert eventually(morning.is_done, 120), operator.log()
            assert operator.stop() < 10
    finally:
        morning.sandbox.kubectl(*relabel, f"{model}=p5.48xlarge", f"{product}=NVIDIA-H100-80GB-HBM3")
    status, message = morning.condition("RateMissing")
    assert status == "True"
    assert "gpu-h100-1" in message
    assert "home-made" in message
    reports = read_reports(morning.sandbox, morning.day)
    on_it = {pod.namespace for pod in morning.fleet.pods if pod.node == "gpu-h100-1"}
    for (namespace, _), report in reports.items():
        missing = {each["type"]: each["status"] for each in report["status"]["conditions"]}["RateMissing"]
        unpriced = report["status"]["unpricedGpuHours"] != "0.000000000"
        assert (missing == "True") == unpriced
        assert not unpriced or namespace in on_it
    assert any(report["status"]["cost"] is None for report in reports.values())
    assert any(report["status"]["cost"] is not None for report in reports.values())


def test_a_bad_rate_card_is_told_at_once_and_takes_no_good_rate_down(morning: Morning, eventually: Eventually) -> None:
    card = {
        "apiVersion": "gpucost.io/v1alpha1",
        "kind": "GpuRateCard",
        "metadata": {"name": "contract"},
        "spec": {
            "currency": "EUR",
            "rates": [{"name": "h100", "match": {"instanceType": "p5.48xlarge"}, "nodeHourly": "1.00"}],
        },
    }
    path = morning.folder / "card.json"
    path.write_text(json.dumps(card))
    with morning.operator() as operator:
        assert eventually(morning.is_done, 120), operator.log()
        morning.sandbox.kubectl("apply", "-f", str(path))
        try:
            assert eventually(lambda: "GpuRateCard contract is not used" in operator.log(), 30), operator.log()
        finally:
            morning.sandbox.kubectl("delete", "gpuratecard", "contract")
        assert eventually(lambda: "GpuRateCard contract is gone" in operator.log(), 30), operator.log()
        assert "ERROR" not in operator.log()
        assert operator.stop() < 10
    morning.assert_true()


def test_a_process_that_is_killed_again_and_again_loses_and_doubles_nothing(
    morning: Morning, eventually: Eventually
) -> None:
    draw = random.Random(4)
    for _ in range(6):
        with morning.operator() as operator:
            assert eventually(lambda: "listening" in operator.log(), 30)
            eventually(lambda: False, draw.uniform(0.2, 1.6))
            operator.process.kill()
    with morning.operator() as operator:
        assert eventually(morning.is_done, 120), operator.log()
        assert operator.stop() < 10
    morning.assert_true()


def test_a_stop_in_the_middle_of_the_work_is_quick_and_loses_nothing(morning: Morning, eventually: Eventually) -> None:
    with morning.operator() as operator:
        assert eventually(lambda: "computing" in operator.log(), 60), operator.log()
        assert operator.stop() < 10
    with morning.operator() as operator:
        assert eventually(morning.is_done, 120), operator.log()
        assert operator.stop() < 10
    morning.assert_true()

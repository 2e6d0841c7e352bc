"""What becomes of windows when Prometheus answers less than everything, on a real API server and a real Prometheus."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fault_proxy import FaultProxy, Mode
from running_operator import (
    NAMESPACE,
    Object,
    RunningOperator,
    install,
    last_window_end,
    read_cluster_report,
    read_reports,
)
from true_figures import assert_bill_exact, assert_reports_true, windows_of

from gpucost.app.computing.pipeline import Pipeline
from gpucost.app.configuration.rules import rules_of
from gpucost.app.configuration.settings import Settings
from gpucost.app.prices.rates import Prices
from gpucost.cluster.connection import connect
from gpucost.cluster.live import LiveCluster
from gpucost.model.fleet import Cluster
from gpucost.model.ledger import Ledger
from gpucost.model.time import DAY, Window, format_time, start_of_day
from gpucost.simulation.fleet import Fleet, make_fleet
from gpucost.telemetry.source import PrometheusTelemetry
from sandbox.session import Sandbox

pytestmark = pytest.mark.cluster

Eventually = Callable[[Callable[[], object], float], bool]
MORNING = timedelta(minutes=90)
LATENESS = timedelta(seconds=5)
FEW = timedelta(minutes=15)
"""That are computed one by one."""


@dataclass(frozen=True)
class Hours:
    """The first hours of a past day, with nothing written yet."""

    sandbox: Sandbox
    fleet: Fleet
    window: Window
    kubeconfig: Path
    folder: Path

    @property
    def day(self) -> str:
        return f"{self.window.start:%Y-%m-%d}"

    def operator(self, until: timedelta, *, prometheus_url: str = "", **settings: Any) -> RunningOperator:
        return RunningOperator(
            self.folder,
            self.kubeconfig,
            prometheus_url or self.sandbox.prometheus_url,
            now=self.window.start + until + timedelta(minutes=3),
            settings={"lateness": "5s", **settings},
        )

    def is_done(self, until: timedelta) -> bool:
        return last_window_end(self.sandbox, self.day) == format_time(self.window.start + until)

    def assert_true(self, until: timedelta) -> None:
        windows = windows_of(self.window.start, self.window.start + until)
        assert_reports_true(read_reports(self.sandbox, self.day), self.fleet, windows)
        cluster = read_cluster_report(self.sandbox, self.day)
        assert cluster is not None
        assert_bill_exact(cluster, self.fleet, windows)
        assert cluster["status"]["windows"] == len(windows)

    def reports(self) -> list[Object]:
        cluster = read_cluster_report(self.sandbox, self.day)
        assert cluster is not None
        return [cluster, *read_reports(self.sandbox, self.day).values()]


def conditions(report: Object) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["reason"], each["message"]) for each in report["status"].get("conditions", ())}


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
    window = Window(start, start + MORNING)
    fleet = make_fleet(seed=5, start=start, end=start + DAY)
    with Sandbox.start(tmp_path_factory.mktemp("answers"), fleet=fleet, history=window) as sandbox:
        yield sandbox, fleet, window, install(sandbox)


@pytest.fixture
def hours(box: tuple[Sandbox, Fleet, Window, Path], tmp_path: Path) -> Hours:
    sandbox, fleet, window, kubeconfig = box
    for kind in ("gcr", "cgcr", "gcw"):
        sandbox.kubectl("delete", kind, "--all", *(["-A"] if kind != "cgcr" else []))
    return Hours(sandbox, fleet, window, kubeconfig, tmp_path)


def test_partial_answers_are_waited_for_then_taken_and_told_on_every_report(
    hours: Hours, eventually: Eventually
) -> None:
    with (
        FaultProxy(hours.sandbox.prometheus_url, Mode.PARTIAL) as proxy,
        hours.operator(FEW, prometheus_url=proxy.url) as operator,
    ):
        assert eventually(lambda: "its answer is partial" in operator.ask("/readyz")[1], 60), operator.log()
        assert operator.ask("/healthz")[0] == 200
        assert eventually(lambda: hours.is_done(FEW), 120), operator.log()
        windows = FEW // timedelta(minutes=5)
        name = 'gpucost_windows_incomplete_total{reason="PartialAnswer"}'
        assert operator.metric(name) == windows
        assert operator.log().count("with what there is") == 1
        assert operator.stop() < 10
    hours.assert_true(FEW)
    for report in hours.reports():
        reason, message = conditions(report)["TelemetryIncomplete"]
        assert reason == "PartialAnswer"
        assert "a part of the storage is away" in message


def test_answers_that_become_whole_in_time_leave_no_trace(hours: Hours, eventually: Eventually) -> None:
    with (
        FaultProxy(hours.sandbox.prometheus_url, Mode.PARTIAL) as proxy,
        hours.operator(MORNING, prometheus_url=proxy.url, lateness="10m") as operator,
    ):
        assert eventually(lambda: "its answer is partial" in operator.ask("/readyz")[1], 60), operator.log()
        proxy.set(Mode.THROUGH)
        assert eventually(lambda: hours.is_done(timedelta(minutes=80)), 120), operator.log()
        assert operator.stop() < 10
    hours.assert_true(timedelta(minutes=80))
    assert all("TelemetryIncomplete" not in conditions(report) for report in hours.reports())


OUTAGES = [Mode.ANSWER_429, Mode.WRONG_JSON, Mode.CUT]


def test_an_outage_of_whatever_kind_is_no_answer(hours: Hours, eventually: Eventually) -> None:
    with (
        FaultProxy(hours.sandbox.prometheus_url, OUTAGES[0]) as proxy,
        hours.operator(FEW, prometheus_url=proxy.url) as operator,
    ):
        for mode in OUTAGES:
            proxy.set(mode)
            failures = operator.log().count("trying again")
            assert eventually(lambda before=failures: operator.log().count("trying again") > before, 90), operator.log()
        assert read_reports(hours.sandbox, hours.day) == {}
        proxy.set(Mode.THROUGH)
        assert eventually(lambda: hours.is_done(FEW), 120), operator.log()
        assert operator.stop() < 10
    hours.assert_true(FEW)
    assert all("TelemetryIncomplete" not in conditions(report) for report in hours.reports())


def test_a_first_install_begins_with_the_oldest_day_that_can_be_had_whole(hours: Hours, eventually: Eventually) -> None:
    with hours.operator(MORNING, backfillMaxAge="60h") as operator:
        assert eventually(lambda: hours.is_done(MORNING), 120), operator.log()
        assert eventually(lambda: operator.metric("gpucost_windows_behind") == 0, 30), operator.log()
        assert operator.stop() < 10
    hours.assert_true(MORNING)
    days = [f"{hours.window.start - back * DAY:%Y-%m-%d}" for back in (3, 2, 1)]
    found = [read_cluster_report(hours.sandbox, day) for day in days]
    assert found[0] is None
    assert [(report or {})["status"]["windows"] for report in found[1:]] == [288, 288]


class OneLook:
    """A `ClusterSource`: what is known of the API must be the same."""

    problems = ()

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def read(self) -> Cluster:
        return self._cluster


def without_uids(ledgers: Iterable[Ledger]) -> list[Ledger]:
    """Which of two pods of one name it was is known better before the second came."""
    return [replace(ledger, holders=tuple(replace(line, pod_uid="") for line in ledger.holders)) for ledger in ledgers]


def test_a_window_has_the_same_ledger_alone_and_in_a_batch(hours: Hours) -> None:
    settings = Settings.model_validate({"prometheus": {"url": hours.sandbox.prometheus_url}, "namespace": NAMESPACE})
    telemetry = PrometheusTelemetry(settings.telemetry())
    cluster = LiveCluster(connect(hours.sandbox.kubeconfig), clock=lambda: hours.window.end)
    pipeline = Pipeline(
        cluster=OneLook(cluster.read()),
        telemetry=telemetry,
        rates=Prices(settings, tuple, telemetry),
        rules=rules_of(settings),
    )
    windows = windows_of(hours.window.start, hours.window.end)
    together = pipeline.compute(windows)
    alone = [ledger for window in windows for ledger in pipeline.compute([window])]
    telemetry.close()
    assert without_uids(alone) == without_uids(together)
    assert all(ledger.holders for ledger in together)

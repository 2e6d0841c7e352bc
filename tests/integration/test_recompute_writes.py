"""Recomputed figures go into all reports of an open day or can be completed, whatever happens in between."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from gpucost.app.committing.closing import Closer
from gpucost.app.committing.commit import Committer
from gpucost.app.committing.standing import Standing
from gpucost.app.computing.pipeline import Pipeline
from gpucost.app.computing.simulated import SimulatedCluster, SimulatedTelemetry
from gpucost.app.configuration.rules import rules_of, timing_of
from gpucost.app.configuration.settings import Settings
from gpucost.app.prices.rates import Prices
from gpucost.app.recomputing.recompute import FINAL_STAYS, Outcome, Recomputer
from gpucost.app.windows.loop import WindowLoop
from gpucost.app.windows.state import LoopState
from gpucost.model.errors import ConfigurationError, Conflict, IncompleteAnswer
from gpucost.model.money import parse_e9
from gpucost.model.time import DAY, Period, PeriodKind, windows_between
from gpucost.reports.build import Object
from gpucost.reports.digest import is_intact
from gpucost.reports.record import record_of
from gpucost.reports.record_codec import to_specs
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from gpucost.reports.storage.store import ReportStore
from gpucost.reports.storage.stored import StoredClusterReport, StoredReport
from gpucost.simulation.fleet import Fleet, make_fleet
from gpucost.telemetry.signs import Signs
from sandbox.control_plane import ControlPlane
from tests.integration.api_objects import Api, install_crds

pytestmark = pytest.mark.cluster

START = datetime(2026, 3, 4, tzinfo=UTC)
PERIOD = Period(START, START + DAY, PeriodKind.DAY)
SETTINGS = Settings(namespace="recompute-operator", backfillMaxAge="1d")
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
CHEAPER: Object = {
    "apiVersion": "gpucost.io/v1alpha1",
    "kind": "GpuRateCard",
    "metadata": {"name": "contract"},
    "spec": {
        "currency": "USD",
        "rates": [{"name": "p4d", "match": {"instanceType": "p4d.24xlarge"}, "nodeHourly": "11.000000003"}],
    },
}
Status = ReportStatus | ClusterReportStatus
BeforeWrite = Callable[[int, str], None]
MOMENTS: dict[str, Callable[[int, str], bool]] = {
    "the first write": lambda written, _: written == 0,
    "the third": lambda written, _: written == 2,
    "the cluster's": lambda _, kind: kind == "ClusterGpuCostReport",
}


class Killed(BaseException):
    """The process ends here."""


class WatchedStore(ReportStore):
    """``before_write`` is told, before a report is written, how many were written by then, and its kind."""

    def __init__(self, api: Api, before_write: BeforeWrite) -> None:
        super().__init__(api.client, operator_namespace=SETTINGS.namespace)
        self._before_write = before_write
        self._written = 0

    def write_report(self, report: Object, read: StoredReport | None) -> StoredReport:
        self._about_to_write(report)
        return super().write_report(report, read)

    def write_cluster_report(self, report: Object, read: StoredClusterReport | None) -> StoredClusterReport:
        self._about_to_write(report)
        return super().write_cluster_report(report, read)

    def _about_to_write(self, report: Object) -> None:
        self._before_write(self._written, report["kind"])
        self._written += 1


class PartOfTelemetry(SimulatedTelemetry):
    """A Prometheus that has lost the samples of all but the first node since."""

    def __init__(self, fleet: Fleet) -> None:
        nodes = fleet.gpu_nodes[:1]
        devices = {device for node in nodes for device in node.devices}
        holds = {device: holds for device, holds in fleet.holds.items() if device in devices}
        super().__init__(Fleet(**{**vars(fleet), "nodes": nodes, "holds": holds}))


@dataclass
class Trial:
    """A day of a fleet before one API server; ``now`` is what the clock says."""

    api: Api
    fleet: Fleet
    now: datetime = START
    settings: Settings = SETTINGS
    cards: list[Object] = field(default_factory=list)
    pauses: int = 0

    def store(self, before_write: BeforeWrite = lambda *_: None) -> ReportStore:
        return WatchedStore(self.api, before_write)

    def clock(self) -> datetime:
        return self.now

    def pipeline(self, telemetry: SimulatedTelemetry | None = None) -> Pipeline:
        return Pipeline(
            cluster=SimulatedCluster(self.fleet, self.fleet.end),
            telemetry=telemetry or SimulatedTelemetry(self.fleet),
            rates=Prices(self.settings, lambda: self.cards),
            rules=rules_of(self.settings),
        )

    def operate(self, now: datetime) -> None:
        """The operator, until all windows that are over by then are in."""
        self.now = now
        loop = WindowLoop(
            pipeline=self.pipeline(),
            telemetry=self,
            committer=Committer(self.store(), currency="USD", clock=self.clock),
            closer=Closer(self.store(), lateness=self.settings.lateness, clock=self.clock),
            standing=Standing(self.store(), currency="USD", clock=self.clock),
            timing=timing_of(self.settings),
            state=LoopState(),
            clock=self.clock,
            stop=Event(),
        )
        while loop.step():
            pass

    def newest_sample(self) -> datetime:
        return self.now

    def server_time(self) -> datetime:
        return self.now

    def signs(self, _since: datetime, _until: datetime) -> Signs:
        return Signs()

    def settling(self) -> AbstractContextManager[list[IncompleteAnswer]]:
        return nullcontext([])

    def recomputer(self, store: ReportStore | None = None, telemetry: SimulatedTelemetry | None = None) -> Recomputer:
        def pause(_seconds: float) -> None:
            self.pauses += 1

        return Recomputer(
            store or self.store(), lambda: self.pipeline(telemetry), self.settings, clock=self.clock, pause=pause
        )

    def apply(self, store: ReportStore | None = None, telemetry: SimulatedTelemetry | None = None) -> Outcome:
        outcome = self.recomputer(store, telemetry).apply(PERIOD, lambda _: None)
        assert outcome is not None
        return outcome

    def statuses(self) -> dict[object, Status]:
        """By namespace and team; None: the cluster's."""
        cluster = self.store().read_cluster_report(PERIOD)
        assert cluster is not None
        reports = {(report.origin, report.spec.team): report.status for report in self.store().read_reports(PERIOD)}
        found = {**reports, None: cluster.status}
        return {key: status for key, status in found.items() if status is not None}

    def versions(self) -> dict[str, str]:
        cluster = self.store().read_cluster_report(PERIOD)
        assert cluster is not None
        reports = self.store().read_reports(PERIOD)
        return {f"{report.namespace}/{report.name}": report.resource_version for report in (*reports, cluster)}

    def clear(self) -> None:
        for kind in ("gcr", "gcw"):
            self.api.kubectl("delete", kind, "-A", "--all")
        self.api.kubectl("delete", "cgcr", "--all")

    def fresh(self, now: datetime) -> dict[object, Status]:
        """What the operator writes with today's cards from the first window on; all else is gone then."""
        self.clear()
        self.operate(START + HOUR + MINUTE)  # a first window of all is one of the present day
        self.operate(now)
        return self.statuses()


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane, kubectl: Path) -> Iterator[tuple[Api, Fleet]]:
    api = install_crds(control_plane, kubectl)
    fleet = make_fleet(seed=3, start=START, end=START + DAY)
    there = api.kubectl("get", "namespaces", "-o", "name")
    for namespace in (SETTINGS.namespace, *(each.name for each in fleet.namespaces)):
        if f"namespace/{namespace}\n" not in there:
            api.kubectl("create", "namespace", namespace)
    yield api, fleet
    api.client.rest_client.pool_manager.clear()


@pytest.fixture
def trial(api: tuple[Api, Fleet]) -> Trial:
    """Two hours are in the reports, one window at a time at last, and then prices change."""
    trial = Trial(*api)
    trial.clear()
    trial.operate(START + HOUR + 31 * MINUTE)
    for minutes in range(35, 61, 5):
        trial.operate(START + HOUR + (minutes + 1) * MINUTE)
    trial.cards = [CHEAPER]
    return trial


def figures(statuses: dict[object, Status]) -> dict[object, dict[str, Any]]:
    """All but what tells of the way to them: adjustments, their digest, and the times of conditions."""
    left_out = {"adjustments", "digest", "conditions"}
    return {
        key: status.model_dump(exclude=left_out)
        | {"conditions": {(each.type, each.status, each.reason, each.message) for each in status.conditions}}
        for key, status in statuses.items()
    }


def adjustments(statuses: dict[object, Status]) -> dict[object, int]:
    return {key: len(status.adjustments or ()) for key, status in statuses.items()}


def changed(before: dict[object, Status], after: dict[object, Status]) -> set[object]:
    return {key for key, status in before.items() if figures({key: status}) != figures({key: after[key]})}


def assert_balanced(statuses: dict[object, Status]) -> None:
    """The cluster's bill is its parts, and the teams' part is what their reports say."""
    cluster = statuses[None]
    assert isinstance(cluster, ClusterReportStatus)
    teams = sum(parse_e9(each.cost or "0") for each in statuses.values() if isinstance(each, ReportStatus))
    assert parse_e9(cluster.allocated) == teams
    assert parse_e9(cluster.residual) == 0
    parts = (cluster.allocated, cluster.unallocated, cluster.unobserved, cluster.host)
    assert parse_e9(cluster.node_cost or "0") == sum(map(parse_e9, parts))
    assert all(is_intact(status) for status in statuses.values())


def test_what_is_written_is_what_the_operator_would_have_written_with_these_prices(trial: Trial) -> None:
    before = trial.statuses()
    assert trial.apply().refusal == ""
    after = trial.statuses()
    assert_balanced(after)
    assert figures(after) == figures(trial.fresh(trial.now))
    assert adjustments(after) == {key: int(key in changed(before, after)) for key in before}
    assert 1 < len(changed(before, after)) < len(before)


def test_a_line_says_what_became_of_the_cost(trial: Trial) -> None:
    before = trial.statuses()
    trial.apply()
    for key, status in trial.statuses().items():
        for line in status.adjustments or ():
            costs = [each.cost if isinstance(each, ReportStatus) else each.node_cost for each in (before[key], status)]
            assert [line.cost_before, line.cost_after] == costs
            old, new = (parse_e9(cost or "0") for cost in costs)
            assert parse_e9(line.cost_difference) == new - old < 0
            used = [parse_e9(each.used_cost or "0") for each in (before[key], status)]
            assert parse_e9(line.used_cost_difference) == used[1] - used[0]
            assert (line.time, line.window_end) == ("2026-03-04T02:01:00Z", status.last_window_end)


def test_the_clusters_report_is_written_last(trial: Trial) -> None:
    kinds: list[str] = []
    trial.apply(trial.store(lambda _, kind: kinds.append(kind)))
    assert kinds[-1] == "ClusterGpuCostReport"
    assert set(kinds[:-1]) == {"GpuCostReport"}


def test_showing_writes_nothing(trial: Trial) -> None:
    before = trial.versions()
    shown = trial.recomputer().show(PERIOD, lambda _: None)
    assert shown is not None
    assert shown.day.doubts == ()
    assert trial.versions() == before


def test_a_second_time_writes_nothing(trial: Trial) -> None:
    trial.apply()
    before = trial.versions()
    trial.now += MINUTE
    outcome = trial.apply()
    assert (outcome.refusal, trial.versions()) == ("", before)
    assert not any(line.written for line in (*outcome.day.teams.values(), outcome.day.cluster))


def test_the_operator_goes_on_from_there_to_the_end_of_the_day(trial: Trial) -> None:
    trial.apply()
    lines = adjustments(trial.statuses())
    trial.operate(START + DAY + MINUTE)
    whole = trial.statuses()
    assert_balanced(whole)
    assert {key: count for key, count in adjustments(whole).items() if key in lines} == lines
    assert figures(whole) == figures(trial.fresh(trial.now))


def test_whoever_is_killed_between_two_writes_completes_it_the_next_time(trial: Trial) -> None:
    before = trial.statuses()

    def kill_before_the_second(written: int, _: str) -> None:
        if written == 1:
            raise Killed

    killed = 0
    while True:
        try:
            trial.apply(trial.store(kill_before_the_second))
            break
        except Killed:
            killed += 1
    after = trial.statuses()
    assert killed == len(changed(before, after)) - 1
    assert_balanced(after)
    assert adjustments(after) == {key: int(key in changed(before, after)) for key in before}
    assert figures(after) == figures(trial.fresh(trial.now))


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_a_window_that_the_operator_commits_meanwhile_is_lost_nowhere(
    trial: Trial, moment: Callable[[int, str], bool]
) -> None:
    until = trial.now

    def commit_before(written: int, kind: str) -> None:
        if trial.now == until and moment(written, kind):
            trial.operate(until + timedelta(minutes=5))

    outcome = trial.apply(trial.store(commit_before))
    after = trial.statuses()
    assert (outcome.refusal, trial.pauses) == ("", 1)
    assert_balanced(after)
    assert set(adjustments(after).values()) <= {0, 1}
    assert figures(after) == figures(trial.fresh(trial.now))


def test_reports_that_change_again_and_again_are_given_up_and_can_be_completed(trial: Trial) -> None:
    def commit_always(*_: object) -> None:
        trial.operate(trial.now + timedelta(minutes=5))

    with pytest.raises(Conflict, match="changed 5 times while they were written"):
        trial.apply(trial.store(commit_always))
    trial.apply()
    after = trial.statuses()
    assert_balanced(after)
    assert figures(after) == figures(trial.fresh(trial.now))


def test_a_day_that_is_final_is_shown_and_stays(trial: Trial) -> None:
    trial.cards = []
    trial.operate(START + DAY + trial.settings.lateness + MINUTE)
    trial.cards = [CHEAPER]
    before = trial.versions()
    outcome = trial.apply()
    assert (outcome.refusal, outcome.day.cluster.remark) == ("", FINAL_STAYS)
    assert outcome.day.cluster.recorded != outcome.day.cluster.recomputed
    assert trial.versions() == before


def test_a_day_that_the_operator_may_close_meanwhile_is_not_written(trial: Trial) -> None:
    before = trial.versions()
    trial.now = START + DAY - 29 * MINUTE
    assert "the operator may close some of its reports" in trial.apply().refusal
    assert trial.versions() == before
    trial.cards = []
    assert trial.apply().refusal == ""


def test_a_day_of_which_telemetry_knows_less_is_not_written(trial: Trial) -> None:
    before = trial.versions()
    outcome = trial.apply(telemetry=PartOfTelemetry(trial.fleet))
    assert "since not only the rates differ: team" in outcome.refusal
    assert "telemetry knows less than it did" in outcome.refusal
    assert trial.versions() == before


def test_figures_that_somebody_else_changed_are_not_written_over(trial: Trial) -> None:
    patch = '{"status": {"allocated": "0.000000000"}}'
    trial.api.kubectl("patch", "cgcr", PERIOD.name, "--subresource=status", "--type=merge", "-p", patch)
    before = trial.versions()
    assert "the cluster: somebody else changed its figures" in trial.apply().refusal
    trial.cards = []
    trial.operate(trial.now + timedelta(minutes=5))
    trial.cards = [CHEAPER]
    assert "the cluster: somebody else changed its figures" in trial.apply().refusal
    assert len(before) == len(trial.versions())


@pytest.mark.parametrize("halves", [1, 10], ids=["seen at the time", "too old when they were computed"])
def test_windows_are_seen_as_the_operator_saw_them(trial: Trial, halves: int) -> None:
    """It looks every so many half hours."""
    trial.clear()
    trial.settings = SETTINGS.model_copy(update={"backfill_max_age": HOUR})
    trial.cards = []
    for half in range(halves, 11, halves):
        trial.operate(START + half * HOUR / 2)
    trial.cards = [CHEAPER]
    outcome = trial.apply()
    cluster = outcome.day.cluster.recorded
    assert cluster is not None
    assert (parse_e9(cluster.unobserved) > 0) == (halves > 1)
    assert (outcome.refusal, outcome.day.cluster.written) == ("", True)
    assert_balanced(trial.statuses())


@pytest.mark.parametrize("change", [{"currency": "EUR"}, {"window": 7 * HOUR}], ids=["currency", "window"])
def test_a_configuration_that_is_not_the_operators_is_told(trial: Trial, change: dict[str, Any]) -> None:
    trial.settings = SETTINGS.model_copy(update=change)
    with pytest.raises(ConfigurationError, match=r"with the configuration|with --config"):
        trial.apply()


def test_a_record_that_waits_is_waited_for_and_then_told(trial: Trial) -> None:
    before = trial.versions()
    (window,) = windows_between(START + 2 * HOUR, START + 2 * HOUR + timedelta(minutes=5), SETTINGS.window)
    trial.store().create_record(to_specs(record_of(trial.pipeline().compute([window]))))
    with pytest.raises(Conflict, match="see that the operator runs"):
        trial.apply()
    assert (trial.versions(), trial.pauses) == (before, 5)


def test_a_day_without_a_report_is_none(trial: Trial) -> None:
    day = Period(START - DAY, START, PeriodKind.DAY)
    assert trial.recomputer().apply(day, lambda _: None) is None


def test_progress_is_told_in_windows(trial: Trial) -> None:
    told: list[int] = []
    trial.recomputer().show(PERIOD, told.append)
    assert told == [24]

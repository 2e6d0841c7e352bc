"""Each report takes each window once, whoever else writes and whatever is deleted, on a real API server."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from gpucost.app.committing.closing import Closer
from gpucost.app.committing.commit import REPORTS_WRITTEN, Committer
from gpucost.app.committing.standing import UP_TO_DATE, Standing
from gpucost.app.computing.pipeline import Pipeline
from gpucost.app.computing.simulated import SimulatedCluster, SimulatedTelemetry
from gpucost.app.configuration.rules import Rules
from gpucost.app.configuration.settings import Settings
from gpucost.app.plan import Timing
from gpucost.app.prices.rates import Prices
from gpucost.app.windows.loop import WindowLoop
from gpucost.app.windows.state import LoopState
from gpucost.model.errors import ConfigurationError, IncompleteAnswer, SourceUnavailable
from gpucost.model.money import parse_e9
from gpucost.model.tenancy import LabelKeys
from gpucost.model.time import DAY, Period, PeriodKind, windows_between
from gpucost.reports.build import build_cluster_report, build_report
from gpucost.reports.conditions import INTACT
from gpucost.reports.digest import seal
from gpucost.reports.record import WindowRecord, record_of
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
LENGTH = timedelta(minutes=5)
LATENESS = timedelta(minutes=10)
OPERATOR = "committer-operator"
USD = "USD"


@dataclass
class Trial:
    """A day of a fleet before one API server; ``now`` is what the clock says."""

    api: Api
    fleet: Fleet
    now: datetime = START

    def store(self) -> ReportStore:
        return ReportStore(self.api.client, operator_namespace=OPERATOR)

    def clock(self) -> datetime:
        return self.now

    def committer(self, currency: str = USD) -> Committer:
        return Committer(self.store(), currency=currency, clock=self.clock)

    def closer(self) -> Closer:
        return Closer(self.store(), lateness=LATENESS, clock=self.clock)

    def close(self, now: datetime) -> None:
        self.now = now
        closer = self.closer()
        while closer.step(now):
            pass

    def pipeline(self) -> Pipeline:
        return Pipeline(
            cluster=SimulatedCluster(self.fleet, self.fleet.end),
            telemetry=SimulatedTelemetry(self.fleet),
            rates=Prices(Settings(), tuple),
            rules=Rules(currency=USD, keys=LabelKeys()),
        )

    def record(self, first: int, last: int) -> WindowRecord:
        """Windows ``first`` to ``last`` of the day, the last one not included."""
        return record_of(self.pipeline().compute(windows_between(START, START + DAY, LENGTH)[first:last]))

    def step_until_idle(self, now: datetime, currency: str = USD) -> LoopState:
        self.now = now
        state = LoopState()
        loop = WindowLoop(
            pipeline=self.pipeline(),
            telemetry=self,
            committer=self.committer(currency),
            closer=self.closer(),
            standing=Standing(self.store(), currency=currency, clock=self.clock),
            timing=Timing(
                window=LENGTH,
                settle_delay=timedelta(seconds=60),
                lateness=LATENESS,
                backfill_max_age=DAY,
            ),
            state=state,
            clock=self.clock,
            stop=Event(),
        )
        while loop.step():
            pass
        return state

    def compute_all(self) -> None:
        """The first window of all is one of the present day."""
        self.step_until_idle(START + timedelta(hours=1, minutes=1))
        self.step_until_idle(START + DAY + timedelta(minutes=1))

    def newest_sample(self) -> datetime:
        return self.now

    def server_time(self) -> datetime:
        return self.now

    def signs(self, _since: datetime, _until: datetime) -> Signs:
        return Signs()

    def settling(self) -> AbstractContextManager[list[IncompleteAnswer]]:
        return nullcontext([])

    def totals(self) -> tuple[int, int, int]:
        """Windows and allocated of the cluster's report, and the sum of the teams' costs."""
        cluster = self.status()
        reports = [report.status for report in self.store().read_reports(PERIOD)]
        teams = sum(parse_e9(status.cost or "0") for status in reports if status is not None)
        return cluster.windows, parse_e9(cluster.allocated), teams

    def phases(self) -> set[str]:
        """Of the reports of the teams."""
        return {report.status.phase for report in self.store().read_reports(PERIOD) if report.status}

    def status(self) -> ClusterReportStatus:
        cluster = self.store().read_cluster_report(PERIOD)
        assert cluster is not None
        assert cluster.status is not None
        return cluster.status

    def write_back(self, status: ClusterReportStatus) -> None:
        read = self.store().read_cluster_report(PERIOD)
        assert read is not None
        self.store().write_cluster_report(build_cluster_report(read.name, PERIOD, read.spec, status), read)

    def conditions(self) -> dict[str, str]:
        return {condition.type: condition.status for condition in self.status().conditions}


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane, kubectl: Path) -> Iterator[tuple[Api, Fleet]]:
    api = install_crds(control_plane, kubectl)
    fleet = make_fleet(seed=3, start=START, end=START + DAY)
    there = api.kubectl("get", "namespaces", "-o", "name")
    for namespace in (OPERATOR, *(each.name for each in fleet.namespaces)):
        if f"namespace/{namespace}\n" not in there:
            api.kubectl("create", "namespace", namespace)
    yield api, fleet
    api.client.rest_client.pool_manager.clear()


@pytest.fixture
def trial(api: tuple[Api, Fleet]) -> Trial:
    for kind in ("gcr", "gcw"):
        api[0].kubectl("delete", kind, "-A", "--all")
    api[0].kubectl("delete", "cgcr", "--all")
    return Trial(*api)


def expected(trial: Trial, windows: int) -> tuple[int, int, int]:
    record = trial.record(0, windows)
    cost = sum(group.totals.figures.cost for group in record.groups)
    return windows, cost, cost


def test_a_day_in_steps_equals_the_day_at_once(trial: Trial) -> None:
    for hours in (1, 7, 8, 23):
        trial.step_until_idle(START + timedelta(hours=hours, minutes=1))
    trial.step_until_idle(START + DAY + timedelta(minutes=1))
    assert trial.totals() == expected(trial, 288)


def test_a_record_that_is_replayed_changes_nothing(trial: Trial) -> None:
    committer, record = trial.committer(), trial.record(0, 12)
    committer.commit(record)
    before = trial.totals()
    committer.commit(record)
    assert trial.totals() == before == expected(trial, 12)


def test_a_record_that_was_decided_and_left_is_taken_before_anything_is_computed(trial: Trial) -> None:
    trial.store().create_record(to_specs(trial.record(0, 12)))
    trial.step_until_idle(START + timedelta(hours=2, minutes=1))
    assert trial.totals() == expected(trial, 24)


def test_a_writer_that_comes_late_adds_nothing(trial: Trial) -> None:
    late = trial.record(0, 12)
    trial.step_until_idle(START + timedelta(hours=1, minutes=1))
    assert trial.committer().decide(late) is None
    assert trial.totals() == expected(trial, 12)
    assert trial.store().read_records(START - DAY) == []


def test_the_second_of_two_writers_uses_the_record_of_the_first(trial: Trial) -> None:
    first = trial.record(0, 6)
    assert trial.committer().decide(first) == first
    assert trial.committer().decide(trial.record(0, 12)) == first


def test_a_clusters_report_that_was_deleted_comes_back_with_every_window(trial: Trial) -> None:
    trial.step_until_idle(START + timedelta(hours=1, minutes=1))
    trial.api.kubectl("delete", "cgcr", "--all")
    trial.step_until_idle(START + timedelta(hours=1, minutes=31))
    assert trial.totals() == expected(trial, 18)


def test_a_clusters_report_that_holds_nothing_takes_what_its_teams_have_and_no_more(trial: Trial) -> None:
    trial.step_until_idle(START + timedelta(hours=1, minutes=1))
    trial.api.kubectl("delete", "cgcr", "--all")
    standing = Standing(trial.store(), currency=USD, clock=trial.clock)
    standing.tell(SourceUnavailable("Prometheus is away"), START)
    assert trial.status().windows == 0
    trial.step_until_idle(START + timedelta(hours=1, minutes=31))
    assert trial.totals() == expected(trial, 18)


def test_a_clusters_report_that_was_set_back_takes_what_its_teams_have_and_no_more(trial: Trial) -> None:
    """As from a backup: its digest fits, so nothing shows that it is older."""
    committer = trial.committer()
    committer.commit(trial.record(0, 12))
    before = trial.status()
    for first in (12, 15):
        assert committer.next_stop(START + first * LENGTH) is None
        committer.commit(trial.record(first, first + 3))
    trial.write_back(before)
    assert committer.next_stop(START + 12 * LENGTH) == START + 18 * LENGTH
    committer.commit(trial.record(12, 14))
    assert committer.next_stop(START + 14 * LENGTH) == START + 18 * LENGTH
    trial.step_until_idle(START + timedelta(hours=2, minutes=1))
    assert trial.totals() == expected(trial, 24)


def test_teams_that_are_not_equally_far_get_to_the_same_end_one_after_the_other(trial: Trial) -> None:
    """One team's report and the cluster's were set back, each to another moment."""
    committer = trial.committer()
    committer.commit(trial.record(0, 12))
    before = trial.status()
    committer.commit(trial.record(12, 18))
    then = {report.name: report for report in trial.store().read_reports(PERIOD)}
    committer.commit(trial.record(18, 24))
    behind = next(now for now in trial.store().read_reports(PERIOD) if now.status != then[now.name].status)
    old = then[behind.name]
    assert old.status is not None
    spec = old.spec.model_copy(update={"namespace": None})
    trial.store().write_report(build_report(old.name, old.namespace, PERIOD, spec, old.status), behind)
    trial.write_back(before)
    assert committer.next_stop(START + 12 * LENGTH) == START + 18 * LENGTH
    trial.step_until_idle(START + timedelta(hours=2, minutes=1))
    assert trial.totals() == expected(trial, 24)


def test_where_a_record_was_deleted_in_the_middle_of_its_commit_the_next_one_ends_with_it(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some teams have it, the cluster does not; and by now there are more windows to decide."""
    committer = trial.committer()
    committer.commit(trial.record(0, 12))
    half = trial.record(12, 18)
    assert committer.decide(half) == half
    assert committer.next_stop(half.start) is None
    with monkeypatch.context() as patched:
        patched.setattr(ReportStore, "write_cluster_report", no_answer)
        with pytest.raises(SourceUnavailable):
            committer.commit(half)
    trial.api.kubectl("delete", "gcw", "-A", "--all")
    assert committer.next_stop(half.start) == half.end
    trial.step_until_idle(START + timedelta(hours=2, minutes=1))
    assert trial.totals() == expected(trial, 24)


def no_answer(*_: object) -> StoredClusterReport:
    raise SourceUnavailable("the API server is away")


def test_a_status_that_somebody_took_away_is_gone_on_from_where_it_is_known(trial: Trial) -> None:
    trial.committer().commit(trial.record(0, 12))
    before = trial.status()
    name = f"{START:%Y-%m-%d}"
    trial.api.kubectl("patch", "cgcr", name, "--subresource=status", "--type=merge", "-p", '{"status": null}')

    def mend(report: StoredReport | StoredClusterReport) -> ReportStatus | ClusterReportStatus | None:
        return before if report.namespace is None else None

    Committer(trial.store(), currency=USD, clock=trial.clock, mend=mend).commit(trial.record(12, 24))
    assert trial.totals() == expected(trial, 24)


def test_each_report_that_is_written_is_a_sign_of_life(trial: Trial) -> None:
    beats = []
    committer = Committer(trial.store(), currency=USD, clock=trial.clock, beat=lambda: beats.append(None))
    record = trial.record(0, 12)
    committer.commit(record)
    assert len(beats) == len(record.groups) + 1


def test_a_day_in_another_currency_is_refused_before_anything_is_added(trial: Trial) -> None:
    trial.step_until_idle(START + timedelta(hours=1, minutes=1))
    with pytest.raises(ConfigurationError, match="set it back"):
        trial.step_until_idle(START + timedelta(hours=2, minutes=1), currency="EUR")
    assert trial.totals() == expected(trial, 12)


def test_a_report_that_nobody_takes_holds_up_no_other(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    record = trial.record(0, 12)
    bad = record.groups[0]
    monkeypatch.setattr(
        "gpucost.app.committing.report_writer.report_name",
        lambda team, period: "Not A Name" if team == bad.team else f"{team}-{period.name}",
    )
    trial.committer().commit(record)
    _, allocated, teams = trial.totals()
    left_out = sum(group.totals.figures.cost for group in record.groups if group.team == bad.team)
    assert allocated - teams == left_out > 0
    assert trial.conditions()[REPORTS_WRITTEN] == "False"


def test_a_foreign_edit_is_told_for_good(trial: Trial) -> None:
    trial.step_until_idle(START + timedelta(hours=1, minutes=1))
    name = f"{START:%Y-%m-%d}"
    patch = '{"status": {"allocated": "0.000000000"}}'
    trial.api.kubectl("patch", "cgcr", name, "--subresource=status", "--type=merge", "-p", patch)
    for minutes in (6, 11):
        trial.step_until_idle(START + timedelta(hours=1, minutes=minutes))
        assert trial.conditions()[INTACT] == "False"


def test_a_failure_is_a_condition_until_it_is_over_and_no_part_of_a_final_report(trial: Trial) -> None:
    standing = Standing(trial.store(), currency=USD, clock=trial.clock)
    trial.step_until_idle(START + timedelta(hours=1, minutes=1))
    standing.tell(SourceUnavailable("Prometheus is away"))
    assert trial.conditions()[UP_TO_DATE] == "False"
    standing.tell(None)
    assert trial.conditions()[UP_TO_DATE] == "True"
    trial.step_until_idle(START + DAY + timedelta(minutes=1))
    standing.tell(SourceUnavailable("Prometheus is away again"))
    assert trial.conditions()[UP_TO_DATE] == "False"
    trial.close(START + DAY + LATENESS)
    assert UP_TO_DATE not in trial.conditions()


def test_a_day_stays_open_until_its_lateness_is_over(trial: Trial) -> None:
    trial.compute_all()
    trial.close(START + DAY + LATENESS - timedelta(seconds=1))
    assert (trial.phases(), trial.status().phase) == ({"Open"}, "Open")
    trial.close(START + DAY + LATENESS)
    assert (trial.phases(), trial.status().phase) == ({"Final"}, "Final")
    assert trial.totals() == expected(trial, 288)


def test_a_day_that_lacks_windows_is_not_closed_however_late_it_is(trial: Trial) -> None:
    trial.step_until_idle(START + timedelta(hours=23, minutes=1))
    trial.close(START + 3 * DAY)
    assert (trial.phases(), trial.status().phase) == ({"Open"}, "Open")


def test_the_next_day_may_be_in_another_currency_before_this_one_is_closed(trial: Trial) -> None:
    trial.compute_all()
    assert trial.committer("EUR").committed_until() == START + DAY


def test_what_somebody_else_wrote_is_put_right_where_it_is_known(trial: Trial) -> None:
    committer, whole = trial.committer(), trial.record(0, 12)
    committer.commit(whole)
    before = trial.status()
    name = f"{START:%Y-%m-%d}"
    patch = '{"status": {"allocated": "0.000000000"}}'
    trial.api.kubectl("patch", "cgcr", name, "--subresource=status", "--type=merge", "-p", patch)

    def mend(report: StoredReport | StoredClusterReport) -> ReportStatus | ClusterReportStatus | None:
        return before if report.namespace is None else None

    Committer(trial.store(), currency=USD, clock=trial.clock, mend=mend).commit(trial.record(12, 24))
    assert trial.totals() == expected(trial, 24)
    assert trial.status() == seal(trial.status())
    assert INTACT not in trial.conditions()


def test_an_outage_before_the_first_window_is_told_by_an_empty_report(trial: Trial) -> None:
    trial.now = START + timedelta(hours=5)
    Standing(trial.store(), currency=USD, clock=trial.clock).tell(SourceUnavailable("Prometheus is away"))
    assert trial.totals() == (0, 0, 0)
    assert trial.conditions()[UP_TO_DATE] == "False"
    trial.step_until_idle(START + timedelta(hours=1, minutes=1))
    assert trial.totals() == expected(trial, 12)

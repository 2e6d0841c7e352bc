"""Whatever somebody deletes or edits by hand is put right, and no window is lost or doubled, on a real API server."""

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gpucost.app.committing.closing import Closer
from gpucost.app.committing.commit import Committer
from gpucost.app.computing.pipeline import Pipeline
from gpucost.app.computing.simulated import SimulatedCluster, SimulatedTelemetry
from gpucost.app.configuration.rules import Rules
from gpucost.app.configuration.settings import Settings
from gpucost.app.mending.mended_status import EDIT_MENDED, RECONSTRUCTED
from gpucost.app.mending.mended_store import MendedStore
from gpucost.app.mending.mender import REPORTS_MISSING, Mender
from gpucost.app.mending.rebuilding import Rebuilder
from gpucost.app.mending.remembering_store import RememberingStore
from gpucost.app.mending.report_memory import Key, ReportMemory
from gpucost.app.plan import Timing, next_batch
from gpucost.app.prices.rates import Prices
from gpucost.app.process.kopf_operator import KopfThread, make_registry
from gpucost.cluster.connection import connect
from gpucost.model.errors import Conflict, NotLeading, SourceUnavailable
from gpucost.model.money import parse_e9
from gpucost.model.tenancy import LabelKeys
from gpucost.model.time import DAY, Period, PeriodKind, Window, period_of
from gpucost.reports.build import Object, build_report
from gpucost.reports.conditions import INTACT
from gpucost.reports.digest import is_intact, seal
from gpucost.reports.fold import FINAL, OPEN
from gpucost.reports.naming import name_elsewhere
from gpucost.reports.record import WindowRecord, record_of
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from gpucost.reports.storage.kube_client import KubeClient
from gpucost.reports.storage.store import ReportName, ReportStore
from gpucost.reports.storage.stored import StoredReport
from gpucost.simulation.fleet import Fleet, make_fleet
from sandbox.control_plane import ControlPlane
from tests.integration.api_objects import Api, install_crds

pytestmark = [
    pytest.mark.cluster,
    # Connections of kopf's that end with its thread: in the operator the process ends with them.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

Status = ReportStatus | ClusterReportStatus
Eventually = Callable[[Callable[[], object], float], bool]
START = datetime(2026, 3, 30, tzinfo=UTC)
"""The last day but one of a month: the month is over with the second day."""
HOUR = timedelta(hours=1)
TIMING = Timing(
    window=timedelta(hours=1),
    settle_delay=timedelta(seconds=60),
    lateness=timedelta(minutes=10),
    backfill_max_age=timedelta(days=7),
)
FIRST_WRITES: dict[str, Callable[[int], int]] = {
    "no report is there": lambda _teams: 0,
    "the first report has no figures yet": lambda _teams: 1,
    "one team's report has its figures": lambda _teams: 2,
    "the cluster's report is not there": lambda teams: 2 * teams,
    "the cluster's report has no figures yet": lambda teams: 2 * teams + 1,
}
"""How many writes have been done: each report is made by two, the second of which brings its figures."""
WRITES_OF_A_CLOSE: dict[str, Callable[[int], int]] = {
    "the day's reports are Final": lambda teams: teams,
    "a team's month has no figures yet": lambda teams: teams + 1,
    "a team's month has its figures": lambda teams: teams + 2,
    "the cluster's month is not there": lambda teams: 3 * teams,
    "the cluster's month has no figures yet": lambda teams: 3 * teams + 1,
    "the cluster's day is not Final": lambda teams: 3 * teams + 2,
}
"""As many writes of the first day's close have been done."""
OPERATOR = "mending-operator"
PASSING = "mending-passing"
USD = "USD"


def day(number: int) -> Period:
    return period_of(Window(START + number * DAY, START + number * DAY), PeriodKind.DAY)


MONTH = period_of(Window(START, START), PeriodKind.MONTH)


@dataclass
class Trial:
    """Some days of a fleet before one API server, and one process of the operator."""

    api: Api
    fleet: Fleet
    now: datetime = START
    memory: ReportMemory = field(default_factory=ReportMemory)
    mended: Counter[str] = field(default_factory=Counter)
    """Reports that this process put right, by how."""
    mender: Mender = field(init=False)
    store: MendedStore = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new process: it remembers nothing."""
        self.memory, self.mended = ReportMemory(), Counter()
        client = self.api.client
        plain = RememberingStore(client, operator_namespace=OPERATOR, memory=self.memory)
        rebuilder = Rebuilder(plain, self.pipeline(), currency=USD, timing=TIMING, clock=self.clock)
        self.mender = Mender(
            plain,
            self.memory,
            rebuilder,
            currency=USD,
            clock=self.clock,
            on_mended=lambda how: self.mended.update([how]),
        )
        self.store = MendedStore(client, operator_namespace=OPERATOR, memory=self.memory, mender=self.mender)

    def clock(self) -> datetime:
        return self.now

    def pipeline(self) -> Pipeline:
        return Pipeline(
            cluster=SimulatedCluster(self.fleet, self.fleet.end),
            telemetry=SimulatedTelemetry(self.fleet),
            rates=Prices(Settings(), tuple),
            rules=Rules(currency=USD, keys=LabelKeys()),
        )

    def records(self, start: datetime, until: datetime) -> Iterator[WindowRecord]:
        pipeline = self.pipeline()
        while windows := next_batch(start, until, TIMING.window):
            yield record_of(pipeline.compute(windows))
            start = windows[-1].end

    def operate(self, until: datetime) -> None:
        """As the window loop: from where the reports stand, and closing what is due."""
        self.commit(until)
        self.close()

    def commit(self, until: datetime) -> None:
        self.now = until + timedelta(minutes=11)
        committer = Committer(self.store, currency=USD, clock=self.clock)
        for record in self.records(committer.committed_until() or START, until):
            assert committer.decide(record) == record
            committer.commit(record)

    def close(self) -> None:
        closer = Closer(self.store, lateness=TIMING.lateness, clock=self.clock)
        while closer.step(self.now):
            pass

    def mend(self) -> None:
        """Turns, until all periods were looked at and nothing is marked."""
        for _ in range(20):
            self.mender.turn()

    def plain(self) -> ReportStore:
        return ReportStore(self.api.client, operator_namespace=OPERATOR)

    def statuses(self, period: Period) -> dict[Key, Status]:
        """As they are on the API server."""
        cluster = self.plain().read_cluster_report(period)
        reports = {Key(each.namespace, each.name): each.status for each in self.plain().read_reports(period)}
        found = {**reports, **({Key(None, cluster.name): cluster.status} if cluster else {})}
        return {key: status for key, status in found.items() if status is not None}

    def delete(self, key: Key) -> None:
        kind, where = ("gcr", ("-n", key.namespace)) if key.namespace else ("cgcr", ())
        self.api.kubectl("delete", kind, key.name, *where)

    def patch(self, key: Key, status: object) -> None:
        kind, where = ("gcr", ("-n", key.namespace)) if key.namespace else ("cgcr", ())
        patch = json.dumps({"status": status})
        self.api.kubectl("patch", kind, key.name, *where, "--subresource=status", "--type=merge", "-p", patch)

    def assert_whole(self, period: Period, until: datetime) -> None:
        """All windows until then are in all reports, once, and nobody else's figures are."""
        statuses = self.statuses(period)
        cluster = statuses[Key(None, period.name)]
        assert isinstance(cluster, ClusterReportStatus)
        teams = [status for status in statuses.values() if isinstance(status, ReportStatus)]
        records = list(self.records(START, until))
        cost = sum(group.totals.figures.cost for record in records for group in record.groups)
        assert cluster.windows == sum(record.windows for record in records)
        assert parse_e9(cluster.allocated) == sum(parse_e9(team.cost or "0") for team in teams) == cost
        assert parse_e9(cluster.residual) == 0
        assert all(is_intact(status) for status in statuses.values())


def conditions(status: Status) -> dict[str, tuple[str, str, str]]:
    return {each.type: (each.status, each.reason, each.message) for each in status.conditions}


def figures(status: Status) -> dict[str, object]:
    return status.model_dump(exclude={"conditions", "reports", "digest"})


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane, kubectl: Path) -> Iterator[tuple[Api, Fleet]]:
    api = install_crds(control_plane, kubectl)
    fleet = make_fleet(seed=3, start=START, end=START + 3 * DAY)
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


@pytest.fixture
def watched(trial: Trial) -> Iterator[Trial]:
    """With kopf, as the operator has it: what happens between two looks is seen."""
    registry = make_registry(
        lambda: connect(trial.api.kubeconfig),
        on_rate_card_change=lambda: None,
        on_report=trial.memory.saw_event,
    )
    ended: list[bool] = []
    thread = KopfThread(registry, on_end=lambda: ended.append(True))
    thread.start()
    yield trial
    assert not ended
    thread.stop(5.0)


def a_team(trial: Trial, period: Period) -> Key:
    return next(key for key in trial.statuses(period) if key.namespace is not None)


@pytest.mark.parametrize("of_cluster", [False, True])
def test_what_is_deleted_comes_back_as_it_was(watched: Trial, eventually: Eventually, of_cluster: bool) -> None:
    watched.operate(START + 3 * HOUR)
    watched.mend()
    before = watched.statuses(day(0))
    key = Key(None, day(0).name) if of_cluster else a_team(watched, day(0))
    watched.delete(key)
    assert eventually(lambda: watched.memory.has_marked, 10)
    watched.mend()
    assert watched.statuses(day(0)) == before
    assert watched.mended == {"memory": 1}
    watched.operate(START + 5 * HOUR)
    watched.assert_whole(day(0), START + 5 * HOUR)


@pytest.mark.parametrize("of_cluster", [False, True])
def test_what_is_set_back_comes_forward_as_it_was(watched: Trial, eventually: Eventually, of_cluster: bool) -> None:
    """As from a backup: its digest fits."""
    watched.operate(START + 3 * HOUR)
    key = Key(None, day(0).name) if of_cluster else a_team(watched, day(0))
    old = watched.statuses(day(0))[key]
    watched.operate(START + 5 * HOUR)
    watched.mend()
    before = watched.statuses(day(0))
    watched.patch(key, old.model_dump(mode="json", by_alias=True))
    assert eventually(lambda: watched.memory.has_marked, 10)
    watched.mend()
    assert watched.statuses(day(0)) == before
    assert watched.mended == {"memory": 1}
    watched.operate(START + 7 * HOUR)
    watched.assert_whole(day(0), START + 7 * HOUR)


def test_what_is_deleted_while_a_window_is_computed_takes_it_all_the_same(trial: Trial) -> None:
    trial.operate(START + 3 * HOUR)
    for kind in ("gcr", "cgcr"):
        trial.api.kubectl("delete", kind, "--all", *(["-A"] if kind == "gcr" else []))
    trial.operate(START + 5 * HOUR)
    trial.assert_whole(day(0), START + 5 * HOUR)


def test_final_days_and_months_come_back_final_and_as_they_were(watched: Trial, eventually: Eventually) -> None:
    watched.operate(START + 2 * DAY)
    before = [watched.statuses(period) for period in (day(0), day(1), MONTH)]
    assert {status.phase for statuses in before for status in statuses.values()} == {FINAL}
    gone = [key for statuses in before for key in (next(iter(statuses)), *(k for k in statuses if not k.namespace))]
    for key in gone:
        watched.delete(key)

    def all_there() -> bool:
        watched.mend()
        return [watched.statuses(period) for period in (day(0), day(1), MONTH)] == before

    assert eventually(all_there, 20)
    assert watched.mended == {"memory": len(gone)}


@pytest.mark.parametrize("of_cluster", [False, True])
def test_an_edit_is_undone_and_told(watched: Trial, eventually: Eventually, of_cluster: bool) -> None:
    watched.operate(START + 3 * HOUR)
    watched.mend()
    key = Key(None, day(0).name) if of_cluster else a_team(watched, day(0))
    before = watched.statuses(day(0))[key]
    watched.patch(key, {"estimatedCost": "123.000000000", "windows": 77, "byTeam" if of_cluster else "byProduct": []})
    assert eventually(lambda: watched.memory.has_marked, 10)
    watched.mend()
    after = watched.statuses(day(0))[key]
    assert figures(after) == figures(before)
    assert is_intact(after)
    status, reason, message = conditions(after)[INTACT]
    assert (status, reason) == ("False", EDIT_MENDED)
    assert message.startswith("kubectl-patch changed the figures at 20")
    watched.operate(START + 5 * HOUR)
    watched.assert_whole(day(0), START + 5 * HOUR)
    assert conditions(watched.statuses(day(0))[key])[INTACT] == (status, reason, message)
    assert watched.mended == {"memory": 1}


@pytest.mark.parametrize(
    "edit",
    [
        {"lastWindowEnd": "2026-03-30T09:00:00Z", "digest": "sha256:0"},
        {"lastWindowEnd": "2026-03-30T01:00:00Z", "windows": 1},
        None,
    ],
    ids=["later", "earlier", "nothing is left"],
)
def test_an_edit_of_how_far_the_reports_are_costs_no_window(trial: Trial, edit: object) -> None:
    """Nobody takes a turn between the edit and the next window."""
    trial.operate(START + 3 * HOUR)
    for key in trial.statuses(day(0)):
        trial.patch(key, edit and {**edit})  # type: ignore[dict-item]
    trial.operate(START + 5 * HOUR)
    trial.mend()
    trial.assert_whole(day(0), START + 5 * HOUR)


def test_a_report_that_nobody_remembers_is_computed_again(trial: Trial) -> None:
    trial.operate(START + DAY + 3 * HOUR)
    before = {period: trial.statuses(period) for period in (day(0), day(1))}
    gone = [a_team(trial, day(0)), a_team(trial, day(1))]
    for key in gone:
        trial.delete(key)
    trial.restart()
    trial.mender.turn()
    assert trial.statuses(day(1)).keys() == before[day(1)].keys()  # the open day in the first turn
    trial.mend()
    for key, period in zip(gone, before, strict=True):
        status = trial.statuses(period)[key]
        assert figures(status) == figures(before[period][key])
        assert conditions(status)[RECONSTRUCTED][0] == "True"
        assert is_intact(status)
    assert trial.mended == {"recomputed": 2}


def test_a_clusters_report_that_nobody_remembers_is_computed_again(trial: Trial) -> None:
    trial.operate(START + 9 * HOUR)
    key = Key(None, day(0).name)
    before = trial.statuses(day(0))[key]
    trial.delete(key)
    trial.restart()
    trial.mender.turn()
    assert figures(trial.statuses(day(0))[key]) == figures(before)
    trial.operate(START + 15 * HOUR)
    trial.assert_whole(day(0), START + 15 * HOUR)
    assert conditions(trial.statuses(day(0))[key])[RECONSTRUCTED][0] == "True"


@pytest.mark.parametrize("of_cluster", [False, True])
def test_a_status_that_was_taken_away_while_nobody_looked_is_computed_again(trial: Trial, of_cluster: bool) -> None:
    trial.operate(START + 9 * HOUR)
    key = Key(None, day(0).name) if of_cluster else a_team(trial, day(0))
    before = trial.statuses(day(0))[key]
    trial.patch(key, None)
    trial.restart()
    trial.mender.turn()
    assert figures(trial.statuses(day(0))[key]) == figures(before)
    assert trial.mended == {"recomputed": 1}
    trial.operate(START + 15 * HOUR)
    trial.assert_whole(day(0), START + 15 * HOUR)


def test_teams_that_are_further_than_the_cluster_lack_nothing(trial: Trial) -> None:
    """Its report was set back while nobody looked, and takes anew what it lacks."""
    trial.operate(START + 3 * HOUR)
    key = Key(None, day(0).name)
    old = trial.statuses(day(0))[key]
    trial.operate(START + 5 * HOUR)
    trial.patch(key, old.model_dump(mode="json", by_alias=True))
    trial.restart()
    trial.mend()
    trial.operate(START + 5 * HOUR)
    trial.mend()
    trial.assert_whole(day(0), START + 5 * HOUR)
    assert REPORTS_MISSING not in conditions(trial.statuses(day(0))[key])
    assert trial.mended == {}


@pytest.mark.parametrize("of_cluster", [False, True])
def test_an_edit_that_nobody_saw_is_undone_by_computing_again(trial: Trial, of_cluster: bool) -> None:
    trial.operate(START + 9 * HOUR)
    key = Key(None, day(0).name) if of_cluster else a_team(trial, day(0))
    trial.patch(key, {"estimatedCost": "123.000000000", "lastWindowEnd": "2026-03-30T05:00:00Z"})
    trial.restart()
    trial.mend()
    assert conditions(trial.statuses(day(0))[key])[INTACT][1] == EDIT_MENDED
    assert conditions(trial.statuses(day(0))[key])[RECONSTRUCTED][0] == "True"
    trial.operate(START + 15 * HOUR)
    trial.assert_whole(day(0), START + 15 * HOUR)


def test_a_record_that_is_on_its_way_is_waited_for(trial: Trial) -> None:
    trial.operate(START + 3 * HOUR)
    gone = a_team(trial, day(0))
    (record,) = trial.records(START + 3 * HOUR, START + 5 * HOUR)
    committer = Committer(trial.store, currency=USD, clock=trial.clock)
    committer.decide(record)
    trial.delete(gone)
    trial.restart()
    trial.mender.turn()
    assert gone not in trial.statuses(day(0))
    Committer(trial.store, currency=USD, clock=trial.clock).commit(record)
    trial.mend()
    trial.assert_whole(day(0), START + 5 * HOUR)


@pytest.mark.parametrize("writes", FIRST_WRITES.values(), ids=FIRST_WRITES)
def test_a_day_whose_first_reports_are_being_made_lacks_none(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, writes: Callable[[int], int]
) -> None:
    """A process ends in the middle of it."""
    trial.now = START + 3 * HOUR
    (record,) = trial.records(START, START + 2 * HOUR)
    committer = Committer(trial.store, currency=USD, clock=trial.clock)
    committer.decide(record)
    with ending_after(writes(len({entry.group for entry in record.groups})), monkeypatch):
        committer.commit(record)
    trial.restart()
    trial.mender.turn()
    Committer(trial.store, currency=USD, clock=trial.clock).commit(record)
    trial.mend()
    trial.assert_whole(day(0), START + 2 * HOUR)
    statuses = trial.statuses(day(0))
    assert {status.phase for status in statuses.values()} == {OPEN}
    assert trial.mended == {}
    assert not {RECONSTRUCTED, REPORTS_MISSING} & set(conditions(statuses[Key(None, day(0).name)]))


@pytest.mark.parametrize("writes", WRITES_OF_A_CLOSE.values(), ids=WRITES_OF_A_CLOSE)
def test_a_month_whose_first_day_is_being_closed_lacks_nothing(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, writes: Callable[[int], int]
) -> None:
    """A process ends in the middle of it."""
    trial.commit(START + DAY)
    with ending_after(writes(len(trial.statuses(day(0))) - 1), monkeypatch):
        trial.close()
    trial.restart()
    trial.mend()
    trial.close()
    for period in (day(0), MONTH):
        trial.assert_whole(period, START + DAY)
        statuses = trial.statuses(period)
        assert not {RECONSTRUCTED, REPORTS_MISSING} & set(conditions(statuses[Key(None, period.name)]))
    assert trial.mended == {}


@contextmanager
def ending_after(writes: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is done within ends by then, as that of a process that is killed."""
    left = iter(range(writes))
    apply = KubeClient.apply

    def killed(*arguments: Any, **named: Any) -> Any:
        if next(left, None) is None:
            raise SourceUnavailable("the process has ended")
        return apply(*arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(KubeClient, "apply", killed)
        with pytest.raises(SourceUnavailable):
            yield


def test_each_span_of_a_day_that_is_computed_again_is_a_sign_of_life(trial: Trial) -> None:
    trial.operate(START + DAY)
    beats: list[None] = []
    plain = RememberingStore(trial.api.client, operator_namespace=OPERATOR, memory=trial.memory)
    rebuilder = Rebuilder(
        plain, trial.pipeline(), currency=USD, timing=TIMING, clock=trial.clock, beat=lambda: beats.append(None)
    )
    assert rebuilder.day(day(0), USD) is not None
    assert len(beats) == 4


def test_who_does_not_lead_any_more_puts_nothing_right(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing failed: what says so goes past the mender, to whoever ends the term."""
    trial.operate(START + 3 * HOUR)
    trial.delete(a_team(trial, day(0)))
    trial.restart()
    monkeypatch.setattr(KubeClient, "apply", not_leading)
    with pytest.raises(NotLeading):
        trial.mender.turn()
    assert trial.mended == {}


def not_leading(*_: object) -> None:
    raise NotLeading("another replica leads")


def test_a_whole_day_and_its_month_are_made_again(trial: Trial) -> None:
    trial.operate(START + 2 * DAY + 3 * HOUR)
    before = {period: trial.statuses(period) for period in (day(1), MONTH)}
    for key in (*before[day(1)], *before[MONTH]):
        trial.delete(key)
    trial.restart()
    trial.mend()
    trial.operate(START + 2 * DAY + 3 * HOUR)  # closes the month, since all its days are closed
    for period, statuses in before.items():
        after = trial.statuses(period)
        assert {key: figures(after[key]) for key in after} == {key: figures(status) for key, status in statuses.items()}


MONTHS = {"an open month": (START + DAY + 3 * HOUR, OPEN), "a month that is over": (START + 2 * DAY + 3 * HOUR, FINAL)}


@pytest.mark.parametrize("of_cluster", [False, True])
@pytest.mark.parametrize(("until", "phase"), MONTHS.values(), ids=MONTHS)
def test_a_month_that_nobody_remembers_is_summed_from_its_days(
    trial: Trial, of_cluster: bool, until: datetime, phase: str
) -> None:
    """Nothing else brings back a team's that is deleted while nobody looks."""
    trial.operate(until)
    key = Key(None, MONTH.name) if of_cluster else a_team(trial, MONTH)
    before = trial.statuses(MONTH)[key]
    assert before.phase == phase
    trial.delete(key)
    trial.restart()
    trial.mend()
    assert figures(trial.statuses(MONTH)[key]) == figures(before)
    assert trial.mended == {"days": 1}


def test_what_gpucost_deletes_itself_stays_away(watched: Trial, eventually: Eventually) -> None:
    watched.operate(START + DAY + 3 * HOUR)
    key = a_team(watched, day(0))
    watched.mend()
    report = next(each for each in watched.store.read_reports(day(0)) if each.name == key.name)
    watched.store.delete(ReportName(report.namespace, report.name, report.uid))
    other = a_team(watched, day(1))
    watched.delete(other)
    assert eventually(lambda: watched.memory.has_marked, 10)
    watched.mend()
    assert other in watched.statuses(day(1))
    assert key not in watched.statuses(day(0))


def test_a_final_report_that_somebody_made_anew_is_replaced(watched: Trial, eventually: Eventually) -> None:
    watched.operate(START + DAY)
    key = a_team(watched, day(0))
    before = watched.statuses(day(0))
    document = json.loads(watched.api.kubectl("get", "gcr", key.name, "-n", str(key.namespace), "-o", "json"))
    metadata = {name: document["metadata"][name] for name in ("name", "namespace", "labels")}
    forged = {**document, "metadata": metadata, "status": {**document["status"], "cost": "0.000000000"}}
    watched.delete(key)
    watched.api.kubectl("create", "-f", "-", told=json.dumps(forged))
    watched.api.kubectl("replace", "--subresource=status", "-f", "-", told=json.dumps(forged))

    def is_mended() -> bool:
        watched.mend()
        status = watched.statuses(day(0)).get(key)
        return status is not None and figures(status) == figures(before[key])

    assert eventually(is_mended, 10)
    assert watched.statuses(day(0))[key].phase == FINAL


def test_what_is_removed_to_be_made_anew_is_what_was_read(trial: Trial) -> None:
    trial.operate(START + 3 * HOUR)
    key = Key(None, day(0).name)
    store = RememberingStore(trial.api.client, operator_namespace=OPERATOR, memory=trial.memory)
    old = store.read_cluster_report(day(0))
    assert old is not None
    trial.delete(key)
    trial.operate(START + 3 * HOUR)  # puts it there again
    with pytest.raises(Conflict):
        store.remove(old)
    assert key in trial.statuses(day(0))


def test_an_older_operators_digest_is_no_foreign_edit(trial: Trial) -> None:
    """A Final report is not made anew because this version reckons digests otherwise."""
    trial.operate(START + DAY)
    key = a_team(trial, day(0))
    store, name = trial.plain(), key.name
    report = next(each for each in store.read_reports(day(0)) if each.name == name)
    assert report.status is not None
    other = report.status.model_copy(update={"digest": seal(report.status).digest[:-1] + "x"})
    trial.delete(key)
    store.write_report(make_document(report, other), None)
    trial.restart()
    trial.mend()
    assert trial.statuses(day(0))[key] == other


def make_document(report: StoredReport, status: ReportStatus) -> Object:
    return build_report(report.name, report.namespace, day(0), report.spec, status)


def test_figures_of_a_namespace_that_is_gone_are_kept_while_they_grow(
    watched: Trial, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    """The open day goes on in the operator's namespace; what is Final is in byNamespace."""
    watched.operate(START + DAY + 3 * HOUR)
    watched.mend()
    namespace = str(a_team(watched, day(1)).namespace)
    final = [key for key in watched.statuses(day(0)) if key.namespace == namespace]
    open_ones = [key for key in watched.statuses(day(1)) if key.namespace == namespace]
    moved = [Key(OPERATOR, name_elsewhere(key.name, namespace)) for key in open_ones]
    before = watched.statuses(day(1))
    with caplog.at_level(logging.WARNING):
        watched.api.kubectl("delete", "namespace", namespace)

        def are_moved() -> bool:
            watched.mend()
            return set(moved) <= watched.statuses(day(1)).keys() and not watched.memory.has_marked

        try:
            assert eventually(are_moved, 20)
        finally:
            watched.api.kubectl("create", "namespace", namespace)
    assert [figures(watched.statuses(day(1))[key]) for key in moved] == [figures(before[key]) for key in open_ones]
    assert not set(final) & watched.statuses(day(0)).keys()
    assert "byNamespace only" in caplog.text


def test_what_cannot_be_computed_again_is_told(trial: Trial) -> None:
    trial.operate(START + DAY + 3 * HOUR)
    key = a_team(trial, day(0))
    trial.delete(key)
    trial.restart()
    trial.now = START + 8 * DAY
    trial.mend()
    cluster = trial.statuses(day(1))[Key(None, day(1).name)]
    status, _, message = conditions(cluster)[REPORTS_MISSING]
    assert status == "True"
    assert f"{day(0).name} of {key.namespace}" in message
    assert cluster.phase == OPEN

"""Days are closed and go into their months, each once, whoever is interrupted and when, on a real API server."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import pytest

from gpucost.app.committing.closing import Closer
from gpucost.app.committing.commit import REPORTS_WRITTEN, Committer
from gpucost.app.computing.computed import build_reports
from gpucost.app.computing.pipeline import Pipeline
from gpucost.app.computing.simulated import SimulatedCluster, SimulatedTelemetry
from gpucost.app.configuration.rules import Rules
from gpucost.app.configuration.settings import Settings
from gpucost.app.prices.rates import Prices
from gpucost.model.ledger import Ledger
from gpucost.model.money import parse_e9
from gpucost.model.tenancy import LabelKeys
from gpucost.model.time import DAY, Period, PeriodKind, Window, format_time, period_of, windows_between
from gpucost.reports.build import Object
from gpucost.reports.conditions import INTACT
from gpucost.reports.month import DAYS_LEFT_OUT
from gpucost.reports.record import WindowRecord, record_of
from gpucost.reports.storage.store import ReportStore
from gpucost.simulation.fleet import Fleet, make_fleet
from sandbox.control_plane import ControlPlane
from tests.integration.api_objects import Api, install_crds

pytestmark = pytest.mark.cluster

START = datetime(2026, 3, 30, tzinfo=UTC)
DAYS = 3
"""Two of March, one of April."""
LENGTH = timedelta(hours=1)
LATENESS = timedelta(minutes=10)
OPERATOR = "months-operator"
WAS, GONE = "speech", "months-gone"
"""A namespace of the fleet, and what it is called here: there is none of that name when its reports are written."""
Objects = dict[tuple[str, str, str], Object]
"""By kind, namespace and name."""


def day(number: int) -> Period:
    return Period(START + number * DAY, START + (number + 1) * DAY, PeriodKind.DAY)


MARCH = period_of(Window(START, START), PeriodKind.MONTH)
APRIL = period_of(Window(START + 2 * DAY, START + 2 * DAY), PeriodKind.MONTH)


class Killed(BaseException):
    """The process ends here."""


def _renamed(ledger: Ledger) -> Ledger:
    holders = (replace(each, namespace=GONE) if each.namespace == WAS else each for each in ledger.holders)
    return replace(ledger, holders=tuple(holders))


@dataclass
class Trial:
    """Some days of a fleet before one API server."""

    api: Api
    fleet: Fleet
    now: datetime = START

    def clock(self) -> datetime:
        return self.now

    def store(self, may_write: Callable[[], bool] = lambda: True) -> ReportStore:
        return ReportStore(self.api.client, operator_namespace=OPERATOR, may_write=may_write)

    def closer(self, store: ReportStore) -> Closer:
        return Closer(store, lateness=LATENESS, clock=self.clock)

    @cached_property
    def ledgers(self) -> list[tuple[Ledger, ...]]:
        pipeline = Pipeline(
            cluster=SimulatedCluster(self.fleet, self.fleet.end),
            telemetry=SimulatedTelemetry(self.fleet),
            rates=Prices(Settings(), tuple),
            rules=Rules(currency="USD", keys=LabelKeys()),
        )
        days = [windows_between(day(number).start, day(number).end, LENGTH) for number in range(DAYS)]
        return [tuple(map(_renamed, pipeline.compute(windows))) for windows in days]

    @cached_property
    def records(self) -> list[WindowRecord]:
        return [record_of(some) for some in self.ledgers]

    def commit(self, store: ReportStore, record: WindowRecord) -> None:
        """As the window loop does: what is decided counts."""
        self.now = record.end + timedelta(minutes=2)
        committer = Committer(store, currency=record.currency, clock=self.clock)
        committed = committer.committed_until()
        if committed is not None and committed >= record.end:
            return
        decided = committer.decided_after(committed)
        found = decided[0] if decided else committer.decide(record)
        if found is not None:
            committer.commit(found)

    def close(self, store: ReportStore, now: datetime) -> None:
        self.now = now
        closer = self.closer(store)
        while closer.step(now):
            pass

    def operate(self, store: ReportStore | None = None, days: range = range(DAYS)) -> None:
        """From wherever the reports stand to the end."""
        store = store or self.store()
        for number in days:
            self.commit(store, self.records[number])
            self.close(store, day(number).end + LATENESS)

    def clear(self) -> None:
        for kind in ("gcr", "gcw"):
            self.api.kubectl("delete", kind, "-A", "--all")
        self.api.kubectl("delete", "cgcr", "--all")

    def objects(self) -> Objects:
        """All of ours, without what the API server adds."""
        listed = json.loads(self.api.kubectl("get", "gcr,cgcr,gcw", "-A", "-o", "json"))["items"]
        return {
            (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): {
                "labels": each["metadata"]["labels"],
                **{key: each.get(key) for key in ("spec", "status")},
            }
            for each in listed
        }

    def versions(self) -> dict[str, str]:
        listed = json.loads(self.api.kubectl("get", "gcr,cgcr", "-A", "-o", "json"))["items"]
        return {each["metadata"]["uid"]: each["metadata"]["resourceVersion"] for each in listed}


@pytest.fixture(scope="module")
def whole(control_plane: ControlPlane, kubectl: Path) -> Iterator[tuple[Trial, Objects]]:
    """What an undisturbed run leaves."""
    api = install_crds(control_plane, kubectl)
    trial = Trial(api, make_fleet(seed=3, start=START, end=START + DAYS * DAY))
    there = api.kubectl("get", "namespaces", "-o", "name")
    for namespace in (OPERATOR, *(each.name for each in trial.fleet.namespaces)):
        if f"namespace/{namespace}\n" not in there:
            api.kubectl("create", "namespace", namespace)
    trial.clear()
    trial.operate()
    yield trial, trial.objects()
    api.client.rest_client.pool_manager.clear()


@pytest.fixture
def trial(whole: tuple[Trial, Objects]) -> Trial:
    whole[0].clear()
    return whole[0]


def of_kind(objects: Objects, kind: str, period: Period) -> dict[tuple[str, str], Object]:
    """By namespace of the pods and team, empty for the cluster."""
    return {
        (key[1] and each["spec"].get("namespace", key[1]), each["spec"].get("team", "")): each
        for key, each in objects.items()
        if key[0] == kind and (each["spec"]["period"], each["labels"]["gpucost.io/start"]) == _labels(period)
    }


def _labels(period: Period) -> tuple[str, str]:
    return str(period.kind), f"{period.start:%Y-%m-%d}"


def teams(objects: Objects, period: Period) -> dict[tuple[str, str], Object]:
    return of_kind(objects, "GpuCostReport", period)


def cluster(objects: Objects, period: Period) -> Object:
    return of_kind(objects, "ClusterGpuCostReport", period)["", ""]


def amount(report: Object, name: str) -> int:
    return parse_e9(report["status"][name] or "0")


def condition(report: Object, kind: str) -> str | None:
    return next((each["status"] for each in report["status"]["conditions"] if each["type"] == kind), None)


FIGURES = ("nodeCost", "allocated", "unallocated", "unobserved", "host", "usedCost", "idleCost", "unassignedCost")


def test_a_month_is_the_sum_of_its_days_to_the_last_digit(whole: tuple[Trial, Objects]) -> None:
    objects = whole[1]
    for month, days in ((MARCH, (0, 1)), (APRIL, (2,))):
        report = cluster(objects, month)
        of_days = [cluster(objects, day(number)) for number in days]
        for name in FIGURES:
            assert amount(report, name) == sum(amount(each, name) for each in of_days) > -1, name
        assert report["status"]["windows"] == 24 * len(days)
        for group, team in teams(objects, month).items():
            costs = [amount(reports[group], "cost") for n in days if group in (reports := teams(objects, day(n)))]
            assert amount(team, "cost") == sum(costs), group
        assert sum(amount(team, "cost") for team in teams(objects, month).values()) == amount(report, "allocated")


def test_what_is_over_is_final_and_says_what_it_covers(whole: tuple[Trial, Objects]) -> None:
    objects = whole[1]
    over = [day(number) for number in range(DAYS)] + [MARCH]
    for period in over:
        phases = {each["status"]["phase"] for each in (*teams(objects, period).values(), cluster(objects, period))}
        assert phases == {"Final"}, period.name
    assert cluster(objects, APRIL)["status"]["phase"] == "Open"
    for report in (*teams(objects, MARCH).values(), cluster(objects, MARCH)):
        assert (report["spec"]["start"], report["spec"]["end"]) == (format_time(START), format_time(MARCH.end))


def test_the_command_line_prints_the_same_months(whole: tuple[Trial, Objects]) -> None:
    trial, objects = whole
    computed = build_reports(trial.ledgers, PeriodKind.MONTH, trial.now)
    left_out = {"phase", "digest", "conditions", "reports"}
    for printed in (*computed.reports, *computed.cluster_reports):
        period = MARCH if printed["metadata"]["name"].endswith("-03") else APRIL
        namespace, team = printed["metadata"].get("namespace", ""), printed["spec"].get("team", "")
        written = of_kind(objects, printed["kind"], period)[namespace, team]
        for key in printed["status"].keys() - left_out:
            assert printed["status"][key] == written["status"].get(key), (team, key)


def test_a_report_whose_namespace_is_gone_lives_with_the_operator_by_day_and_by_month(
    whole: tuple[Trial, Objects],
) -> None:
    objects = whole[1]
    for period in (day(0), MARCH, APRIL):
        found = {
            key[2]: each["spec"]["namespace"]
            for key, each in objects.items()
            if key[1] == OPERATOR and key[0] == "GpuCostReport" and key[2].endswith(f"-{period.name}")
        }
        assert found, period.name
        assert set(found.values()) == {GONE}
        assert all(name.startswith(f"{GONE}.") for name in found)


def test_a_closed_period_says_how_much_its_reports_take(whole: tuple[Trial, Objects]) -> None:
    objects = whole[1]
    for period in (day(0), MARCH):
        told = cluster(objects, period)["status"]["reports"]
        assert told["count"] == 1 + len(teams(objects, period))
    assert cluster(objects, APRIL)["status"]["reports"] is None


def test_what_a_period_says_of_its_size_is_true(trial: Trial) -> None:
    trial.operate(days=range(1))
    listed = json.loads(
        trial.api.kubectl("get", "gcr,cgcr", "-A", "-o", "json", "--show-managed-fields", "-l", "gpucost.io/period=Day")
    )["items"]
    real = sum(len(json.dumps(each, separators=(",", ":"))) for each in listed)
    told = cluster(trial.objects(), day(0))["status"]["reports"]["size"]
    assert told == pytest.approx(real, rel=0.25)


def test_killed_between_every_two_writes_it_comes_to_the_same(whole: tuple[Trial, Objects], trial: Trial) -> None:
    for record in trial.records:
        trial.commit(trial.store(), record)
    killed, allowed, before = 0, 1, trial.versions()
    while True:
        left = iter(range(allowed))

        def die_after_some(left: Iterator[int] = left) -> bool:
            if next(left, None) is None:
                raise Killed
            return True

        try:
            trial.close(trial.store(die_after_some), day(DAYS).start + LATENESS)
            break
        except Killed:
            killed += 1
        after = trial.versions()
        allowed = 1 if after != before else allowed + 1  # one that is refused changes nothing
        before = after
    assert killed > 50
    assert without_times(trial.objects()) == without_times(whole[1])


@pytest.mark.parametrize("moment", range(0, 60, 12))
def test_two_closers_at_once_come_to_the_same(whole: tuple[Trial, Objects], trial: Trial, moment: int) -> None:
    """The second does all of its work just before one of the first's writes."""
    for record in trial.records:
        trial.commit(trial.store(), record)
    written = 0

    def let_the_other_go_first() -> bool:
        nonlocal written
        if written == moment:
            trial.close(trial.store(), day(DAYS).start + LATENESS)
        written += 1
        return True

    trial.close(trial.store(let_the_other_go_first), day(DAYS).start + LATENESS)
    assert written > moment or moment > 40
    assert without_times(trial.objects()) == without_times(whole[1])


def without_times(objects: Objects) -> Objects:
    text = json.dumps([[list(key), each] for key, each in objects.items()])
    pairs = json.loads(text, object_hook=lambda part: {k: v for k, v in part.items() if k != "lastTransitionTime"})
    return {tuple(key): each for key, each in pairs}


def test_closing_again_writes_nothing(trial: Trial) -> None:
    trial.operate()
    before = trial.versions()
    trial.close(trial.store(), day(DAYS).start + LATENESS)
    trial.commit(trial.store(), trial.records[-1])
    assert trial.versions() == before


def test_a_final_report_cannot_be_changed_and_stands_in_nobodys_way(trial: Trial) -> None:
    trial.operate()
    patch = ("--subresource=status", "--type=merge", "-p", '{"status": {"allocated": "0.000000000"}}')
    for name in ("2026-03", "2026-03-31"):
        assert "a Final report cannot change" in trial.api.refusal("patch", "cgcr", name, *patch)
    assert "a Final report cannot change" in trial.api.refusal(
        "patch", "cgcr", "2026-03", "--subresource=status", "--type=json", "-p", '[{"op": "remove", "path": "/status"}]'
    )


def test_a_day_that_is_refused_for_one_team_is_closed_for_the_others(
    whole: tuple[Trial, Objects], trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = trial.records[0].groups[0]
    monkeypatch.setattr(
        "gpucost.app.committing.report_writer.report_name",
        lambda team, period: "Not A Name" if team == bad.team else f"{team}-{period.name}",
    )
    trial.operate()
    objects = trial.objects()
    for period in (day(0), MARCH):
        report = cluster(objects, period)
        assert (report["status"]["phase"], condition(report, REPORTS_WRITTEN)) == ("Final", "False")
        assert bad.team not in {team for _, team in teams(objects, period)}
    assert amount(cluster(objects, MARCH), "allocated") == amount(cluster(whole[1], MARCH), "allocated")


def test_a_month_that_somebody_deleted_is_made_of_its_days_again(whole: tuple[Trial, Objects], trial: Trial) -> None:
    trial.operate(days=range(1))
    trial.api.kubectl("delete", "gcr", "-A", "-l", "gpucost.io/period=Month")
    trial.api.kubectl("delete", "cgcr", "-l", "gpucost.io/period=Month")
    trial.operate(days=range(1, DAYS))
    objects = trial.objects()
    assert cluster(objects, MARCH)["spec"]["start"] == format_time(START)
    assert teams(objects, MARCH).keys() == teams(whole[1], MARCH).keys()
    for report in (*teams(objects, MARCH).values(), cluster(objects, MARCH)):
        assert condition(report, "Reconstructed") == "True"
    assert figures(objects, MARCH) == figures(whole[1], MARCH)


def figures(objects: Objects, period: Period) -> list[Object]:
    left_out = {"conditions", "digest", "reports"}
    found = (*teams(objects, period).values(), cluster(objects, period))
    return [{key: value for key, value in each["status"].items() if key not in left_out} for each in found]


def test_an_edit_of_a_day_is_told_in_its_month(trial: Trial) -> None:
    trial.commit(trial.store(), trial.records[0])
    patch = ("--subresource=status", "--type=merge", "-p", '{"status": {"allocated": "0.000000000"}}')
    trial.api.kubectl("patch", "cgcr", day(0).name, *patch)
    trial.close(trial.store(), day(0).end + LATENESS)
    objects = trial.objects()
    assert [condition(cluster(objects, period), INTACT) for period in (day(0), MARCH)] == ["False", "False"]


def test_a_day_in_another_currency_is_left_out_of_its_month(trial: Trial) -> None:
    trial.operate(days=range(1))
    before = trial.objects()
    trial.commit(trial.store(), replace(trial.records[1], currency="EUR"))
    trial.close(trial.store(), day(1).end + LATENESS)
    objects = trial.objects()
    assert cluster(objects, day(1))["spec"]["currency"] == "EUR"
    month = cluster(objects, MARCH)
    assert (month["status"]["phase"], condition(month, DAYS_LEFT_OUT)) == ("Final", "True")
    assert month["status"]["allocated"] == cluster(before, MARCH)["status"]["allocated"]
    assert teams(objects, MARCH).keys() == teams(before, MARCH).keys()

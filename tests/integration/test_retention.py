"""Old reports go, days as a whole and only what their months have, on a real API server."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gpucost.app.committing.retention import PAUSE_SECONDS, Retention
from gpucost.app.configuration.retention_rules import RetentionRules
from gpucost.model.errors import Conflict
from gpucost.model.time import DAY, Period, PeriodKind, Window, format_time, period_of
from gpucost.reports.conditions import NOTHING_TO_REMOVE, RETENTION_APPLIED, TOTALS_EXCEEDED
from gpucost.reports.resources.fields import ReportSizes
from gpucost.reports.storage.store import ReportStore
from sandbox.control_plane import ControlPlane
from tests.integration.api_objects import Api, install_crds, make_cluster_report, make_report

pytestmark = pytest.mark.cluster

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TEAMS = ("one", "two")
NAMESPACE, OPERATOR = "retention-trials", "retention-operator"
MEGABYTE = 1_000_000


class Killed(BaseException):
    """The process ends here."""


def day(age: int) -> Period:
    """So many days before today."""
    moment = NOW - age * DAY
    return period_of(Window(moment, moment), PeriodKind.DAY)


def month(year: int, number: int) -> Period:
    moment = datetime(year, number, 1, tzinfo=UTC)
    return period_of(Window(moment, moment), PeriodKind.MONTH)


@dataclass
class Trial:
    api: Api
    seconds: float = 0.0
    forgotten: list[str] = field(default_factory=list)

    def store(self, may_write: Callable[[], bool] = lambda: True) -> ReportStore:
        return ReportStore(self.api.client, operator_namespace=OPERATOR, may_write=may_write)

    def write(self, period: Period, *, until: datetime | None = None, is_final: bool = True, size: int = 0) -> None:
        """The reports of two teams, one of which lives elsewhere, and of the cluster."""
        store = self.store()
        status: dict[str, Any] = {
            "phase": "Final" if is_final else "Open",
            "last_window_end": format_time(until or period.end),
        }
        store.write_report(make_report(NAMESPACE, TEAMS[0], period=period, **status), None)
        store.write_report_elsewhere(make_report("gone", TEAMS[1], period=period, **status))
        sizes = ReportSizes(count=3, size=size) if size else None
        store.write_cluster_report(make_cluster_report(period, reports=sizes, **status), None)

    def retention(self, store: ReportStore | None = None, **rules: int) -> Retention:
        def forget(namespace: str | None, name: str) -> None:
            self.forgotten.append(f"{namespace}/{name}" if namespace else name)

        return Retention(
            store or self.store(),
            RetentionRules(**rules),
            clock=lambda: NOW,
            forget=forget,
            monotonic=lambda: self.seconds,
        )

    def apply(self, **rules: int) -> None:
        self.retention(**rules).turn()

    def left(self) -> dict[str, int]:
        """How many reports there are by period."""
        found: dict[str, int] = {}
        for each in json.loads(self.api.kubectl("get", "gcr,cgcr", "-A", "-o", "json"))["items"]:
            name = each["metadata"]["labels"]["gpucost.io/start"]
            name = name[:7] if each["spec"]["period"] == "Month" else name
            found[name] = found.get(name, 0) + 1
        return found

    def told(self, period: Period) -> tuple[str, str] | None:
        """Reason and message of the condition."""
        report = self.store().read_cluster_report(period)
        assert report is not None
        assert report.status is not None
        found = [each for each in report.status.conditions if each.type == RETENTION_APPLIED]
        return (found[0].reason, found[0].message) if found else None


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane, kubectl: Path) -> Iterator[Api]:
    api = install_crds(control_plane, kubectl)
    for namespace in (NAMESPACE, OPERATOR):
        api.kubectl("create", "namespace", namespace)
    yield api
    api.client.rest_client.pool_manager.clear()


@pytest.fixture
def trial(api: Api) -> Trial:
    """Four Days: one of before November, two of November, and today's, which is open; and their two Months."""
    for arguments in (("gcr", "-A"), ("cgcr",)):
        api.kubectl("delete", *arguments, "--all")
    trial = Trial(api)
    for age in (40, 20, 10):
        trial.write(day(age), size=3 * MEGABYTE)
    trial.write(day(0), is_final=False, until=NOW)
    trial.write(month(2026, 10))
    trial.write(month(2026, 11), is_final=False, until=day(10).end)
    return trial


OLD, MIDDLE, YOUNG, TODAY = (day(age).name for age in (40, 20, 10, 0))
ALL = {OLD: 3, MIDDLE: 3, YOUNG: 3, TODAY: 3, "2026-10": 3, "2026-11": 3}


def without(*names: str) -> dict[str, int]:
    return {name: count for name, count in ALL.items() if name not in names}


def test_a_day_goes_when_it_is_old(trial: Trial) -> None:
    trial.apply(days=35)
    assert trial.left() == without(OLD)
    assert trial.told(day(0)) is None


def test_teams_go_first_and_the_cluster_last_and_each_is_told_before(trial: Trial) -> None:
    trial.apply(days=35)
    teams = {f"{NAMESPACE}/one-{OLD}", f"{OPERATOR}/gone.two-{OLD}"}
    assert (set(trial.forgotten[:-1]), trial.forgotten[-1]) == (teams, OLD)


AGES = {
    "the day after its time": (39, without(OLD)),
    "not before its time": (40, ALL),
    "all that are closed": (1, without(OLD, MIDDLE, YOUNG)),
}


@pytest.mark.parametrize(("days", "left"), AGES.values(), ids=AGES)
def test_age_is_counted_from_the_end_of_the_day(trial: Trial, days: int, left: dict[str, int]) -> None:
    trial.apply(days=days)
    assert trial.left() == left


def test_a_day_that_its_month_does_not_have_yet_stays(trial: Trial) -> None:
    trial.write(day(2))
    trial.apply(days=1)
    assert trial.left() == without(OLD, MIDDLE, YOUNG) | {day(2).name: 3}


def test_a_day_whose_month_is_not_there_stays(trial: Trial) -> None:
    trial.api.kubectl("delete", "cgcr", "2026-11")
    trial.apply(days=1)
    assert trial.left() == without(OLD) | {"2026-11": 2}


def test_an_open_day_and_the_newest_day_stay_however_old_they_are(trial: Trial) -> None:
    trial.api.kubectl("delete", "cgcr", TODAY)
    trial.api.kubectl("delete", "gcr", "-A", "-l", f"gpucost.io/start={TODAY},gpucost.io/period=Day")
    trial.apply(days=1)
    assert trial.left() == without(OLD, MIDDLE, TODAY)


MONTHS = {
    "a month of last year at this time of the year": (12, {"2025-11": 3}),
    "a month older than that": (11, {}),
}


@pytest.mark.parametrize(("months", "left"), MONTHS.values(), ids=MONTHS)
def test_a_month_goes_by_its_age(trial: Trial, months: int, left: dict[str, int]) -> None:
    trial.write(month(2025, 11))
    trial.apply(days=60, months=months)
    assert trial.left() == ALL | left


def test_a_month_stays_while_there_is_a_day_of_it(trial: Trial) -> None:
    old = Period(datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 2, tzinfo=UTC), PeriodKind.DAY)
    trial.write(month(2024, 5))
    trial.write(old)
    trial.apply(days=3650, months=1)
    assert trial.left() == ALL | {"2024-05": 3, old.name: 3}
    trial.apply(days=60, months=1)
    assert trial.left() == ALL


def test_the_oldest_days_go_where_there_are_too_many_reports(trial: Trial) -> None:
    trial.apply(days=60, objects=14)
    assert trial.left() == without(OLD, MIDDLE)
    reason, message = trial.told(day(0)) or ("", "")
    assert reason == TOTALS_EXCEEDED
    assert (
        "All reports together exceed 14 objects or 300 MB (retention.objects, retention.megabytes), so the" in message
    )
    assert f"reports of days until {MIDDLE} were removed before they were 60 days old" in message


def test_the_oldest_days_go_where_reports_are_too_large_together(trial: Trial) -> None:
    """Each takes a megabyte, by what the closed days say."""
    trial.apply(days=60, megabytes=15)
    assert trial.left() == without(OLD)
    assert trial.told(day(0)) is not None


def test_where_nothing_may_go_that_is_told_and_nothing_goes(trial: Trial) -> None:
    trial.apply(days=60, objects=5)
    assert trial.left() == without(OLD, MIDDLE, YOUNG)
    reason, message = trial.told(day(0)) or ("", "")
    assert reason == NOTHING_TO_REMOVE
    assert "there is no day that could be removed" in message


@pytest.mark.parametrize("of_cluster", [False, True])
def test_a_report_that_was_made_anew_is_not_the_one_that_was_to_go(trial: Trial, *, of_cluster: bool) -> None:
    store = trial.store()
    names = store.names_of_cluster_reports() if of_cluster else store.names_of_reports(day(40))
    old = next(each for each in names if each.name in (OLD, f"{TEAMS[0]}-{OLD}"))
    store.delete(old)
    if of_cluster:
        store.write_cluster_report(make_cluster_report(day(40)), None)
    else:
        store.write_report(make_report(NAMESPACE, TEAMS[0], period=day(40)), None)
    with pytest.raises(Conflict):
        store.delete(old)
    assert trial.left() == ALL


def test_whoever_is_killed_between_two_deletions_goes_on_from_there(trial: Trial) -> None:
    for _ in range(6):
        left = iter((True,))

        def live_for_one_write(left: Iterator[bool] = left) -> bool:
            if next(left, None) is None:
                raise Killed
            return True

        with pytest.raises(Killed):
            trial.retention(trial.store(live_for_one_write), days=1).turn()
    assert trial.left() == without(OLD, MIDDLE) | {YOUNG: 3}
    trial.apply(days=1)
    assert trial.left() == without(OLD, MIDDLE, YOUNG)


def test_it_looks_once_an_hour(trial: Trial) -> None:
    retention = trial.retention(days=35)
    retention.turn()
    trial.write(day(41))
    trial.seconds = PAUSE_SECONDS - 1
    retention.mark()
    retention.turn()
    assert day(41).name in trial.left()
    trial.seconds = PAUSE_SECONDS
    retention.turn()
    assert trial.left() == without(OLD)


def test_a_turn_ends_after_seconds_and_the_next_goes_on(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpucost.app.committing.retention.MOST_SECONDS", 0.0)
    retention = trial.retention(days=35)
    retention.turn()
    assert trial.left() == ALL
    monkeypatch.setattr("gpucost.app.committing.retention.MOST_SECONDS", timedelta(minutes=1).total_seconds())
    retention.turn()
    assert trial.left() == without(OLD)


def test_a_refusal_is_told_once_and_tried_again(trial: Trial, caplog: pytest.LogCaptureFixture) -> None:
    address = trial.api.client.configuration.host
    store = trial.store()
    retention = trial.retention(store, days=35)
    store._api.host = "http://127.0.0.1:1"
    for _ in range(2):
        retention.turn()
        trial.seconds += 100
    assert [record.message[:32] for record in caplog.records] == ["old reports are not all removed:"]
    store._api.host = address
    retention.turn()
    assert trial.left() == without(OLD)

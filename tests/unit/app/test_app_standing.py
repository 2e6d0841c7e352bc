"""What is told of how far the reports are, and how often; the store is a list."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from gpucost.app.committing.standing import (
    BACKFILLING,
    CONFIGURATION_ERROR,
    INCOMPLETE_ANSWER,
    INTERNAL_ERROR,
    SOURCE_UNAVAILABLE,
    UP_TO_DATE,
    Standing,
)
from gpucost.model.errors import ConfigurationError, Conflict, IncompleteAnswer, SourceUnavailable
from gpucost.telemetry.replies import NoAnswerInTime, Overloaded, QueryTooHeavy

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@dataclass
class OneReport:
    """As a store: what was written last is the latest, as it was written."""

    written: list[Any] = field(default_factory=list)
    is_away: bool = False

    def latest_cluster_report(self, _kind: object) -> None:
        if self.is_away:
            raise Conflict("somebody else was first")

    def read_cluster_report(self, _period: object) -> None: ...

    def write_cluster_report(self, report: Any, _read: object) -> None:
        self.written.append(report)

    def conditions(self) -> list[tuple[str, str, str]]:
        found = [each for report in self.written for each in report["status"]["conditions"]]
        return [(each["status"], each["reason"], each["message"]) for each in found if each["type"] == UP_TO_DATE]


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


def make_standing() -> tuple[Standing, OneReport, Clock]:
    store, clock = OneReport(), Clock()
    return Standing(cast("Any", store), currency="USD", clock=clock), store, clock


REASONS: dict[str, tuple[Exception, str]] = {
    "an outage": (SourceUnavailable("away"), SOURCE_UNAVAILABLE),
    "a busy server": (Overloaded("busy", 1.0), SOURCE_UNAVAILABLE),
    "silence": (NoAnswerInTime("silent"), SOURCE_UNAVAILABLE),
    "a partial answer": (IncompleteAnswer("partial"), INCOMPLETE_ANSWER),
    "a heavy query": (QueryTooHeavy("heavy"), INCOMPLETE_ANSWER),
    "a setting": (ConfigurationError("wrong"), CONFIGURATION_ERROR),
    "a fault of ours": (ZeroDivisionError("oops"), INTERNAL_ERROR),
}


@pytest.mark.parametrize(("error", "reason"), REASONS.values(), ids=REASONS)
def test_each_kind_of_failure_has_its_reason(error: Exception, reason: str) -> None:
    standing, store, _ = make_standing()
    standing.tell(error)
    assert store.conditions() == [("False", reason, str(error))]


def test_what_stays_as_it_is_is_told_once() -> None:
    standing, store, clock = make_standing()
    for _ in range(3):
        standing.tell(SourceUnavailable("away"))
        clock.now += SECOND
    assert len(store.written) == 1


def test_the_backfill_is_told_once_a_minute_at_most() -> None:
    standing, store, clock = make_standing()
    for done in range(10):
        standing.tell_backfill(done, 100, NOON - timedelta(days=1))
        clock.now += 20 * SECOND
    told = store.conditions()
    assert [message.split()[0] for _, _, message in told] == ["0", "3", "6", "9"]
    assert told[0] == (
        "False",
        BACKFILLING,
        "0 of 100 windows that were missing are in, until 2026-11-23T12:00:00Z; the rest follows, oldest first.",
    )


def test_a_clock_that_was_set_back_silences_nobody() -> None:
    standing, store, clock = make_standing()
    standing.tell_backfill(1, 100, NOON)
    clock.now -= timedelta(hours=1)
    standing.tell_backfill(2, 100, NOON)
    assert len(store.written) == 2


def test_a_failure_after_the_backfill_was_told_is_told_at_once() -> None:
    standing, store, _ = make_standing()
    standing.tell_backfill(1, 100, NOON)
    standing.tell(SourceUnavailable("away"))
    assert [reason for _, reason, _ in store.conditions()] == [BACKFILLING, SOURCE_UNAVAILABLE]


def test_what_could_not_be_told_is_told_later() -> None:
    standing, store, _ = make_standing()
    store.is_away = True
    standing.tell(SourceUnavailable("away"))
    store.is_away = False
    standing.tell(SourceUnavailable("away"))
    assert len(store.written) == 1


def test_without_a_report_it_is_told_on_that_of_the_day_with_which_the_reports_will_begin() -> None:
    standing, store, _ = make_standing()
    standing.tell(SourceUnavailable("away"), NOON - timedelta(days=6))
    standing, other, _ = make_standing()
    standing.tell(SourceUnavailable("away"))
    days = [report["spec"]["start"] for each in (store, other) for report in each.written]
    assert days == ["2026-11-18T00:00:00Z", "2026-11-24T00:00:00Z"]

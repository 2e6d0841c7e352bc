from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucost.model.ledger import Ledger
from gpucost.model.money import parse_e9, parse_hours
from gpucost.model.time import DAY, Period, PeriodKind, format_time
from gpucost.reports.conditions import FOREIGN_EDIT, INTACT, RETENTION_APPLIED, Finding, set_condition
from gpucost.reports.digest import is_intact
from gpucost.reports.fold import close, fold_report
from gpucost.reports.fold_cluster import fold_cluster
from gpucost.reports.month import DAYS_LEFT_OUT, fold_cluster_day, fold_day, is_due, leave_out
from gpucost.reports.record import Group, WindowRecord, record_of
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.fields import MOST_ENTRIES, OTHER, Adjustment
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from tests.unit.reports.made_ledgers import (
    FEW,
    NOW,
    USD,
    ledgers,
    make_figures,
    make_holder,
    make_ledger,
    make_note,
    make_period,
    make_window,
)

GROUP = ("ml-prod", "search")
MONTH = make_period(PeriodKind.MONTH)
WINDOWS_A_DAY = 288
LATER = NOW + timedelta(hours=1)


def on_day(number: int, some: Sequence[Ledger]) -> list[Ledger]:
    """The same ledgers, so many days later."""
    first = number * WINDOWS_A_DAY
    return [replace(ledger, window=make_window(first + index)) for index, ledger in enumerate(some)]


def day_of(number: int) -> Period:
    day = make_period()
    return Period(day.start + number * DAY, day.end + number * DAY, day.kind)


def fold_days(records: Sequence[WindowRecord], group: Group = GROUP) -> ReportStatus | None:
    month: ReportStatus | None = None
    for number, record in enumerate(records):
        if record.find(group):
            status = close(fold_report(None, record, group, day_of(number), now=NOW))
            month = fold_day(month, status, day_of(number), NOW)
    return month


def fold_cluster_days(records: Sequence[WindowRecord]) -> ClusterReportStatus:
    month: ClusterReportStatus | None = None
    for number, record in enumerate(records):
        month = fold_cluster_day(month, cluster_on_day(record, number), day_of(number), NOW)
    assert month is not None
    return month


def cluster_on_day(record: WindowRecord, number: int = 0) -> ClusterReportStatus:
    return close(fold_cluster(None, record, day_of(number), now=NOW))


def day(*names: str, number: int = 0, usd: int = 2) -> ReportStatus:
    """A Final Day of pods of these names."""
    holders = [make_holder(make_figures(usd * USD, 3 * usd * USD), pod=name) for name in names or ("llm-0",)]
    record = record_of(on_day(number, [make_ledger(holders)]))
    return close(fold_report(None, record, GROUP, day_of(number), now=NOW))


DAYS = st.lists(ledgers(), min_size=1, max_size=3)


@FEW
@given(DAYS)
def test_a_month_of_days_is_the_month_of_their_windows(days: list[list[Ledger]]) -> None:
    records = [record_of(on_day(number, some)) for number, some in enumerate(days)]
    cluster: ClusterReportStatus | None = None
    for record in records:
        cluster = fold_cluster(cluster, record, MONTH, now=NOW)
    assert fold_cluster_days(records) == cluster
    for group in {group.group for record in records for group in record.groups}:
        status: ReportStatus | None = None
        for record in records:
            if record.find(group):
                status = fold_report(status, record, group, MONTH, now=NOW)
        assert fold_days(records, group) == status


@FEW
@given(DAYS)
def test_the_figures_of_a_month_are_the_sums_of_its_days(days: list[list[Ledger]]) -> None:
    records = [record_of(on_day(number, some)) for number, some in enumerate(days)]
    month, of_days = fold_cluster_days(records), [cluster_on_day(record, n) for n, record in enumerate(records)]
    for name in ("allocated", "unallocated", "unobserved", "host", "residual", "unassigned_cost", "estimated_cost"):
        assert parse_e9(getattr(month, name)) == sum(parse_e9(getattr(each, name)) for each in of_days), name
    for name in ("node_cost", "used_cost", "idle_cost", "unknown_use_cost"):
        known = [parse_e9(amount) for each in of_days if (amount := getattr(each, name)) is not None]
        assert getattr(month, name) is None if not known else parse_e9(getattr(month, name)) == sum(known), name
    for name in ("reserved", "charged", "unpriced"):
        hours = sum(parse_hours(getattr(each.gpu_hours, name)) for each in of_days)
        assert parse_hours(getattr(month.gpu_hours, name)) == hours, name
    assert month.windows == sum(each.windows for each in of_days)
    assert is_intact(month)


def test_a_day_that_comes_again_adds_nothing() -> None:
    month = fold_day(None, day(), day_of(0), NOW)
    assert fold_day(month, day(), day_of(0), LATER) == month
    both = fold_day(month, day(number=1), day_of(1), LATER)
    assert fold_day(both, day(number=1), day_of(1), LATER) == fold_day(both, day(), day_of(0), LATER) == both
    assert (month.cost, both.cost, both.windows) == ("8.000000000", "16.000000000", 2)


def test_a_cluster_day_that_comes_again_adds_nothing() -> None:
    some = cluster_on_day(record_of([make_ledger([make_holder()])]))
    month = fold_cluster_day(None, some, day_of(0), NOW)
    assert fold_cluster_day(month, some, day_of(0), LATER) == month


def test_a_month_is_open_until_it_is_closed_and_takes_nothing_then() -> None:
    month = fold_day(None, day(), day_of(0), NOW)
    assert (month.phase, is_due(month, day_of(1))) == ("Open", True)
    assert fold_day(close(month), day(number=1), day_of(1), NOW) == close(month)


def test_what_a_day_has_in_other_its_month_has_in_other() -> None:
    first = day(*(f"pod-{number:03d}" for number in range(MOST_ENTRIES + 5)))
    second = day("late", "pod-000", number=1)
    month = fold_day(fold_day(None, first, day_of(0), NOW), second, day_of(1), NOW)
    assert [entry.name for entry in month.top_pods] == [*(f"pod-{n:03d}" for n in range(MOST_ENTRIES)), OTHER]
    assert (month.top_pods[0].cost, month.top_pods[-1].cost) == ("16.000000000", "48.000000000")
    assert sum(parse_e9(entry.cost or "0") for entry in month.top_pods) == parse_e9(month.cost or "")


def test_adjustments_stay_with_their_day() -> None:
    line = Adjustment(
        time=format_time(NOW),
        reason="Recomputed.",
        window_end=format_time(NOW),
        cost_difference="-1.000000000",
        used_cost_difference="0.000000000",
    )
    adjusted = day().model_copy(update={"adjustments": (line,)})
    assert fold_day(None, adjusted, day_of(0), NOW).adjustments is None


def test_what_concerned_a_day_concerns_its_month() -> None:
    records = [
        record_of(on_day(number, [make_ledger([make_holder()], notes=[make_note(f"n{number}", f"Node n{number}.")])]))
        for number in range(2)
    ]
    month = fold_cluster_days(records)
    assert [concern.subjects for concern in month.concerns] == [("n0", "n1")]
    assert {each.type: each.message for each in month.conditions}["RateMissing"] == "Node n0. Also concerned: n1."


def test_a_concern_of_more_than_ten_subjects_stays_one() -> None:
    notes = [make_note(f"n{number}") for number in range(11)]
    month = fold_cluster_day(None, cluster_on_day(record_of([make_ledger([], notes=notes)])), day_of(0), NOW)
    assert month.concerns[0].others


def told(status: ReportStatus, finding: Finding) -> ReportStatus:
    return status.model_copy(update={"conditions": set_condition(status.conditions, finding, NOW)})


EDITED = Finding(INTACT, "False", FOREIGN_EDIT, "Somebody else changed the figures.")


def test_what_was_said_of_a_day_is_said_of_its_month_with_the_name_of_the_first() -> None:
    month = fold_day(None, told(day(), EDITED), day_of(0), NOW)
    month = fold_day(month, told(day(number=1), EDITED), day_of(1), NOW)
    (condition,) = [each for each in month.conditions if each.type == INTACT]
    assert (condition.status, condition.reason) == ("False", FOREIGN_EDIT)
    assert condition.message == "2026-11-24: Somebody else changed the figures."


def test_what_was_said_of_the_store_is_not_said_of_the_month() -> None:
    retention = Finding(RETENTION_APPLIED, "True", "TotalsExceeded", "There are too many reports.")
    month = fold_day(None, told(day(), retention), day_of(0), NOW)
    assert RETENTION_APPLIED not in {each.type for each in month.conditions}


def test_a_day_in_another_currency_is_passed_over_and_told() -> None:
    month = fold_day(None, day(), day_of(0), NOW)
    without = leave_out(month, day_of(1), "EUR", LATER)
    assert (without.cost, without.windows) == (month.cost, month.windows)
    assert not is_due(without, day_of(1))
    assert is_due(without, day_of(2))
    assert is_intact(without)
    (condition,) = [each for each in without.conditions if each.type == DAYS_LEFT_OUT]
    assert "The figures of 2026-11-25 are in EUR" in condition.message
    assert leave_out(without, day_of(1), "EUR", LATER + DAY) == without


@pytest.mark.parametrize("figures", ["coverage", "efficiency", "memory_ratio", "compute_ratio"])
def test_ratios_of_a_month_rest_on_its_basis(figures: str) -> None:
    idle = record_of(on_day(1, [make_ledger([make_holder(make_figures(0, 8 * USD, seen=0.5))])]))
    days = [day(), close(fold_report(None, idle, GROUP, day_of(1), now=NOW))]
    month = fold_day(fold_day(None, days[0], day_of(0), NOW), days[1], day_of(1), NOW)
    expected = {
        "coverage": "0.750000",
        "efficiency": "0.125000",
        "memory_ratio": "0.250000",
        "compute_ratio": "0.125000",
    }
    assert getattr(month, figures) == expected[figures]

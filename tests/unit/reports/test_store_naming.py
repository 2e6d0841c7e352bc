import re
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gpucost.model.time import Period, PeriodKind
from gpucost.reports.naming import (
    chunk_name,
    cluster_report_name,
    label_value,
    name_elsewhere,
    period_labels,
    period_named,
    record_name,
    report_labels,
    report_name,
)

DAY = Period(datetime(2026, 11, 24, tzinfo=UTC), datetime(2026, 11, 25, tzinfo=UTC), PeriodKind.DAY)
MONTH = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC), PeriodKind.MONTH)
DNS_1123 = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")

TEAM = st.text(min_size=1, max_size=80) | st.from_regex(r"[A-Za-z_.-]{1,5}(-[0-9a-f]{8})?", fullmatch=True)
NAMESPACE = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
SECONDS = st.integers(0, 4_000_000_000)
PERIOD = st.sampled_from([DAY, MONTH])

NAMES = {
    "a plain team stands as it is": ("research", DAY, "research-2026-11-24"),
    "a month has no day": ("research", MONTH, "research-2026-11"),
    "a team of 63 characters stands as it is": ("x" * 63, MONTH, "x" * 63 + "-2026-11"),
    "upper case is told apart by a hash": ("Research", DAY, "research-979d6300-2026-11-24"),
    "odd characters become one dash": ("ml__ops.eu", DAY, "ml-ops-eu-8ee4e499-2026-11-24"),
    "a team that is all odd has a name": ("...", DAY, "x-ab5df625-2026-11-24"),
    "a long team is cut": ("y" * 64, DAY, "y" * 54 + "-ffbf30ab-2026-11-24"),
    "a team that looks hashed is hashed": ("ml-deadbeef", DAY, "ml-deadbeef-b22e69cf-2026-11-24"),
}


@pytest.mark.parametrize(("team", "period", "name"), NAMES.values(), ids=NAMES)
def test_a_report_is_named_after_its_team_and_period(team: str, period: Period, name: str) -> None:
    assert report_name(team, period) == name


@given(TEAM, TEAM, PERIOD, PERIOD)
def test_no_two_teams_or_periods_share_a_report_name(one: str, other: str, first: Period, second: Period) -> None:
    assume((one, first) != (other, second))
    assert report_name(one, first) != report_name(other, second)


@given(TEAM)
def test_a_spelling_with_its_hash_is_not_the_name_of_another_team(team: str) -> None:
    spelt = report_name(team, DAY).removesuffix(f"-{DAY.name}")
    assume(spelt != team)
    assert report_name(spelt, DAY) != report_name(team, DAY)


@given(TEAM, NAMESPACE, PERIOD)
def test_report_names_are_safe_in_dns(team: str, origin: str, period: Period) -> None:
    name = report_name(team, period)
    assert DNS_1123.fullmatch(name)
    assert len(name) <= 74
    elsewhere = name_elsewhere(name, origin)
    assert DNS_1123.fullmatch(elsewhere)
    assert len(elsewhere) <= 253


@given(TEAM, TEAM, NAMESPACE, NAMESPACE)
def test_reports_away_from_their_namespaces_do_not_meet(one: str, other: str, first: str, second: str) -> None:
    assume((one, first) != (other, second))
    names = {
        name_elsewhere(report_name(one, DAY), first),
        name_elsewhere(report_name(other, DAY), second),
        report_name(one, DAY),
    }
    assert len(names) == 3


@given(TEAM)
def test_label_values_are_safe(team: str) -> None:
    value = label_value(team)
    assert LABEL.fullmatch(value)
    assert len(value) <= 63


def test_a_label_keeps_what_may_stand_there() -> None:
    assert label_value("Ml_Ops.eu-1") == "Ml_Ops.eu-1"
    assert label_value("ml ops") != label_value("ml/ops")


def test_labels_of_a_report_select_it_by_team_and_period() -> None:
    assert report_labels("research", DAY) == {
        "app.kubernetes.io/managed-by": "gpucost",
        "gpucost.io/team": "research",
        "gpucost.io/period": "Day",
        "gpucost.io/start": "2026-11-24",
    }
    assert period_labels(MONTH)["gpucost.io/start"] == "2026-11-01"


def test_a_cluster_report_is_named_after_its_period() -> None:
    assert (cluster_report_name(DAY), cluster_report_name(MONTH)) == ("2026-11-24", "2026-11")


@given(SECONDS, SECONDS)
def test_names_of_records_sort_as_their_times(one: int, other: int) -> None:
    first, second = datetime.fromtimestamp(one, UTC), datetime.fromtimestamp(other, UTC)
    assert (record_name(first) < record_name(second)) == (first < second)


def test_a_chunk_is_named_after_its_record_its_content_and_its_number() -> None:
    start = datetime(2026, 11, 24, 0, 5, tzinfo=UTC)
    assert record_name(start) == "2026-11-24t000500z"
    assert chunk_name(start, "rows", 1) == "2026-11-24t000500z-bc51e9e65d79e1c9-0001"
    assert chunk_name(start, "rows", 1) != chunk_name(start, "other rows", 1)


@pytest.mark.parametrize("period", [DAY, MONTH])
def test_a_period_is_told_by_the_name_of_its_report(period: Period) -> None:
    assert period_named(cluster_report_name(period)) == period


@pytest.mark.parametrize("name", ["2026-11-24x", "2026-13", "2026-02-30", "2026", "today", "٢٠٢٦-11"])
def test_a_name_that_is_none_of_ours_is_no_period(name: str) -> None:
    assert period_named(name) is None

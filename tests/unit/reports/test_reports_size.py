"""A report stays below 100 kB, as the API server keeps it, whatever it is about."""

from dataclasses import replace

import msgspec
import pytest

from gpucost.model.money import parse_e9
from gpucost.model.time import format_time
from gpucost.reports.adjustments import EARLIER
from gpucost.reports.build import build_cluster_report, build_report, cluster_report_spec, report_spec
from gpucost.reports.conditions import FOREIGN_EDIT, INTACT, Finding, update_conditions
from gpucost.reports.fold import close, fold_report
from gpucost.reports.fold_cluster import fold_cluster
from gpucost.reports.list_room import MOST_REPORT_BYTES, ROOM_OF_A_TEAM, ROOM_OF_THE_CLUSTER
from gpucost.reports.month import fold_cluster_day, fold_day
from gpucost.reports.record import WindowRecord, record_of
from gpucost.reports.resources.fields import MOST_ADJUSTMENTS, OTHER, Adjustment
from gpucost.reports.tally import NAME_IN_LIST
from tests.unit.reports.made_ledgers import (
    NOW,
    USD,
    make_figures,
    make_holder,
    make_ledger,
    make_node_line,
    make_note,
    make_period,
    make_window,
)

DAY = make_period()
GROUP = ("n" * 63, "t" * 63)
PODS = 5_000
BESIDE = 4_000
"""What the API server adds: who wrote which field, and the identity."""


def long_name(number: int, length: int) -> str:
    return f"{number:05d}".ljust(length, "x")


def make_record(length: int) -> WindowRecord:
    """5,000 pods, each unlike all others in everything; ``length`` is that of what can be long."""
    label, name = min(63, length), min(253, length)
    figures = make_figures(1_111_111 * USD, 3_333_333 * USD, 1_111_111 * USD)
    holders = [
        make_holder(
            figures,
            namespace=GROUP[0] if number else "other-namespace",
            team=GROUP[1],
            pod=long_name(number, name),
            node=long_name(number, name),
            product=long_name(number, label),
            cost_centre=long_name(number, label),
            environment=long_name(number, label),
            workload=f"StatefulSet/{long_name(number, length)}",
            model=long_name(number, name),
        )
        for number in range(PODS)
    ]
    others = [
        make_holder(figures, namespace=long_name(n, label), team=long_name(n, label), node="0") for n in range(200)
    ]
    nodes = [
        make_node_line(
            [holder],
            holder.node,
            pool=long_name(number, label),
            rate_source=f"GpuRateCard {long_name(number, min(280, length))}",
            unallocated={"free": USD},
            host=USD,
        )
        for number, holder in enumerate(holders)
    ]
    notes = [
        make_note(long_name(subject, length), "why " * 500, type=f"Concern{kind:02d}", reason="r" * 40)
        for kind in range(12)
        for subject in range(20)
    ]
    own = [replace(note, subject=holders[n].node) for n, note in enumerate(notes)]
    return record_of([make_ledger([*holders, *others], [*nodes, make_node_line(others, "0")], [*notes, *own])])


LENGTHS = {"short names": 8, "usual names": 40, "the longest names": 500}


@pytest.mark.parametrize("length", LENGTHS.values(), ids=LENGTHS)
def test_a_report_stays_small_with_five_thousand_pods(length: int) -> None:
    record = make_record(length)
    status = close(fold_report(None, record, GROUP, DAY, now=NOW))
    month = fold_day(None, status, DAY, NOW)
    line = Adjustment(
        time=format_time(NOW),
        reason=EARLIER * 3,
        window_end=format_time(NOW),
        cost_difference="-1111111.000000000",
        used_cost_difference="-1111111.000000000",
    )
    edited = update_conditions(status.conditions, [Finding(INTACT, "False", FOREIGN_EDIT, "why " * 60)], NOW)
    whole = status.model_copy(update={"adjustments": (line,) * MOST_ADJUSTMENTS, "conditions": edited})
    for each in (whole, month):
        for name in NAME_IN_LIST:
            entries = getattr(each, name)
            assert sum(parse_e9(entry.cost or "0") for entry in entries) == parse_e9(each.cost or "0"), name
            assert name == "by_workload_type" or entries[-1].name == OTHER
        report = build_report("r" * 80, GROUP[0], DAY, report_spec(GROUP, DAY, "USD"), each)
        assert len(msgspec.json.encode(report)) + BESIDE < MOST_REPORT_BYTES


@pytest.mark.parametrize("length", LENGTHS.values(), ids=LENGTHS)
def test_the_report_of_a_large_cluster_stays_small(length: int) -> None:
    status = close(fold_cluster(None, make_record(length), DAY, now=NOW))
    month = fold_cluster_day(None, status, DAY, NOW)
    for each in (status, month):
        assert each.by_node[-1].name == each.by_node_pool[-1].name == each.by_namespace[-1].name == OTHER
        assert sum(parse_e9(bill.node_cost or "0") for bill in each.by_node) == parse_e9(each.node_cost or "0")
        report = build_cluster_report("2026-11-24", DAY, cluster_report_spec(DAY, "USD"), each)
        assert len(msgspec.json.encode(report)) + BESIDE < MOST_REPORT_BYTES


def test_usual_names_leave_room_for_many_lines() -> None:
    status = close(fold_report(None, make_record(20), GROUP, DAY, now=NOW))
    lines = {name: len(getattr(status, name)) for name in ("by_product", "by_cost_centre", "by_workload", "top_pods")}
    assert lines == {"by_product": 63, "by_cost_centre": 42, "by_workload": 69, "top_pods": 101}


def test_a_name_that_did_not_fit_does_not_fit_later() -> None:
    """So it does not matter whether two windows came in one record or in two."""
    names = [long_name(number, 250) for number in range(60)]
    some = [make_ledger([make_holder(pod=name) for name in names]), make_ledger([make_holder(pod=names[-1])], number=1)]
    assert make_window(1) == some[1].window
    group, period = ("ml-prod", "search"), DAY
    together = fold_report(None, record_of(some), group, period, now=NOW)
    status = fold_report(None, record_of(some[:1]), group, period, now=NOW)
    assert fold_report(status, record_of(some[1:]), group, period, now=NOW) == together
    assert names[-1] not in {entry.name for entry in together.top_pods}


def test_all_lists_have_a_room() -> None:
    assert ROOM_OF_A_TEAM.keys() == {*NAME_IN_LIST, "rates"}
    assert {"by_team", "by_namespace", "by_node", "by_node_pool"} < ROOM_OF_THE_CLUSTER.keys()

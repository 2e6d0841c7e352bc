from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gpucost.model.ledger import HolderLine, Ledger
from gpucost.model.money import parse_e9
from gpucost.reports.adjustments import EARLIER, adjusted, what_else_differs
from gpucost.reports.conditions import RATE_MISSING, RATES_ESTIMATED, Finding, set_condition
from gpucost.reports.digest import digest_of, is_intact, seal
from gpucost.reports.fold import close, fold_report
from gpucost.reports.fold_cluster import fold_cluster
from gpucost.reports.record import WindowRecord, record_of
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.fields import MOST_ADJUSTMENTS
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from tests.unit.reports.made_ledgers import (
    HOUR,
    NOW,
    USD,
    make_figures,
    make_holder,
    make_ledger,
    make_node_line,
    make_note,
    make_period,
)

LATER = NOW + timedelta(hours=1)
GROUP = ("ml-prod", "search")
WHY = "Recomputed."


def make_record(*holders: HolderLine, number: int = 0, **ledger: Any) -> WindowRecord:
    return record_of([make_ledger(holders, number=number, **ledger)])


def team(record: WindowRecord, status: ReportStatus | None = None) -> ReportStatus:
    return fold_report(status, record, GROUP, make_period(), now=NOW)


def cluster(record: WindowRecord, status: ClusterReportStatus | None = None) -> ClusterReportStatus:
    return fold_cluster(status, record, make_period(), now=NOW)


def at_price(usd: int, **names: Any) -> HolderLine:
    return make_holder(make_figures(usd * USD, 3 * usd * USD), **names)


def adjust(recorded: ReportStatus, recomputed: ReportStatus) -> ReportStatus:
    return adjusted(recorded, recomputed, reason=WHY, now=LATER)


BEFORE = team(make_record(at_price(2)))
AFTER = team(make_record(at_price(1)))


def test_the_figures_are_the_recomputed_ones_and_sealed() -> None:
    found = adjust(BEFORE, AFTER)
    assert (found.cost, found.used_cost, found.summary) == (AFTER.cost, AFTER.used_cost, AFTER.summary)
    assert found.by_product == AFTER.by_product
    assert is_intact(found)


def test_a_line_tells_how_the_cost_got_there() -> None:
    (line,) = adjust(BEFORE, AFTER).adjustments or ()
    assert line.model_dump() == {
        "time": "2026-11-24T13:00:00Z",
        "reason": WHY,
        "window_end": "2026-11-24T00:05:00Z",
        "cost_before": "8.000000000",
        "cost_after": "4.000000000",
        "cost_difference": "-4.000000000",
        "used_cost_difference": "-1.000000000",
    }


def test_the_line_of_the_cluster_is_about_the_node_bill() -> None:
    records = [make_record(holder, nodes=[make_node_line([holder], host=USD)]) for holder in (at_price(2), at_price(1))]
    found = adjusted(*(cluster(record) for record in records), reason=WHY, now=LATER)
    (line,) = found.adjustments or ()
    assert (line.cost_before, line.cost_after, line.cost_difference) == ("9.000000000", "5.000000000", "-4.000000000")
    assert is_intact(found)


def test_a_price_that_was_missing_counts_from_0() -> None:
    unpriced = team(make_record(make_holder(make_figures(priced=False))))
    (line,) = adjust(unpriced, AFTER).adjustments or ()
    assert (line.cost_before, line.cost_after, line.cost_difference) == (None, "4.000000000", "4.000000000")


def test_the_same_figures_are_left_alone() -> None:
    other_note = make_record(at_price(2), notes=[make_note("n1", type=RATES_ESTIMATED, reason="PriceStandsIn")])
    assert adjust(BEFORE, team(other_note)) is BEFORE
    once = adjust(BEFORE, AFTER)
    assert adjust(once, AFTER) is once


def test_another_source_of_the_same_price_is_a_change() -> None:
    holder = at_price(2)
    renamed = make_record(holder, nodes=[make_node_line([holder], rate_source="GpuRateCard contract")])
    found = adjust(BEFORE, team(renamed))
    assert [rate.source for rate in found.rates] == ["GpuRateCard contract"]
    assert [line.cost_difference for line in found.adjustments or ()] == ["0.000000000"]


def test_a_report_without_an_adjustment_has_the_digest_that_it_always_had() -> None:
    dumped = BEFORE.model_dump(mode="json", by_alias=True)
    assert dumped.pop("adjustments") is None
    assert digest_of(ReportStatus.model_validate(dumped)) == BEFORE.digest


def test_an_edit_of_an_adjustment_is_seen() -> None:
    found = adjust(BEFORE, AFTER)
    assert not is_intact(found.model_copy(update={"adjustments": None}))


def test_later_windows_and_the_end_of_the_day_keep_the_lines() -> None:
    found = adjust(BEFORE, AFTER)
    later = team(make_record(at_price(1), number=1), found)
    assert close(later).adjustments == found.adjustments
    whole = adjusted(cluster(make_record(at_price(2))), cluster(make_record(at_price(1))), reason=WHY, now=LATER)
    assert cluster(make_record(at_price(1), number=1), whole).adjustments == whole.adjustments is not None


def test_older_lines_are_summed_in_the_first_and_none_is_lost() -> None:
    status, prices = BEFORE, [2 + number % 2 for number in range(1, 30)]
    for price in prices:
        status = adjust(status, team(make_record(at_price(price))))
    lines = status.adjustments or ()
    assert len(lines) == MOST_ADJUSTMENTS
    assert (lines[0].reason, lines[0].cost_before, lines[1].reason) == (EARLIER, None, WHY)
    assert sum(parse_e9(line.cost_difference) for line in lines) == 4 * USD
    assert sum(parse_e9(line.used_cost_difference) for line in lines) == USD


def test_twenty_lines_stand_one_by_one() -> None:
    status = BEFORE
    for number in range(1, MOST_ADJUSTMENTS + 1):
        status = adjust(status, team(make_record(at_price(2 + number % 2))))
    assert [line.reason for line in status.adjustments or ()] == [WHY] * MOST_ADJUSTMENTS


def test_what_does_not_rest_on_rates_stays_as_it_was_told() -> None:
    told = set_condition(BEFORE.conditions, Finding("ReportsWritten", "False", "ReportRefused", "No."), NOW)
    notes = [make_note("n1", type="CardCountDisagrees")]
    recorded = team(make_record(at_price(2), notes=notes)).model_copy(update={"phase": "Open"})
    recorded = seal(recorded.model_copy(update={"conditions": (*recorded.conditions, *told[-1:])}))
    found = adjust(recorded, AFTER)
    assert found.concerns == recorded.concerns
    assert found.conditions == recorded.conditions


def test_a_doubt_about_a_rate_goes_with_the_rate() -> None:
    missing = team(make_record(make_holder(make_figures(priced=False)), notes=[make_note("n1")]))
    estimated = team(make_record(at_price(2), notes=[make_note("n1", type=RATES_ESTIMATED)]))
    for recorded in (missing, estimated):
        found = adjust(recorded, AFTER)
        assert found.concerns == ()
        statuses = {each.type: (each.status, each.last_transition_time) for each in found.conditions}
        assert RATES_ESTIMATED not in statuses
        since = "2026-11-24T13:00:00Z" if recorded is missing else "2026-11-24T12:00:00Z"
        assert statuses[RATE_MISSING] == ("False", since)


def test_a_doubt_about_a_new_rate_is_told() -> None:
    found = adjust(BEFORE, team(make_record(at_price(1), notes=[make_note("n1", type=RATES_ESTIMATED)])))
    assert [each.type for each in found.concerns] == [RATES_ESTIMATED]
    assert [(each.type, each.status) for each in found.conditions if each.type == RATES_ESTIMATED] == [
        (RATES_ESTIMATED, "True")
    ]


def test_other_prices_alone_are_no_other_difference() -> None:
    assert what_else_differs(BEFORE, AFTER) == ()
    records = [make_record(at_price(2)), make_record(at_price(1))]
    assert what_else_differs(*(cluster(record) for record in records)) == ()
    unpriced = make_record(make_holder(make_figures(priced=False)))
    assert what_else_differs(cluster(unpriced), cluster(records[0])) == ()


FIGURES = make_figures(2 * USD, 6 * USD)
NODE = make_node_line([make_holder()])
OTHERS: dict[str, tuple[Ledger, str]] = {
    "a window more": (make_ledger([make_holder()], number=1), "1 windows are recorded and 1 are known now"),
    "fewer hours": (
        make_ledger([make_holder(make_figures(2 * USD, 6 * USD, hours=HOUR // 2))]),
        "GPU-hours differ, 1.000000000 recorded and 0.500000000 now",
    ),
    "less seen": (
        make_ledger([make_holder(replace(FIGURES, seen_hours=HOUR // 2))]),
        "telemetry knows less than it did",
    ),
    "another use": (make_ledger([make_holder(replace(FIGURES, used_hours=HOUR // 3))]), "the measured use differs"),
    "another use of the memory": (
        make_ledger([make_holder(replace(FIGURES, memory_used_hours=0))]),
        "the measured use differs",
    ),
    "another product": (make_ledger([make_holder(product="other-one")]), "hours in byProduct differ"),
    "another pod": (make_ledger([make_holder(pod="llm-1")]), "hours in topPods differ"),
}


@pytest.mark.parametrize(("other", "told"), OTHERS.values(), ids=OTHERS)
def test_what_else_differs_of_a_team_is_told(other: Ledger, told: str) -> None:
    assert told in what_else_differs(team(make_record(make_holder())), team(record_of([other])))


NODES: dict[str, tuple[list[Any], str]] = {
    "a node is gone": ([NODE], "hours in byNode differ"),
    "a node was not seen": (
        [NODE, make_node_line([], "n2", unobserved=4 * USD)],
        "node n2 was observed at other times",
    ),
    "another team": ([], "hours in byTeam differ"),
}


@pytest.mark.parametrize(("nodes", "told"), NODES.values(), ids=NODES)
def test_what_else_differs_of_the_cluster_is_told(nodes: list[Any], told: str) -> None:
    recorded = cluster(
        make_record(make_holder(), nodes=[NODE, make_node_line([], "n2", unallocated={"free": 4 * USD})])
    )
    holder = make_holder() if nodes else make_holder(team="vision")
    assert told in what_else_differs(recorded, cluster(make_record(holder, nodes=nodes)))

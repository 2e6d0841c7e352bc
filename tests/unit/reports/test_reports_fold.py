from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given

from gpucost.model.ledger import Figures, HolderLine, Ledger, NodeLine
from gpucost.model.money import parse_e9, parse_hours
from gpucost.model.time import PeriodKind, format_time
from gpucost.reports.allocations import allocation_rows
from gpucost.reports.charges import Charge
from gpucost.reports.fold import close, fold_report, follows
from gpucost.reports.fold_cluster import fold_cluster
from gpucost.reports.record import Group, WindowRecord, record_of
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.fields import MOST_ENTRIES, OTHER, Entry
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from gpucost.reports.tally import NAME_IN_LIST
from tests.unit.reports.made_ledgers import (
    FEW,
    HOUR,
    NOW,
    UNPRICED,
    UNPRICED_AND_UNSEEN,
    UNSEEN,
    USD,
    ledgers,
    make_figures,
    make_holder,
    make_ledger,
    make_node_line,
    make_period,
)

GROUP = ("ml-prod", "search")
DAY = make_period()


def fold(
    records: Sequence[WindowRecord], group: Group = GROUP, status: ReportStatus | None = None
) -> ReportStatus | None:
    for record in records:
        if status is not None or record.find(group):
            status = fold_report(status, record, group, DAY, now=NOW)
    return status


def fold_one(*holders: HolderLine) -> ReportStatus:
    return fold_report(None, record_of([make_ledger(holders)]), GROUP, DAY, now=NOW)


def fold_all(records: Sequence[WindowRecord]) -> ClusterReportStatus:
    status = None
    for record in records:
        status = fold_cluster(status, record, DAY, now=NOW)
    assert status is not None
    return status


def groups_of(some: Sequence[Ledger]) -> set[Group]:
    return {(line.namespace, line.team) for ledger in some for line in ledger.holders}


def total_of(entries: Sequence[Entry]) -> Charge:
    def parse(text: str | None) -> int | None:
        return None if text is None else parse_e9(text)

    charges = (
        Charge(
            cost=parse(entry.cost),
            used_cost=parse(entry.used_cost),
            idle_cost=parse(entry.idle_cost),
            unknown_use_cost=parse(entry.unknown_use_cost),
            charged_hours=parse_hours(entry.gpu_hours),
        )
        for entry in entries
    )
    return sum(charges, Charge())


def charge_of(status: ReportStatus) -> Charge:
    entry = Entry(
        name="total",
        cost=status.cost,
        used_cost=status.used_cost,
        idle_cost=status.idle_cost,
        unknown_use_cost=status.unknown_use_cost,
        gpu_hours=status.gpu_hours.charged,
    )
    return total_of([entry])


@FEW
@given(ledgers())
def test_every_list_of_a_report_adds_up_to_its_total(some: list[Ledger]) -> None:
    for group in groups_of(some):
        status = fold([record_of([ledger]) for ledger in some], group)
        assert status is not None
        for name in NAME_IN_LIST:
            assert total_of(getattr(status, name)) == charge_of(status), name


@FEW
@given(ledgers())
def test_it_does_not_matter_how_windows_are_spread_over_records(some: list[Ledger]) -> None:
    one_by_one = [record_of([ledger]) for ledger in some]
    together = [record_of(some)]
    assert fold_all(one_by_one) == fold_all(together)
    for group in groups_of(some):
        assert fold(one_by_one, group) == fold(together, group)


@FEW
@given(ledgers())
def test_a_record_that_comes_again_changes_nothing(some: list[Ledger]) -> None:
    records = [record_of([ledger]) for ledger in some]
    cluster = fold_all(records)
    for record in records:
        assert fold_cluster(cluster, record, DAY, now=NOW + timedelta(hours=1)) == cluster
    for group in groups_of(some):
        status = fold(records, group)
        assert fold(records, group, status) == status


@FEW
@given(ledgers())
def test_the_parts_of_the_node_bill_add_up_to_it(some: list[Ledger]) -> None:
    status = fold_all([record_of([ledger]) for ledger in some])
    bill = sum(line.cost for ledger in some for line in ledger.nodes)
    parts = [status.allocated, status.unallocated, status.unobserved, status.host]
    assert parse_e9(status.node_cost or "0") == bill == sum(parse_e9(part) for part in parts)
    assert parse_e9(status.residual) == 0
    for bills in (status.by_node, status.by_node_pool):
        assert sum(parse_e9(entry.node_cost or "0") for entry in bills) == bill
    assert sum(parse_e9(reason.cost) for reason in status.unallocated_by_reason) == parse_e9(status.unallocated)
    for entries in (status.by_team, status.by_namespace):
        assert total_of(entries).cost in (parse_e9(status.allocated), None)


@FEW
@given(ledgers())
def test_the_teams_add_up_to_the_cluster(some: list[Ledger]) -> None:
    records = [record_of([ledger]) for ledger in some]
    cluster = fold_all(records)
    statuses = [fold(records, group) for group in groups_of(some)]
    charged = sum((charge_of(status) for status in statuses if status), Charge())
    assert parse_e9(cluster.allocated) == (charged.cost or 0)
    assert parse_hours(cluster.gpu_hours.charged) == charged.charged_hours
    assert cluster.used_cost is None or parse_e9(cluster.used_cost) == charged.used_cost
    shown = sum(line.figures.unallocated_share for ledger in some for line in ledger.holders)
    assert sum(parse_e9(status.unallocated_share) for status in statuses if status) == shown


@FEW
@given(ledgers())
def test_the_models_accept_what_was_folded_and_read_it_back_unchanged(some: list[Ledger]) -> None:
    records = [record_of([ledger]) for ledger in some]
    cluster = fold_all(records)
    assert ClusterReportStatus.model_validate(cluster.model_dump(mode="json", by_alias=True)) == cluster
    for group in groups_of(some):
        status = fold(records, group)
        assert status is not None
        assert ReportStatus.model_validate_json(status.model_dump_json(by_alias=True, exclude_none=True)) == status


SEEN = make_figures(2 * USD, 6 * USD)
NULLS: dict[str, tuple[list[Figures], dict[str, str | None]]] = {
    "priced and seen": ([SEEN], {"cost": "8", "used_cost": "2", "idle_cost": "6", "unknown_use_cost": "0"}),
    "never seen": ([UNSEEN], {"cost": "8", "used_cost": None, "idle_cost": None, "unknown_use_cost": "8"}),
    "no rate": ([UNPRICED], {"cost": None, "used_cost": None, "idle_cost": None, "unknown_use_cost": None}),
    "no rate, never seen": (
        [UNPRICED_AND_UNSEEN],
        {"cost": None, "used_cost": None, "idle_cost": None, "unknown_use_cost": None},
    ),
    "seen without rate beside rate without use": (
        [UNPRICED, UNSEEN],
        {"cost": "8", "used_cost": None, "idle_cost": None, "unknown_use_cost": "8"},
    ),
    "unknown and known is known": (
        [UNPRICED, SEEN, UNSEEN],
        {"cost": "16", "used_cost": "2", "idle_cost": "6", "unknown_use_cost": "8"},
    ),
    "free of charge is not unknown": (
        [make_figures(0, 0)],
        {"cost": "0", "used_cost": "0", "idle_cost": "0", "unknown_use_cost": "0"},
    ),
    "a cost so small that its hours are 0 is kept": (
        [make_figures(0, 0, 1, hours=0)],
        {"cost": "0.000000001", "used_cost": None, "idle_cost": None, "unknown_use_cost": "0.000000001"},
    ),
}


@pytest.mark.parametrize(("rows", "expected"), NULLS.values(), ids=NULLS)
@pytest.mark.parametrize("in_one_record", [True, False])
def test_unknown_is_null_and_never_zero(
    rows: list[Figures], expected: dict[str, str | None], in_one_record: bool
) -> None:
    some = [make_ledger([make_holder(row)], number=number) for number, row in enumerate(rows)]
    status = fold([record_of(some)] if in_one_record else [record_of([ledger]) for ledger in some])
    assert status is not None
    wanted = {name: None if text is None else parse_e9(text) for name, text in expected.items()}
    for figures in (status, status.by_product[0], status.top_pods[0]):
        got = {name: getattr(figures, name) for name in expected}
        assert {name: None if text is None else parse_e9(text) for name, text in got.items()} == wanted


def test_what_is_unknown_reads_as_a_dash() -> None:
    summary = fold_one(make_holder(UNPRICED_AND_UNSEEN)).summary
    assert (summary.cost, summary.used_cost, summary.idle_cost, summary.efficiency) == ("-", "-", "-", "-")
    assert (summary.gpu_hours, summary.coverage) == ("1.00", "0.0%")


def test_ratios_are_those_of_the_basis() -> None:
    status = fold_one(make_holder(), make_holder(UNSEEN, pod="llm-1"))
    assert (status.efficiency, status.coverage) == ("0.250000", "0.500000")
    assert (status.memory_ratio, status.compute_ratio) == ("0.250000", "0.125000")
    assert (status.summary.efficiency, status.summary.coverage) == ("25.0%", "50.0%")
    assert status.unallocated_share == "0.000000000"


def test_the_part_of_what_nobody_held_is_summed_beside_the_cost() -> None:
    shown = make_holder(make_figures(2 * USD, 6 * USD, shown=3 * USD))
    status = fold([record_of([make_ledger([shown, shown], number=number)]) for number in range(2)])
    assert status is not None
    assert (status.unallocated_share, status.cost) == ("12.000000000", "32.000000000")


def test_twelve_windows_of_five_minutes_are_one_hour() -> None:
    card, seventh = (make_holder(make_figures(hours=HOUR // 12 // parts), pod=f"p{parts}") for parts in (1, 7))
    some = [make_ledger([card, seventh], number=number) for number in range(12)]
    status = fold([record_of([ledger]) for ledger in some])
    assert status is not None
    assert [entry.gpu_hours for entry in status.top_pods] == ["1.000000000", "0.142857143"]
    assert (status.gpu_hours.charged, status.rates[0].node_hours) == ("1.142857143", "1.000000000")
    assert (status.basis.held_hours, status.summary.gpu_hours) == ("1.142857143", "1.14")
    assert [row["chargedGpuHours"] for row in allocation_rows(some)][:2] == ["1.000000000", "0.142857143"]


def test_a_list_takes_a_hundred_names_and_sums_the_rest_in_other_for_good() -> None:
    names = [f"pod-{number:03d}" for number in range(MOST_ENTRIES + 5)]
    first = record_of([make_ledger([make_holder(pod=name) for name in names])])
    second = record_of([make_ledger([make_holder(pod=name) for name in ("pod-000", "pod-104", "new")], number=1)])
    status = fold([first, second])
    assert status is not None
    assert [entry.name for entry in status.top_pods] == [*names[:MOST_ENTRIES], OTHER]
    assert (status.top_pods[0].cost, status.top_pods[-1].cost) == ("16.000000000", "56.000000000")
    assert total_of(status.top_pods) == charge_of(status)


def test_a_pod_of_the_name_other_counts_in_other_which_stays_last() -> None:
    first = record_of([make_ledger([make_holder(pod=OTHER), make_holder(pod="z")])])
    second = record_of([make_ledger([make_holder(pod="late")], number=1)])
    status = fold([first, second])
    assert status is not None
    assert [entry.name for entry in status.top_pods] == ["z", "late", OTHER]


def test_names_stand_in_order_of_first_coming() -> None:
    record = record_of(
        [
            make_ledger([make_holder(product="m"), make_holder(product="k")]),
            make_ledger([make_holder(product="a"), make_holder(product="m")], number=1),
        ]
    )
    status = fold([record])
    assert status is not None
    assert [entry.name for entry in status.by_product] == ["k", "m", "a"]


def test_only_labelled_products_count() -> None:
    assert fold_one(make_holder(), make_holder(product="unassigned")).products == 1


def test_a_report_says_where_it_ends_and_how_many_windows_it_holds() -> None:
    some = [make_ledger([make_holder()]), make_ledger([], number=1), make_ledger([make_holder(team="ads")], number=2)]
    record = record_of(some)
    status = fold([record])
    assert status is not None
    assert (status.last_window_end, status.windows) == (format_time(some[0].window.end), 1)
    cluster = fold_all([record])
    assert (cluster.last_window_end, cluster.windows) == (format_time(record.end), 3)


def test_a_final_report_takes_nothing() -> None:
    status = fold_one(make_holder())
    later = record_of([make_ledger([make_holder()], number=1)])
    assert follows(status, later)
    closed = close(fold_report(status, later, GROUP, DAY, now=NOW))
    assert (closed.phase, closed.cost) == ("Final", "16.000000000")
    after = record_of([make_ledger([make_holder()], number=2)])
    assert not follows(closed, after)
    assert close(fold_report(closed, after, GROUP, DAY, now=NOW)) == closed


def test_a_report_of_a_team_that_has_gone_is_closed_as_it_is() -> None:
    status = fold_one(make_holder())
    last = record_of([make_ledger([], number=1)])
    assert close(fold_report(status, last, GROUP, DAY, now=NOW)) == close(status)
    assert close(status).phase == "Final"


def test_a_month_takes_records_of_its_days_and_no_others() -> None:
    record = record_of([make_ledger([make_holder()])])
    month = make_period(PeriodKind.MONTH)
    assert fold_report(None, record, GROUP, month, now=NOW).cost == "8.000000000"
    yesterday = type(DAY)(DAY.start - timedelta(days=1), DAY.start, DAY.kind)
    with pytest.raises(ValueError, match="is not in the period 2026-11-23"):
        fold_report(None, record, GROUP, yesterday, now=NOW)
    with pytest.raises(ValueError, match="is not in the period 2026-11-23"):
        fold_cluster(None, record, yesterday, now=NOW)


def test_a_team_that_held_nothing_gets_no_report() -> None:
    with pytest.raises(ValueError, match="team ads held nothing in namespace ml-prod"):
        fold_report(None, record_of([make_ledger()]), ("ml-prod", "ads"), DAY, now=NOW)


def test_the_labelling_backlog_is_what_pods_without_a_team_cost() -> None:
    holders = [make_holder(team="unassigned"), make_holder(), make_holder(team="unassigned", namespace="dev")]
    cluster = fold_all([record_of([make_ledger(holders)])])
    assert (cluster.unassigned_cost, cluster.unassigned_ratio) == ("16.000000000", "0.666667")
    assert cluster.summary.unassigned == "66.6%"


def test_a_cluster_without_any_rate_has_no_bill() -> None:
    node = make_node_line(rate_e9=None, rate_source="")
    cluster = fold_all([record_of([make_ledger([make_holder(UNPRICED)], [node])])])
    assert (cluster.node_cost, cluster.by_node[0].node_cost, cluster.used_cost) == (None, None, None)
    assert (cluster.unpriced_gpu_hours, cluster.rates) == ("1.000000000", ())
    assert cluster.summary.node_cost == "-"


def test_parts_that_do_not_add_up_show_as_a_residual() -> None:
    node: NodeLine = make_node_line(cost=9 * USD)
    cluster = fold_all([record_of([make_ledger([make_holder()], [node])])])
    assert cluster.residual == "1.000000000"
    assert ("Reconciled", "False") in [(condition.type, condition.status) for condition in cluster.conditions]


def test_rates_are_those_of_the_nodes_on_which_the_team_held_something() -> None:
    holders = [make_holder(), make_holder(pod="llm-1"), make_holder(team="ads", node="n2")]
    nodes = [make_node_line(holders, "n1"), make_node_line(holders, "n2", rate_source="GpuRateCard spot")]
    record = record_of([make_ledger(holders, nodes), make_ledger(holders, nodes, number=1)])
    status = fold([record])
    assert status is not None
    assert [(rate.source, rate.node_hours) for rate in status.rates] == [
        ("annotation gpucost.io/hourly-rate", "0.166666667")
    ]
    assert [rate.source for rate in fold_all([record]).rates] == [
        "annotation gpucost.io/hourly-rate",
        "GpuRateCard spot",
    ]

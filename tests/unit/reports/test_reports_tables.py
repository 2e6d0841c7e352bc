from typing import Any

import pytest

from gpucost.model.time import PeriodKind
from gpucost.reports.build import build_cluster_report, build_list, build_report, cluster_report_spec, report_spec
from gpucost.reports.columns import CLUSTER_REPORT_COLUMNS, REPORT_COLUMNS, Column
from gpucost.reports.fold import close, fold_report
from gpucost.reports.fold_cluster import fold_cluster
from gpucost.reports.headlines import headlines
from gpucost.reports.reconciliation import reconciliation
from gpucost.reports.record import WindowRecord, record_of
from gpucost.reports.tables import cluster_report_table, find, report_table
from gpucost.reports.text_table import text_table
from tests.unit.reports.made_ledgers import (
    LENGTH,
    NOW,
    UNPRICED_AND_UNSEEN,
    USD,
    make_figures,
    make_holder,
    make_ledger,
    make_node_line,
    make_period,
)

DAY = make_period()
HOLDERS = [
    make_holder(),
    make_holder(make_figures(5 * USD, 3 * USD), namespace="dev", team="ads", pod="a-0", workload="Job/train"),
    make_holder(UNPRICED_AND_UNSEEN, node="n2", namespace="dev", team="unassigned", pod="b-0"),
]
NODES = [
    make_node_line(HOLDERS, "n1", unallocated={"free": 15 * USD, "sliver": USD // 2}, host=USD),
    make_node_line(HOLDERS, "n2", rate_e9=None, rate_source="", pool="unknown"),
]
RECORD = record_of([make_ledger(HOLDERS, NODES)])


def make_report(namespace: str, team: str, **names: Any) -> dict[str, Any]:
    status = fold_report(None, RECORD, (namespace, team), DAY, now=NOW)
    spec = report_spec((namespace, team), DAY, "USD", **names)
    return build_report(f"{team}-2026-11-24", namespace, DAY, spec, status)


def make_cluster_report(record: WindowRecord = RECORD) -> dict[str, Any]:
    status = fold_cluster(None, record, DAY, now=NOW)
    return build_cluster_report("2026-11-24", DAY, cluster_report_spec(DAY, "USD"), status)


REPORTS = [make_report("dev", "ads"), make_report("dev", "unassigned"), make_report("ml-prod", "search")]


def test_reports_look_as_kubectl_prints_them() -> None:
    lines = [
        "NAMESPACE   NAME                    TEAM         PERIOD   COST   USED   IDLE   GPU-HOURS   EFFICIENCY   PHASE",
        "dev         ads-2026-11-24          ads          Day      8.00   5.00   3.00   1.00        62.5%        Open",
        "dev         unassigned-2026-11-24   unassigned   Day      -      -      -      1.00        -            Open",
        "ml-prod     search-2026-11-24       search       Day      8.00   2.00   6.00   1.00        25.0%        Open",
    ]
    assert report_table(REPORTS).splitlines() == lines


def test_wide_reports_say_what_the_figures_rest_on() -> None:
    header, line = report_table(REPORTS[:1], wide=True).splitlines()
    assert header.endswith("PHASE   COVERAGE   ESTIMATED   PRODUCTS   CURRENCY   LAST WINDOW")
    assert line.endswith("Open    100.0%     0.00        1          USD        2026-11-24T00:05:00Z")


def test_the_cluster_report_looks_as_kubectl_prints_it() -> None:
    header, line = (text.split() for text in cluster_report_table([make_cluster_report()], wide=True).splitlines())
    assert dict(zip(header, line, strict=False)) == {
        "NAME": "2026-11-24",
        "PERIOD": "Day",
        "NODE-COST": "32.50",
        "ALLOCATED": "16.00",
        "USED": "7.00",
        "UNALLOCATED": "15.50",
        "UNOBSERVED": "0.00",
        "HOST": "1.00",
        "UNASSIGNED": "0.0%",
        "PHASE": "Open",
        "COVERAGE": "66.6%",
        "RESIDUAL": "0.000000000",
        "CURRENCY": "USD",
        "LAST": "2026-11-24T00:05:00Z",
    }


def test_a_value_that_is_not_there_leaves_its_cell_empty() -> None:
    report = REPORTS[0] | {"status": {}}
    assert report_table([report]).splitlines()[1].split() == ["dev", "ads-2026-11-24", "ads", "Day"]


def test_no_report_is_no_table() -> None:
    assert report_table([]) == cluster_report_table([]) == ""


@pytest.mark.parametrize("column", REPORT_COLUMNS, ids=lambda column: column.name)
def test_every_column_of_a_report_leads_somewhere(column: Column) -> None:
    assert isinstance(find(REPORTS[0], column.json_path), int if column.type == "integer" else str)


@pytest.mark.parametrize("column", CLUSTER_REPORT_COLUMNS, ids=lambda column: column.name)
def test_every_column_of_a_cluster_report_leads_somewhere(column: Column) -> None:
    assert isinstance(find(make_cluster_report(), column.json_path), str)


def test_a_built_report_is_complete() -> None:
    report = REPORTS[0]
    assert (report["apiVersion"], report["kind"]) == ("gpucost.io/v1alpha1", "GpuCostReport")
    assert report["metadata"] == {
        "name": "ads-2026-11-24",
        "namespace": "dev",
        "labels": {
            "app.kubernetes.io/managed-by": "gpucost",
            "gpucost.io/team": "ads",
            "gpucost.io/period": "Day",
            "gpucost.io/start": "2026-11-24",
        },
    }
    assert report["spec"] == {
        "team": "ads",
        "period": "Day",
        "start": "2026-11-24T00:00:00Z",
        "end": "2026-11-25T00:00:00Z",
        "currency": "USD",
    }
    assert build_list(REPORTS)["items"] == REPORTS


def test_an_unknown_figure_is_a_null_that_can_be_seen() -> None:
    assert REPORTS[1]["status"]["cost"] is None
    assert REPORTS[1]["status"]["gpuHours"]["used"] is None


def test_a_report_of_a_part_of_its_period_says_what_it_covers() -> None:
    spec = make_report("dev", "ads", covered=(DAY.start, DAY.start + LENGTH))["spec"]
    assert (spec["start"], spec["end"]) == ("2026-11-24T00:00:00Z", "2026-11-24T00:05:00Z")


def test_a_monthly_cluster_report_has_the_labels_of_its_month() -> None:
    month = make_period(PeriodKind.MONTH)
    status = close(fold_cluster(None, RECORD, month, now=NOW))
    report = build_cluster_report("2026-11", month, cluster_report_spec(month, "USD"), status)
    assert report["metadata"]["labels"]["gpucost.io/start"] == "2026-11-01"
    assert (report["spec"]["period"], report["status"]["phase"]) == ("Month", "Final")


def test_three_sentences_say_who_spends_most_what_is_idle_and_what_nobody_held() -> None:
    assert headlines(make_cluster_report(), REPORTS) == (
        "Team ads spends most: 8.00 USD, 50.0% of the 16.00 USD that teams pay for.",
        "9.00 USD was held idle, 56.2% of what teams pay for; most of it by team search: 6.00 USD,"
        " above all StatefulSet/llm in namespace ml-prod with 6.00 USD.",
        "15.50 USD of card time was held by nobody, 47.6% of the node bill of 32.50 USD"
        " (15.00 on free cards, 0.50 in slivers of MIG cards).",
    )


def test_the_sentences_say_what_is_not_known() -> None:
    node = make_node_line(node="n2", rate_e9=None, rate_source="")
    record = record_of([make_ledger(HOLDERS[2:], [node])])
    assert headlines(make_cluster_report(record), []) == (
        "Nobody was charged for a GPU in this period.",
        "How much was held idle is not known, since use was never measured where a rate is known.",
        "What nobody held has no price, since no node has a rate.",
    )


def test_a_full_and_busy_cluster_leaves_nothing_to_say() -> None:
    record = record_of([make_ledger([make_holder(make_figures(8 * USD, 0))])])
    assert headlines(make_cluster_report(record), [])[1:] == (
        "Nothing was held idle.",
        "Nothing of the node bill of 8.00 USD is left that nobody held.",
    )


def test_the_reconciliation_can_be_added_up_by_hand() -> None:
    lines = [line.split() for line in reconciliation(make_cluster_report()).splitlines()]
    assert lines[0] == ["Node", "bill", "2026-11-24T00:00:00Z", "-", "2026-11-25T00:00:00Z,", "in", "USD"]
    total = ["32.500000000", "16.000000000", "15.500000000", "0.000000000", "1.000000000", "0.000000000"]
    assert lines[3] == ["p4d.24xlarge", "0.08", *total]
    assert lines[4] == ["unknown", "0.08", "-", *["0.000000000"] * 5]
    assert lines[5] == ["TOTAL", *total]
    assert [line[0] for line in lines[7:]] == ["TEAM", "ads", "unassigned", "search", "TOTAL"]
    assert lines[9][1:] == ["1.00", "-", "-", "-", "-"]
    assert lines[-1][1:] == ["3.00", "16.000000000", "7.000000000", "9.000000000", "0.000000000"]


def test_a_narrow_column_is_as_wide_as_kubectl_makes_it() -> None:
    assert text_table(["A", "B"], [["1", ""]]) == "A     B\n1     \n"

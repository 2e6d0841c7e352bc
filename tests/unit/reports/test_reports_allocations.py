import csv
import io
import json

import pytest
from hypothesis import given

from gpucost.model.ledger import Ledger
from gpucost.model.money import parse_e9
from gpucost.reports.allocation_output import allocations_csv, allocations_json, allocations_table
from gpucost.reports.allocations import COLUMNS, Row, allocation_rows, allocation_rows_by_window
from gpucost.reports.csv_text import Cell, to_csv
from tests.unit.reports.made_ledgers import (
    FEW,
    HOUR,
    UNPRICED_AND_UNSEEN,
    UNSEEN,
    USD,
    ledgers,
    make_figures,
    make_holder,
    make_ledger,
    make_node_line,
)


def total_cost(rows: list[Row]) -> int:
    return sum(parse_e9(str(row["cost"])) for row in rows if row["cost"] is not None)


@FEW
@given(ledgers())
def test_the_cost_column_adds_up_to_the_node_bill(some: list[Ledger]) -> None:
    bill = sum(line.cost for ledger in some for line in ledger.nodes)
    assert total_cost(allocation_rows(some)) == bill
    assert total_cost(list(allocation_rows_by_window(some))) == bill


@FEW
@given(ledgers())
def test_every_row_has_every_column_in_order_and_a_node(some: list[Ledger]) -> None:
    rows = allocation_rows(some)
    assert all(tuple(row) == COLUMNS and row["node"] for row in rows)
    unallocated = [row["node"] for row in rows if row["kind"] == "unallocated"]
    assert sorted(map(str, unallocated)) == ["n1", "n2", "unpriced"]


def test_a_holder_of_several_windows_is_one_row() -> None:
    some = [make_ledger([make_holder()]), make_ledger([make_holder(flags=("capped",))], number=1)]
    assert allocation_rows(some)[0] == {
        "kind": "holder",
        "namespace": "ml-prod",
        "pod": "llm-0",
        "podUid": "uid-llm-0",
        "container": "server",
        "node": "n1",
        "uuid": "GPU-1",
        "gpuInstanceId": "",
        "profile": "",
        "sharing": "exclusive",
        "team": "search",
        "product": "ranker",
        "costCentre": "4711",
        "environment": "prod",
        "workload": "StatefulSet/llm",
        "workloadType": "serving",
        "start": "2026-11-24T00:00:00Z",
        "end": "2026-11-24T00:10:00Z",
        "heldHours": "2.000000000",
        "sliceShare": "1.000000000",
        "reservedGpuHours": "2.000000000",
        "usedGpuHours": "0.500000000",
        "chargedGpuHours": "2.000000000",
        "memoryRatio": "0.250000",
        "computeRatio": "0.125000",
        "cost": "16.000000000",
        "usedCost": "4.000000000",
        "idleCost": "12.000000000",
        "unknownUseCost": "0.000000000",
        "currency": "USD",
        "coverage": "1.000000",
        "estimated": False,
        "flags": ["capped"],
    }
    by_window = [row for row in allocation_rows_by_window(some) if row["kind"] == "holder"]
    assert [(row["start"], row["cost"]) for row in by_window] == [
        ("2026-11-24T00:00:00Z", "8.000000000"),
        ("2026-11-24T00:05:00Z", "8.000000000"),
    ]


def test_a_pod_that_changes_its_team_has_a_row_for_either() -> None:
    some = [make_ledger([make_holder()]), make_ledger([make_holder(team="ads")], number=1)]
    holders = [row for row in allocation_rows(some) if row["kind"] == "holder"]
    assert [(row["team"], row["start"]) for row in holders] == [
        ("ads", "2026-11-24T00:05:00Z"),
        ("search", "2026-11-24T00:00:00Z"),
    ]


def test_what_is_unknown_is_null() -> None:
    holders = [make_holder(UNSEEN, pod="a"), make_holder(UNPRICED_AND_UNSEEN, pod="b", node="n2", pod_uid="")]
    nodes = [make_node_line(holders, "n1"), make_node_line(holders, "n2", rate_e9=None)]
    unseen, unpriced, *rest = allocation_rows([make_ledger(holders, nodes)])
    assert (unseen["cost"], unseen["unknownUseCost"]) == ("8.000000000", "8.000000000")
    assert [unseen[name] for name in ("usedCost", "idleCost", "usedGpuHours", "memoryRatio")] == [None] * 4
    assert [unpriced[name] for name in ("cost", "unknownUseCost", "podUid")] == [None] * 3
    assert (unpriced["chargedGpuHours"], unpriced["coverage"]) == ("1.000000000", "0.000000")
    assert [(row["node"], row["cost"]) for row in rest] == [("n1", "0.000000000"), ("n2", None)]


def test_what_nobody_held_has_rows_of_its_own() -> None:
    node = make_node_line(
        unallocated={"free": 2 * USD, "sliver": USD},
        unobserved=4 * USD,
        host=5 * USD,
        unallocated_hours=3 * HOUR,
        unobserved_hours=HOUR,
    )
    rows = allocation_rows([make_ledger([], [node])])
    assert [(row["kind"], row["cost"], row["chargedGpuHours"], row["flags"]) for row in rows] == [
        ("unallocated", "3.000000000", "3.000000000", ["free", "sliver"]),
        ("unobserved", "4.000000000", "1.000000000", []),
        ("host", "5.000000000", None, []),
    ]
    assert {(row["namespace"], row["pod"], row["team"], row["usedCost"]) for row in rows} == {(None,) * 4}


@pytest.mark.parametrize(
    ("flags", "estimated"), [((), False), (("capped",), False), (("estimated",), True), (("rate-estimated",), True)]
)
def test_a_row_is_estimated_where_its_split_or_its_rate_is(flags: tuple[str, ...], estimated: bool) -> None:
    holder, unallocated = allocation_rows([make_ledger([make_holder(flags=flags)])])
    assert (holder["estimated"], unallocated["estimated"]) == (estimated, False)


def test_json_and_csv_say_the_same() -> None:
    rows = allocation_rows([make_ledger([make_holder(flags=("capped", "estimated"))])])
    assert json.loads(allocations_json(rows)) == rows
    header, holder, unallocated = csv.reader(io.StringIO(allocations_csv(rows)))
    assert tuple(header) == COLUMNS
    assert holder[COLUMNS.index("cost")] == "8.000000000"
    assert holder[-2:] == ["true", "capped estimated"]
    assert unallocated[COLUMNS.index("pod")] == ""


CELLS: dict[str, tuple[Cell, str]] = {
    "a formula": ('=HYPERLINK("http://evil")', '\'=HYPERLINK("http://evil")'),
    "plus": ("+1+cmd", "'+1+cmd"),
    "minus": ("-2+3", "'-2+3"),
    "at": ("@SUM(A1)", "'@SUM(A1)"),
    "tab": ("\t=1", "'\t=1"),
    "a line end is a space": ("\r=1", "' =1"),
    "a formula among words": (["=1", "free"], "'=1 free"),
    "a negative number stays one": ("-0.000000001", "-0.000000001"),
    "a number and more is none": ("-1\n=2", "'-1 =2"),
    "a name": ("llm-0", "llm-0"),
    "unknown": (None, ""),
    "a truth": (True, "true"),
    "commas and quotes": ('a,"b"', 'a,"b"'),
}


@pytest.mark.parametrize(("cell", "expected"), CELLS.values(), ids=CELLS)
def test_no_cell_of_a_csv_runs_in_a_spreadsheet(cell: Cell, expected: str) -> None:
    (_, row) = csv.reader(io.StringIO(to_csv(["name"], [[cell]]), newline=""))
    assert row == ([expected])


def test_the_table_is_short_and_rounded() -> None:
    rows = allocation_rows([make_ledger([make_holder(make_figures(USD // 3, USD))])])
    assert allocations_table(rows).splitlines() == [
        "KIND          NAMESPACE   POD     NODE   PROFILE   TEAM     GPU-HOURS   COST   USED   IDLE",
        "holder        ml-prod     llm-0   n1     -         search        1.00   1.33   0.33   1.00",
        "unallocated   -           -       n1     -         -             0.00   0.00      -      -",
    ]


def test_the_wide_table_says_more() -> None:
    rows = allocation_rows([make_ledger([make_holder(flags=("capped", "estimated"))])])
    header, holder, _ = allocations_table(rows, wide=True).splitlines()
    assert header.endswith("MEMORY   COMPUTE   COVERAGE   START                  END                    FLAGS")
    assert holder.endswith(
        "0.25     0.12      1.00       2026-11-24T00:00:00Z   2026-11-24T00:05:00Z   capped,estimated"
    )

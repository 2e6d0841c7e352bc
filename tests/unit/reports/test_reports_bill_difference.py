import csv
import io
import json
from typing import Any

import yaml

from gpucost.model.ledger import HolderLine, Ledger
from gpucost.reports.bill_difference import (
    DIFFERENCE_COLUMNS,
    Bill,
    BillDifference,
    bill_difference,
    difference_csv,
    difference_json,
    difference_table,
    difference_yaml,
)
from tests.unit.reports.made_ledgers import make_figures, make_holder, make_ledger, make_node_line, make_window

WINDOW = make_window()


def make_line(team: str, cost: int, *, priced: bool = True) -> HolderLine:
    return make_holder(make_figures(cost, priced=priced), namespace="ml", team=team)


def make_bill(*lines: HolderLine, rest: int = 0, **parts: Any) -> Ledger:
    return make_ledger(lines, [make_node_line(lines, unallocated={"free": rest}, **parts)])


def make_difference(now: list[Ledger], then: list[Ledger]) -> BillDifference:
    bills = Bill(), Bill()
    for bill, ledgers in zip(bills, (now, then), strict=True):
        bill.add(ledgers)
    return bill_difference(*bills, start=WINDOW.start, end=WINDOW.end, currency="EUR")


HALF_PRICE = make_difference(
    [make_bill(make_line("vision", 3), make_line("vision", 4), make_line("speech", 10), rest=5, host=2)],
    [make_bill(make_line("vision", 2), make_line("vision", 2), make_line("speech", 5), rest=3, host=0)],
)
UNPRICED = make_difference(
    [make_bill(make_line("vision", 0, priced=False), rate_e9=None)], [make_bill(make_line("vision", 8))]
)


def document(difference: BillDifference) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(difference_json(difference))
    return read


def test_teams_are_summed_and_compared_to_the_last_digit() -> None:
    assert document(HALF_PRICE)["teams"] == [
        {
            "namespace": "ml",
            "team": "speech",
            "costNow": "0.000000010",
            "costThen": "0.000000005",
            "difference": "-0.000000005",
        },
        {
            "namespace": "ml",
            "team": "vision",
            "costNow": "0.000000007",
            "costThen": "0.000000004",
            "difference": "-0.000000003",
        },
    ]


def test_the_parts_of_the_node_bill_add_up_under_either_price() -> None:
    bill = document(HALF_PRICE)["nodeBill"]
    for key, total in (("costNow", "0.000000024"), ("costThen", "0.000000012"), ("difference", "-0.000000012")):
        assert bill["nodeCost"][key] == total
    assert [bill[part]["costNow"] for part in ("allocated", "unallocated", "unobserved", "host")] == [
        "0.000000017",
        "0.000000005",
        "0.000000000",
        "0.000000002",
    ]
    for change in (HALF_PRICE.parts[part] for part in HALF_PRICE.parts):
        assert change.now is not None
    now = {name: change.now or 0 for name, change in HALF_PRICE.parts.items()}
    assert now.pop("node_cost") == sum(now.values())


def test_what_has_no_price_is_null_and_no_difference_is_made_of_it() -> None:
    read = document(UNPRICED)
    assert [(team["costNow"], team["costThen"], team["difference"]) for team in read["teams"]] == [
        (None, "0.000000008", None)
    ]
    assert read["nodeBill"]["nodeCost"] == {"costNow": None, "costThen": "0.000000008", "difference": None}


def test_yaml_says_the_same_as_json() -> None:
    assert yaml.safe_load(difference_yaml(HALF_PRICE)) == document(HALF_PRICE)


def test_csv_has_a_row_for_each_team_and_each_part_of_the_bill() -> None:
    rows = list(csv.DictReader(io.StringIO(difference_csv(HALF_PRICE))))
    assert list(rows[0]) == list(DIFFERENCE_COLUMNS)
    assert [row["line"] for row in rows] == [
        "team",
        "team",
        "nodeCost",
        "allocated",
        "unallocated",
        "unobserved",
        "host",
    ]
    assert rows[1]["difference"] == "-0.000000003"
    assert rows[2]["team"] == ""


def test_a_table_has_the_teams_and_the_bill() -> None:
    head, teams, bill = difference_table(UNPRICED).split("\n\n")
    assert head == "2026-11-24T00:00:00Z - 2026-11-24T00:05:00Z, in EUR"
    assert teams.splitlines()[1].split() == ["ml", "vision", "-", "0.000000008", "-"]
    assert bill.splitlines()[1].split() == ["nodeCost", "-", "0.000000008", "-"]


def test_where_nobody_held_a_gpu_there_is_the_bill_alone() -> None:
    assert "TEAM" not in difference_table(make_difference([make_bill(rest=4)], [make_bill(rest=2)]))

"""The simulation's closed form beside what the operator wrote."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from gpucost.model.money import E9, parse_e9
from gpucost.model.time import Window, windows_between
from gpucost.simulation.fleet import Fleet
from gpucost.simulation.truth import true_lines, true_nodes, true_totals

Object = dict[str, Any]
UNITS_PER_ROW = {"cost": 1, "usedCost": 1, "idleCost": 2}
"""Each holder's row of a window is rounded; idle is the difference of two that are."""


def windows_of(start: datetime, end: datetime) -> tuple[Window, ...]:
    return windows_between(start, end, timedelta(minutes=5))


def assert_reports_true(reports: Mapping[tuple[str, str], Object], fleet: Fleet, windows: Sequence[Window]) -> None:
    """Every namespace and team of the closed form has its report, to the last digit but for rounding."""
    lines = true_lines(fleet, windows)
    totals = true_totals(lines)
    rows = Counter((line.namespace, line.team) for line in lines)
    assert set(reports) == set(totals)
    wrong = [
        f"{namespace}/{team} {figure}: expected {float(true):.9f}, is {reports[namespace, team]['status'][figure]}"
        for (namespace, team), figures in totals.items()
        for figure, true in (
            ("cost", figures.cost),
            ("usedCost", figures.used_cost),
            ("idleCost", figures.idle_cost),
        )
        if not _is_near(reports[namespace, team]["status"][figure], true, UNITS_PER_ROW[figure] * rows[namespace, team])
    ]
    assert wrong == [], "\n".join(wrong)


def assert_bill_exact(cluster: Object, fleet: Fleet, windows: Sequence[Window]) -> None:
    """The bill of every node is that of its windows, each rounded once, and its parts add up to it."""
    bills: Counter[str] = Counter()
    for node in true_nodes(fleet, windows):
        bills[node.node] += round(node.cost * E9)
    found = {bill["name"]: bill for bill in cluster["status"]["byNode"]}
    assert {name: parse_e9(bill["nodeCost"]) for name, bill in found.items()} == dict(bills)
    for bill in (*found.values(), cluster["status"]):
        parts = sum(parse_e9(bill[part]) for part in ("allocated", "unallocated", "unobserved", "host"))
        assert parts == parse_e9(bill["nodeCost"])
        assert parse_e9(bill["residual"]) == 0


def figures_of(report: Object) -> Object:
    """A status without what may differ between two true accounts of the same windows: the times of conditions."""
    status = {key: value for key, value in report["status"].items() if key != "conditions"}
    status["conditions"] = [
        {key: value for key, value in condition.items() if key != "lastTransitionTime"}
        for condition in report["status"].get("conditions", [])
        if condition["type"] != "UpToDate"
    ]
    return status


def _is_near(text: str, true: Fraction, units: int) -> bool:
    return abs(parse_e9(text) - true * E9) <= units

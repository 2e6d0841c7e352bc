"""Recorded and recomputed cost by day and team, exact to the last digit: tables for people, rows for programs."""

import json
from collections.abc import Iterable, Iterator, Sequence

import yaml

from gpucost.model.money import format_e9, parse_e9
from gpucost.reports.bill_difference import PARTS, TEAM
from gpucost.reports.csv_text import Cell, to_csv
from gpucost.reports.plain_text import plain
from gpucost.reports.recomputed_day import Line, RecomputedDay
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from gpucost.reports.text_table import text_table
from gpucost.reports.words import UNKNOWN

AnyLine = Line[ReportStatus] | Line[ClusterReportStatus]
Row = dict[str, Cell]

_COSTS = ("cost", "recomputedCost", "difference")
_USED = ("usedCost", "recomputedUsedCost", "usedCostDifference")
RECOMPUTE_COLUMNS = (
    *("day", "phase", "line", "namespace", "team"),
    *_COSTS,
    *_USED,
    *("currency", "written", "note"),
)
NOT_ONLY_THE_RATES = "not only the rates: "

_PARTS = {name: title for name, title in PARTS.items() if name != "node_cost"} | {"node_cost": PARTS["node_cost"]}
"""The node bill last: the sum below its parts."""
_TABLE = {
    "DAY": "day",
    "NAMESPACE": "namespace",
    "TEAM": "team",
    "COST": "cost",
    "RECOMPUTED": "recomputedCost",
    "DIFFERENCE": "difference",
    "NOTE": "note",
}
_WIDE = {
    **{title: key for title, key in _TABLE.items() if title != "NOTE"},
    "USED": "usedCost",
    "USED RECOMPUTED": "recomputedUsedCost",
    "USED DIFFERENCE": "usedCostDifference",
    "PHASE": "phase",
    "WRITTEN": "written",
    "NOTE": "note",
}
_AMOUNTS = frozenset({*_COSTS, *_USED})


def recompute_rows(day: RecomputedDay) -> Iterator[Row]:
    """A row for each team, then one for each part of the node bill and one for the bill.

    The rows of the teams add up to ``allocated``, and the parts of the bill to ``nodeCost``.
    """
    phase = day.cluster.recorded.phase if day.cluster.recorded else None
    head: Row = {"day": day.period.name, "phase": phase}
    for (namespace, team), of_team in day.teams.items():
        amounts = {**_costs(of_team, "cost"), **_used(of_team)}
        yield {**head, "line": TEAM, "namespace": namespace, "team": team, **amounts, **_tail(day, of_team)}
    for name, title in _PARTS.items():
        used = _used(day.cluster) if name == "allocated" else dict.fromkeys(_USED)
        told = _tail(day, day.cluster) | ({} if name == "node_cost" else {"note": None})
        yield {**head, "line": title, "namespace": None, "team": None, **_costs(day.cluster, name), **used, **told}


def recompute_json(rows: Iterable[Row]) -> str:
    return json.dumps(list(rows), indent=2, ensure_ascii=False) + "\n"


def recompute_yaml(rows: Iterable[Row]) -> str:
    return yaml.safe_dump(list(rows), sort_keys=False, allow_unicode=True)


def recompute_csv(rows: Iterable[Row]) -> str:
    return to_csv(RECOMPUTE_COLUMNS, ([row[column] for column in RECOMPUTE_COLUMNS] for row in rows))


def recompute_table(rows: Sequence[Row], *, wide: bool = False) -> str:
    """A table for each day; nothing at all where there are no rows."""
    columns = _WIDE if wide else _TABLE
    right = frozenset(number for number, key in enumerate(columns.values()) if key in _AMOUNTS)
    days = dict.fromkeys(row["day"] for row in rows)
    return "\n".join(
        text_table(
            list(columns), [[_cell(row, key) for key in columns.values()] for row in rows if row["day"] == day], right
        )
        for day in days
    )


def _costs(line: AnyLine, name: str) -> Row:
    return dict(zip(_COSTS, _change(line, name), strict=True))


def _used(line: AnyLine) -> Row:
    return dict(zip(_USED, _change(line, "used_cost"), strict=True))


def _change(line: AnyLine, name: str) -> tuple[str | None, str | None, str | None]:
    """Recorded, recomputed, difference. What has no price is in no sum, so beside a price it counts as 0."""
    recorded, recomputed = (
        None if status is None else getattr(status, name) for status in (line.recorded, line.recomputed)
    )
    if line.recorded is None or line.recomputed is None or recorded == recomputed is None:
        return recorded, recomputed, None
    return recorded, recomputed, format_e9(parse_e9(recomputed or "0") - parse_e9(recorded or "0"))


def _tail(day: RecomputedDay, line: AnyLine) -> Row:
    doubts = NOT_ONLY_THE_RATES + "; ".join(line.doubts) if line.doubts else ""
    note = "; ".join(part for part in (doubts, line.remark) if part)
    return {"currency": day.currency, "written": line.written, "note": note or None}


def _cell(row: Row, key: str) -> str:
    value = row[key]
    if key == "namespace" and value is None:
        return f"({row['line']})"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plain(value) if isinstance(value, str) else UNKNOWN if key in _AMOUNTS else ""

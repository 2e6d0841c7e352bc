"""Rows of allocations as text: JSON and CSV for programs, tables for people."""

import json
from collections.abc import Iterable, Sequence

from gpucost.model.money import parse_e9
from gpucost.reports.allocations import COLUMNS, Row
from gpucost.reports.csv_text import Cell, to_csv
from gpucost.reports.text_table import text_table
from gpucost.reports.words import UNKNOWN, in_short

_HELD = (
    ("KIND", "kind"),
    ("NAMESPACE", "namespace"),
    ("POD", "pod"),
    ("NODE", "node"),
    ("PROFILE", "profile"),
    ("TEAM", "team"),
    ("GPU-HOURS", "chargedGpuHours"),
    ("COST", "cost"),
    ("USED", "usedCost"),
    ("IDLE", "idleCost"),
)
_WIDE = (
    *_HELD,
    ("UNKNOWN-USE", "unknownUseCost"),
    ("CONTAINER", "container"),
    ("PRODUCT", "product"),
    ("COST-CENTRE", "costCentre"),
    ("WORKLOAD", "workload"),
    ("SHARING", "sharing"),
    ("MEMORY", "memoryRatio"),
    ("COMPUTE", "computeRatio"),
    ("COVERAGE", "coverage"),
    ("START", "start"),
    ("END", "end"),
    ("FLAGS", "flags"),
)
_AMOUNTS = frozenset({"chargedGpuHours", "cost", "usedCost", "idleCost", "unknownUseCost"})
_RATIOS = frozenset({"memoryRatio", "computeRatio", "coverage"})


def allocations_json(rows: Iterable[Row]) -> str:
    return json.dumps(list(rows), indent=2, ensure_ascii=False) + "\n"


def allocations_csv(rows: Iterable[Row]) -> str:
    return to_csv(COLUMNS, ([row[column] for column in COLUMNS] for row in rows))


def allocations_table(rows: Iterable[Row], *, wide: bool = False) -> str:
    """For people: rounded, with ``-`` for what is unknown or does not apply."""
    columns = _WIDE if wide else _HELD
    right = frozenset(number for number, (_, key) in enumerate(columns) if key in _AMOUNTS)
    return text_table(
        [title for title, _ in columns], [[_cell(key, row[key]) for _, key in columns] for row in rows], right
    )


def _cell(key: str, value: Cell) -> str:
    if isinstance(value, str) and value:
        if key in _AMOUNTS:
            return in_short(parse_e9(value))
        return value[: len("0.00")] if key in _RATIOS else value
    if isinstance(value, Sequence) and value:
        return ",".join(value)
    return UNKNOWN

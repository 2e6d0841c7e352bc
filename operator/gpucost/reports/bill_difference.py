"""One bill under two sets of prices, exact to the last digit: by team, and the parts of the node bill."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import yaml

from gpucost.model.ledger import Figures, Ledger
from gpucost.model.money import format_e9
from gpucost.model.time import format_time
from gpucost.reports.csv_text import to_csv
from gpucost.reports.plain_text import plain
from gpucost.reports.text_table import text_table
from gpucost.reports.words import UNKNOWN

Group = tuple[str, str]
"""Namespace and team."""

DIFFERENCE_COLUMNS = ("line", "namespace", "team", "costNow", "costThen", "difference", "currency")
TEAM = "team"
PARTS = {
    "node_cost": "nodeCost",
    "allocated": "allocated",
    "unallocated": "unallocated",
    "unobserved": "unobserved",
    "host": "host",
}
"""Parts of the node bill to what they are called; the last four add up to the first."""


@dataclass(frozen=True, slots=True)
class Change:
    """Money in 1e-9; None: nothing of it has a price."""

    now: int | None
    then: int | None

    @property
    def difference(self) -> int | None:
        return None if self.now is None or self.then is None else self.then - self.now


@dataclass(frozen=True, kw_only=True)
class BillDifference:
    start: datetime
    end: datetime
    currency: str
    teams: Mapping[Group, Change]
    """In order of namespace and team."""
    parts: Mapping[str, Change]
    """By the names of `PARTS`."""


@dataclass
class Bill:
    """What ledgers add up to; they come window by window and are not kept."""

    teams: dict[Group, Figures] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    is_priced: bool = False
    """Some node had a rate."""

    def add(self, ledgers: Iterable[Ledger]) -> None:
        for ledger in ledgers:
            for line in ledger.holders:
                group = (line.namespace, line.team)
                self.teams[group] = self.teams.get(group, Figures()) + line.figures
            for node in ledger.nodes:
                self.is_priced |= node.rate_e9 is not None
                self.parts["node_cost"] += node.cost
                self.parts["allocated"] += node.allocated
                self.parts["unallocated"] += sum(node.unallocated.values())
                self.parts["unobserved"] += node.unobserved
                self.parts["host"] += node.host

    def cost_of(self, group: Group) -> int | None:
        figures = self.teams.get(group, Figures())
        return figures.cost if figures.is_priced else None

    def part(self, name: str) -> int | None:
        return self.parts[name] if self.is_priced else None


def bill_difference(now: Bill, then: Bill, *, start: datetime, end: datetime, currency: str) -> BillDifference:
    """``now`` and ``then`` are of the same windows."""
    groups = sorted({*now.teams, *then.teams})
    return BillDifference(
        start=start,
        end=end,
        currency=currency,
        teams={group: Change(now.cost_of(group), then.cost_of(group)) for group in groups},
        parts={name: Change(now.part(name), then.part(name)) for name in PARTS},
    )


def difference_json(difference: BillDifference) -> str:
    return json.dumps(_document(difference), indent=2, ensure_ascii=False) + "\n"


def difference_yaml(difference: BillDifference) -> str:
    return yaml.safe_dump(_document(difference), sort_keys=False, allow_unicode=True)


def difference_csv(difference: BillDifference) -> str:
    """A row for each team, then one for each part of the node bill."""
    return to_csv(
        DIFFERENCE_COLUMNS,
        (
            (line, *(group or (None, None)), *_amounts(change).values(), difference.currency)
            for line, group, change in _lines(difference)
        ),
    )


def difference_table(difference: BillDifference) -> str:
    """Two tables: what each team pays, and what the node bill is made of."""
    teams = [[plain(namespace), plain(team), *_cells(change)] for (namespace, team), change in difference.teams.items()]
    bill = [[PARTS[name], *_cells(change)] for name, change in difference.parts.items()]
    interval = f"{format_time(difference.start)} - {format_time(difference.end)}, in {difference.currency}"
    amounts = ["COST NOW", "COST THEN", "DIFFERENCE"]
    return (
        f"{interval}\n\n"
        + (text_table(["NAMESPACE", "TEAM", *amounts], teams, right=frozenset({2, 3, 4})) + "\n" if teams else "")
        + text_table(["NODE BILL", *amounts], bill, right=frozenset({1, 2, 3}))
    )


def _document(difference: BillDifference) -> Mapping[str, object]:
    return {
        "start": format_time(difference.start),
        "end": format_time(difference.end),
        "currency": difference.currency,
        "teams": [
            {"namespace": namespace, "team": team, **_amounts(change)}
            for (namespace, team), change in difference.teams.items()
        ],
        "nodeBill": {PARTS[name]: _amounts(change) for name, change in difference.parts.items()},
    }


def _lines(difference: BillDifference) -> Iterator[tuple[str, Group | None, Change]]:
    for group, change in difference.teams.items():
        yield TEAM, group, change
    for name, change in difference.parts.items():
        yield PARTS[name], None, change


def _amounts(change: Change) -> dict[str, str | None]:
    amounts = {"costNow": change.now, "costThen": change.then, "difference": change.difference}
    return {key: None if amount is None else format_e9(amount) for key, amount in amounts.items()}


def _cells(change: Change) -> Sequence[str]:
    return [amount or UNKNOWN for amount in _amounts(change).values()]

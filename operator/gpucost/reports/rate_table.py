"""What every GPU node costs and where that figure comes from, as text: for programs exact, for people rounded."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TypeAlias

import yaml

from gpucost.model.money import E9, format_e9
from gpucost.model.rates import MissingRate, NodeRate
from gpucost.reports.csv_text import Cell, to_csv
from gpucost.reports.plain_text import plain
from gpucost.reports.text_table import text_table
from gpucost.reports.words import UNKNOWN

NO_RATE = "no-rate"
"""Flag of a node without a rate."""
RATE_COLUMNS = (
    "node",
    "instanceType",
    "region",
    "capacityType",
    "gpus",
    "hourlyRate",
    "gpuFraction",
    "gpuHourPrice",
    "currency",
    "origin",
    "source",
    "asOf",
    "ageDays",
    "terms",
    "flags",
)

_MOST_SOURCE = 60
"""Characters of a source where other columns need the room."""
_SHOWN = Decimal("0.0001")

Value: TypeAlias = str | int | list[str] | None
Row: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedNode:
    """A GPU node and its rate. Text is empty where the node does not tell."""

    name: str
    instance_type: str
    region: str
    capacity_type: str
    cards: int
    """Physical cards, as the API and the price list tell; 0: they do not."""
    rate: NodeRate | MissingRate
    age_days: int | None
    """Of the price; None: its date is not known."""

    @property
    def card_hour_e9(self) -> int | None:
        """What an hour of one card costs, in 1e-9 of the currency; None: not known."""
        if isinstance(self.rate, MissingRate) or not self.cards:
            return None
        return card_hour_e9(self.rate.hourly_e9, self.rate.gpu_fraction, self.cards)

    @property
    def flags(self) -> tuple[str, ...]:
        """Words, each once."""
        if isinstance(self.rate, MissingRate):
            return (NO_RATE,)
        return tuple(dict.fromkeys(doubt.flag for doubt in self.rate.doubts))


def card_hour_e9(hourly_e9: int, gpu_fraction: float, cards: int) -> int:
    """Price of a node x the part of it that its cards stand for / cards, rounded half up; ``cards`` is at least 1."""
    of_cards = hourly_e9 if gpu_fraction >= 1 else round(hourly_e9 * gpu_fraction)
    return (2 * of_cards + cards) // (2 * cards)


def age_in_days(as_of: str, today: date) -> int | None:
    """How old a price of the date ``as_of`` is; None where that is no date. A price of tomorrow is 0 days old."""
    try:
        return max(0, (today - date.fromisoformat(as_of)).days)
    except ValueError:
        return None


def rates_json(nodes: Iterable[RatedNode], currency: str) -> str:
    return json.dumps(rate_rows(nodes, currency), indent=2, ensure_ascii=False) + "\n"


def rates_yaml(nodes: Iterable[RatedNode], currency: str) -> str:
    return yaml.safe_dump(rate_rows(nodes, currency), sort_keys=False, allow_unicode=True)


def rates_csv(nodes: Iterable[RatedNode], currency: str) -> str:
    return to_csv(RATE_COLUMNS, ([csv_cell(row[key]) for key in RATE_COLUMNS] for row in rate_rows(nodes, currency)))


def rate_rows(nodes: Iterable[RatedNode], currency: str) -> list[Row]:
    """Every column on every row; None is unknown, money is decimal strings."""
    return [dict(zip(RATE_COLUMNS, _values(node, currency), strict=True)) for node in nodes]


def rates_table(nodes: Sequence[RatedNode], currency: str, *, wide: bool = False) -> str:
    """For people; nothing at all where there are no nodes."""
    if not nodes:
        return ""
    header = ["NODE", "INSTANCE-TYPE", "GPUS", f"{currency}/HOUR", f"{currency}/GPU-HOUR", "ORIGIN", "AGE", "FLAGS"]
    more = ["REGION", "CAPACITY", "GPU-PART", "AS-OF", "TERMS"] if wide else []
    rows = [
        [*_cells(node), *(_wide_cells(node) if wide else ()), _source(node, None if wide else _MOST_SOURCE)]
        for node in nodes
    ]
    return text_table([*header, *more, "SOURCE"], rows, right=frozenset({2, 3, 4}))


def csv_cell(value: Value) -> Cell:
    """Numbers as text; text, words and None as they are."""
    return str(value) if isinstance(value, int) else value


def to_four_decimals(amount_e9: int | None) -> str:
    """For people: prices of a GPU-hour differ in the third decimal."""
    if amount_e9 is None:
        return UNKNOWN
    return format((Decimal(amount_e9) / E9).quantize(_SHOWN, rounding=ROUND_HALF_EVEN), "f")


def _values(node: RatedNode, currency: str) -> list[Value]:
    rate = None if isinstance(node.rate, MissingRate) else node.rate
    card_hour = node.card_hour_e9
    return [
        node.name,
        node.instance_type or None,
        node.region or None,
        node.capacity_type or None,
        node.cards or None,
        format_e9(rate.hourly_e9) if rate else None,
        f"{rate.gpu_fraction:.6f}" if rate else None,
        None if card_hour is None else format_e9(card_hour),
        currency,
        str(rate.origin) if rate else None,
        rate.source if rate else None,
        (rate.as_of or None) if rate else None,
        node.age_days,
        (terms_of(rate) or None) if rate else None,
        list(node.flags),
    ]


def terms_of(rate: NodeRate) -> str:
    """How the rate and the part of it that goes to the cards come about; empty where somebody wrote them."""
    return "; ".join(part for part in (rate.terms, rate.gpu_fraction_terms) if part)


def _cells(node: RatedNode) -> list[str]:
    rate = None if isinstance(node.rate, MissingRate) else node.rate
    return [
        plain(node.name),
        plain(node.instance_type) or UNKNOWN,
        str(node.cards or UNKNOWN),
        to_four_decimals(rate.hourly_e9 if rate else None),
        to_four_decimals(node.card_hour_e9),
        str(rate.origin) if rate else UNKNOWN,
        UNKNOWN if node.age_days is None else f"{node.age_days}d",
        ",".join(node.flags) or UNKNOWN,
    ]


def _wide_cells(node: RatedNode) -> list[str]:
    rate = None if isinstance(node.rate, MissingRate) else node.rate
    return [
        plain(node.region) or UNKNOWN,
        plain(node.capacity_type) or UNKNOWN,
        f"{rate.gpu_fraction:.4f}" if rate else UNKNOWN,
        plain(rate.as_of if rate else "") or UNKNOWN,
        plain(terms_of(rate) if rate else "") or UNKNOWN,
    ]


def _source(node: RatedNode, most: int | None) -> str:
    return UNKNOWN if isinstance(node.rate, MissingRate) else plain(node.rate.source, most) or UNKNOWN

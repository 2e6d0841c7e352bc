"""The bundled price list as text, every row with its source and date."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import yaml

from gpucost.model.money import format_e9
from gpucost.reports.csv_text import to_csv
from gpucost.reports.plain_text import plain
from gpucost.reports.rate_table import Row, Value, card_hour_e9, csv_cell, to_four_decimals
from gpucost.reports.text_table import text_table
from gpucost.reports.words import UNKNOWN

CATALOG_COLUMNS = (
    "kind",
    "cloud",
    "instance",
    "gpus",
    "gpu",
    "products",
    "hourlyRate",
    "gpuHourPrice",
    "currency",
    "region",
    "source",
    "date",
)
INSTANCE, GPU_MODEL = "instance", "gpu-model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A list price: of an instance type, or of any GPU of a model."""

    cloud: str = ""
    instance: str = ""
    """Empty: the price is of a GPU model."""
    gpus: int = 1
    """Physical cards of the instance."""
    gpu: str
    """Model."""
    products: tuple[str, ...] = ()
    """Of a model: patterns of what GPU feature discovery labels it."""
    hourly_e9: int
    """Of the whole instance, or of one GPU."""
    region: str = ""
    """Empty: the source names none."""
    source: str
    date: str

    @property
    def card_hour_e9(self) -> int:
        return card_hour_e9(self.hourly_e9, 1.0, self.gpus)


def catalog_json(prices: Iterable[Listed], currency: str) -> str:
    return json.dumps(catalog_rows(prices, currency), indent=2, ensure_ascii=False) + "\n"


def catalog_yaml(prices: Iterable[Listed], currency: str) -> str:
    return yaml.safe_dump(catalog_rows(prices, currency), sort_keys=False, allow_unicode=True)


def catalog_csv(prices: Iterable[Listed], currency: str) -> str:
    rows = catalog_rows(prices, currency)
    return to_csv(CATALOG_COLUMNS, ([csv_cell(row[key]) for key in CATALOG_COLUMNS] for row in rows))


def catalog_rows(prices: Iterable[Listed], currency: str) -> list[Row]:
    """Every column on every row; None does not apply, or the list does not tell."""
    return [dict(zip(CATALOG_COLUMNS, _values(price, currency), strict=True)) for price in prices]


def catalog_table(prices: Sequence[Listed], currency: str) -> str:
    header = [
        "CLOUD",
        "INSTANCE",
        "GPUS",
        "GPU",
        f"{currency}/HOUR",
        f"{currency}/GPU-HOUR",
        "REGION",
        "DATE",
        "SOURCE",
    ]
    return text_table(header, [_cells(price) for price in prices], right=frozenset({2, 4, 5}))


def _values(price: Listed, currency: str) -> list[Value]:
    return [
        INSTANCE if price.instance else GPU_MODEL,
        price.cloud or None,
        price.instance or None,
        price.gpus if price.instance else None,
        price.gpu,
        list(price.products) or None,
        format_e9(price.hourly_e9) if price.instance else None,
        format_e9(price.card_hour_e9),
        currency,
        price.region or None,
        price.source,
        price.date,
    ]


def _cells(price: Listed) -> list[str]:
    whole = bool(price.instance)
    return [
        plain(price.cloud) or UNKNOWN,
        plain(price.instance) or UNKNOWN,
        str(price.gpus) if whole else UNKNOWN,
        plain(price.gpu),
        to_four_decimals(price.hourly_e9 if whole else None),
        to_four_decimals(price.card_hour_e9),
        plain(price.region) or UNKNOWN,
        plain(price.date),
        plain(price.source),
    ]

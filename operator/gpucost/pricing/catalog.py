"""Bundled on-demand list prices, by instance type and by GPU model (``catalog.yaml``)."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from itertools import combinations
from typing import Annotated, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from gpucost.model.errors import InputError
from gpucost.model.money import to_e9
from gpucost.pricing.fields import complaint

_Entry = TypeVar("_Entry")

ANY_REGION = "any"
"""In the file: the source gives one price and names no region."""


def _real_day(text: str) -> str:
    try:
        datetime.date.fromisoformat(text)
    except ValueError as error:
        raise ValueError("is no day of the calendar; write it as 2026-11-24") from error
    return text


_Text = Annotated[str, Field(min_length=1, max_length=200)]
_Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_real_day)]
_Hourly = Annotated[Decimal, Field(gt=0, le=100_000, decimal_places=9, allow_inf_nan=False)]
_Pattern = Annotated[str, Field(max_length=63, pattern=r"^\*?([A-Za-z0-9._-]+\*?)+$")]
"""Of GPU products: letters as they are, ``*`` for any others."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Instance(_Strict):
    instance: _Text
    gpus: int = Field(ge=1, le=128)
    gpu: _Text
    hourly: _Hourly


class _PriceList(_Strict):
    cloud: _Text
    region: _Text
    source: _Text
    date: _Day
    instances: tuple[_Instance, ...]


class _Model(_Strict):
    gpu: _Text
    products: tuple[_Pattern, ...] = Field(min_length=1)
    hourly: _Hourly
    source: _Text
    date: _Day


class _CatalogFile(_Strict):
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    lists: tuple[_PriceList, ...]
    models: tuple[_Model, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPrice:
    """What an instance type costs on demand, for the whole instance."""

    cloud: str
    instance: str
    gpus: int
    """Physical cards."""
    gpu: str
    """Their model, as in `ModelPrice.gpu`."""
    hourly_e9: int
    """1e-9 of the catalog's currency per hour."""
    region: str
    """Where the price was read; empty: the source names none."""
    source: str
    date: str
    """Day on which the source gave this price: ``2026-09-25``."""

    def age_days(self, today: datetime.date) -> int:
        return (today - datetime.date.fromisoformat(self.date)).days


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPrice:
    """What one card of a GPU model costs on demand, its part of the host included, where nothing better is known."""

    gpu: str
    products: tuple[str, ...]
    """Patterns of what GPU feature discovery labels it, without the marks of MIG and of sharing."""
    hourly_e9: int
    """1e-9 of the catalog's currency per hour and card."""
    source: str
    date: str
    """Day of the oldest of the prices that it is made of."""


class Catalog:
    """List prices by instance type and by GPU model, whatever the case of their letters: clouds do not agree on it."""

    def __init__(self, prices: Iterable[ListPrice], currency: str = "USD", models: Iterable[ModelPrice] = ()) -> None:
        """Raises InputError where an instance type or a GPU model comes twice, or a product could be of two models."""
        self.currency = currency
        self.prices = tuple(prices)
        self.models = tuple(models)
        self._by_instance = _by_name("Instance type", ((price.instance, price) for price in self.prices))
        _by_name("GPU model", ((model.gpu, model) for model in self.models))
        patterns = [(pattern.lower(), model) for model in self.models for pattern in model.products]
        _refuse_overlaps(patterns)
        self._by_pattern = sorted(patterns, key=lambda entry: _exactness(entry[0]), reverse=True)

    def find(self, instance_types: Iterable[str]) -> ListPrice | None:
        """The price of the first of the names that is listed."""
        found = (self._by_instance.get(name.lower()) for name in instance_types)
        return next((price for price in found if price is not None), None)

    def find_model(self, product: str) -> ModelPrice | None:
        """The price of one card of that product; the most exact of the patterns that it fits counts.

        ``product`` is what GPU feature discovery labels, without the marks of MIG and of sharing.
        """
        name = product.lower()
        return next((model for pattern, model in self._by_pattern if fnmatchcase(name, pattern)), None)


def _by_name(kind: str, entries: Iterable[tuple[str, _Entry]]) -> Mapping[str, _Entry]:
    named: dict[str, _Entry] = {}
    for name, entry in entries:
        if name.lower() in named:
            raise InputError(f"{kind} {name} is listed twice in the price catalog; keep one")
        named[name.lower()] = entry
    return named


def _exactness(pattern: str) -> tuple[int, int]:
    """Of two patterns that fit one product the larger is the more exact, since `_refuse_overlaps` leaves no others."""
    wild = pattern.count("*")
    return len(pattern) - wild, -wild


def _refuse_overlaps(patterns: list[tuple[str, ModelPrice]]) -> None:
    """Patterns of two models may share products only where one of them is an exception to the other."""
    for (one, its), (other, others) in combinations(patterns, 2):
        if its is others or not _meet(one, other):
            continue
        if fnmatchcase(one, other) == fnmatchcase(other, one):
            raise InputError(
                f'GPU models {its.gpu} and {others.gpu} overlap in the price catalog: a product can fit both "{one}"'
                f' and "{other}"; make one of the patterns more exact'
            )


@cache
def _meet(one: str, other: str) -> bool:
    """Whether some product fits both patterns."""
    if "*" in (one[:1], other[:1]):
        wild, exact = (one, other) if one.startswith("*") else (other, one)
        return _meet(wild[1:], exact) or (bool(exact) and _meet(wild, exact[1:]))
    return one == other or (one[:1] == other[:1] != "" and _meet(one[1:], other[1:]))


@cache
def bundled_catalog() -> Catalog:
    return parse_catalog(files("gpucost.pricing").joinpath("catalog.yaml").read_text(encoding="utf-8"))


def parse_catalog(text: str) -> Catalog:
    """Raises InputError where ``text`` is no catalog."""
    try:
        loaded = yaml.safe_load(text)
        content = _CatalogFile.model_validate(loaded if isinstance(loaded, dict) else {})
    except (yaml.YAMLError, ValidationError) as error:
        raise InputError(
            f"The price catalog cannot be understood: {_cause(error)}; mend it, or install gpucost again"
        ) from error
    return Catalog(_list_prices(content), content.currency, _model_prices(content))


def _list_prices(content: _CatalogFile) -> Iterable[ListPrice]:
    for entry in content.lists:
        for row in entry.instances:
            yield ListPrice(
                cloud=entry.cloud,
                instance=row.instance,
                gpus=row.gpus,
                gpu=row.gpu,
                hourly_e9=to_e9(row.hourly),
                region="" if entry.region == ANY_REGION else entry.region,
                source=entry.source,
                date=entry.date,
            )


def _model_prices(content: _CatalogFile) -> Iterable[ModelPrice]:
    for row in content.models:
        yield ModelPrice(
            gpu=row.gpu, products=row.products, hourly_e9=to_e9(row.hourly), source=row.source, date=row.date
        )


def _cause(error: yaml.YAMLError | ValidationError) -> str:
    return complaint(error) if isinstance(error, ValidationError) else " ".join(str(error).split())

"""Bundled on-demand list prices, by instance type (``catalog.yaml``)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gpucost.model.errors import InputError
from gpucost.model.money import to_e9
from gpucost.pricing.fields import complaint

Text = Annotated[str, Field(min_length=1, max_length=200)]


class _Instance(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    instance: Text
    gpus: int = Field(ge=1, le=128)
    gpu: Text
    hourly: Decimal = Field(gt=0, le=100_000, decimal_places=9, allow_inf_nan=False)


class _PriceList(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    cloud: Text
    region: str
    source: Text
    date: str = Field(pattern=r"^(\d{4}-\d{2}-\d{2})?$")
    instances: tuple[_Instance, ...]


class _Lists(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: str = Field(pattern=r"^[A-Z]{3}$")
    lists: tuple[_PriceList, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPrice:
    """What an instance type costs on demand, for the whole instance."""

    cloud: str
    instance: str
    gpus: int
    """Physical cards."""
    gpu: str
    hourly_e9: int
    """1e-9 of the catalog's currency per hour."""
    region: str
    """Where the price was read; empty: the same everywhere."""
    source: str
    date: str
    """``2026-09-25``, or empty where the source has no date."""


class Catalog:
    """List prices by instance type, whatever the case of its letters: clouds do not agree with themselves."""

    def __init__(self, prices: Iterable[ListPrice], currency: str = "USD") -> None:
        """Raises InputError where an instance type comes twice."""
        self.currency = currency
        by_instance: dict[str, ListPrice] = {}
        for price in prices:
            if by_instance.setdefault(price.instance.lower(), price) is not price:
                raise InputError(f"Instance type {price.instance} is listed twice in the price catalog; keep one")
        self._by_instance: Mapping[str, ListPrice] = by_instance

    def find(self, instance_types: Iterable[str]) -> ListPrice | None:
        """The price of the first of the names that is listed."""
        found = (self._by_instance.get(name.lower()) for name in instance_types)
        return next((price for price in found if price is not None), None)


@cache
def bundled_catalog() -> Catalog:
    return parse_catalog(files("gpucost.pricing").joinpath("catalog.yaml").read_text(encoding="utf-8"))


def parse_catalog(text: str) -> Catalog:
    """Raises InputError where ``text`` is no catalog."""
    try:
        content = _Lists.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise InputError(f"The price catalog cannot be understood: {_cause(error)}") from error
    return Catalog(
        (
            ListPrice(
                cloud=entry.cloud,
                instance=row.instance,
                gpus=row.gpus,
                gpu=row.gpu,
                hourly_e9=to_e9(row.hourly),
                region=entry.region,
                source=entry.source,
                date=entry.date,
            )
            for entry in content.lists
            for row in entry.instances
        ),
        content.currency,
    )


def _cause(error: yaml.YAMLError | ValidationError) -> str:
    return complaint(error) if isinstance(error, ValidationError) else " ".join(str(error).split())

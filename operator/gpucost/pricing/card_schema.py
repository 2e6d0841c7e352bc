"""What a GpuRateCard holds, and the files that hold some.

Only the fields that decide a price are looked at; the API server checks the rest.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from gpucost.model.errors import ConfigurationError, InputError
from gpucost.pricing.capacity import CapacityType
from gpucost.pricing.fields import (
    Amount,
    Fraction,
    Hourly,
    Hours,
    Moment,
    Percent,
    PowerFactor,
    Priority,
    printable,
)

KIND = "GpuRateCard"
MOST_FILE_BYTES = 64 * 1024**2
PRICE_KINDS = ("nodeHourly", "gpuHourly", "commitment", "owned")
"""A rate has exactly one of them."""

_NO_YAML = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError)
"""What PyYAML raises; the plain ones come of tags whose values do not fit, such as ``!!bool maybe``."""
_NAME = Annotated[str, Field(min_length=1, max_length=253)]
_Pattern = Annotated[str, Field(max_length=253)]
_NOTHING = Decimal(0)


class _Keys(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel)

    @model_validator(mode="before")
    @classmethod
    def _has_keys(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            fields = cls.model_fields.values()
            first = next((field for field in fields if field.is_required()), next(iter(fields)))
            raise ValueError(f"must hold keys, such as {first.alias}")
        return value


class _Strict(_Keys):
    model_config = ConfigDict(extra="forbid")


class Match(_Strict):
    """What a node must be; an absent key does not matter. All but labels and capacity type may be patterns.

    No pattern fits what a node does not tell.
    """

    instance_type: _Pattern | None = Field(default=None, description="Instance type, such as p4d.24xlarge or p4d.*.")
    region: _Pattern | None = Field(default=None, description="Region, such as us-east-1 or us-*.")
    zone: _Pattern | None = Field(default=None, description="Zone, such as us-east-1a.")
    capacity_type: CapacityType | None = Field(default=None, description="How the node was bought.")
    gpu_product: _Pattern | None = Field(
        default=None,
        description="GPU product as GPU feature discovery labels it, such as NVIDIA-A100-*; MIG and sharing marks"
        " may be left out.",
    )
    node_labels: Mapping[str, Annotated[str, Field(max_length=63)]] = Field(
        default_factory=dict, max_length=32, description="Labels that the node must have, with exactly these values."
    )


class Terms(_Strict):
    """May stand on a card, for all its rates, or on a rate, which then counts."""

    priority: Priority | None = Field(
        default=None,
        description="Of several rates that match a node the one with the highest priority counts, then the one that"
        " asks for most; 0 where absent.",
    )
    valid_from: Moment | None = Field(default=None, description="First moment at which it counts.")
    valid_until: Moment | None = Field(default=None, description="First moment at which it no longer counts.")
    discount_percent: Percent | None = Field(
        default=None,
        description="Taken off the price, such as 12.5; 0 where absent. It does not touch hardware of your own.",
    )
    gpu_fraction: Fraction | None = Field(
        default=None,
        description="Part of the node's price that its GPUs stand for: a number, or the model that computes it; the"
        " configured part where absent.",
    )
    source: str | None = Field(
        default=None, max_length=200, description="Where the price comes from, such as a contract; shown in reports."
    )

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "Terms":
        if self.valid_from is not None and self.valid_until is not None and self.valid_from >= self.valid_until:
            raise ValueError("validUntil must be after validFrom; exchange or mend them")
        return self


class Commitment(_Strict):
    """What was promised for a term: a payment at its start, spread over its hours, and a price per hour."""

    upfront: Amount = Field(description="Paid at the start for the whole term, for one node.")
    hourly: Hourly = Field(default=_NOTHING, description="Paid for each hour beside it; 0 where absent.")
    term_hours: Hours = Field(description="Hours of the term, such as 8760 for a year.")


class Owned(_Strict):
    """Hardware of your own: its purchase spread over its life, what it costs an hour, and its power."""

    purchase: Amount = Field(description="Paid for one node.")
    lifetime_hours: Hours = Field(description="Hours over which the purchase is spread, such as 43800 for five years.")
    hourly_fixed: Hourly = Field(
        default=_NOTHING, description="Space, staff and the like, currency per hour; 0 where absent."
    )
    power_price_per_kwh: Hourly = Field(
        default=_NOTHING,
        alias="powerPricePerKWh",
        description="Price of the energy that its GPUs draw, by what was measured; 0 where absent.",
    )
    pue: PowerFactor = Field(
        default=Decimal(1), description="kWh that the site draws for each kWh of its machines; 1 where absent."
    )


class Rate(Terms):
    """A price and the nodes that it is for: exactly one of nodeHourly, gpuHourly, commitment and owned."""

    name: _NAME = Field(
        description="Names the rate within its card, which has no other of this name; shown in reports."
    )
    match: Match = Field(default_factory=Match)
    node_hourly: Hourly | None = Field(default=None, description="Price of a whole node, currency per hour.")
    gpu_hourly: Hourly | None = Field(
        default=None, description="Price of each physical GPU of a node, currency per hour."
    )
    commitment: Commitment | None = None
    owned: Owned | None = None

    @model_validator(mode="after")
    def _one_price(self) -> "Rate":
        prices = (self.node_hourly, self.gpu_hourly, self.commitment, self.owned)
        if sum(price is not None for price in prices) != 1:
            raise ValueError(f"it must have exactly one of {', '.join(PRICE_KINDS)}; write one of them")
        if self.owned is not None and self.discount_percent is not None:
            raise ValueError("owned has no discount; leave discountPercent out, or write the price less the discount")
        return self


class SpecTerms(Terms):
    """A card without its rates: they are read one by one, so that a bad one takes no good one down."""

    currency: str | None = Field(
        default=None,
        pattern=r"^[A-Z]{3}$",
        max_length=3,
        description="ISO 4217 code of its prices. A card in another currency than the configured one needs an exchange"
        " rate in the configuration.",
    )
    rates: tuple[object, ...] = Field(max_length=1000)


class RateCardSpec(SpecTerms):
    """Prices of nodes, and the nodes that they are for."""

    # For the API server's schema.
    rates: tuple[Rate, ...] = Field(max_length=1000, description="The prices, each with the nodes that it is for.")


class _Metadata(_Keys):
    name: _NAME


class Card(_Keys):
    """A whole object, of which only what decides prices is checked."""

    metadata: _Metadata
    spec: SpecTerms


def load_rate_cards(path: Path) -> tuple[object, ...]:
    """The GpuRateCards of a YAML or JSON file: one document, several, or ``v1`` Lists of them.

    Raises ConfigurationError where the file cannot be read, InputError where it holds anything else.
    """
    try:
        if path.stat().st_size > MOST_FILE_BYTES:
            raise InputError(f"The rates file {path} is larger than {MOST_FILE_BYTES} bytes; split it")
        documents = list(yaml.safe_load_all(path.read_bytes()))
    except OSError as error:
        raise ConfigurationError(
            f"The rates file {path} cannot be read: {error.strerror}; name a YAML file of {KIND}s"
        ) from error
    except _NO_YAML as error:
        cause = " ".join(str(error).split())[:200]
        raise InputError(f"The rates file {path} is no YAML: {cause}; see docs/reference/rate-cards.md") from error
    cards = [card for document in documents for card in _cards_in(document)]
    for card in cards:
        kind = _kind_of(card)
        if kind != KIND:
            raise InputError(f"The rates file {path} holds an object of kind {kind}; it must hold {KIND}s only")
    if not cards:
        raise InputError(f"The rates file {path} holds no {KIND}; write one, or leave the option out")
    return tuple(cards)


def _cards_in(document: object) -> list[object]:
    if not isinstance(document, Mapping) or not _kind_of(document).endswith("List"):
        return [] if document is None else [document]
    items = document.get("items")
    return [item for item in items if item is not None] if isinstance(items, list) else []


def _kind_of(document: object) -> str:
    kind = document.get("kind") if isinstance(document, Mapping) else None
    return printable(kind, 100) if isinstance(kind, str) else type(document).__name__

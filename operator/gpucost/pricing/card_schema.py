"""What a GpuRateCard holds, read from the API's objects or from a file.

Only the fields that decide a price are looked at; the API server checks the rest.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel

from gpucost.model.errors import ConfigurationError, InputError
from gpucost.pricing.capacity import CapacityType
from gpucost.pricing.fields import Fraction, Hourly, Moment, Percent, complaint

KIND = "GpuRateCard"
MOST_FILE_BYTES = 64 * 1024**2

_WILD = frozenset("*?[")
_NAME = Annotated[str, Field(min_length=1, max_length=253)]
_Pattern = Annotated[str, Field(max_length=253)]


def _decimal_text(pattern: str) -> WithJsonSchema:
    """How the API takes a decimal number: as a string, since JSON's numbers do not keep it."""
    return WithJsonSchema({"type": "string", "pattern": pattern, "maxLength": 20})


_HourlyText = Annotated[Hourly, _decimal_text(r"^([0-9]{1,6}(\.[0-9]{1,9})?|1000000(\.0{1,9})?)$")]
_PercentText = Annotated[Percent, _decimal_text(r"^([0-9]{1,2}(\.[0-9]{1,9})?|100(\.0{1,9})?)$")]
_FractionText = Annotated[Fraction, _decimal_text(r"^(0(\.[0-9]{1,9})?|1(\.0{1,9})?)$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class Match(_Strict):
    """What a node must be; an absent key does not matter. All but labels and capacity type may be patterns."""

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


class _Terms(_Strict):
    """May stand on a card, for all its rates, or on a rate, which then counts."""

    priority: int | None = Field(
        default=None,
        ge=-1_000_000,
        le=1_000_000,
        description="Of several rates that match a node the one with the highest priority counts, then the one that"
        " asks for most; 0 where absent.",
    )
    valid_from: Moment | None = Field(default=None, description="First moment at which it counts.")
    valid_until: Moment | None = Field(default=None, description="First moment at which it no longer counts.")
    discount_percent: _PercentText | None = Field(
        default=None, description="Taken off the price, such as 12.5; 0 where absent."
    )
    gpu_fraction: _FractionText | None = Field(
        default=None, description="Part of the node's price that its GPUs stand for; the configured part where absent."
    )
    source: str | None = Field(
        default=None, max_length=200, description="Where the price comes from, such as a contract; shown in reports."
    )


class Rate(_Terms):
    """A price and the nodes that it is for."""

    name: _NAME = Field(description="Names the rate within its card; shown in reports.")
    match: Match = Field(default_factory=Match)
    node_hourly: _HourlyText | None = Field(default=None, description="Price of a whole node, currency per hour.")
    gpu_hourly: _HourlyText | None = Field(
        default=None, description="Price of each physical GPU of a node, currency per hour."
    )

    @model_validator(mode="after")
    def _one_price(self) -> "Rate":
        if (self.node_hourly is None) == (self.gpu_hourly is None):
            raise ValueError("it must have either nodeHourly or gpuHourly; write one of them")
        return self


class _Spec(_Terms):
    currency: str | None = Field(
        default=None,
        pattern=r"^[A-Z]{3}$",
        max_length=3,
        description="ISO 4217 code of its prices. A card in another currency than the configured one is not used.",
    )
    rates: tuple[object, ...] = Field(max_length=1000)


class RateCardSpec(_Spec):
    """Prices of nodes, and the nodes that they are for."""

    # For the API server's schema. Cards are read rate by rate, so that a bad one takes no good one down.
    rates: tuple[Rate, ...] = Field(max_length=1000, description="The prices, each with the nodes that it is for.")


class _Metadata(BaseModel):
    name: _NAME


class _Card(BaseModel):
    metadata: _Metadata
    spec: _Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRate:
    """One rate of a card, with the card's terms filled in."""

    name: str
    """``card/rate``."""
    match: Match
    priority: int
    hourly: Decimal
    """Before the discount."""
    per_gpu: bool
    discount_percent: Decimal
    gpu_fraction: Decimal | None
    valid_from: datetime | None
    valid_until: datetime | None
    source: str

    def is_valid(self, at: datetime) -> bool:
        """Valid from ``valid_from`` on, and until just before ``valid_until``."""
        starts = self.valid_from is None or self.valid_from <= at
        return starts and (self.valid_until is None or at < self.valid_until)

    def precedence(self) -> tuple[int, int, int]:
        """Larger goes first: priority, keys that must match, and how many of them are exact."""
        match = self.match
        patterns = [
            text for text in (match.instance_type, match.region, match.zone, match.gpu_product) if text is not None
        ]
        exact = len(match.node_labels) + (match.capacity_type is not None)
        keys = exact + len(patterns)
        return self.priority, keys, exact + sum(not _WILD & set(text) for text in patterns)


def read_cards(cards: Iterable[object], currency: str) -> tuple[list[CardRate], list[str]]:
    """Rates, and a sentence for every card or rate that is bad; the others stay."""
    rates: list[CardRate] = []
    problems: list[str] = []
    for number, card in enumerate(cards, start=1):
        name = _name_of(card) or f"number {number}"
        try:
            spec = _Card.model_validate(card).spec
        except ValidationError as error:
            problems.append(f"{KIND} {name} is not used: {complaint(error)}")
            continue
        if spec.currency not in (None, currency):
            problems.append(
                f"{KIND} {name} is not used: its currency is {spec.currency} and gpucost is set to {currency};"
                " convert its rates"
            )
            continue
        for place, entry in enumerate(spec.rates, start=1):
            try:
                rates.append(_card_rate(name, spec, Rate.model_validate(entry)))
            except ValidationError as error:
                label = entry.get("name") if isinstance(entry, Mapping) else None
                problems.append(f"{KIND} {name}/{label or place} is not used: {complaint(error)}")
    return rates, problems


def _card_rate(card: str, spec: _Spec, rate: Rate) -> CardRate:
    per_gpu = rate.node_hourly is None
    terms = spec.model_dump(include=set(_Terms.model_fields)) | rate.model_dump(
        include=set(_Terms.model_fields), exclude_none=True
    )
    return CardRate(
        name=f"{card}/{rate.name}",
        match=rate.match,
        priority=terms["priority"] or 0,
        hourly=(rate.gpu_hourly if per_gpu else rate.node_hourly) or Decimal(0),
        per_gpu=per_gpu,
        discount_percent=terms["discount_percent"] or Decimal(0),
        gpu_fraction=terms["gpu_fraction"],
        valid_from=terms["valid_from"],
        valid_until=terms["valid_until"],
        source=terms["source"] or "",
    )


def _name_of(card: object) -> str:
    metadata = card.get("metadata") if isinstance(card, Mapping) else None
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return name if isinstance(name, str) else ""


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
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        cause = " ".join(str(error).split())[:200]
        raise InputError(f"The rates file {path} is no YAML: {cause}; see docs/reference/rate-cards.md") from error
    cards: list[object] = []
    for document in documents:
        kind = document.get("kind", "") if isinstance(document, Mapping) else ""
        items = document.get("items") if str(kind).endswith("List") else [document]
        cards += [item for item in items or () if item is not None]
    for card in cards:
        kind = card.get("kind") if isinstance(card, Mapping) else type(card).__name__
        if kind != KIND:
            raise InputError(f"The rates file {path} holds an object of kind {kind}; it must hold {KIND}s only")
    if not cards:
        raise InputError(f"The rates file {path} holds no {KIND}; write one, or leave the option out")
    return tuple(cards)

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
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from gpucost.model.errors import ConfigurationError, InputError
from gpucost.pricing.capacity import CapacityType
from gpucost.pricing.fields import Fraction, Hourly, Moment, Percent, complaint

KIND = "GpuRateCard"
MOST_FILE_BYTES = 64 * 1024**2

_WILD = frozenset("*?[")
_NAME = Annotated[str, Field(min_length=1, max_length=253)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class Match(_Strict):
    """What a node must be; an absent key does not matter. All but labels and capacity type may be patterns."""

    instance_type: str | None = None
    region: str | None = None
    zone: str | None = None
    capacity_type: CapacityType | None = None
    gpu_product: str | None = None
    node_labels: Mapping[str, str] = Field(default_factory=dict)


class _Terms(_Strict):
    """May stand on a card, for all its rates, or on a rate, which then counts."""

    priority: int | None = Field(default=None, ge=-1_000_000, le=1_000_000)
    valid_from: Moment | None = None
    valid_until: Moment | None = None
    discount_percent: Percent | None = None
    gpu_fraction: Fraction | None = None
    source: str | None = Field(default=None, max_length=200)


class _Rate(_Terms):
    name: _NAME
    match: Match = Field(default_factory=Match)
    node_hourly: Hourly | None = None
    gpu_hourly: Hourly | None = None

    @model_validator(mode="after")
    def _one_price(self) -> "_Rate":
        if (self.node_hourly is None) == (self.gpu_hourly is None):
            raise ValueError("it must have either nodeHourly or gpuHourly; write one of them")
        return self


class _Spec(_Terms):
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    rates: tuple[object, ...] = Field(max_length=1000)


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
                rates.append(_card_rate(name, spec, _Rate.model_validate(entry)))
            except ValidationError as error:
                label = entry.get("name") if isinstance(entry, Mapping) else None
                problems.append(f"{KIND} {name}/{label or place} is not used: {complaint(error)}")
    return rates, problems


def _card_rate(card: str, spec: _Spec, rate: _Rate) -> CardRate:
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
        raise InputError(f"The rates file {path} is no YAML: {cause}; see docs/reference for an example") from error
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

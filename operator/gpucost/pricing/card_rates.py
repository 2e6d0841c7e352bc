"""The rates of GpuRateCards, read one by one: a bad one becomes a sentence, and the others stay."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeAlias

from pydantic import TypeAdapter, ValidationError

from gpucost.model.time import format_time
from gpucost.pricing.card_amounts import Sum, unit_price
from gpucost.pricing.card_schema import KIND, Card, Match, Owned, Rate, SpecTerms
from gpucost.pricing.fields import MOST_HOURLY, Moment, complaint, printable
from gpucost.pricing.rules import GpuFraction, PriceRules

_WILD = frozenset("*?[")
_MOST_NAME = 253
_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)

Rank: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardHead:
    """Which card it is."""

    name: str
    uid: str
    """Empty, as what follows, where it does not come from the API server."""
    generation: int
    created: datetime | None
    number: int
    """Place among the cards that were read together."""

    @property
    def age(self) -> tuple[bool, datetime, str, int]:
        """Smaller is older, by creation, then by name; a card that is in no API server yet is younger than all."""
        unborn = self.created is None
        return unborn, self.created or datetime.max.replace(tzinfo=UTC), self.name, self.number


@dataclass(frozen=True, slots=True)
class Exchange:
    """How a card's currency is converted."""

    currency: str
    rate: Decimal
    """What one unit of it is in the configured currency."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CardRate:
    """One rate of a card, with the card's terms filled in. Two are equal only where they are one."""

    card: CardHead
    place: int
    """Among the rates of its card."""
    rate: str
    match: Match
    priority: int
    unit: Sum
    """What it comes to an hour in the card's currency: `unit_price`."""
    per_gpu: bool
    """``unit`` is for each physical card."""
    owned: Owned | None
    exchange: Exchange | None
    """None: its prices are in the configured currency."""
    gpu_fraction: GpuFraction | None
    """None: as configured."""
    valid_from: datetime | None
    valid_until: datetime | None
    source: str

    @property
    def name(self) -> str:
        """``card/rate``."""
        return f"{self.card.name}/{self.rate}"

    @property
    def needs_power(self) -> bool:
        return self.owned is not None and self.owned.power_price_per_kwh > 0

    def is_valid(self, at: datetime) -> bool:
        """Valid from ``valid_from`` on, and until just before ``valid_until``."""
        starts = self.valid_from is None or self.valid_from <= at
        return starts and (self.valid_until is None or at < self.valid_until)

    @property
    def rank(self) -> Rank:
        """Smaller goes first: priority, keys that must match, and how many of them are exact. Equal ones tie."""
        match = self.match
        patterns = [
            text for text in (match.instance_type, match.region, match.zone, match.gpu_product) if text is not None
        ]
        exact = len(match.node_labels) + (match.capacity_type is not None)
        keys = exact + len(patterns)
        return -self.priority, -keys, -exact - sum(not _WILD & set(text) for text in patterns)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCard:
    head: CardHead
    rates: tuple[CardRate, ...]
    """That can be used."""
    problems: tuple[str, ...]
    """One sentence for each rate that cannot, or for the whole card."""


def read_cards(cards: Iterable[object], rules: PriceRules) -> tuple[ReadCard, ...]:
    """Cards as the API or a file has them, in their order."""
    return tuple(_read_card(_head(card, number), card, rules) for number, card in enumerate(cards, start=1))


def _read_card(head: CardHead, card: object, rules: PriceRules) -> ReadCard:
    try:
        spec = Card.model_validate(card).spec
        exchange = _exchange(spec.currency, rules)
    except ValueError as error:  # pydantic's among them
        return ReadCard(head=head, rates=(), problems=(f"{KIND} {head.name} is not used: {_cause(error)}",))
    rates: dict[str, CardRate] = {}
    problems = []
    for place, entry in enumerate(spec.rates, start=1):
        try:
            rate = _card_rate(head, place, spec, Rate.model_validate(entry), exchange)
            if rate.rate in rates:
                raise ValueError("a rate before it has the same name; give it one of its own")
            rates[rate.rate] = rate
        except ValueError as error:  # pydantic's among them
            problems.append(f"{KIND} {head.name}/{_label(entry) or place} is not used: {_cause(error)}")
    return ReadCard(head=head, rates=tuple(rates.values()), problems=tuple(problems))


def _exchange(currency: str | None, rules: PriceRules) -> Exchange | None:
    if currency is None or currency == rules.currency:
        return None
    rate = rules.exchange_rates.get(currency)
    if rate is None:
        raise ValueError(
            f"its currency is {currency} and gpucost is set to {rules.currency}; convert its rates, or declare"
            f" in exchangeRates what one {currency} is in {rules.currency}"
        )
    return Exchange(currency, rate)


def _card_rate(head: CardHead, place: int, spec: SpecTerms, rate: Rate, exchange: Exchange | None) -> CardRate:
    """Raises ValueError where the rate can never be used."""
    valid_from = spec.valid_from if rate.valid_from is None else rate.valid_from
    valid_until = spec.valid_until if rate.valid_until is None else rate.valid_until
    if valid_from is not None and valid_until is not None and valid_from >= valid_until:
        raise ValueError(
            f"it never counts, with validFrom {format_time(valid_from)} and validUntil {format_time(valid_until)} of"
            " rate and card together; mend one of them"
        )
    discount = spec.discount_percent if rate.discount_percent is None else rate.discount_percent
    unit = unit_price(rate, discount or Decimal(0))
    converted = unit.times(exchange.rate) if exchange else unit
    if converted.is_too_high:
        raise ValueError(f"it comes to more than {MOST_HOURLY} an hour ({converted.terms}); mend its price")
    source = spec.source if rate.source is None else rate.source
    return CardRate(
        card=head,
        place=place,
        rate=printable(rate.name, _MOST_NAME),
        match=rate.match,
        priority=(spec.priority if rate.priority is None else rate.priority) or 0,
        unit=unit,
        per_gpu=rate.gpu_hourly is not None,
        owned=rate.owned,
        exchange=exchange,
        gpu_fraction=spec.gpu_fraction if rate.gpu_fraction is None else rate.gpu_fraction,
        valid_from=valid_from,
        valid_until=valid_until,
        source=printable(source or "", _MOST_NAME),
    )


def _head(card: object, number: int) -> CardHead:
    """Of a broken card too, as far as it goes."""
    metadata = card.get("metadata") if isinstance(card, Mapping) else None
    told = metadata if isinstance(metadata, Mapping) else {}
    name, uid, generation = told.get("name"), told.get("uid"), told.get("generation")
    return CardHead(
        name=printable(name, _MOST_NAME) if isinstance(name, str) and name else f"number {number}",
        uid=uid if isinstance(uid, str) else "",
        generation=generation if isinstance(generation, int) else 0,
        created=_created(told.get("creationTimestamp")),
        number=number,
    )


def _created(value: object) -> datetime | None:
    try:
        return _MOMENT.validate_python(value)
    except ValidationError:
        return None


def _label(entry: object) -> str:
    name = entry.get("name") if isinstance(entry, Mapping) else None
    return printable(name, 60) if isinstance(name, str) else ""


def _cause(error: ValueError) -> str:
    return complaint(error) if isinstance(error, ValidationError) else str(error)

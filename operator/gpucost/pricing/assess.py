"""What becomes of each GpuRateCard: whether it is accepted, what older card it ties with, how many nodes it is for."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import TypeAlias

from gpucost.model.fleet import Node
from gpucost.pricing.annotation import HOURLY_RATE
from gpucost.pricing.card_matching import CardMatcher
from gpucost.pricing.card_rates import CardRate, ReadCard, read_cards
from gpucost.pricing.card_schema import KIND
from gpucost.pricing.rules import PriceRules

_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)

Ties: TypeAlias = dict[tuple[CardRate, CardRate], int]
"""The rate that yields and the older card's that stays in force, to the nodes that match both now."""


@dataclass(frozen=True, slots=True)
class RateVerdict:
    name: str
    """Within its card."""
    matched: int
    """Nodes that it is for, and valid."""
    in_force: int
    """Nodes whose rate it decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardVerdict:
    name: str
    uid: str
    """Empty where the card does not come from the API server."""
    generation: int
    problems: tuple[str, ...]
    """Why it is not accepted, or not wholly: one sentence for each rate that cannot be used, or for the card."""
    conflicts: tuple[str, ...]
    """One sentence for each rate that yields to one of an older card."""
    rates: tuple[RateVerdict, ...]
    """Of those that can be used, in their order."""

    @property
    def accepted(self) -> bool:
        return not self.problems


def assess(cards: Iterable[object], nodes: Sequence[Node], at: datetime, rules: PriceRules) -> tuple[CardVerdict, ...]:
    """A verdict on each card, in their order."""
    read = read_cards(cards, rules)
    matcher = CardMatcher(rate for card in read for rate in card.rates)
    census = _Census(matcher, nodes, at)
    ties = _equal_matches(matcher.rates, at) | census.ties
    by_card: dict[int, list[str]] = defaultdict(list)
    for (newer, older), count in ties.items():
        by_card[newer.card.number].append(_sentence(newer, older, count))
    return tuple(_verdict(card, census, by_card[card.head.number]) for card in read)


class _Census:
    """How many nodes each rate is for; nodes that show the same are looked at as one."""

    def __init__(self, matcher: CardMatcher, nodes: Sequence[Node], at: datetime) -> None:
        self.matched: Counter[CardRate] = Counter()
        self.in_force: Counter[CardRate] = Counter()
        self.ties: Ties = Counter()
        alike = Counter((matcher.shown_by(node), HOURLY_RATE in node.annotations) for node in nodes)
        for (shown, is_annotated), count in alike.items():
            valid = [rate for rate in matcher.rates_for(shown) if rate.is_valid(at)]
            for rate in valid:
                self.matched[rate] += count
            if valid and not is_annotated:
                self.in_force[valid[0]] += count
            for tie in _ties_among(valid):
                self.ties[tie] += count


def _ties_among(rates: Sequence[CardRate]) -> Iterator[tuple[CardRate, CardRate]]:
    """Of rates in the order in which they count."""
    for _, group in groupby(rates, key=lambda rate: rate.rank):
        first, *others = group
        yield from ((rate, first) for rate in others if rate.card != first.card)


def _equal_matches(rates: Sequence[CardRate], at: datetime) -> Ties:
    """Rates that will tie on any node that matches them, since they ask for the same, at one time from ``at`` on."""
    alike: dict[object, list[CardRate]] = defaultdict(list)
    for rate in rates:
        alike[_asked(rate)].append(rate)
    ties: Ties = {}
    for group in alike.values():
        for place, rate in enumerate(group):
            older = _older(rate, islice(group, place), at)
            if older is not None:
                ties[rate, older] = 0
    return ties


def _older(rate: CardRate, before: Iterable[CardRate], at: datetime) -> CardRate | None:
    return next((other for other in before if other.card != rate.card and _meet(rate, other, at)), None)


def _meet(one: CardRate, other: CardRate, at: datetime) -> bool:
    start = max(at, one.valid_from or _FIRST, other.valid_from or _FIRST)
    return start < min(one.valid_until or _LAST, other.valid_until or _LAST)


def _asked(rate: CardRate) -> object:
    """Equal for two rates of one priority that are for the same nodes, by what they ask for."""
    match = rate.match
    patterns = (match.instance_type, match.region, match.zone, match.gpu_product)
    lowered = tuple(text if text is None else text.lower() for text in patterns)
    return rate.priority, lowered, match.capacity_type, frozenset(match.node_labels.items())


def _sentence(newer: CardRate, older: CardRate, nodes: int) -> str:
    where = f"on {nodes} node{'s' if nodes > 1 else ''}" if nodes else "with the same match"
    return (
        f"{KIND} {newer.name} ties with {older.name} of an older card {where}, and the older stays in force;"
        " give one of them another priority, match or validity"
    )


def _verdict(card: ReadCard, census: _Census, conflicts: Sequence[str]) -> CardVerdict:
    return CardVerdict(
        name=card.head.name,
        uid=card.head.uid,
        generation=card.head.generation,
        problems=card.problems,
        conflicts=tuple(conflicts),
        rates=tuple(RateVerdict(rate.rate, census.matched[rate], census.in_force[rate]) for rate in card.rates),
    )

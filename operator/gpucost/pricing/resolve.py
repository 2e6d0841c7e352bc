"""The rate of every node in a window, from the first source that has one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise

from gpucost.model.fleet import Node
from gpucost.model.metered import Metered, NodePower
from gpucost.model.rates import MissingRate, NodeRate
from gpucost.model.time import Window, format_time
from gpucost.pricing.annotation import HOURLY_RATE, annotated_rate
from gpucost.pricing.blend import Segment, blend, living_part
from gpucost.pricing.card_rates import CardRate
from gpucost.pricing.card_schema import KIND
from gpucost.pricing.catalog import Catalog
from gpucost.pricing.gpu_fraction import with_gpu_part
from gpucost.pricing.listed import PriceList
from gpucost.pricing.published import Asked, PublishedRates
from gpucost.pricing.rate_cards import RateCards
from gpucost.pricing.rules import PriceRules
from gpucost.pricing.traits import PRICE_LABELS, NodeTraits, traits_of

_FOREVER = datetime.max.replace(tzinfo=UTC)
_REMEDY = f"add a {KIND} that matches it, or annotate it with {HOURLY_RATE}"


@dataclass(frozen=True, slots=True)
class _Steady:
    """A rate that nothing changes within a span of time. It holds the node, so that no other takes its identity."""

    node: Node
    start: datetime
    end: datetime
    rate: NodeRate | MissingRate

    def is_for(self, node: Node, window: Window) -> bool:
        return self.node is node and self.start <= window.start and window.end <= self.end


class RateResolver:
    """A `RateSource`: the node's annotation, then rate cards, then published prices, then list prices.

    A source that has a broken answer for a node ends the search: the price of a lower source would be another one
    than was meant.
    """

    def __init__(
        self, cards: RateCards, catalog: Catalog | None, rules: PriceRules, metered: Metered | None = None
    ) -> None:
        """``metered``: what was read for the windows that will be asked for; None: nothing was.

        The catalog also tells how many cards an instance type has and which published prices to believe, so it is of
        use where ``rules`` let no list price stand in. None: there is none.
        """
        self._cards = cards
        self._list = PriceList(catalog, rules)
        self._rules = rules
        self._metered = metered or Metered()
        self._steady: dict[int, _Steady] = {}
        """By the identity of the node, one of each: in most of a day's windows nothing changes."""

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence for every card or rate that cannot be used."""
        return self._cards.problems

    @property
    def label_keys(self) -> frozenset[str]:
        """Of the labels of nodes that decide a rate."""
        return PRICE_LABELS | self._cards.label_keys

    def rates_of(self, nodes: Sequence[Node], window: Window) -> list[NodeRate | MissingRate]:
        """The rate of every node in the window, in the order of ``nodes``."""
        metered = self._metered
        published = PublishedRates(self._rules, metered.offerings.get(window, {}), metered.node_prices.get(window, {}))
        power = metered.power.get(window, {})
        return [self._kept_or_found(node, window, published, power.get(node.name)) for node in nodes]

    def _kept_or_found(
        self, node: Node, window: Window, published: PublishedRates, power: NodePower | None
    ) -> NodeRate | MissingRate:
        steady = self._steady.get(id(node))
        if steady and steady.is_for(node, window):
            return steady.rate
        rate = self._rate_of(node, window, published, power)
        if not self._is_metered(node, window.start):
            edge = next(iter(self._cards.edges(node, window.start, _FOREVER)), _FOREVER)
            if window.end <= edge:
                self._steady[id(node)] = _Steady(node, window.start, edge, rate)
        return rate

    def _is_metered(self, node: Node, at: datetime) -> bool:
        """Whether its rate rests on what Prometheus tells of each window."""
        if HOURLY_RATE in node.annotations:
            return False
        card_rate = self._cards.match(node, at)
        return bool(self._rules.published) if card_rate is None else card_rate.needs_power

    def _rate_of(
        self, node: Node, window: Window, published: PublishedRates, power: NodePower | None
    ) -> NodeRate | MissingRate:
        cards = self._list.cards(node)
        annotated = annotated_rate(node, cards)
        if isinstance(annotated, NodeRate):
            return with_gpu_part(annotated, node, self._rules)
        if annotated is not None:
            return annotated
        segments = []
        for start, end in self._segments(node, window):
            rate = self._cards.rate_of(node, start, listed_cards=cards, power=power)
            segments.append(Segment(start, end, rate or self._without_card(node, start, published, cards)))
        return blend(segments)

    def _segments(self, node: Node, window: Window) -> Iterator[tuple[datetime, datetime]]:
        """Parts of the node's life in the window within which no card that matches it begins or ends to count."""
        start, end = living_part(node, window)
        return pairwise([start, *self._cards.edges(node, start, end), end])

    def _without_card(
        self, node: Node, at: datetime, published: PublishedRates, cards: int | None
    ) -> NodeRate | MissingRate:
        traits = traits_of(node)
        listed = self._list.find(node, traits)
        asked = published.rate_of(node, traits, listed, cards)
        rate = asked.rate or (listed.rate if listed and self._rules.list_prices else None)
        if rate is None:
            return MissingRate(node=node.name, reason=self._why_missing(node, at, traits, asked))
        return with_gpu_part(replace(rate, doubts=(*asked.ignored, *rate.doubts)), node, self._rules)

    def _why_missing(self, node: Node, at: datetime, traits: NodeTraits, asked: Asked) -> str:
        """What each source lacks, and what helps."""
        other = self._cards.expired_for(node, at)
        of_cards, remedy = f"no {KIND} matches it", _REMEDY
        if other:
            of_cards = f"{KIND} {other.name} matches it but counts only {_validity(other)}"
            remedy = f"extend its validity, {_REMEDY}"
        *causes, last = (
            of_cards,
            *asked.silent,
            *(doubt.message for doubt in asked.ignored),
            self._list.why_not(node, traits),
        )
        return f"Node {node.name}: {', '.join(causes)}, and {last}; {remedy}"


def _validity(rate: CardRate) -> str:
    start = f"from {format_time(rate.valid_from)}" if rate.valid_from else ""
    end = f"until {format_time(rate.valid_until)}" if rate.valid_until else ""
    return " ".join(part for part in (start, end) if part)

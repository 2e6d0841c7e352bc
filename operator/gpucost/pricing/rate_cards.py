"""GpuRateCards: which of their rates is a node's, and what it comes to."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import datetime

from gpucost.model.fleet import Node
from gpucost.model.metered import NodePower
from gpucost.model.rates import MissingRate, NodeRate
from gpucost.pricing.card_matching import CardMatcher
from gpucost.pricing.card_prices import price
from gpucost.pricing.card_rates import CardRate, read_cards
from gpucost.pricing.rules import PriceRules


class RateCards:
    """The rates of some cards, ready to be asked for the rate of a node."""

    def __init__(
        self, rates: Iterable[CardRate] = (), problems: Iterable[str] = (), rules: PriceRules | None = None
    ) -> None:
        self._matcher = CardMatcher(rates)
        self._rules = rules or PriceRules()
        self._edges = sorted({edge for rate in self.rates for edge in _edges_of(rate)})
        self._found: dict[int, tuple[Node, tuple[CardRate, ...]]] = {}
        """By the identity of the node, which is kept so that no other takes it: asked in every window."""
        self.problems = tuple(problems)
        """One sentence for every card or rate that cannot be used."""

    @property
    def rates(self) -> tuple[CardRate, ...]:
        """The first that matches and is valid counts."""
        return self._matcher.rates

    @property
    def needs_power(self) -> bool:
        """Whether a rate rests on the power that GPUs draw."""
        return any(rate.needs_power for rate in self.rates)

    @property
    def label_keys(self) -> frozenset[str]:
        """Of the labels of nodes that some rate asks for."""
        return self._matcher.label_keys

    def edges(self, node: Node, start: datetime, end: datetime) -> tuple[datetime, ...]:
        """Moments between the two, neither of them included, from which on the node may have another rate; in order."""
        first, last = bisect_right(self._edges, start), bisect_left(self._edges, end)
        if first >= last:
            return ()
        own = {edge for rate in self._matching(node) for edge in _edges_of(rate)}
        return tuple(edge for edge in self._edges[first:last] if edge in own)

    def match(self, node: Node, at: datetime) -> CardRate | None:
        """The rate that is the node's at a moment."""
        return next((rate for rate in self._matching(node) if rate.is_valid(at)), None)

    def rate_of(
        self, node: Node, at: datetime, *, listed_cards: int | None = None, power: NodePower | None = None
    ) -> NodeRate | MissingRate | None:
        """The node's rate at a moment; None where no rate matches.

        ``listed_cards`` are the physical cards of its instance type, where a price list knows them. ``power`` is what
        its cards draw, where it was measured.
        """
        rate = self.match(node, at)
        if rate is None:
            return None
        return price(rate, node, listed_cards=listed_cards, power=power, rules=self._rules)

    def expired_for(self, node: Node, at: datetime) -> CardRate | None:
        """A rate that would be the node's if ``at`` were within its validity."""
        return next((rate for rate in self._matching(node) if not rate.is_valid(at)), None)

    def _matching(self, node: Node) -> tuple[CardRate, ...]:
        found = self._found.get(id(node))
        if found is None:
            found = self._found[id(node)] = node, self._matcher.rates_for(self._matcher.shown_by(node))
        return found[1]


def parse_rate_cards(cards: Iterable[object], rules: PriceRules) -> RateCards:
    """Cards as the API or a file has them; a bad card or rate becomes a problem and the others stay."""
    read = read_cards(cards, rules)
    return RateCards(
        (rate for card in read for rate in card.rates), (problem for card in read for problem in card.problems), rules
    )


def _edges_of(rate: CardRate) -> tuple[datetime, ...]:
    return tuple(edge for edge in (rate.valid_from, rate.valid_until) if edge is not None)

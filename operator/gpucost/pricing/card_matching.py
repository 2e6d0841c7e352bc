"""Which rates of cards are for a node, in the order in which they count."""

import re
from collections.abc import Iterable
from fnmatch import translate
from typing import NamedTuple

from gpucost.model.cards import PRODUCT_LABEL
from gpucost.model.fleet import Node
from gpucost.pricing.capacity import CapacityType
from gpucost.pricing.card_rates import CardRate
from gpucost.pricing.card_schema import Match
from gpucost.pricing.traits import traits_of


class Shown(NamedTuple):
    """All of a node that rates look at: nodes that show the same have the same rates. In lower case, but for labels."""

    instance_types: tuple[str, ...]
    """Empty, as the next, where the node does not tell: then no pattern fits, not even ``*``."""
    region: tuple[str, ...]
    zone: tuple[str, ...]
    products: tuple[str, ...]
    """Without and with the marks of MIG and of sharing."""
    capacity_type: CapacityType
    labels: frozenset[tuple[str, str]]
    """That some rate asks for."""


class CardMatcher:
    """Asked for thousands of nodes, of which few differ in what they show: each difference is looked up once."""

    def __init__(self, rates: Iterable[CardRate]) -> None:
        self.rates = tuple(sorted(rates, key=_order))
        """The first that matches and is valid counts."""
        self._selectors = [_Selector(rate.match) for rate in self.rates]
        self._labels = frozenset(pair for selector in self._selectors for pair in selector.labels)
        self.label_keys = frozenset(key for key, _ in self._labels)
        """Of the labels that some rate asks for."""
        self._found: dict[Shown, tuple[CardRate, ...]] = {}

    def shown_by(self, node: Node) -> Shown:
        traits = traits_of(node)
        return Shown(
            instance_types=_told(*node.instance_types),
            region=_told(traits.region),
            zone=_told(traits.zone),
            products=_told(traits.gpu_product, node.labels.get(PRODUCT_LABEL, "")),
            capacity_type=traits.capacity_type,
            labels=frozenset(pair for pair in node.labels.items() if pair in self._labels),
        )

    def rates_for(self, shown: Shown) -> tuple[CardRate, ...]:
        """Whether valid or not."""
        found = self._found.get(shown)
        if found is None:
            pairs = zip(self.rates, self._selectors, strict=True)
            found = tuple(rate for rate, selector in pairs if selector.fits(shown))
            self._found[shown] = found
        return found


def _told(*names: str) -> tuple[str, ...]:
    return tuple(name.lower() for name in names if name)


def _order(rate: CardRate) -> tuple[object, ...]:
    """Of rates that tie the older card's goes first, within a card the one that is listed first."""
    return *rate.rank, *rate.card.age, rate.place


class _Selector:
    """A match, made ready to be asked."""

    def __init__(self, match: Match) -> None:
        self.labels = frozenset(match.node_labels.items())
        self._capacity_type = match.capacity_type
        self._instance_type = _compiled(match.instance_type)
        self._region = _compiled(match.region)
        self._zone = _compiled(match.zone)
        self._product = _compiled(match.gpu_product)

    def fits(self, shown: Shown) -> bool:
        return (
            self.labels <= shown.labels
            and self._capacity_type in (None, shown.capacity_type)
            and _fits(self._instance_type, shown.instance_types)
            and _fits(self._region, shown.region)
            and _fits(self._zone, shown.zone)
            and _fits(self._product, shown.products)
        )


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    return None if pattern is None else re.compile(translate(pattern.lower()))


def _fits(pattern: re.Pattern[str] | None, names: tuple[str, ...]) -> bool:
    return pattern is None or any(pattern.match(name) for name in names)

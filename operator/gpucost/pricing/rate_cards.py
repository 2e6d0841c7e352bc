"""GpuRateCards: which of their rates is a node's, and what it comes to."""

from collections.abc import Iterable
from datetime import datetime
from fnmatch import fnmatchcase

from gpucost.model.cards import PRODUCT_LABEL, told_cards
from gpucost.model.fleet import Node
from gpucost.model.money import to_e9
from gpucost.model.rates import MissingRate, NodeRate
from gpucost.pricing.card_schema import KIND, CardRate, Match, read_cards
from gpucost.pricing.traits import NodeTraits, traits_of


class RateCards:
    """The rates of some cards, ready to be asked for the rate of a node."""

    def __init__(self, rates: Iterable[CardRate] = (), problems: Iterable[str] = ()) -> None:
        self.rates = tuple(sorted(rates, key=CardRate.precedence, reverse=True))
        """The first that matches counts; equal ones stay in the order of their listing."""
        self.problems = tuple(problems)
        """One sentence for every card or rate that cannot be used."""

    def rate_of(self, node: Node, at: datetime, listed_cards: int | None = None) -> NodeRate | MissingRate | None:
        """The node's rate at a moment; None where no rate matches.

        ``listed_cards`` are the physical cards of its instance type, where a price list knows them.
        """
        traits = traits_of(node)
        rate = next((r for r in self.rates if r.is_valid(at) and matches(r.match, node, traits)), None)
        return None if rate is None else _price(rate, node, listed_cards)

    def expired_for(self, node: Node, at: datetime) -> CardRate | None:
        """A rate that would be the node's if ``at`` were within its validity."""
        traits = traits_of(node)
        return next((r for r in self.rates if not r.is_valid(at) and matches(r.match, node, traits)), None)


def matches(match: Match, node: Node, traits: NodeTraits) -> bool:
    return (
        _fits(match.instance_type, node.instance_types)
        and _fits(match.region, (traits.region,))
        and _fits(match.zone, (traits.zone,))
        and match.capacity_type in (None, traits.capacity_type)
        and _fits(match.gpu_product, (traits.gpu_product, node.labels.get(PRODUCT_LABEL, "")))
        and all(node.labels.get(key) == value for key, value in match.node_labels.items())
    )


def _fits(pattern: str | None, names: Iterable[str]) -> bool:
    return pattern is None or any(fnmatchcase(name.lower(), pattern.lower()) for name in names)


def _price(rate: CardRate, node: Node, listed_cards: int | None) -> NodeRate | MissingRate:
    source = f"{KIND} {rate.name}" + (f" ({rate.source})" if rate.source else "")
    hourly = rate.hourly * (1 - rate.discount_percent / 100)
    told = told_cards(node, listed_cards)
    if rate.per_gpu:
        if not told.cards:
            return MissingRate(
                node=node.name,
                reason=(
                    f"Node {node.name}: {KIND} {rate.name} has a price per GPU, and nothing tells how many"
                    " GPUs the node has; write nodeHourly, or run GPU feature discovery"
                ),
            )
        hourly *= told.cards
    return NodeRate(
        node=node.name,
        hourly_e9=to_e9(hourly),
        source=source,
        as_of=rate.valid_from.date().isoformat() if rate.valid_from else "",
        estimated=rate.per_gpu and told.is_estimate,
        cards=listed_cards,
        gpu_fraction=None if rate.gpu_fraction is None else float(rate.gpu_fraction),
    )


def parse_rate_cards(cards: Iterable[object], currency: str) -> RateCards:
    """Cards as the API or a file has them; a bad card or rate becomes a problem and the others stay."""
    rates, problems = read_cards(cards, currency)
    return RateCards(rates, problems)

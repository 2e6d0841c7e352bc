"""The rate of every node, from the first source that has one."""

from collections.abc import Sequence
from datetime import datetime

from gpucost.model.fleet import Node
from gpucost.model.rates import MissingRate, NodeRate
from gpucost.pricing.annotation import HOURLY_RATE, annotated_rate
from gpucost.pricing.capacity import CapacityType
from gpucost.pricing.card_schema import KIND
from gpucost.pricing.catalog import Catalog, ListPrice
from gpucost.pricing.rate_cards import RateCards
from gpucost.pricing.traits import traits_of

_REMEDY = f"add a {KIND} that matches it, or annotate it with {HOURLY_RATE}"


class RateResolver:
    """A `RateSource`: the node's annotation, then rate cards, then list prices.

    A source that has a broken answer for a node ends the search: the price of a lower source would be another one
    than was meant.
    """

    def __init__(self, cards: RateCards, catalog: Catalog | None, *, currency: str) -> None:
        """``catalog`` None: list prices are not to be used."""
        self._cards = cards
        self._catalog = catalog
        self._currency = currency

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence for every card or rate that cannot be used."""
        return self._cards.problems

    def rates_of(self, nodes: Sequence[Node], at: datetime) -> list[NodeRate | MissingRate]:
        """The rate of every node, in the order of ``nodes``; ``at`` is a moment, for a window its start."""
        return [self._rate_of(node, at) for node in nodes]

    def _rate_of(self, node: Node, at: datetime) -> NodeRate | MissingRate:
        listed = self._catalog.find(node.instance_types) if self._catalog else None
        cards = listed.gpus if listed else None
        annotated = annotated_rate(node, cards)
        if annotated is not None:
            return annotated
        rate = self._cards.rate_of(node, at, cards)
        if rate is not None:
            return rate
        if listed and self._catalog and self._catalog.currency == self._currency:
            return _list_rate(node, listed)
        return MissingRate(node=node.name, reason=self._why_missing(node, at, listed))

    def _why_missing(self, node: Node, at: datetime, listed: ListPrice | None) -> str:
        expired = self._cards.expired_for(node, at)
        if expired:
            return (
                f"Node {node.name}: {KIND} {expired.name} matches but is not valid at that time;"
                f" extend its validity, or {_REMEDY}"
            )
        if listed and self._catalog:
            cause = f"list prices are in {self._catalog.currency} and gpucost is set to {self._currency}"
        elif not self._catalog:
            cause = "list prices are switched off"
        elif not node.instance_type:
            cause = "it has no label node.kubernetes.io/instance-type to find a list price by"
        else:
            cause = f"there is no list price for instance type {node.instance_type}"
        return f"Node {node.name}: no {KIND} matches it and {cause}; {_REMEDY}"


def _list_rate(node: Node, listed: ListPrice) -> NodeRate:
    traits = traits_of(node)
    on_demand = traits.capacity_type is CapacityType.ON_DEMAND
    notes = []
    if not on_demand:
        notes.append(f"on-demand list price, though the node is {traits.capacity_type}")
    if listed.region and traits.region and traits.region.lower() != listed.region:
        notes.append(f"price of {listed.region}, though the node is in {traits.region}")
    return NodeRate(
        node=node.name,
        hourly_e9=listed.hourly_e9,
        source="; ".join([listed.source, *notes]),
        as_of=listed.date,
        estimated=not on_demand,
        cards=listed.gpus,
    )

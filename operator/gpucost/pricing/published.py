"""Prices of nodes that Karpenter and OpenCost publish, and whether they can be believed."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite

from gpucost.model.fleet import Node
from gpucost.model.metered import Offering
from gpucost.model.money import to_e9
from gpucost.model.rates import Doubt, NodeRate, RateOrigin
from gpucost.pricing.capacity import CapacityType
from gpucost.pricing.fields import MOST_HOURLY
from gpucost.pricing.listed import Listed
from gpucost.pricing.rules import USD, PriceRules, PublishedPrices
from gpucost.pricing.terms import all_digits, exact, plain
from gpucost.pricing.traits import NodeTraits

IGNORED = "price-ignored"
UNCHECKED = "price-unchecked"

_PUBLISHERS = {
    PublishedPrices.KARPENTER: (RateOrigin.KARPENTER, "Karpenter"),
    PublishedPrices.OPENCOST: (RateOrigin.OPENCOST, "OpenCost"),
}
_OFFERED = (CapacityType.ON_DEMAND, CapacityType.SPOT)
"""What Karpenter has prices of. It prints a ten-millionth of the price on demand for what is reserved, to prefer it."""
_MOST_SHOWN = 63


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking for the published price of a node."""

    rate: NodeRate | None
    ignored: tuple[Doubt, ...] = ()
    """For whichever rate is used: what was published and not believed."""
    silent: tuple[str, ...] = ()
    """Why there is no price from those that had none."""


class PublishedRates:
    """Of one window."""

    def __init__(
        self, rules: PriceRules, offerings: Mapping[Offering, float], node_prices: Mapping[str, float]
    ) -> None:
        """The prices as `gpucost.model.metered.Metered` has them, in USD."""
        self._rules = rules
        self._node_prices = node_prices
        by_zone: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(dict)
        for offering, hourly in offerings.items():
            price = _price(hourly)
            if price is not None:
                by_zone[offering.instance_type, offering.capacity_type][offering.zone] = price
        self._by_zone: Mapping[tuple[str, str], Mapping[str, Decimal]] = by_zone

    def rate_of(self, node: Node, traits: NodeTraits, listed: Listed | None, cards: int | None) -> Asked:
        """From the first that has a price of the node which the list, as far as it knows one, does not belie."""
        ignored: list[Doubt] = []
        silent: list[str] = []
        for publisher in self._rules.published:
            _, name = _PUBLISHERS[publisher]
            in_usd = self._karpenter(node, traits) if publisher is PublishedPrices.KARPENTER else self._opencost(node)
            if in_usd is None:
                silent.append(_why_silent(publisher, node, traits))
                continue
            hourly = self._rules.in_currency(in_usd, USD)
            if hourly is None:
                silent.append(f"the price of {name} is in {USD} and exchangeRates does not have it")
                continue
            beyond = self._beyond(hourly, traits, listed) if listed else ""
            if beyond:
                message = f"{name} has a price of {plain(hourly)} that is not used, since it is {beyond}"
                ignored.append(Doubt(flag=IGNORED, message=message, is_estimate=False))
                continue
            rate = self._rate(node, publisher, in_usd, hourly, cards, is_checked=listed is not None)
            return Asked(rate, tuple(ignored), tuple(silent))
        return Asked(None, tuple(ignored), tuple(silent))

    def _karpenter(self, node: Node, traits: NodeTraits) -> Decimal | None:
        """Where the node does not tell its zone, the price that all zones have."""
        if traits.capacity_type not in _OFFERED:
            return None
        for instance_type in node.instance_types:
            prices = self._by_zone.get((instance_type, traits.capacity_type), {})
            if traits.zone in prices:
                return prices[traits.zone]
            if prices and not traits.zone and len(set(prices.values())) == 1:
                return next(iter(prices.values()))
        return None

    def _opencost(self, node: Node) -> Decimal | None:
        hourly = self._node_prices.get(node.name)
        return None if hourly is None else _price(hourly)

    def _beyond(self, hourly: Decimal, traits: NodeTraits, listed: Listed) -> str:
        """Which bound the price is beyond; empty: it is plausible."""
        is_spot = traits.capacity_type is CapacityType.SPOT
        least = listed.on_demand * (self._rules.spot_ratio if is_spot else 1)
        told = f"the {listed.what} of {plain(listed.on_demand)}"
        if hourly > 2 * listed.on_demand:
            return f"above twice {told}"
        if 2 * hourly < least:
            return (
                f"below half of {all_digits(self._rules.spot_ratio)} x {told}" if is_spot else f"below half of {told}"
            )
        return ""

    def _rate(
        self,
        node: Node,
        publisher: PublishedPrices,
        in_usd: Decimal,
        hourly: Decimal,
        cards: int | None,
        *,
        is_checked: bool,
    ) -> NodeRate:
        origin, name = _PUBLISHERS[publisher]
        message = f"price of {name}, and no list price is known to compare it with"
        factor = "" if self._rules.currency == USD else all_digits(self._rules.exchange_rates[USD])
        return NodeRate(
            node=node.name,
            hourly_e9=to_e9(hourly),
            origin=origin,
            source=f"{name}'s price in Prometheus" + (f", converted from {USD} at {factor}" if factor else ""),
            terms=f"{plain(in_usd)} x {factor}" if factor else "",
            doubts=() if is_checked else (Doubt(flag=UNCHECKED, message=message),),
            cards=cards,
        )


def _price(hourly: float) -> Decimal | None:
    """None where it is none: both print 0 where they do not know one."""
    if not isfinite(hourly) or hourly > MOST_HOURLY:
        return None
    price = exact(to_e9(Decimal(repr(float(hourly)))))
    return price if price > 0 else None


def _why_silent(publisher: PublishedPrices, node: Node, traits: NodeTraits) -> str:
    if publisher is PublishedPrices.OPENCOST:
        return "OpenCost has no price of it"
    if traits.capacity_type not in _OFFERED:
        return f"Karpenter has no price of what is {traits.capacity_type}"
    if not node.instance_type:
        return "it has no instance type to find Karpenter's price by"
    place = f"in {traits.zone[:_MOST_SHOWN]}" if traits.zone else "that all zones share"
    return f"Karpenter has no price of {node.instance_type[:_MOST_SHOWN]} {traits.capacity_type} {place}"

"""The rate of one node by one rate of a card."""

from decimal import Decimal
from math import inf

from gpucost.model.cards import ToldCards, told_cards
from gpucost.model.fleet import Node
from gpucost.model.metered import NodePower
from gpucost.model.money import to_e9
from gpucost.model.rates import CARDS_ESTIMATED, Doubt, MissingRate, NodeRate, RateOrigin
from gpucost.pricing.card_amounts import Sum, energy_price
from gpucost.pricing.card_rates import CardRate
from gpucost.pricing.card_schema import KIND, Owned
from gpucost.pricing.fields import MOST_HOURLY
from gpucost.pricing.gpu_fraction import fraction_of
from gpucost.pricing.rules import PriceRules
from gpucost.pricing.terms import all_digits

GPUS_ESTIMATED = Doubt(flag=CARDS_ESTIMATED, message="its price is per GPU, and the count of its GPUs is an estimate")
POWER_MISSING = Doubt(
    flag="power-missing",
    message="the power of its GPUs was not measured, and only the fixed part of its price is billed",
)
POWER_PARTIAL = "power-partial"


def price(
    rate: CardRate, node: Node, *, listed_cards: int | None, power: NodePower | None, rules: PriceRules
) -> NodeRate | MissingRate:
    """``listed_cards``: of the node's instance type, where a price list knows them."""
    told = told_cards(node, listed_cards)
    if rate.per_gpu and not told.cards:
        return MissingRate(
            node=node.name,
            reason=(
                f"Node {node.name}: {KIND} {rate.name} has a price per GPU, and nothing tells how many"
                " GPUs the node has; write nodeHourly, or run GPU feature discovery"
            ),
        )
    unit, doubts = _with_energy(rate, told, power)
    if rate.exchange:
        unit = unit.times(rate.exchange.rate)
    hourly = unit.times(Decimal(told.cards), " GPUs") if rate.per_gpu else unit
    if hourly.is_too_high:
        return MissingRate(
            node=node.name,
            reason=(
                f"Node {node.name}: {KIND} {rate.name} comes to more than {MOST_HOURLY} an hour for it;"
                " mend its price, the exchange rate or the count of its GPUs"
            ),
        )
    if rate.per_gpu and told.is_estimate:
        doubts = (GPUS_ESTIMATED, *doubts)
    rule = rules.gpu_fraction if rate.gpu_fraction is None else rate.gpu_fraction
    part = fraction_of(rule, node, cards=told.cards, hourly=hourly.amount, rules=rules)
    unit_e9 = to_e9(unit.amount)
    return NodeRate(
        node=node.name,
        hourly_e9=unit_e9 * told.cards if rate.per_gpu else unit_e9,
        origin=RateOrigin.RATE_CARD,
        source=_source(rate),
        as_of=rate.valid_from.date().isoformat() if rate.valid_from else "",
        terms="" if hourly.is_written else hourly.terms,
        doubts=(*doubts, *part.doubts),
        cards=listed_cards,
        card_hourly_e9=unit_e9 if rate.per_gpu else None,
        gpu_fraction=part.fraction,
        gpu_fraction_terms=part.terms,
    )


def _source(rate: CardRate) -> str:
    """The same in every window: what was measured is in the terms."""
    contract = f" ({rate.source})" if rate.source else ""
    converted = (
        f", converted from {rate.exchange.currency} at {all_digits(rate.exchange.rate)}" if rate.exchange else ""
    )
    return f"{KIND} {rate.name}{contract}{converted}"


def _with_energy(rate: CardRate, told: ToldCards, power: NodePower | None) -> tuple[Sum, tuple[Doubt, ...]]:
    if rate.owned is None or not rate.needs_power:
        return rate.unit, ()
    if power is None or not 0 <= power.watts_per_card < inf:
        return rate.unit, (POWER_MISSING,)
    return rate.unit.plus(_energy(rate.owned, told, power)), _unmeasured(told, power)


def _energy(owned: Owned, told: ToldCards, power: NodePower) -> Sum:
    watts = Decimal(repr(float(power.watts_per_card))) * _powered_cards(told, power)
    return energy_price(owned, watts / 1000)


def _powered_cards(told: ToldCards, power: NodePower) -> int:
    """An estimate of the count gives way to more cards that were measured."""
    return max(told.cards, power.cards) if told.is_estimate else told.cards


def _unmeasured(told: ToldCards, power: NodePower) -> tuple[Doubt, ...]:
    cards = _powered_cards(told, power)
    if power.cards >= cards:
        return ()
    message = f"power was measured on {power.cards} of its {cards} GPUs, and their mean is taken for all"
    return (Doubt(flag=POWER_PARTIAL, message=message),)

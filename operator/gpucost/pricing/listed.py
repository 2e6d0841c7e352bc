"""What the bundled list says of a node: the price of its instance type, else of its GPU model."""

from dataclasses import dataclass
from decimal import Decimal

from gpucost.model.cards import told_cards
from gpucost.model.fleet import Node
from gpucost.model.money import to_e9
from gpucost.model.rates import Doubt, NodeRate, RateOrigin
from gpucost.pricing.capacity import CapacityType
from gpucost.pricing.card_prices import GPUS_ESTIMATED
from gpucost.pricing.catalog import Catalog, ListPrice, ModelPrice
from gpucost.pricing.rules import PriceRules
from gpucost.pricing.terms import all_digits, exact, plain
from gpucost.pricing.traits import NodeTraits

_MOST_SHOWN = 63


@dataclass(frozen=True, slots=True)
class Listed:
    """A price that the list has for a node, whether or not it may stand in."""

    rate: NodeRate
    on_demand: Decimal
    """Of the whole node, in the configured currency."""
    what: str
    """``list price`` or ``price of its GPU model``."""


class PriceList:
    """The catalog in the configured currency."""

    def __init__(self, catalog: Catalog | None, rules: PriceRules) -> None:
        self._catalog = catalog
        self._rules = rules
        self._currency = catalog.currency if catalog else rules.currency
        self._factor = rules.in_currency(Decimal(1), self._currency)
        """What one unit of the catalog's currency is; None: no rate is declared."""

    def cards(self, node: Node) -> int | None:
        """Physical cards of its instance type, where the list knows them."""
        found = self._catalog.find(node.instance_types) if self._catalog else None
        return found.gpus if found else None

    def find(self, node: Node, traits: NodeTraits) -> Listed | None:
        """None where the list knows neither its instance type nor its GPUs, or is in a currency without a rate."""
        if self._catalog is None or self._factor is None:
            return None
        listed = self._catalog.find(node.instance_types)
        if listed is not None:
            return self._by_instance(node, traits, listed, self._factor)
        model = self._catalog.find_model(traits.gpu_product) if traits.gpu_product else None
        return self._by_model(node, traits, model, self._factor) if model else None

    def why_not(self, node: Node, traits: NodeTraits) -> str:
        """Why there is no price of it that may stand in."""
        if self._catalog is None or not self._rules.list_prices:
            return "list prices are switched off"
        if self._factor is None:
            return f"list prices are in {self._currency} and exchangeRates does not have it"
        kind = node.instance_type[:_MOST_SHOWN]
        by_instance = (
            f"there is no list price for instance type {kind}"
            if kind
            else "it has no label node.kubernetes.io/instance-type to find a list price by"
        )
        return f"{by_instance} and {self._why_no_model(traits)}"

    def _why_no_model(self, traits: NodeTraits) -> str:
        if not traits.gpu_product:
            return "no label nvidia.com/gpu.product to find a price per GPU by"
        product = traits.gpu_product[:_MOST_SHOWN]
        if self._catalog and self._catalog.find_model(traits.gpu_product):
            return f"nothing tells how many {product} it has"
        return f"none for GPU {product}"

    def _by_instance(self, node: Node, traits: NodeTraits, listed: ListPrice, factor: Decimal) -> Listed:
        doubts = self._capacity_doubts(traits)
        if listed.region and traits.region and traits.region.lower() != listed.region.lower():
            region = traits.region[:_MOST_SHOWN]
            doubts += (Doubt(flag="other-region", message=f"list price of {listed.region}, though it is in {region}"),)
        hourly = exact(listed.hourly_e9)
        rate = NodeRate(
            node=node.name,
            hourly_e9=to_e9(hourly * factor * self._ratio(traits)),
            origin=RateOrigin.LIST_PRICE,
            source=self._source(listed.source),
            as_of=listed.date,
            terms=self._terms([plain(hourly)], traits),
            doubts=doubts,
            cards=listed.gpus,
        )
        return Listed(rate, hourly * factor, "list price")

    def _by_model(self, node: Node, traits: NodeTraits, model: ModelPrice, factor: Decimal) -> Listed | None:
        told = told_cards(node)
        if not told.cards:
            return None
        hourly = exact(model.hourly_e9)
        message = f"price of {told.cards} x {model.gpu}, since no list price is known for its instance type"
        doubts = (Doubt(flag="gpu-model-price", message=message), *self._capacity_doubts(traits))
        card_hourly_e9 = to_e9(hourly * factor * self._ratio(traits))
        rate = NodeRate(
            node=node.name,
            hourly_e9=card_hourly_e9 * told.cards,
            origin=RateOrigin.GPU_MODEL,
            source=self._source(f"{model.source}, GPU {model.gpu}"),
            as_of=model.date,
            terms=self._terms([str(told.cards), plain(hourly)], traits),
            doubts=(*doubts, GPUS_ESTIMATED) if told.is_estimate else doubts,
            card_hourly_e9=card_hourly_e9,
        )
        return Listed(rate, hourly * factor * told.cards, "price of its GPU model")

    def _ratio(self, traits: NodeTraits) -> Decimal:
        return self._rules.spot_ratio if traits.capacity_type is CapacityType.SPOT else Decimal(1)

    def _capacity_doubts(self, traits: NodeTraits) -> tuple[Doubt, ...]:
        bought = traits.capacity_type
        if bought is CapacityType.ON_DEMAND:
            return ()
        if bought is CapacityType.SPOT:
            message = f"spot, taken to cost {all_digits(self._rules.spot_ratio)} of its price on demand"
            return (Doubt(flag="spot-ratio", message=message),)
        return (Doubt(flag="on-demand-price", message=f"price on demand, though it is {bought}"),)

    def _source(self, source: str) -> str:
        if self._currency == self._rules.currency:
            return source
        return f"{source}, converted from {self._currency} at {self._exchange_rate}"

    def _terms(self, factors: list[str], traits: NodeTraits) -> str:
        """Empty where there is nothing to multiply."""
        if self._currency != self._rules.currency:
            factors = [*factors, self._exchange_rate]
        if traits.capacity_type is CapacityType.SPOT:
            factors = [*factors, all_digits(self._rules.spot_ratio)]
        return " x ".join(factors) if len(factors) > 1 else ""

    @property
    def _exchange_rate(self) -> str:
        return all_digits(self._rules.exchange_rates[self._currency])

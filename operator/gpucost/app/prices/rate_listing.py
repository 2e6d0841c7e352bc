"""What every GPU node costs now, and what is doubtful about it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from gpucost.app.configuration.settings import Settings
from gpucost.app.prices.gpu_nodes import gpu_nodes
from gpucost.app.told_once import Remark, one_of_each
from gpucost.model.cards import told_cards
from gpucost.model.fleet import Node
from gpucost.model.rates import MissingRate, NodeRate, RateOrigin
from gpucost.model.source import RateSource
from gpucost.model.time import Window
from gpucost.pricing.assess import assess
from gpucost.pricing.card_prices import POWER_MISSING
from gpucost.pricing.card_schema import KIND
from gpucost.pricing.catalog import bundled_catalog
from gpucost.pricing.rate_cards import parse_rate_cards
from gpucost.pricing.traits import traits_of
from gpucost.reports.rate_table import NO_RATE, RatedNode, age_in_days

_CHOSEN = frozenset({RateOrigin.ANNOTATION, RateOrigin.RATE_CARD})


def rated_nodes(nodes: Sequence[Node], rates: RateSource, window: Window, today: date) -> list[RatedNode]:
    """The GPU nodes, by name, with their rates of the window."""
    listed = gpu_nodes(nodes, ())
    rated = (_rated(node, rate, today) for node, rate in zip(listed, rates.rates_of(listed, window), strict=True))
    return sorted(rated, key=lambda entry: entry.name)


def is_unmatched(node: RatedNode) -> bool:
    """Neither an annotation nor a rate card prices it: its price is a stand-in, or missing."""
    return isinstance(node.rate, MissingRate) or node.rate.origin not in _CHOSEN


def remarks_on_rates(nodes: Iterable[RatedNode]) -> Iterator[Remark]:
    """Doubts by their flag; missing rates by their reason too."""
    for node in nodes:
        if isinstance(node.rate, MissingRate):
            yield Remark(NO_RATE, node.name, node.rate.reason, cause=reason_of(node.rate))
        else:
            for doubt in node.rate.doubts:
                yield Remark(doubt.flag, node.name, f"Node {node.name}: {doubt.message}")


def reason_of(rate: MissingRate) -> str:
    """Without the name of the node."""
    return rate.reason.removeprefix(f"Node {rate.node}").lstrip(":, ")


def remarks_on_cards(cards: Sequence[object], nodes: Sequence[Node], at: datetime, settings: Settings) -> list[str]:
    """A sentence for each tie, and for each card with rates that count at ``at`` and match no node with GPUs."""
    verdicts = assess(cards, gpu_nodes(nodes, ()), at, settings.price_rules)
    valid = {rate.name for rate in parse_rate_cards(cards, settings.price_rules).rates if rate.is_valid(at)}
    conflicts = [conflict for verdict in verdicts for conflict in verdict.conflicts]
    idle = (
        Remark(verdict.name, name, f"{KIND} {name} matches no node with GPUs")
        for verdict in verdicts
        for rate in verdict.rates
        if not rate.matched and (name := f"{verdict.name}/{rate.name}") in valid
    )
    return [*conflicts, *(f"{told}; correct its match, or remove it" for _, told in one_of_each(idle))]


def without_prometheus(nodes: Sequence[RatedNode], settings: Settings) -> Iterator[str]:
    """A sentence for each kind of price that a node lacks because no Prometheus is named."""
    remedy = "no Prometheus is named; give --prometheus URL, or set prometheus.url in the file of --config"
    published = settings.prometheus.prices
    if published and any(is_unmatched(node) for node in nodes):
        yield f"Prices of {', '.join(published)} (prometheus.prices) are not known, since {remedy}"
    if any(POWER_MISSING.flag in node.flags for node in nodes):
        yield f"The power of owned hardware is not known, since {remedy}"


def _rated(node: Node, rate: NodeRate | MissingRate, today: date) -> RatedNode:
    traits = traits_of(node)
    known = None if isinstance(rate, MissingRate) else rate
    return RatedNode(
        name=node.name,
        instance_type=node.instance_type,
        region=traits.region,
        capacity_type=str(traits.capacity_type),
        cards=told_cards(node, (known and known.cards) or _listed(node)).cards,
        rate=rate,
        age_days=age_in_days(known.as_of, today) if known else None,
    )


def _listed(node: Node) -> int | None:
    listed = bundled_catalog().find(node.instance_types)
    return listed.gpus if listed else None

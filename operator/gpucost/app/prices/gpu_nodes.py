"""GPU nodes, for what needs no figures: by what the API and the price list tell, and what telemetry showed."""

from collections.abc import Collection, Iterable

from gpucost.model.cards import shows_cards
from gpucost.model.fleet import Node
from gpucost.pricing.catalog import bundled_catalog


def gpu_nodes(nodes: Iterable[Node], shown: Collection[str]) -> tuple[Node, ...]:
    """``shown`` are the uids of those that telemetry has shown to have cards."""
    catalog = bundled_catalog()
    return tuple(node for node in nodes if node.uid in shown or shows_cards(node) or catalog.find(node.instance_types))

"""What Prometheus tells that prices rest on: power of cards, and prices that other programs publish."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gpucost.model.time import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePower:
    """Of the cards of one node in one window."""

    watts_per_card: float
    """Mean over the cards that were measured, of the mean of each."""
    cards: int
    """That were measured: distinct UUIDs."""


@dataclass(frozen=True, slots=True, order=True)
class Offering:
    """What Karpenter prices: an instance type, bought in one way in one zone."""

    instance_type: str
    capacity_type: str
    """``on-demand``, ``spot`` or ``reserved``."""
    zone: str


@dataclass(frozen=True, kw_only=True)
class Metered:
    """By window; what is not there was not told, or not asked for."""

    power: Mapping[Window, Mapping[str, NodePower]] = field(default_factory=dict)
    """By name of the node."""
    offerings: Mapping[Window, Mapping[Offering, float]] = field(default_factory=dict)
    """Currency per hour."""
    node_prices: Mapping[Window, Mapping[str, float]] = field(default_factory=dict)
    """OpenCost's price of a node by its name, currency per hour."""

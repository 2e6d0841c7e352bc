"""Nodes without an annotation: rate cards, power, and prices that other programs publish."""

from fractions import Fraction as F  # noqa: N817

from gpucost.simulation.scenarios.collection import Collection
from gpucost.simulation.scenarios.draft import Draft
from gpucost.simulation.scenarios.features import A100_40, whole_cards
from gpucost.simulation.scenarios.objects import NodeSpec
from gpucost.simulation.scenarios.price_words import (
    bought_as,
    karpenter_price,
    opencost_price,
    power,
    publish,
    rate_card,
)

scenario = Collection()

PUBLISHED = F("19.2")
EIGHT_A100 = "p4d.24xlarge"
"""A known instance type: 21.957642 an hour by the list."""


def _eight_cards(s: Draft, hourly: F) -> NodeSpec:
    """A node that nobody annotated; one pod holds one of its cards and uses half of it."""
    labels = whole_cards(A100_40, 8) | bought_as(EIGHT_A100)
    node = s.node(cards=8, card_hourly=hourly / 8, annotated=False, labels=labels)
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, compute=0.5)
    for card in "bcdefgh":
        s.see(node, card)
    s.owes(pod, hourly / 96, hourly / 192)
    s.rest(node, 7 * hourly / 96)
    return node


@scenario
def own_hardware_pays_for_its_power(s: Draft) -> None:
    """Two cards at 500 W, then at 1 kW: 1.00 + 0.50 + 0.25 x 1.2 x kW an hour: 1.80, then 2.10."""
    rate_card(
        s,
        "basement",
        {
            "match": {"nodeLabels": {"site": "basement"}},
            "owned": {
                "purchase": "43800",
                "lifetimeHours": 43800,
                "hourlyFixed": "0.50",
                "powerPricePerKWh": "0.25",
                "pue": "1.2",
            },
        },
    )
    labels = whole_cards(A100_40, 2) | {"site": "basement"}
    node = s.node(cards=2, card_hourly=0.9, annotated=False, labels=labels)
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, compute=0.5)
    s.see(node, "b")
    for card, holder in (("a", pod), ("b", None)):
        power(s, node, card, 500, holder, until=300)
        power(s, node, card, 1000, holder, since=330)
    for window, hourly in enumerate((F("1.8"), F("2.1"))):
        card_cost = hourly / 24
        s.owes(pod, card_cost, card_cost / 2, window=window)
        s.rest(node, card_cost, hourly=hourly, window=window)


@scenario
def a_price_of_karpenter(s: Draft) -> None:
    """19.20 in its zone; that of another zone, and of spot nodes, does not matter."""
    publish(s, "karpenter")
    _eight_cards(s, PUBLISHED)
    karpenter_price(s, EIGHT_A100, float(PUBLISHED))
    karpenter_price(s, EIGHT_A100, 24.0, zone="us-east-1b")
    karpenter_price(s, EIGHT_A100, 9.6, capacity_type="spot")


@scenario
def a_price_of_opencost(s: Draft) -> None:
    """19.20 for the node, and not its list price of 21.957642."""
    publish(s, "opencost")
    opencost_price(s, _eight_cards(s, PUBLISHED), float(PUBLISHED))

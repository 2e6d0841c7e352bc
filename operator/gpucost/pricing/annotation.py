"""The rate that somebody wrote on the node itself."""

import re
from decimal import Decimal

from gpucost.model.fleet import Node
from gpucost.model.money import to_e9
from gpucost.model.rates import MissingRate, NodeRate, RateOrigin
from gpucost.pricing.fields import MOST_HOURLY

HOURLY_RATE = "gpucost.io/hourly-rate"

_DECIMAL = re.compile(r"[0-9]{1,7}(\.[0-9]{1,9})?")


def annotated_rate(node: Node, listed_cards: int | None = None) -> NodeRate | MissingRate | None:
    """None where the node has no such annotation.

    A value that is no price is a missing rate and not a reason to look further: whoever wrote it meant another
    price than the one that would be found. ``listed_cards`` are the physical cards of its instance type, if known.
    """
    value = node.annotations.get(HOURLY_RATE)
    if value is None:
        return None
    text = value.strip()
    if not _DECIMAL.fullmatch(text) or Decimal(text) > MOST_HOURLY:
        return MissingRate(
            node=node.name,
            reason=(
                f'Node {node.name}: annotation {HOURLY_RATE} "{value[:40]}" is no price; write a decimal number'
                f' from 0 to {MOST_HOURLY} with at most nine decimals, such as "21.95", or remove the annotation'
            ),
        )
    return NodeRate(
        node=node.name,
        hourly_e9=to_e9(Decimal(text)),
        origin=RateOrigin.ANNOTATION,
        source=f"annotation {HOURLY_RATE}",
        cards=listed_cards,
    )

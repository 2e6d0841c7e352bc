"""What of a node decides its price, from its labels."""

from dataclasses import dataclass

from gpucost.model.cards import PRODUCT_LABEL, split_product
from gpucost.model.fleet import Node
from gpucost.pricing.capacity import CAPACITY_LABELS, CapacityType, capacity_type_of

_REGION = ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")
_ZONE = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")

PRICE_LABELS = frozenset((*_REGION, *_ZONE, *CAPACITY_LABELS))
"""Labels that decide prices, beside those of the instance type and of the GPUs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTraits:
    """Empty where the node does not tell."""

    region: str
    zone: str
    capacity_type: CapacityType
    gpu_product: str
    """As GPU feature discovery prints it, without the marks of MIG and of sharing."""


def traits_of(node: Node) -> NodeTraits:
    labels = node.labels

    def first(keys: tuple[str, ...]) -> str:
        return next((labels[key] for key in keys if labels.get(key)), "")

    model, _ = split_product(labels.get(PRODUCT_LABEL, ""))
    return NodeTraits(
        region=first(_REGION), zone=first(_ZONE), capacity_type=capacity_type_of(labels), gpu_product=model
    )

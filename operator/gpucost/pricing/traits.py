"""What of a node decides its price, from its labels and capacity."""

from dataclasses import dataclass

from gpucost.model.fleet import GPU_RESOURCE, MIG_RESOURCE_PREFIX, Node
from gpucost.model.mig import slices_of
from gpucost.pricing.capacity import CapacityType, capacity_type_of

_INSTANCE_TYPE = (
    "node.kubernetes.io/instance-type",
    "node.coreweave.cloud/type",
    "beta.kubernetes.io/instance-type",
)
_REGION = ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")
_ZONE = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
GPU_PRODUCT = "nvidia.com/gpu.product"
_COUNT = "nvidia.com/gpu.count"
_MIG_MARK = "-MIG-"
_SHARED_MARK = "-SHARED"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTraits:
    """Empty where the node does not tell."""

    instance_types: tuple[str, ...]
    """Names that price lists may know it by, the most telling first."""
    region: str
    zone: str
    capacity_type: CapacityType
    gpu_product: str
    """As GPU feature discovery prints it, without the marks of MIG and of sharing."""


@dataclass(frozen=True, slots=True)
class CardCount:
    cards: int
    estimated: bool = False


def traits_of(node: Node) -> NodeTraits:
    labels = node.labels

    def first(keys: tuple[str, ...]) -> str:
        return next((labels[key] for key in keys if labels.get(key)), "")

    product = labels.get(GPU_PRODUCT, "").removesuffix(_SHARED_MARK)
    names = dict.fromkeys(labels[key] for key in _INSTANCE_TYPE if labels.get(key))
    return NodeTraits(
        instance_types=tuple(names),
        region=first(_REGION),
        zone=first(_ZONE),
        capacity_type=capacity_type_of(labels),
        gpu_product=product.partition(_MIG_MARK)[0],
    )


def count_cards(node: Node, listed: int | None) -> CardCount | None:
    """Physical cards: what the price list knows, else what GPU feature discovery or the capacity tell.

    In MIG ``single`` discovery and capacity count instances; then the cards are the fewest that can carry them.
    None where neither tells.
    """
    if listed is not None:
        return CardCount(listed)
    product, _, profile = node.labels.get(GPU_PRODUCT, "").removesuffix(_SHARED_MARK).partition(_MIG_MARK)
    count = node.labels.get(_COUNT, "")
    told = int(count) if count.isdecimal() and len(count) < 7 else 0
    if profile:
        slices = slices_of(profile, product)
        return CardCount(-(-told // int(1 / slices.dominant)), estimated=True) if slices and told else None
    if told:
        return CardCount(told)
    if any(n for resource, n in node.capacity.items() if resource.startswith(MIG_RESOURCE_PREFIX)):
        return None
    whole = node.capacity.get(GPU_RESOURCE, 0)
    return CardCount(whole) if whole else None

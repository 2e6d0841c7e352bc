"""Which devices a node hands out in slots, by the labels of GPU feature discovery and by its capacity."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gpucost.model.fleet import GPU_RESOURCE, MIG_RESOURCE_PREFIX, Node

TIME_SLICING = "time-slicing"
MPS = "mps"
SHARED_RESOURCE = ".shared"
"""What the device plugin puts behind the name of a resource whose slots it is told to rename."""
SHARED_PRODUCT = "-SHARED"

_STRATEGIES = frozenset({TIME_SLICING, MPS})
_MPS_LABEL = "nvidia.com/mps.capable"
_STRATEGY, _REPLICAS, _COUNT, _PRODUCT = ".sharing-strategy", ".replicas", ".count", ".product"
_MOST_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldSharing:
    """What a node tells of the devices behind one resource."""

    strategy: str = ""
    """`TIME_SLICING` or `MPS`; empty: they are not shared, or nothing tells."""
    denied: bool = False
    """A label says that they are not shared."""
    replicas: int = 0
    """Slots of each device; 0: not told."""
    handed_out: int = 0
    """Devices, or slots where they are shared; 0: not told."""
    devices: int = 0
    """0: not told."""


def told_sharing(node: Node) -> Mapping[str, ToldSharing]:
    """By resource, without what marks it as renamed: ``nvidia.com/gpu`` always, and every MIG resource of the node."""
    return {resource: _told(node, resource) for resource in (GPU_RESOURCE, *sorted(set(_mig_resources(node))))}


def label_count(labels: Mapping[str, str], key: str) -> int:
    """0 where there is no such label, or it is no plausible count."""
    text = labels.get(key, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else 0


def _told(node: Node, resource: str) -> ToldSharing:
    labels, renamed = node.labels, node.capacity.get(f"{resource}{SHARED_RESOURCE}", 0)
    replicas = label_count(labels, f"{resource}{_REPLICAS}")
    named = labels.get(f"{resource}{_STRATEGY}", "")
    marked = labels.get(f"{resource}{_PRODUCT}", "").endswith(SHARED_PRODUCT)
    if named in _STRATEGIES:
        strategy = named
    elif replicas > 1 or renamed or marked:
        strategy = MPS if labels.get(_MPS_LABEL) == "true" else TIME_SLICING
    else:
        strategy = ""
    return ToldSharing(
        strategy=strategy,
        denied=not strategy and named == "none",
        replicas=replicas if replicas > 1 else 0,
        handed_out=renamed or node.capacity.get(resource, 0),
        devices=label_count(labels, f"{resource}{_COUNT}"),
    )


def _mig_resources(node: Node) -> Iterator[str]:
    for resource, count in node.capacity.items():
        if resource.startswith(MIG_RESOURCE_PREFIX) and count:
            yield resource.removesuffix(SHARED_RESOURCE)
    for key in node.labels:
        if key.startswith(MIG_RESOURCE_PREFIX) and key.endswith(_COUNT):
            yield key.removesuffix(_COUNT)

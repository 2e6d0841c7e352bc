"""Node objects into the shared type."""

from gpucost.cluster.objects import Condition, NodeObject
from gpucost.cluster.quantity import parse_count
from gpucost.cluster.resources import VENDOR_PREFIX, GpuResources
from gpucost.model.fleet import Node
from gpucost.model.time import parse_time


def node_from(item: NodeObject, resources: GpuResources, problems: list[str]) -> Node:
    """The node with its GPU capacity; a capacity that is no count is told in ``problems`` and left out.

    Raises ValueError where uid or time of creation are missing or unreadable.
    """
    metadata = item.metadata
    if not metadata.uid:
        raise ValueError("it has no metadata.uid")
    if metadata.creation_timestamp is None:
        raise ValueError("it has no metadata.creationTimestamp")
    capacity: dict[str, int] = {}
    for resource, quantity in (item.status.capacity or {}).items():
        name = resources.canonical(resource) or (resource if resource.startswith(VENDOR_PREFIX) else None)
        if name is None:
            continue
        try:
            capacity[name] = capacity.get(name, 0) + parse_count(quantity)
        except ValueError as error:
            problems.append(f"Node {metadata.name}: its capacity of {resource} is left out: {error}")
    return Node(
        name=metadata.name,
        uid=metadata.uid,
        created=parse_time(metadata.creation_timestamp),
        labels=metadata.labels or {},
        annotations=metadata.annotations or {},
        capacity=capacity,
        ready=_is_ready(item.status.conditions or []),
        schedulable=not item.spec.unschedulable,
    )


def _is_ready(conditions: list[Condition]) -> bool:
    return any(condition.type == "Ready" and condition.status == "True" for condition in conditions)

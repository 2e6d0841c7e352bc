"""Node objects into the shared type."""

from collections.abc import Callable
from typing import TypeVar

from gpucost.cluster.objects import Condition, NodeObject, Quantity
from gpucost.cluster.quantity import parse_count, parse_cpus, parse_gib
from gpucost.cluster.resources import VENDOR_PREFIX, GpuResources
from gpucost.model.fleet import Node
from gpucost.model.time import parse_time

N = TypeVar("N", int, float)


def node_from(item: NodeObject, resources: GpuResources, problems: list[str]) -> Node:
    """The node with its capacity; a capacity that cannot be understood is told in ``problems`` and left out.

    Raises ValueError where uid or time of creation are missing or unreadable.
    """
    metadata = item.metadata
    if not metadata.uid:
        raise ValueError("it has no metadata.uid")
    if metadata.creation_timestamp is None:
        raise ValueError("it has no metadata.creationTimestamp")
    told = item.status.capacity or {}

    def read(resource: str, parse: Callable[[Quantity], N]) -> N | None:
        """None: it is not told, or not so that it can be understood."""
        if resource not in told:
            return None
        try:
            return parse(told[resource])
        except ValueError as error:
            problems.append(f"Node {metadata.name}: its capacity of {resource} is left out: {error}")
            return None

    capacity: dict[str, int] = {}
    for resource in told:
        name = resources.canonical(resource) or (resource if resource.startswith(VENDOR_PREFIX) else None)
        count = None if name is None else read(resource, parse_count)
        if name is not None and count is not None:
            capacity[name] = capacity.get(name, 0) + count
    return Node(
        name=metadata.name,
        uid=metadata.uid,
        created=parse_time(metadata.creation_timestamp),
        labels=metadata.labels or {},
        annotations=metadata.annotations or {},
        capacity=capacity,
        cpus=read("cpu", parse_cpus) or 0.0,
        memory_gib=read("memory", parse_gib) or 0.0,
        ready=_is_ready(item.status.conditions or []),
        schedulable=not item.spec.unschedulable,
    )


def _is_ready(conditions: list[Condition]) -> bool:
    return any(condition.type == "Ready" and condition.status == "True" for condition in conditions)

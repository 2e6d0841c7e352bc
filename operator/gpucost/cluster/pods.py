"""Pod objects into the shared type: what a pod holds, since when, until when."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from gpucost.cluster.objects import Container, PodObject
from gpucost.cluster.quantity import parse_count
from gpucost.cluster.resources import GpuResources
from gpucost.model.fleet import Owner, Pod, Request
from gpucost.model.time import parse_time

TERMINAL_PHASES = frozenset({"Succeeded", "Failed"})
_MARKS_OF_THE_END = frozenset({("Ready", "False"), ("ContainersReady", "False"), ("DisruptionTarget", "True")})


def pod_from(item: PodObject, resources: GpuResources) -> Pod | None:
    """None where the pod is not bound to a node or requests no GPU.

    Raises ValueError where a time, a request or the uid is unreadable.
    """
    if not item.spec.node_name:
        return None
    requests = requests_of(item.spec.containers or [], item.spec.init_containers or [], resources)
    if not requests:
        return None
    metadata = item.metadata
    if not metadata.uid:
        raise ValueError("it has no metadata.uid")
    bound = _bound(item)
    return Pod(
        uid=metadata.uid,
        namespace=metadata.namespace,
        name=metadata.name,
        node=item.spec.node_name,
        labels=metadata.labels or {},
        owner=next((Owner(o.kind, o.name) for o in metadata.owner_references or () if o.controller), None),
        requests=requests,
        bound=bound,
        ended=_ended(item, bound),
    )


def requests_of(
    containers: list[Container], init_containers: list[Container], resources: GpuResources
) -> tuple[Request, ...]:
    """GPU requests as the scheduler counts them; they add up to what the pod takes from its node.

    Containers and sidecars (init containers that go on running) hold theirs side by side. A plain init container
    runs before the containers, beside the sidecars that come before it: only what it needs beyond the others'
    sum is on top, and that part is its own.

    Raises ValueError where a request is no count.
    """
    together = [_claims(container, resources) for container in containers]
    names = [container.name for container in containers]
    sidecars: Counter[str] = Counter()
    peaks: dict[str, tuple[int, str]] = {}
    for container in init_containers:
        claims = _claims(container, resources)
        if container.restart_policy == "Always":
            sidecars.update(claims)
            together.append(claims)
            names.append(container.name)
            continue
        for resource, count in claims.items():
            needed = count + sidecars[resource]
            if needed > peaks.get(resource, (0, ""))[0]:
                peaks[resource] = (needed, container.name)
    held: Counter[str] = Counter()
    for claims in together:
        held.update(claims)
    requests = [
        Request(name, resource, count)
        for name, claims in zip(names, together, strict=True)
        for resource, count in claims.items()
    ]
    requests += [
        Request(name, resource, needed - held[resource])
        for resource, (needed, name) in peaks.items()
        if needed > held[resource]
    ]
    return tuple(requests)


def _claims(container: Container, resources: GpuResources) -> dict[str, int]:
    """GPU resource to count; a limit stands in where the request is absent, as in the API server."""
    asked = {**(container.resources.limits or {}), **(container.resources.requests or {})}
    claims: dict[str, int] = {}
    for resource, quantity in asked.items():
        name = resources.canonical(resource)
        if name is None:
            continue
        try:
            count = parse_count(quantity)
        except ValueError as error:
            raise ValueError(f"container {container.name} requests {resource}: {error}") from error
        if count:
            claims[name] = claims.get(name, 0) + count
    return claims


def _bound(item: PodObject) -> datetime | None:
    """When the scheduler bound it; of a pod created with its node named its start, before that its creation."""
    return (
        _latest(
            condition.last_transition_time
            for condition in item.status.conditions or ()
            if condition.type == "PodScheduled" and condition.status == "True"
        )
        or _time(item.status.start_time)
        or _time(item.metadata.creation_timestamp)
    )


def _ended(item: PodObject, bound: datetime | None) -> datetime | None:
    """When a terminal pod gave its devices back; None while it is not terminal.

    The first of these that is known: the last container's end; the time at which the pod stopped being ready or
    was evicted; its deletion; its binding (a pod that was refused by its node never held anything).
    """
    status = item.status
    if status.phase not in TERMINAL_PHASES:
        return None
    statuses = [*(status.container_statuses or ()), *(status.init_container_statuses or ())]
    ended = (
        _latest(entry.state.terminated.finished_at for entry in statuses if entry.state.terminated)
        or _latest(
            condition.last_transition_time
            for condition in status.conditions or ()
            if (condition.type, condition.status) in _MARKS_OF_THE_END
        )
        or _time(item.metadata.deletion_timestamp)
        or bound
    )
    if ended is None:
        raise ValueError("it is terminal and no field of it says since when")
    return max(ended, bound) if bound else ended


def _latest(times: Iterable[str | None]) -> datetime | None:
    return max((parse_time(time) for time in times if time), default=None)


def _time(text: str | None) -> datetime | None:
    return parse_time(text) if text else None

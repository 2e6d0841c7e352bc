"""Nodes, pods and namespaces as the API returns them, in the few fields that matter."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from gpucost.model.time import format_time
from gpucost.simulation.identity import stable_uuid
from gpucost.simulation.node_objects import HOURLY_RATE
from gpucost.simulation.scenarios.exporters import Exporter


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSpec:
    name: str
    model: str
    """As the driver prints it."""
    cards: int
    """Physical ones."""
    hourly: Fraction
    annotated: bool
    """Its annotation tells ``hourly``; else rate cards or prices have to."""
    capacity: Mapping[str, int]
    labels: Mapping[str, str]
    exporter: Exporter
    created: int
    listed_until: int | None
    ready: bool
    schedulable: bool
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    name: str
    requests: Mapping[str, int]
    role: str = "container"
    """``container``, ``sidecar`` or ``init``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSpec:
    namespace: str
    name: str
    uid: str
    node: NodeSpec
    containers: tuple[Container, ...]
    bound: int
    ended: int | None = None
    """When it became terminal."""
    listed_until: int | None = None
    """When it was deleted."""
    waiting: str = ""
    """Why its containers do not run: ``ImagePullBackOff``, ``CrashLoopBackOff``."""
    labels: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    """``Kind/name`` of its controller; ``{minutes}``: of the time of binding, as a CronJob names its Jobs."""


def make_uid(*words: str) -> str:
    return stable_uuid(0, *words)


def node_object(node: NodeSpec, start: datetime) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            "uid": node.uid,
            "creationTimestamp": _time(start, node.created),
            "labels": dict(node.labels),
            "annotations": {HOURLY_RATE: _decimal(node.hourly)} if node.annotated else {},
        },
        "spec": {} if node.schedulable else {"unschedulable": True},
        "status": {
            "capacity": {resource: str(count) for resource, count in node.capacity.items()},
            "conditions": [{"type": "Ready", "status": "True" if node.ready else "False"}],
        },
    }


def pod_object(pod: PodSpec, start: datetime, look: int) -> dict[str, Any]:
    """At a look: terminal once it has ended."""
    metadata: dict[str, Any] = {
        "name": pod.name,
        "namespace": pod.namespace,
        "uid": pod.uid,
        "creationTimestamp": _time(start, pod.bound),
        "labels": dict(pod.labels),
    }
    if pod.owner:
        minutes = int((start + timedelta(seconds=pod.bound)).timestamp()) // 60
        kind, name = pod.owner.format(minutes=minutes).split("/")
        owner = {"apiVersion": "v1", "kind": kind, "name": name, "uid": make_uid(pod.owner), "controller": True}
        metadata["ownerReferences"] = [owner]
    first = [container for container in pod.containers if container.role != "container"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {
            "nodeName": pod.node.name,
            "initContainers": [_container(container) for container in first],
            "containers": [_container(container) for container in pod.containers if container not in first],
        },
        "status": _status(pod, start, look),
    }


def namespace_object(name: str, labels: Mapping[str, str], uid: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "uid": uid, "labels": dict(labels)}}


def _container(container: Container) -> dict[str, Any]:
    claims = {resource: str(count) for resource, count in container.requests.items()}
    spec = {"name": container.name, "resources": {"requests": claims, "limits": claims}}
    return {**spec, "restartPolicy": "Always"} if container.role == "sidecar" else spec


def _status(pod: PodSpec, start: datetime, look: int) -> dict[str, Any]:
    ended = pod.ended if pod.ended is not None and pod.ended <= look else None
    state: dict[str, Any] = {"running": {}}
    if ended is not None:
        state = {"terminated": {"exitCode": 0, "finishedAt": _time(start, ended)}}
    elif pod.waiting:
        state = {"waiting": {"reason": pod.waiting}}
    phase = "Succeeded" if ended is not None else "Pending" if pod.waiting == "ImagePullBackOff" else "Running"
    return {
        "phase": phase,
        "startTime": _time(start, pod.bound),
        "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": _time(start, pod.bound)}],
        "containerStatuses": [{"name": c.name, "state": state} for c in pod.containers if c.role == "container"],
    }


def _time(start: datetime, seconds: int) -> str:
    return format_time(start + timedelta(seconds=seconds))


def _decimal(amount: Fraction) -> str:
    whole, rest = divmod(amount * 10**9, 10**9)
    if rest.denominator != 1:
        raise ValueError(f"a rate of {amount} has no decimal with nine places; choose another")
    return f"{whole}.{int(rest):09d}"

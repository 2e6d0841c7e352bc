"""Kubernetes objects of the fleet, as the API returns them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gpucost.model.time import format_time
from gpucost.simulation.fleet import Fleet
from gpucost.simulation.node_objects import node_object
from gpucost.simulation.owner_objects import owner_objects
from gpucost.simulation.pod_objects import pod_object
from gpucost.simulation.pods import SimulatedNamespace

Object = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesObjects:
    """Everything that must be there, in an order in which it can be created: namespaces first, pods last."""

    namespaces: tuple[Object, ...]
    nodes: tuple[Object, ...]
    owners: tuple[Object, ...]
    """Deployments, ReplicaSets, StatefulSets, CronJobs and Jobs that own a listed pod; parents first."""
    pods: tuple[Object, ...]


def objects_at(fleet: Fleet, at: datetime) -> KubernetesObjects:
    """The API in the scrape interval that contains ``at``.

    Pods of Jobs stay listed as Succeeded for two hours after their end; other pods are gone at once.
    """
    pods = fleet.pods_listed_at(at)
    return KubernetesObjects(
        namespaces=tuple(_namespace_object(namespace, fleet) for namespace in fleet.namespaces),
        nodes=tuple(node_object(node, at) for node in fleet.nodes),
        owners=owner_objects(pods, at),
        pods=tuple(pod_object(pod, at) for pod in pods),
    )


def lists_at(fleet: Fleet, at: datetime) -> dict[str, Object]:
    """File name to what ``kubectl get nodes|pods|namespaces -A -o json`` would print at ``at``."""
    objects = objects_at(fleet, at)
    return {
        "nodes.json": _list(objects.nodes),
        "pods.json": _list(objects.pods),
        "namespaces.json": _list(objects.namespaces),
    }


def _list(items: Iterable[Object]) -> Object:
    return {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": list(items)}


def _namespace_object(namespace: SimulatedNamespace, fleet: Fleet) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": namespace.name,
            "uid": namespace.uid,
            "creationTimestamp": format_time(fleet.nodes[0].created),
            "labels": dict(namespace.labels),
        },
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }

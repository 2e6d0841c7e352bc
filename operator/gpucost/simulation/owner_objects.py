"""Deployments, ReplicaSets, StatefulSets, CronJobs and Jobs behind the pods."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from gpucost.model.time import format_time
from gpucost.simulation.pod_objects import container_spec, owner_reference
from gpucost.simulation.pods import Controller, SimulatedPod

_PARENTS_FIRST = ("Deployment", "StatefulSet", "CronJob", "ReplicaSet", "Job")


def owner_objects(pods: Sequence[SimulatedPod], at: datetime) -> tuple[dict[str, Any], ...]:
    """The owners of ``pods``, each once, parents first; replicas are as many as the pods that they own."""
    owned: dict[str, tuple[Controller, list[SimulatedPod]]] = {}
    for pod in pods:
        for owner in _chain(pod.owner):
            owned.setdefault(owner.uid, (owner, []))[1].append(pod)
    objects = [_owner_object(owner, own, at) for owner, own in owned.values()]
    return tuple(sorted(objects, key=lambda item: _PARENTS_FIRST.index(item["kind"])))


def _chain(owner: Controller | None) -> Iterator[Controller]:
    while owner is not None:
        yield owner
        owner = owner.parent


def _owner_object(owner: Controller, pods: Sequence[SimulatedPod], at: datetime) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "name": owner.name,
        "namespace": pods[0].namespace,
        "uid": owner.uid,
        "creationTimestamp": format_time(min(pod.bound for pod in pods)),
    }
    if owner.parent:
        metadata["ownerReferences"] = [owner_reference(owner.parent)]
    spec, status = _spec_and_status(owner, pods, at)
    return {
        "apiVersion": owner.api_version,
        "kind": owner.kind,
        "metadata": metadata,
        "spec": spec,
        "status": status,
    }


def _spec_and_status(
    owner: Controller, pods: Sequence[SimulatedPod], at: datetime
) -> tuple[dict[str, Any], dict[str, Any]]:
    newest = pods[-1]
    match owner.kind:
        case "Job":
            return _job(newest, at)
        case "CronJob":
            template = {"spec": {"template": _template(newest, restart="Never")}}
            return {"schedule": "0 */3 * * *", "suspend": True, "jobTemplate": template}, {}
        case _:
            selector = {"app": newest.labels["app"]} if owner.kind != "ReplicaSet" else dict(newest.template)
            template = _template(newest, restart="Always")
            if owner.kind == "Deployment":
                del template["metadata"]["labels"]["pod-template-hash"]
            spec = {"replicas": len(pods), "selector": {"matchLabels": selector}, "template": template}
            if owner.kind == "StatefulSet":
                spec["serviceName"] = owner.name
            return spec, {"replicas": len(pods), "readyReplicas": len(pods)}


def _job(pod: SimulatedPod, at: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    spec = {
        "parallelism": 1,
        "completions": 1,
        "manualSelector": True,
        "selector": {"matchLabels": dict(pod.template)},
        "template": _template(pod, restart="Never"),
    }
    started = format_time(pod.bound)
    if pod.ended is None or at <= pod.ended:
        return spec, {"startTime": started, "active": 1, "ready": 1}
    ended = format_time(pod.ended)
    complete = {"type": "Complete", "status": "True", "lastTransitionTime": ended, "lastProbeTime": ended}
    return spec, {"startTime": started, "completionTime": ended, "succeeded": 1, "conditions": [complete]}


def _template(pod: SimulatedPod, *, restart: str) -> dict[str, Any]:
    own = {"statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", "batch.kubernetes.io/job-name"}
    return {
        "metadata": {"labels": {key: value for key, value in pod.labels.items() if key not in own}},
        "spec": {"restartPolicy": restart, "containers": [container_spec(container) for container in pod.containers]},
    }

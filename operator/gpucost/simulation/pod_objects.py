"""Pods with the status that a kubelet gives them."""

from datetime import datetime
from typing import Any

from gpucost.model.time import format_time
from gpucost.simulation.pods import Controller, SimulatedContainer, SimulatedPod

IMAGE = "registry.example/workload:1"


def pod_object(pod: SimulatedPod, at: datetime) -> dict[str, Any]:
    """The pod as ``GET`` returns it at ``at``: Running until its end, Succeeded after it."""
    finished = pod.ended if pod.ended is not None and at > pod.ended else None
    metadata: dict[str, Any] = {
        "name": pod.name,
        "namespace": pod.namespace,
        "uid": pod.uid,
        "creationTimestamp": format_time(pod.bound),
        "labels": dict(pod.labels),
    }
    if pod.owner:
        metadata["ownerReferences"] = [owner_reference(pod.owner)]
    is_job = pod.owner is not None and pod.owner.kind == "Job"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {
            "nodeName": pod.node,
            "restartPolicy": "Never" if is_job else "Always",
            "containers": [container_spec(container) for container in pod.containers],
        },
        "status": _status(pod, finished),
    }


def owner_reference(owner: Controller) -> dict[str, Any]:
    return {
        "apiVersion": owner.api_version,
        "kind": owner.kind,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def container_spec(container: SimulatedContainer) -> dict[str, Any]:
    resources = {"requests": dict(container.requests), "limits": dict(container.requests)}
    return {"name": container.name, "image": IMAGE, "resources": resources}


def _status(pod: SimulatedPod, finished: datetime | None) -> dict[str, Any]:
    bound = format_time(pod.bound)
    ended = format_time(finished) if finished else bound
    ready = {"status": "False", "reason": "PodCompleted"} if finished else {"status": "True"}
    return {
        "phase": "Succeeded" if finished else "Running",
        "startTime": bound,
        "qosClass": "BestEffort",
        "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": bound},
            {"type": "Initialized", "status": "True", "lastTransitionTime": bound},
            {"type": "ContainersReady", "lastTransitionTime": ended, **ready},
            {"type": "Ready", "lastTransitionTime": ended, **ready},
        ],
        "containerStatuses": [_container_status(container, bound, finished) for container in pod.containers],
    }


def _container_status(container: SimulatedContainer, bound: str, finished: datetime | None) -> dict[str, Any]:
    state: dict[str, Any] = {"running": {"startedAt": bound}}
    if finished:
        ended = {"startedAt": bound, "finishedAt": format_time(finished)}
        state = {"terminated": {"exitCode": 0, "reason": "Completed", **ended}}
    return {
        "name": container.name,
        "image": IMAGE,
        "imageID": "",
        "ready": finished is None,
        "started": finished is None,
        "restartCount": 0,
        "state": state,
    }

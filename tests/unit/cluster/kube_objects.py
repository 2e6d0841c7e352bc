"""Builders of the JSON that the API server and kubectl print, with more fields than are read."""

import json
from typing import Any

Json = dict[str, Any]
BOUND_AT = "2026-11-24T08:00:00Z"


def make_container(name: str = "main", restart_policy: str | None = None, **resources: Json) -> Json:
    """``requests=`` and ``limits=`` as they are in the API."""
    container = {"name": name, "image": "example.test/app:1", "resources": resources}
    return container | ({"restartPolicy": restart_policy} if restart_policy else {})


def make_pod(name: str = "train", **parts: Any) -> Json:
    """A running pod with one GPU; ``parts`` replace what the object has by path: ``spec__nodeName="n2"``."""
    pod: Json = {
        "metadata": {
            "name": name,
            "namespace": "ml",
            "uid": f"uid-{name}",
            "creationTimestamp": "2026-11-24T07:59:00Z",
            "resourceVersion": "7",
            "labels": {"team": "vision"},
        },
        "spec": {
            "nodeName": "n1",
            "containers": [make_container(limits={"nvidia.com/gpu": "1", "cpu": "4"})],
            "tolerations": [{"operator": "Exists"}],
        },
        "status": {
            "phase": "Running",
            "startTime": "2026-11-24T08:00:05Z",
            "conditions": [make_condition("PodScheduled", "True", BOUND_AT)],
        },
    }
    return _with_parts(pod, parts)


def make_node(name: str = "n1", **parts: Any) -> Json:
    node: Json = {
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "creationTimestamp": "2026-11-01T00:00:00Z",
            "labels": {"node.kubernetes.io/instance-type": "p4d.24xlarge"},
        },
        "spec": {"providerID": "aws:///us-east-1a/i-1"},
        "status": {
            "capacity": {"cpu": "96", "memory": "1152Gi", "nvidia.com/gpu": "8"},
            "conditions": [make_condition("Ready", "True", "2026-11-01T00:01:00Z")],
        },
    }
    return _with_parts(node, parts)


def make_namespace(name: str = "ml", **labels: str) -> Json:
    return {"metadata": {"name": name, "uid": f"uid-{name}", "labels": labels}}


def make_condition(kind: str, status: str, since: str) -> Json:
    return {"type": kind, "status": status, "lastTransitionTime": since, "reason": "Because"}


def make_page(*items: Json, kind: str = "List", next_page: str = "") -> bytes:
    metadata = {"resourceVersion": "9"} | ({"continue": next_page} if next_page else {})
    return json.dumps({"kind": kind, "apiVersion": "v1", "metadata": metadata, "items": items}).encode()


def _with_parts(whole: Json, parts: Json) -> Json:
    for path, value in parts.items():
        *parents, last = path.split("__")
        place = whole
        for parent in parents:
            place = place[parent]
        place[last] = value
    return whole

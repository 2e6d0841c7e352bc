"""Events of core v1 about our own objects: what ``kubectl describe`` shows below them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gpucost.model.time import format_time
from gpucost.reports.build import Object
from gpucost.reports.naming import MANAGER
from gpucost.reports.storage.kube_client import CORE, KubeClient, Place
from gpucost.reports.storage.kube_errors import AlreadyExists

NAMESPACE_OF_CLUSTER_SCOPED = "default"
"""The API server takes events about objects without a namespace in no other."""
MOST_MESSAGE_CHARACTERS = 1024

_MOST_NAME_CHARACTERS = 230
_DIGEST_CHARACTERS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened to an object, once."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str
    key: str
    """What tells it apart from everything else that happens to the object: telling it again is no second event."""


def create_event(api: KubeClient, about: Object, happening: Happening, at: datetime) -> None:
    """Tell it of a cluster-scoped object, unless it was told already.

    Raises Refused, or SourceUnavailable.
    """
    place = Place("events", NAMESPACE_OF_CLUSTER_SCOPED, api=CORE)
    try:
        api.create(place, build_event(about, happening, at))
    except AlreadyExists:
        return


def build_event(about: Object, happening: Happening, at: datetime) -> Object:
    metadata = about["metadata"]
    moment = format_time(at)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": _name(metadata["name"], metadata["uid"], happening.key),
            "namespace": NAMESPACE_OF_CLUSTER_SCOPED,
        },
        "involvedObject": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
        },
        "type": happening.type,
        "reason": happening.reason,
        "message": happening.message[:MOST_MESSAGE_CHARACTERS],
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
        "source": {"component": MANAGER},
        "reportingComponent": MANAGER,
    }


def _name(name: str, uid: str, key: str) -> str:
    digest = hashlib.sha256(f"{uid}\n{key}".encode()).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{name[:_MOST_NAME_CHARACTERS].rstrip('-.')}.{digest}"

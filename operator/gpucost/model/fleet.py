"""What the Kubernetes API knows: nodes, pods, what they request, and labels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

GPU_RESOURCE = "nvidia.com/gpu"
MIG_RESOURCE_PREFIX = "nvidia.com/mig-"

INSTANCE_TYPE_LABELS = (
    "node.kubernetes.io/instance-type",
    "node.coreweave.cloud/type",
    "beta.kubernetes.io/instance-type",
)
"""The most telling first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    name: str
    uid: str
    created: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    capacity: Mapping[str, int] = field(default_factory=dict)
    """Extended resources only: name to count."""
    cpus: float = 0.0
    """Of its capacity; 0: not told."""
    memory_gib: float = 0.0
    """Likewise."""
    ready: bool = True
    schedulable: bool = True
    last_seen: datetime | None = None
    """The last look that listed a node which has ended; None: not known."""
    ended: datetime | None = None
    """Gone by then: the first look that missed it, or the creation of the next of its name; None: it is there."""

    @property
    def instance_types(self) -> tuple[str, ...]:
        """Names that price lists may know its type by, the most telling first."""
        return tuple(dict.fromkeys(self.labels[key] for key in INSTANCE_TYPE_LABELS if self.labels.get(key)))

    @property
    def instance_type(self) -> str:
        """Empty where no label tells."""
        return next(iter(self.instance_types), "")


@dataclass(frozen=True, slots=True)
class Request:
    """A container's claim on an extended resource."""

    container: str
    resource: str
    count: int


@dataclass(frozen=True, slots=True)
class Owner:
    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod that is or was bound to a node."""

    uid: str
    namespace: str
    name: str
    node: str
    labels: Mapping[str, str] = field(default_factory=dict)
    labels_sanitised: bool = False
    """True where label names come from a metric, with every odd character turned into ``_``."""
    owner: Owner | None = None
    requests: tuple[Request, ...] = ()
    bound: datetime | None = None
    """None: not known; telemetry alone says when it held what."""
    last_seen: datetime | None = None
    """The last look that listed a pod of which is known only that it was gone by ``ended``; None: no such pod."""
    ended: datetime | None = None
    """None: not known to have ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One look at the API, perhaps with what earlier looks had."""

    seen_at: datetime
    nodes: tuple[Node, ...]
    """Of two with one name, all but the youngest have ended."""
    pods: tuple[Pod, ...]
    """Only pods that request a GPU resource and are bound."""
    namespaces: Mapping[str, Mapping[str, str]]
    """Namespace to its labels."""
    uid: str = ""
    """Tells the cluster from others; empty: not known."""
    watched_since: datetime | None = None
    """What vanished after that is among ``nodes`` and ``pods`` all the same; None: this is the only look."""

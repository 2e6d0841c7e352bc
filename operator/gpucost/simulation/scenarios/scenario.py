"""What a scenario is: a cluster at some looks, what was scraped from it, and what is true about its cost.

All times are seconds from the start of the first window. Costs are amounts of the currency in one window.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from gpucost.model.time import Window, windows_between
from gpucost.simulation.scenarios.objects import (
    NodeSpec,
    PodSpec,
    make_uid,
    namespace_object,
    node_object,
    pod_object,
)
from gpucost.simulation.scenarios.rate_cards import RateCardSpec, rate_card_object
from gpucost.simulation.scenarios.series import Series

WINDOW = timedelta(minutes=5)
WINDOWS = 2
LOOK = 660
"""When the API is looked at: a minute after the last window."""

SYSTEM = "kube-system"
"""The namespace by whose uid a cluster is told from others."""

ALIASES = {"example.com/accelerator": "nvidia.com/gpu"}
"""What the configuration of every scenario says of other names of resources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What one pod owes in one window for what it holds on one node: of the device that is named, or of all."""

    node: str
    node_uid: str
    namespace: str
    pod: str
    cost: Fraction
    used: Fraction | None
    """None: not known."""
    unknown: Fraction = Fraction(0)
    """The part of ``cost`` for time in which use was not measured."""
    pod_uid: str = ""
    """Empty here and below: whichever."""
    uuid: str = ""
    gpu_instance_id: str = ""
    container: str = ""
    flags: frozenset[str] = frozenset()
    """All of them."""
    says: Mapping[str, str] = field(default_factory=dict)
    """Other columns of the row, by name: ``team``, ``workload``, ``sharing`` ..."""

    @property
    def idle(self) -> Fraction | None:
        return None if self.used is None else self.cost - self.used - self.unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTruth:
    """One node in one window: ``bill = sum of costs + unallocated + unobserved``."""

    node: str
    uid: str
    bill: Fraction
    charges: tuple[Charge, ...]
    unallocated: Fraction
    unobserved: Fraction = Fraction(0)
    reasons: Mapping[str, Fraction] | None = None
    """Of ``unallocated``; None: whichever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowTruth:
    nodes: tuple[NodeTruth, ...]
    notes: frozenset[str]
    """Types of conditions that must be told; no others may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    slug: str
    story: str
    """What it models, and which rule decides where that is not plain."""
    nodes: tuple[NodeSpec, ...]
    pods: tuple[PodSpec, ...]
    namespaces: Mapping[str, Mapping[str, str]]
    series: tuple[Series, ...]
    looks: tuple[int, ...]
    """The last is the one that figures are computed from; earlier ones are remembered."""
    matchers: tuple[str, ...]
    """That every selector must carry to see this scenario, and what of it is ours."""
    truth: tuple[WindowTruth, ...]
    rate_cards: tuple[RateCardSpec, ...] = ()
    configured: Mapping[str, Any] = field(default_factory=dict)
    """Keys of the configuration that are not as they stand by default."""

    @property
    def name(self) -> str:
        return self.slug.replace("-", " ")

    def windows(self, start: datetime) -> tuple[Window, ...]:
        return windows_between(start, start + WINDOWS * WINDOW, WINDOW)

    def lists_at(self, start: datetime, look: int) -> dict[str, list[dict[str, Any]]]:
        """``nodes``, ``pods`` and ``namespaces`` as the API lists them at a look."""
        nodes = [node for node in self.nodes if node.created <= look and not _is_gone(node.listed_until, look)]
        pods = [pod for pod in self.pods if pod.bound <= look and not _is_gone(pod.listed_until, look)]
        return {
            "nodes": [node_object(node, start) for node in nodes],
            "pods": [pod_object(pod, start, look) for pod in pods],
            "namespaces": [
                namespace_object(name, labels, make_uid(self.slug, name))
                for name, labels in {SYSTEM: {}, **self.namespaces}.items()
            ],
        }

    def rate_cards_at(self, start: datetime) -> list[dict[str, Any]]:
        """As the API lists them, in any order."""
        return [rate_card_object(card, start) for card in self.rate_cards]


def _is_gone(listed_until: int | None, look: int) -> bool:
    return listed_until is not None and listed_until <= look

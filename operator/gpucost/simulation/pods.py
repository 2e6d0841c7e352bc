"""What runs on the nodes: namespaces, pods, their owners, and who truly pays for them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gpucost.simulation.curves import Behaviour
from gpucost.simulation.hardware import Device

FINISHED_JOBS_STAY = timedelta(hours=2)
"""How long the API goes on listing a pod of a Job after its end; others go at once."""


@dataclass(frozen=True, slots=True)
class Payer:
    """Whom a pod belongs to, whatever its labels say."""

    team: str = "unassigned"
    product: str = "unassigned"
    cost_centre: str = "unassigned"
    environment: str = "unassigned"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedNamespace:
    name: str
    uid: str
    labels: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """The owner of a pod, and its own owner."""

    api_version: str
    kind: str
    name: str
    uid: str
    parent: "Controller | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedContainer:
    name: str
    devices: tuple[Device, ...]
    requests: dict[str, str]
    """Resource to quantity; of GPUs as many as ``devices``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPod:
    """One life of a pod: it holds its devices in (bound, ended], whole scrape intervals."""

    namespace: str
    name: str
    uid: str
    node: str
    labels: dict[str, str]
    owner: Controller | None
    payer: Payer
    workload: str
    """``Kind/name`` of the owner that a person made."""
    behaviour: Behaviour
    containers: tuple[SimulatedContainer, ...]
    bound: datetime
    ended: datetime | None = None
    """None: it has no planned end. May lie after the end of the simulation."""
    template: dict[str, str] = field(default_factory=dict)
    """The labels that its owner selects it by."""

    @property
    def listed_until(self) -> datetime | None:
        """Until when the API has it; None: without end."""
        if self.ended is not None and self.owner is not None and self.owner.kind == "Job":
            return self.ended + FINISHED_JOBS_STAY
        return self.ended

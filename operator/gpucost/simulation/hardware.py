"""What stands in the racks: nodes, cards, and the devices that a pod can hold."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A whole card or one MIG instance."""

    node: str
    uuid: str
    """Of the card."""
    gpu_instance_id: str
    """Empty for a whole card."""
    profile: str
    """``1g.5gb``; empty for a whole card."""
    total_mib: int
    """What the exporter's memory metrics add up to, always."""
    reserved_mib: int
    """The driver's part of it; 0 where the exporter does not print it."""

    @property
    def usable_mib(self) -> int:
        return self.total_mib - self.reserved_mib

    @property
    def resource(self) -> str:
        """The extended resource by which a pod asks for one."""
        return f"nvidia.com/mig-{self.profile}" if self.profile else "nvidia.com/gpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    index: int
    uuid: str
    pci_bus_id: str
    devices: tuple[Device, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuModel:
    name: str
    """As the driver prints it."""
    product: str
    """As GPU feature discovery prints it."""
    family: str
    compute_capability: tuple[int, int]
    memory_mib: int
    reserved_mib: int
    idle_watts: int
    most_watts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """The dcgm-exporter of one node."""

    pod: str
    address: str
    hostname_label: str
    """``Hostname``, or ``hostname`` on newer versions."""
    driver: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedNode:
    name: str
    uid: str
    created: datetime
    instance_type: str
    instance_id: str
    address: str
    cpus: int
    memory_gib: int
    hourly_rate: str
    """Decimal number, currency per hour."""
    rate_is_annotated: bool
    """True: a contract price, written on the node; False: its list price."""
    model: GpuModel | None = None
    """None: a node without GPUs."""
    exporter: Exporter | None = None
    cards: tuple[Card, ...] = ()

    @property
    def devices(self) -> tuple[Device, ...]:
        return tuple(device for card in self.cards for device in card.devices)

    @property
    def is_mig(self) -> bool:
        return any(device.profile for device in self.devices)

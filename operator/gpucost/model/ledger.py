"""The decided result of one window: every figure exact, every row named."""

from dataclasses import dataclass, field, fields

from gpucost.model.holdings import Note
from gpucost.model.money import HourTicks
from gpucost.model.time import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Sums: money in units of 1e-9 of the currency, hours (of a card unless said) in `HourTicks`.

    Exact integers, so adding is associative and a sum of sums is the sum.
    """

    cost: int = 0
    used_cost: int = 0
    idle_cost: int = 0
    unknown_use_cost: int = 0
    """``cost = used_cost + idle_cost + unknown_use_cost``."""
    estimated_cost: int = 0
    """The part of ``cost`` that rests on an estimated split or rate."""
    unallocated_share: int = 0
    """Its part of what nobody held on the node, as the policy has it; never inside ``cost``."""
    reserved_hours: HourTicks = 0
    used_hours: HourTicks = 0
    charged_hours: HourTicks = 0
    unpriced_hours: HourTicks = 0
    """Charged hours on nodes without a rate: not in ``cost``."""
    held_hours: HourTicks = 0
    """Hours of devices, whatever their size: what ``seen_hours`` is a part of."""
    seen_hours: HourTicks = 0
    memory_hours: HourTicks = 0
    """Card hours for which the memory ratio is known: the weight of ``memory_used_hours``."""
    memory_used_hours: HourTicks = 0
    compute_hours: HourTicks = 0
    compute_used_hours: HourTicks = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(**{name: getattr(self, name) + getattr(other, name) for name in FIGURES})

    @property
    def is_priced(self) -> bool:
        """Whether a part of it has a price; else ``cost`` is absent and not 0.

        A cost without an hour is a price: hours so short round to 0. So it is with the use.
        """
        return self.charged_hours > self.unpriced_hours or self.cost > 0

    @property
    def is_use_seen(self) -> bool:
        return self.seen_hours > 0 or self.used_cost > 0 or self.idle_cost > 0


FIGURES = tuple(entry.name for entry in fields(Figures))


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderLine:
    """What one container held of one device in the window."""

    namespace: str
    pod: str
    pod_uid: str
    container: str
    node: str
    uuid: str
    gpu_instance_id: str
    profile: str
    model: str
    sharing: str
    """``exclusive``, ``mig``, ``time-slicing``, ``mps`` or ``dra``."""
    team: str
    product: str
    cost_centre: str
    environment: str
    workload: str
    workload_type: str
    slice_share: float
    figures: Figures
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLine:
    """The bill of one node in the window; money in 1e-9, 0 where ``rate_e9`` is None.

    ``cost = allocated + sum(unallocated) + unobserved + host``, exactly.
    """

    node: str
    uid: str
    pool: str
    """Instance type, or ``unknown``."""
    rate_e9: int | None
    rate_source: str
    cost: int = 0
    allocated: int = 0
    unallocated: dict[str, int] = field(default_factory=dict)
    """By reason: ``free``, ``sliver``, ``cordoned``, ``notReady``."""
    unobserved: int = 0
    host: int = 0
    alive_hours: HourTicks = 0
    """Of the node; the others are of a card."""
    unallocated_hours: HourTicks = 0
    unobserved_hours: HourTicks = 0

    @property
    def residual(self) -> int:
        """What the parts miss of the bill; must be 0."""
        return self.cost - self.allocated - sum(self.unallocated.values()) - self.unobserved - self.host


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    window: Window
    currency: str
    holders: tuple[HolderLine, ...]
    nodes: tuple[NodeLine, ...]
    notes: tuple[Note, ...] = ()

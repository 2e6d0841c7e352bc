"""Who held which device in a window, as arrays: what the engine computes with."""

from dataclasses import dataclass

from gpucost.model.fleet import Node
from gpucost.model.rates import MissingRate, NodeRate
from gpucost.model.tenancy import Tenant
from gpucost.model.time import Window
from gpucost.model.usage import Bools, Device, Floats, Indices, Ints


@dataclass(frozen=True, kw_only=True)
class NodeBills:
    """Axis: n nodes."""

    cost_e9: Ints
    """(n,) node rate x life in the window; 0 where there is no rate."""
    gpu_cost_e9: Ints
    """(n,) the part of it that goes to the cards; the rest is the host line."""
    priced: Bools
    """(n,) False: no rate is known."""
    cards: Ints
    """(n,) physical cards, at least 1."""
    alive_hours: Floats
    """(n,) hours of the window that the node lived."""
    observed: Bools
    """(n,) False: neither telemetry nor the API can say who else held cards; what is left is unobserved."""


@dataclass(frozen=True, kw_only=True)
class Holdings:
    """One row per (holder, device). Axes: h rows, d devices. Rows are in ascending order of ``node``.

    Holders of shared devices of which nobody can tell who is on which hold a part of one device that stands for all of
    them: the pool.
    """

    bills: NodeBills
    device_node: Indices
    """(d,) index into the nodes."""
    slice_share: Floats
    """(d,) part of its card that the device is; 1 for a whole card, and of a pool the sum of its devices'."""
    device: Indices
    """(h,) index into the devices."""
    held_ratio: Floats
    """(h,) part of the node's life in the window for which the device was held."""
    slot_share: Floats
    """(h,) slots held / slots of the device or pool; 1 when exclusive."""
    seen_ratio: Floats
    """(h,) part of the held time for which use was measured, in [0, 1]."""
    memory_ratio: Floats
    """(h,) mean of the whole device that the holder used while it held; NaN: unknown.

    Of a shared device each holder has its part of what the device did, so held time x ratio adds up to that.
    """
    compute_ratio: Floats
    """(h,) likewise."""
    estimated: Bools
    """(h,) True where the split among holders of a device, or the device's share of its card, is an estimate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The names behind one row of `Holdings`."""

    namespace: str
    pod: str
    pod_uid: str
    container: str
    device: Device
    """Of a pool, and of a device that is not known, ``uuid`` is empty."""
    sharing: str
    """``exclusive``, ``mig``, ``time-slicing``, ``mps`` or ``dra``; of a slot of an instance one of the latter."""
    tenant: Tenant
    flags: tuple[str, ...] = ()
    """Words: ``labels-unknown``, ``reconstructed``, ``not-in-telemetry`` (its use is unknown), ``unknown-profile``,
    ``samples-dropped`` (some of its samples were no plausible numbers)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """The names behind one entry of `NodeBills`."""

    node: Node
    rate: NodeRate | MissingRate
    uncut_share: float
    """Cards' worth of MIG cards that no instance covers."""
    state_known: bool = True
    """False: ``node.ready`` and ``node.schedulable`` are of a later time than the window."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should know about a window: becomes a condition."""

    type: str
    reason: str
    subject: str
    message: str


@dataclass(frozen=True, kw_only=True)
class WindowHoldings:
    """Numbers and names of one window, in the same order."""

    window: Window
    holdings: Holdings
    holders: tuple[Holder, ...]
    nodes: tuple[NodeFacts, ...]
    notes: tuple[Note, ...]

"""What the engine found: what each row of `Holdings` and the rest of each node cost."""

from dataclasses import dataclass

from gpucost.model.usage import Bools, Ints


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """Axes: h holder rows, n nodes, in the order of `Holdings`. Costs in 1e-9 of the currency, hours in
    `HourTicks`.

    Exactly: by row ``cost = used_cost + idle_cost + unknown_use_cost``, none of them negative; by node
    ``bill = sum of cost + unallocated_cost + host_cost``, none of them negative.
    """

    cost: Ints
    """(h,)"""
    used_cost: Ints
    """(h,) never above ``cost``."""
    idle_cost: Ints
    """(h,) charged while use was measured, and not used."""
    unknown_use_cost: Ints
    """(h,) charged while use was not measured; all of ``cost`` where it never was."""
    reserved_hours: Ints
    """(h,) card hours, as the next two."""
    used_hours: Ints
    charged_hours: Ints
    held_hours: Ints
    """(h,) hours of the device, whatever its size, as the next."""
    seen_hours: Ints
    """(h,) hours for which the used ratio is known."""
    memory_hours: Ints
    """(h,) card hours for which the memory ratio is known: the weight of ``memory_used_hours``."""
    memory_used_hours: Ints
    compute_hours: Ints
    compute_used_hours: Ints
    capped: Bools
    """(h,) True where the claim did not fit: on its device, or all claims on the cards of the node."""
    allocated_cost: Ints
    """(n,) sum of ``cost``."""
    unallocated_cost: Ints
    """(n,) what no row is charged; unobserved where the node's bill says so."""
    unallocated_hours: Ints
    """(n,) card hours."""
    host_cost: Ints
    """(n,)"""

"""What everything truly costs, in closed form and exact fractions.

The rules are those of docs/how-it-computes.md; nothing here is shared with the code that computes reports, so that the
two can be held against each other.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from gpucost.model.time import Window
from gpucost.simulation.curves import FULL
from gpucost.simulation.fleet import Fleet, Hold
from gpucost.simulation.grid import Ticks
from gpucost.simulation.hardware import Card, Device
from gpucost.simulation.mig_profiles import A100_40GB, COMPUTE_SLICES, MEMORY_SLICES
from gpucost.simulation.series import Use, uses_of

_HOUR_TICKS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueLine:
    """What one container held of one device in one window. Shares are of a card over the whole window."""

    window: Window
    namespace: str
    pod: str
    pod_uid: str
    container: str
    team: str
    product: str
    cost_centre: str
    environment: str
    workload: str
    node: str
    uuid: str
    gpu_instance_id: str
    held: Fraction
    """Part of the window."""
    slice_share: Fraction
    memory_ratio: Fraction
    compute_ratio: Fraction
    reserved: Fraction
    used: Fraction
    charged: Fraction
    cost: Fraction
    """Currency, as are the other two."""
    used_cost: Fraction
    idle_cost: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueNode:
    """The bill of one node in one window: ``cost = allocated + unallocated + host``."""

    window: Window
    node: str
    cost: Fraction
    allocated: Fraction
    unallocated: Fraction
    host: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueFigures:
    cost: Fraction = Fraction(0)
    used_cost: Fraction = Fraction(0)
    idle_cost: Fraction = Fraction(0)

    def plus(self, line: TrueLine) -> "TrueFigures":
        return TrueFigures(
            cost=self.cost + line.cost,
            used_cost=self.used_cost + line.used_cost,
            idle_cost=self.idle_cost + line.idle_cost,
        )


@dataclass(frozen=True, slots=True)
class _CardPart:
    slice_share: Fraction
    hourly_cost: Fraction
    """Of the whole card."""


def true_lines(fleet: Fleet, windows: Sequence[Window]) -> list[TrueLine]:
    """Window by window, and in it node by node, device by device, holder by holder.

    Raises InputError where an edge of a window is off the scrape grid.
    """
    lines: list[list[TrueLine]] = [[] for _ in windows]
    if not windows:
        return []
    span = Ticks.spanning([Ticks.of_window(window) for window in windows])
    for device, part in _parts(fleet):
        for use in uses_of(fleet, device, span):
            if use.hold is None:
                continue
            for place, line in _lines_of_use(use, use.hold, windows, part):
                lines[place].append(line)
    return [line for own in lines for line in own]


def true_nodes(fleet: Fleet, windows: Sequence[Window]) -> list[TrueNode]:
    """The bills of the GPU nodes; a node without GPUs is not billed.

    Raises InputError where an edge of a window is off the scrape grid.
    """
    allocated: defaultdict[tuple[Window, str], Fraction] = defaultdict(Fraction)
    for line in true_lines(fleet, windows):
        allocated[line.window, line.node] += line.cost
    bills = []
    for window in windows:
        for node in fleet.gpu_nodes:
            cost = Fraction(node.hourly_rate) * _hours(window)
            own = allocated[window, node.name]
            bills.append(TrueNode(window=window, node=node.name, cost=cost, allocated=own, unallocated=cost - own))
    return bills


def true_totals(lines: Iterable[TrueLine]) -> dict[tuple[str, str], TrueFigures]:
    """(namespace, team) to its sums."""
    totals: dict[tuple[str, str], TrueFigures] = {}
    for line in lines:
        key = line.namespace, line.team
        totals[key] = totals.get(key, TrueFigures()).plus(line)
    return totals


def _parts(fleet: Fleet) -> Iterator[tuple[Device, _CardPart]]:
    for node in fleet.gpu_nodes:
        hourly_cost = Fraction(node.hourly_rate) / len(node.cards)
        for card in node.cards:
            for device, share in slice_shares(card).items():
                yield device, _CardPart(share, hourly_cost)


def slice_shares(card: Card) -> dict[Device, Fraction]:
    """The part of its card that each device keeps from others; together never more than the card."""
    dominant = {device: _dominant(device) for device in card.devices}
    claimed = sum(dominant.values(), Fraction(0))
    return {device: share / max(claimed, Fraction(1)) for device, share in dominant.items()}


def _dominant(device: Device) -> Fraction:
    if not device.profile:
        return Fraction(1)
    profile = A100_40GB[device.profile]
    return max(Fraction(profile.compute_slices, COMPUTE_SLICES), Fraction(profile.memory_slices, MEMORY_SLICES))


def _lines_of_use(use: Use, hold: Hold, windows: Sequence[Window], card: _CardPart) -> Iterator[tuple[int, TrueLine]]:
    """The lines of one holder of one device, with the place of their window."""
    memory, compute = (np.concatenate(([0], np.cumsum(values))) for values in (use.memory, use.compute))
    for place, window in enumerate(windows):
        whole = Ticks.of_window(window)
        held = whole & use.ticks
        samples = len(held)
        if not samples:
            continue
        first, last = held.before - use.ticks.before, held.last - use.ticks.before
        memory_ratio = Fraction(int(memory[last] - memory[first]), samples * use.device.total_mib)
        compute_ratio = Fraction(int(compute[last] - compute[first]), samples * FULL)
        reserved = card.slice_share * Fraction(samples, len(whole))
        used = reserved * min(max(memory_ratio, compute_ratio), Fraction(1))
        cost_of_card = card.hourly_cost * _hours(window)
        yield (
            place,
            TrueLine(
                window=window,
                namespace=hold.pod.namespace,
                pod=hold.pod.name,
                pod_uid=hold.pod.uid,
                container=hold.container,
                team=hold.pod.payer.team,
                product=hold.pod.payer.product,
                cost_centre=hold.pod.payer.cost_centre,
                environment=hold.pod.payer.environment,
                workload=hold.pod.workload,
                node=use.device.node,
                uuid=use.device.uuid,
                gpu_instance_id=use.device.gpu_instance_id,
                held=Fraction(samples, len(whole)),
                slice_share=card.slice_share,
                memory_ratio=memory_ratio,
                compute_ratio=compute_ratio,
                reserved=reserved,
                used=used,
                charged=reserved,
                cost=reserved * cost_of_card,
                used_cost=used * cost_of_card,
                idle_cost=(reserved - used) * cost_of_card,
            ),
        )


def _hours(window: Window) -> Fraction:
    return Fraction(len(Ticks.of_window(window)), _HOUR_TICKS)

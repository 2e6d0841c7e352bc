"""The rows of ``gpucost allocations``: every holder, and what nobody held; ``cost`` adds up to the node bill."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gpucost.model.ledger import HolderLine, Ledger, NodeLine
from gpucost.model.money import E9, HourTicks, format_e9, format_hours, format_ratio
from gpucost.model.time import Window, format_time
from gpucost.reports.charges import Totals, totals_of_row
from gpucost.reports.csv_text import Cell
from gpucost.reports.ledger import ESTIMATED, RATE_ESTIMATED
from gpucost.reports.statements import amount_or_none

COLUMNS = (
    "kind",
    "namespace",
    "pod",
    "podUid",
    "container",
    "node",
    "uuid",
    "gpuInstanceId",
    "profile",
    "sharing",
    "team",
    "product",
    "costCentre",
    "environment",
    "workload",
    "workloadType",
    "start",
    "end",
    "heldHours",
    "sliceShare",
    "reservedGpuHours",
    "usedGpuHours",
    "chargedGpuHours",
    "memoryRatio",
    "computeRatio",
    "cost",
    "usedCost",
    "idleCost",
    "unknownUseCost",
    "currency",
    "coverage",
    "estimated",
    "flags",
)
"""Of every row, in this order: other people's scripts depend on it."""

Row = dict[str, Cell]

_HELD_BY = (
    "namespace",
    "pod",
    "pod_uid",
    "container",
    "node",
    "uuid",
    "gpu_instance_id",
    "profile",
    "sharing",
    "team",
    "product",
    "cost_centre",
    "environment",
    "workload",
    "workload_type",
)
"""What tells rows apart: a pod that is relabelled in the interval has a row for either team."""


@dataclass(slots=True)
class _HolderSum:
    line: HolderLine
    start: datetime
    end: datetime
    totals: Totals = field(default_factory=Totals)
    flags: dict[str, None] = field(default_factory=dict)

    def add(self, line: HolderLine, window: Window) -> None:
        self.line, self.end = line, window.end
        self.totals += totals_of_row(line.figures)
        self.flags.update(dict.fromkeys(line.flags))


@dataclass(slots=True)
class _NodeSum:
    node: str
    start: datetime
    end: datetime
    priced: bool = False
    reasons: dict[str, int] = field(default_factory=dict)
    unobserved: int = 0
    host: int = 0
    unallocated_hours: HourTicks = 0
    unobserved_hours: HourTicks = 0

    def add(self, line: NodeLine, window: Window) -> None:
        self.end = window.end
        self.priced = self.priced or line.rate_e9 is not None
        for reason, cost in line.unallocated.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + cost
        self.unobserved += line.unobserved
        self.host += line.host
        self.unallocated_hours += line.unallocated_hours
        self.unobserved_hours += line.unobserved_hours


def allocation_rows(ledgers: Sequence[Ledger]) -> list[Row]:
    """One row per holder (container, device) over all the ledgers, and per node one for what nobody held.

    Rows of a node for its host part and for what was not observed stand only where there is such. Money and hours are
    decimal strings with nine decimals, ratios with six; unknown is None. Hours that nobody held stand in
    ``chargedGpuHours``, so that this column, like ``cost``, adds up to the whole of the node's cards.
    """
    holders: dict[tuple[str, ...], _HolderSum] = {}
    nodes: dict[tuple[str, str], _NodeSum] = {}
    for ledger in ledgers:
        window = ledger.window
        for holder in ledger.holders:
            key = tuple(getattr(holder, name) for name in _HELD_BY)
            holders.setdefault(key, _HolderSum(holder, window.start, window.end)).add(holder, window)
        for node in ledger.nodes:
            nodes.setdefault((node.node, node.uid), _NodeSum(node.node, window.start, window.end)).add(node, window)
    currency = ledgers[0].currency if ledgers else ""
    return [_holder_row(holders[key], currency) for key in sorted(holders)] + [
        row for key in sorted(nodes) for row in _node_rows(nodes[key], currency)
    ]


def allocation_rows_by_window(ledgers: Iterable[Ledger]) -> Iterator[Row]:
    """The same with one row a window, window by window."""
    for ledger in ledgers:
        yield from allocation_rows([ledger])


def _holder_row(held: _HolderSum, currency: str) -> Row:
    line, figures, charge = held.line, held.totals.figures, held.totals.charge
    return {
        "kind": "holder",
        "namespace": line.namespace,
        "pod": line.pod,
        "podUid": line.pod_uid or None,
        "container": line.container,
        "node": line.node,
        "uuid": line.uuid or None,
        "gpuInstanceId": line.gpu_instance_id,
        "profile": line.profile,
        "sharing": line.sharing,
        "team": line.team,
        "product": line.product,
        "costCentre": line.cost_centre,
        "environment": line.environment,
        "workload": line.workload,
        "workloadType": line.workload_type,
        "start": format_time(held.start),
        "end": format_time(held.end),
        "heldHours": format_hours(figures.held_hours),
        "sliceShare": format_e9(round(line.slice_share * E9)),
        "reservedGpuHours": format_hours(figures.reserved_hours),
        "usedGpuHours": format_hours(figures.used_hours) if figures.is_use_seen else None,
        "chargedGpuHours": format_hours(figures.charged_hours),
        "memoryRatio": format_ratio(figures.memory_used_hours, figures.memory_hours),
        "computeRatio": format_ratio(figures.compute_used_hours, figures.compute_hours),
        "cost": amount_or_none(charge.cost),
        "usedCost": amount_or_none(charge.used_cost),
        "idleCost": amount_or_none(charge.idle_cost),
        "unknownUseCost": amount_or_none(charge.unknown_use_cost),
        "currency": currency,
        "coverage": format_ratio(figures.seen_hours, figures.held_hours),
        "estimated": ESTIMATED in held.flags or RATE_ESTIMATED in held.flags,
        "flags": list(held.flags),
    }


def _node_rows(node: _NodeSum, currency: str) -> Iterator[Row]:
    reasons = [reason for reason, cost in node.reasons.items() if cost]
    unallocated = sum(node.reasons.values())
    common: Row = {
        "node": node.node,
        "start": format_time(node.start),
        "end": format_time(node.end),
        "currency": currency,
        "estimated": False,
        "flags": [],
    }

    def row(kind: str, cost: int, **more: Cell) -> Row:
        known = {**common, "kind": kind, "cost": format_e9(cost) if node.priced else None, **more}
        return {column: known.get(column) for column in COLUMNS}

    yield row("unallocated", unallocated, chargedGpuHours=format_hours(node.unallocated_hours), flags=reasons)
    if node.unobserved or node.unobserved_hours:
        yield row("unobserved", node.unobserved, chargedGpuHours=format_hours(node.unobserved_hours))
    if node.host:
        yield row("host", node.host)

"""Bring a ClusterGpuCostReport forward by one record; as `gpucost.reports.fold` does a team's."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from gpucost.model.money import HourTicks, format_e9, format_hours, format_ratio, parse_e9, parse_hours
from gpucost.model.tenancy import UNASSIGNED
from gpucost.model.time import Period, format_time
from gpucost.reports.charges import Charge, Totals, add_known
from gpucost.reports.conditions import add_concerns, findings_of, residual_finding, update_conditions
from gpucost.reports.digest import seal
from gpucost.reports.fold import OPEN, check_period, follows
from gpucost.reports.list_room import ROOM_OF_THE_CLUSTER as _ROOM
from gpucost.reports.list_room import Room
from gpucost.reports.record import RecordNode, WindowRecord
from gpucost.reports.resources.cluster_gpu_cost_report import Bill, ClusterReportStatus, ClusterReportSummary, Reason
from gpucost.reports.resources.fields import Concern
from gpucost.reports.statements import (
    add_entries,
    add_rates,
    amount_or_none,
    basis,
    efficiency,
    fold_names,
    gpu_hours,
    parse_or_none,
    totals_in,
)
from gpucost.reports.words import in_percent, in_short


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A node bill and its parts, money in units of 1e-9; ``cost`` None: there is no rate."""

    cost: int | None = None
    allocated: int = 0
    unallocated: int = 0
    unobserved: int = 0
    host: int = 0
    node_hours: HourTicks = 0

    def __add__(self, other: "Parts") -> "Parts":
        return Parts(
            cost=add_known(self.cost, other.cost),
            allocated=self.allocated + other.allocated,
            unallocated=self.unallocated + other.unallocated,
            unobserved=self.unobserved + other.unobserved,
            host=self.host + other.host,
            node_hours=self.node_hours + other.node_hours,
        )

    @property
    def residual(self) -> int:
        return (self.cost or 0) - self.allocated - self.unallocated - self.unobserved - self.host


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedToCluster:
    """What comes to a ClusterGpuCostReport: of a record, or of a Day to its Month."""

    windows: int
    last_window_end: datetime
    totals: Totals
    """Of all teams."""
    bill: Parts
    """Of all nodes; its ``allocated`` is not looked at."""
    unassigned: int
    """Cost of pods without a team, in units of 1e-9."""
    reasons: Iterable[tuple[str, int]]
    pools: Iterable[tuple[str, Parts]]
    nodes: Iterable[tuple[str, Parts]]
    teams: Iterable[tuple[str, Charge]]
    namespaces: Iterable[tuple[str, Charge]]
    rates: Iterable[tuple[str, HourTicks]]
    """Sources, and hours of a node."""
    concerns: tuple[Concern, ...]
    """Those of the report from then on."""


def fold_cluster(
    status: ClusterReportStatus | None, record: WindowRecord, period: Period, *, now: datetime
) -> ClusterReportStatus:
    """The status with all of the record added; as `gpucost.reports.fold.fold_report`."""
    check_period(record, period)
    if status is None or follows(status, record):
        concerns = add_concerns(status.concerns if status else (), record.notes)
        status = seal(add_to_cluster(status, _added(record, concerns), now))
    return status


def add_to_cluster(status: ClusterReportStatus | None, added: AddedToCluster, now: datetime) -> ClusterReportStatus:
    """The status, Open and without a digest, with what comes to it."""
    totals = added.totals + (totals_in(status) if status else Totals())
    figures, charge = totals.figures, totals.charge
    bill = added.bill + (parts_in(status) if status else Parts())
    parts = replace(bill, allocated=figures.cost)  # what the teams pay, so that the residual shows where nodes differ
    unassigned = added.unassigned + (parse_e9(status.unassigned_cost) if status else 0)
    findings = [residual_finding(parts.residual), *findings_of(added.concerns, figures)]
    return ClusterReportStatus(
        phase=OPEN,
        last_window_end=format_time(added.last_window_end),
        windows=added.windows + (status.windows if status else 0),
        node_cost=amount_or_none(parts.cost),
        allocated=format_e9(parts.allocated),
        unallocated=format_e9(parts.unallocated),
        unobserved=format_e9(parts.unobserved),
        host=format_e9(parts.host),
        residual=format_e9(parts.residual),
        used_cost=amount_or_none(charge.used_cost),
        idle_cost=amount_or_none(charge.idle_cost),
        unknown_use_cost=amount_or_none(charge.unknown_use_cost),
        estimated_cost=format_e9(figures.estimated_cost),
        gpu_hours=gpu_hours(figures),
        unpriced_gpu_hours=format_hours(figures.unpriced_hours),
        efficiency=efficiency(charge),
        memory_ratio=format_ratio(figures.memory_used_hours, figures.memory_hours),
        compute_ratio=format_ratio(figures.compute_used_hours, figures.compute_hours),
        coverage=format_ratio(figures.seen_hours, figures.held_hours),
        unassigned_cost=format_e9(unassigned),
        unassigned_ratio=format_ratio(unassigned, parts.allocated),
        basis=basis(figures),
        summary=_summary(parts, totals, unassigned),
        unallocated_by_reason=_reasons(status.unallocated_by_reason if status else (), added.reasons),
        by_node_pool=_bills(status.by_node_pool if status else (), added.pools, _ROOM["by_node_pool"]),
        by_node=_bills(status.by_node if status else (), added.nodes, _ROOM["by_node"]),
        by_team=add_entries(status.by_team if status else (), added.teams, _ROOM["by_team"]),
        by_namespace=add_entries(status.by_namespace if status else (), added.namespaces, _ROOM["by_namespace"]),
        rates=add_rates(status.rates if status else (), added.rates, _ROOM["rates"]),
        adjustments=status.adjustments if status else None,
        concerns=added.concerns,
        conditions=update_conditions(status.conditions if status else (), findings, now),
    )


def _added(record: WindowRecord, concerns: tuple[Concern, ...]) -> AddedToCluster:
    nodes = [(node, _parts_of(node)) for node in record.nodes]
    return AddedToCluster(
        windows=record.windows,
        last_window_end=record.end,
        totals=sum((group.totals for group in record.groups), Totals()),
        bill=sum((parts for _, parts in nodes), Parts()),
        unassigned=sum(group.totals.figures.cost for group in record.groups if group.team == UNASSIGNED),
        reasons=[entry for node in record.nodes for entry in node.unallocated.items()],
        pools=[(node.pool, parts) for node, parts in nodes],
        nodes=[(node.node, parts) for node, parts in nodes],
        teams=[(group.team, group.totals.charge) for group in record.groups],
        namespaces=[(group.namespace, group.totals.charge) for group in record.groups],
        rates=[(rate.source, rate.node_hours) for rate in record.rates],
        concerns=concerns,
    )


def parts_in(status: ClusterReportStatus) -> Parts:
    return Parts(
        cost=parse_or_none(status.node_cost),
        unallocated=parse_e9(status.unallocated),
        unobserved=parse_e9(status.unobserved),
        host=parse_e9(status.host),
    )


def bills_in(bills: Iterable[Bill]) -> Iterator[tuple[str, Parts]]:
    return ((bill.name, _parts_in(bill)) for bill in bills)


def reasons_in(reasons: Iterable[Reason]) -> Iterator[tuple[str, int]]:
    return ((reason.name, parse_e9(reason.cost)) for reason in reasons)


def _parts_of(node: RecordNode) -> Parts:
    return Parts(
        cost=node.cost,
        allocated=node.allocated,
        unallocated=sum(node.unallocated.values()),
        unobserved=node.unobserved,
        host=node.host,
        node_hours=node.alive_hours,
    )


def _bills(bills: Iterable[Bill], added: Iterable[tuple[str, Parts]], room: Room) -> tuple[Bill, ...]:
    parts = fold_names(dict(bills_in(bills)), added, room)
    return tuple(
        Bill(
            name=name,
            node_cost=amount_or_none(part.cost),
            allocated=format_e9(part.allocated),
            unallocated=format_e9(part.unallocated),
            unobserved=format_e9(part.unobserved),
            host=format_e9(part.host),
            residual=format_e9(part.residual),
            node_hours=format_hours(part.node_hours),
        )
        for name, part in parts.items()
    )


def _parts_in(bill: Bill) -> Parts:
    return Parts(
        cost=parse_or_none(bill.node_cost),
        allocated=parse_e9(bill.allocated),
        unallocated=parse_e9(bill.unallocated),
        unobserved=parse_e9(bill.unobserved),
        host=parse_e9(bill.host),
        node_hours=parse_hours(bill.node_hours),
    )


def _reasons(reasons: Iterable[Reason], added: Iterable[tuple[str, int]]) -> tuple[Reason, ...]:
    costs = fold_names(dict(reasons_in(reasons)), added, _ROOM["unallocated_by_reason"])
    return tuple(Reason(name=reason, cost=format_e9(cost)) for reason, cost in costs.items())


def _summary(parts: Parts, totals: Totals, unassigned: int) -> ClusterReportSummary:
    figures, charge = totals.figures, totals.charge
    return ClusterReportSummary(
        node_cost=in_short(parts.cost),
        allocated=in_short(parts.allocated),
        used_cost=in_short(charge.used_cost),
        unallocated=in_short(parts.unallocated),
        unobserved=in_short(parts.unobserved),
        host=in_short(parts.host),
        unassigned=in_percent(unassigned, parts.allocated),
        coverage=in_percent(figures.seen_hours, figures.held_hours),
    )

"""Bring a GpuCostReport forward by one record.

The status is the only memory: what it says is read back, the record is added, and all is written out anew.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gpucost.model.money import HourTicks, format_e9, format_hours, format_ratio, hours_to_e9
from gpucost.model.tenancy import UNASSIGNED
from gpucost.model.time import Period, format_time, parse_time
from gpucost.reports.charges import Charge, Totals
from gpucost.reports.conditions import add_concerns, findings_of, update_conditions
from gpucost.reports.digest import Status, seal
from gpucost.reports.list_room import ROOM_OF_A_TEAM
from gpucost.reports.record import Group, RecordGroup, WindowRecord
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.fields import Concern, Entry, Summary
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from gpucost.reports.statements import (
    add_entries,
    add_rates,
    amount_or_none,
    basis,
    efficiency,
    efficiency_parts,
    gpu_hours,
    totals_in,
)
from gpucost.reports.tally import NAME_IN_LIST
from gpucost.reports.words import in_percent, in_short

OPEN = "Open"
FINAL = "Final"


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What comes to a report: of a record, or of a Day to its Month."""

    windows: int
    last_window_end: datetime
    totals: Totals
    lists: Mapping[str, Iterable[tuple[str, Charge]]]
    """By the name of the list in the status."""
    rates: Iterable[tuple[str, HourTicks]]
    """Sources, and hours of a node."""
    concerns: tuple[Concern, ...]
    """Those of the report from then on."""


def fold_report(
    status: ReportStatus | None, record: WindowRecord, group: Group, period: Period, *, now: datetime
) -> ReportStatus:
    """The status with the record's figures of ``group`` added.

    A record that does not follow adds nothing: it is in already. ``now`` becomes the time of conditions that change.
    Raises ValueError where the record does not lie in the period, or there is nothing to report: no status, and the
    group not in the record.
    """
    check_period(record, period)
    entry = record.find(group)
    if entry is not None and follows(status, record):
        concerns = add_concerns(status.concerns if status else (), entry.notes)
        status = seal(add_figures(status, _added(entry, concerns), now))
    if status is None:
        raise ValueError(f"team {group[1]} held nothing in namespace {group[0]} in the record, and has no report")
    return status


def follows(status: ReportStatus | ClusterReportStatus | None, record: WindowRecord) -> bool:
    """Whether the status may take the record: it is open, and holds none of its windows."""
    if status is None:
        return True
    return status.phase != FINAL and record.start >= parse_time(status.last_window_end)


def close(status: Status) -> Status:
    """The status as the last word on its period."""
    return status if status.phase == FINAL else seal(status.model_copy(update={"phase": FINAL}))


def check_period(record: WindowRecord, period: Period) -> None:
    if record.start < period.start or record.end > period.end:
        raise ValueError(
            f"the record {format_time(record.start)} - {format_time(record.end)} is not in the period {period.name}"
        )


def add_figures(status: ReportStatus | None, added: Added, now: datetime) -> ReportStatus:
    """The status, Open and without a digest, with what comes to it."""
    totals = added.totals + (totals_in(status) if status else Totals())
    figures, charge = totals.figures, totals.charge
    lists: dict[str, Any] = {
        name: add_entries(getattr(status, name) if status else (), added.lists[name], ROOM_OF_A_TEAM[name])
        for name in NAME_IN_LIST
    }
    findings = findings_of(added.concerns, figures)
    return ReportStatus(
        phase=OPEN,
        last_window_end=format_time(added.last_window_end),
        windows=added.windows + (status.windows if status else 0),
        cost=amount_or_none(charge.cost),
        used_cost=amount_or_none(charge.used_cost),
        idle_cost=amount_or_none(charge.idle_cost),
        unknown_use_cost=amount_or_none(charge.unknown_use_cost),
        estimated_cost=format_e9(figures.estimated_cost),
        unallocated_share=format_e9(figures.unallocated_share),
        gpu_hours=gpu_hours(figures),
        efficiency=efficiency(charge),
        memory_ratio=format_ratio(figures.memory_used_hours, figures.memory_hours),
        compute_ratio=format_ratio(figures.compute_used_hours, figures.compute_hours),
        coverage=format_ratio(figures.seen_hours, figures.held_hours),
        unpriced_gpu_hours=format_hours(figures.unpriced_hours),
        products=_count_products(lists["by_product"]),
        basis=basis(figures),
        summary=_summary(totals),
        rates=add_rates(status.rates if status else (), added.rates, ROOM_OF_A_TEAM["rates"]),
        adjustments=status.adjustments if status else None,
        concerns=added.concerns,
        conditions=update_conditions(status.conditions if status else (), findings, now),
        **lists,
    )


def _added(entry: RecordGroup, concerns: tuple[Concern, ...]) -> Added:
    return Added(
        windows=entry.windows,
        last_window_end=entry.last_window_end,
        totals=entry.totals,
        lists={name: [(each.name, each.charge) for each in entries] for name, entries in entry.lists.items()},
        rates=[(rate.source, rate.node_hours) for rate in entry.rates],
        concerns=concerns,
    )


def _count_products(entries: Iterable[Entry]) -> int:
    """What has no product label is no product; ``other`` counts once, for how many it holds is not known."""
    return sum(entry.name != UNASSIGNED for entry in entries)


def _summary(totals: Totals) -> Summary:
    figures, charge = totals.figures, totals.charge
    return Summary(
        cost=in_short(charge.cost),
        used_cost=in_short(charge.used_cost),
        idle_cost=in_short(charge.idle_cost),
        gpu_hours=in_short(hours_to_e9(charge.charged_hours)),
        efficiency=in_percent(*efficiency_parts(charge)),
        coverage=in_percent(figures.seen_hours, figures.held_hours),
        estimated=in_short(figures.estimated_cost),
    )

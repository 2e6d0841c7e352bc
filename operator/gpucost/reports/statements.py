"""Between the exact integers of a record and the decimal strings of a status, in both directions."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol, Self, TypeVar

from gpucost.model.ledger import Figures
from gpucost.model.money import HourTicks, format_e9, format_hours, format_ratio, parse_e9, parse_hours
from gpucost.reports.charges import Charge, Totals
from gpucost.reports.list_room import Filling, Room
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.fields import OTHER, Basis, Entry, GpuHours, RateUse
from gpucost.reports.resources.gpu_cost_report import ReportStatus


class _Addable(Protocol):
    def __add__(self, other: Self, /) -> Self: ...


Sum = TypeVar("Sum", bound=_Addable)


def amount_or_none(amount_e9: int | None) -> str | None:
    return None if amount_e9 is None else format_e9(amount_e9)


def parse_or_none(text: str | None) -> int | None:
    return None if text is None else parse_e9(text)


def totals_in(status: ReportStatus | ClusterReportStatus) -> Totals:
    """What the status says of its whole: the inverse of the functions below."""
    cost = status.cost if isinstance(status, ReportStatus) else status.allocated
    hours, basis = status.gpu_hours, status.basis
    figures = Figures(
        cost=parse_e9(cost or "0"),
        used_cost=parse_e9(status.used_cost or "0"),
        idle_cost=parse_e9(status.idle_cost or "0"),
        unknown_use_cost=parse_e9(status.unknown_use_cost or "0"),
        estimated_cost=parse_e9(status.estimated_cost),
        unallocated_share=parse_e9(status.unallocated_share) if isinstance(status, ReportStatus) else 0,
        reserved_hours=parse_hours(hours.reserved),
        used_hours=parse_hours(hours.used or "0"),
        charged_hours=parse_hours(hours.charged),
        unpriced_hours=parse_hours(hours.unpriced),
        held_hours=parse_hours(basis.held_hours),
        seen_hours=parse_hours(basis.seen_hours),
        memory_hours=parse_hours(basis.memory_hours),
        memory_used_hours=parse_hours(basis.memory_used_hours),
        compute_hours=parse_hours(basis.compute_hours),
        compute_used_hours=parse_hours(basis.compute_used_hours),
    )
    return Totals(figures=figures, use_priced=status.used_cost is not None)


def gpu_hours(figures: Figures) -> GpuHours:
    return GpuHours(
        reserved=format_hours(figures.reserved_hours),
        used=format_hours(figures.used_hours) if figures.is_use_seen else None,
        charged=format_hours(figures.charged_hours),
        unpriced=format_hours(figures.unpriced_hours),
    )


def basis(figures: Figures) -> Basis:
    return Basis(
        held_hours=format_hours(figures.held_hours),
        seen_hours=format_hours(figures.seen_hours),
        memory_hours=format_hours(figures.memory_hours),
        memory_used_hours=format_hours(figures.memory_used_hours),
        compute_hours=format_hours(figures.compute_hours),
        compute_used_hours=format_hours(figures.compute_used_hours),
    )


def efficiency_parts(charge: Charge) -> tuple[int, int]:
    """(used, used + idle); (0, 0) where use is unknown."""
    if charge.used_cost is None or charge.idle_cost is None:
        return 0, 0
    return charge.used_cost, charge.used_cost + charge.idle_cost


def efficiency(charge: Charge) -> str | None:
    return format_ratio(*efficiency_parts(charge))


def add_entries(entries: Iterable[Entry], added: Iterable[tuple[str, Charge]], room: Room) -> tuple[Entry, ...]:
    """One breakdown list brought forward."""
    charges = fold_names(dict(charges_in(entries)), added, room)
    return tuple(_entry(name, charge) for name, charge in charges.items())


def charges_in(entries: Iterable[Entry]) -> Iterator[tuple[str, Charge]]:
    return ((entry.name, _charge_in(entry)) for entry in entries)


def add_rates(rates: Iterable[RateUse], added: Iterable[tuple[str, HourTicks]], room: Room) -> tuple[RateUse, ...]:
    """``added``: sources, and for how many hours of a node they were used."""
    hours = fold_names(dict(rate_hours_in(rates)), added, room)
    return tuple(RateUse(source=source, node_hours=format_hours(total)) for source, total in hours.items())


def rate_hours_in(rates: Iterable[RateUse]) -> Iterator[tuple[str, HourTicks]]:
    return ((rate.source, parse_hours(rate.node_hours)) for rate in rates)


def fold_names(known: Mapping[str, Sum], added: Iterable[tuple[str, Sum]], room: Room) -> dict[str, Sum]:
    """Add by name, names in order of first coming; a name that comes to a full list counts in `OTHER`, the last."""
    sums = dict(known)
    other = [sums.pop(OTHER)] if OTHER in sums else []
    filling: Filling | None = None
    for name, amount in added:
        if name in sums:
            sums[name] = sums[name] + amount
            continue
        filling = filling or Filling(room, sums)
        if name != OTHER and filling.take(name):
            sums[name] = amount
        else:
            other = [other[0] + amount if other else amount]
    return {**sums, OTHER: other[0]} if other else sums


def _charge_in(entry: Entry) -> Charge:
    return Charge(
        cost=parse_or_none(entry.cost),
        used_cost=parse_or_none(entry.used_cost),
        idle_cost=parse_or_none(entry.idle_cost),
        unknown_use_cost=parse_or_none(entry.unknown_use_cost),
        charged_hours=parse_hours(entry.gpu_hours),
    )


def _entry(name: str, charge: Charge) -> Entry:
    return Entry(
        name=name,
        cost=amount_or_none(charge.cost),
        used_cost=amount_or_none(charge.used_cost),
        idle_cost=amount_or_none(charge.idle_cost),
        unknown_use_cost=amount_or_none(charge.unknown_use_cost),
        gpu_hours=format_hours(charge.charged_hours),
    )

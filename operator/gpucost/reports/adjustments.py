"""A status with other prices in it: what rests on rates is exchanged, a line says so, and all else stays as decided."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from pydantic.alias_generators import to_camel

from gpucost.model.money import format_e9, parse_e9
from gpucost.model.time import format_time
from gpucost.reports.conditions import (
    PRICE_IGNORED,
    RATE_MISSING,
    RATES_ESTIMATED,
    Finding,
    findings_of,
    residual_finding,
    update_conditions,
)
from gpucost.reports.digest import Status, digest_of, seal
from gpucost.reports.resources.cluster_gpu_cost_report import Bill, ClusterReportStatus
from gpucost.reports.resources.fields import MOST_ADJUSTMENTS, Adjustment, Concern, Entry
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from gpucost.reports.statements import totals_in
from gpucost.reports.tally import NAME_IN_LIST

EARLIER = "Earlier adjustments, summed."
"""Reason of the line in which older ones are summed."""

_OF_RATES = frozenset({RATE_MISSING, RATES_ESTIMATED, PRICE_IGNORED})
"""Types of concerns, and of their conditions."""
_LISTS_OF_A_TEAM = tuple(NAME_IN_LIST)
_LISTS_OF_THE_CLUSTER = ("by_team", "by_namespace", "by_node", "by_node_pool")


def adjusted(recorded: Status, recomputed: Status, *, reason: str, now: datetime) -> Status:
    """``recorded`` with the prices of ``recomputed``, sealed, and with a line that says so.

    Itself where no figure changes. Both must be of the same windows, and differ in nothing that `what_else_differs`
    would tell.
    """
    kept = {name: getattr(recorded, name) for name in ("phase", "concerns", "conditions", "adjustments")}
    priced = recomputed.model_copy(update=kept)
    if digest_of(priced) == digest_of(recorded):
        return recorded
    before, after = cost_in(recorded), cost_in(recomputed)
    line = Adjustment(
        time=format_time(now),
        reason=reason,
        window_end=recorded.last_window_end,
        cost_before=before,
        cost_after=after,
        cost_difference=_difference(before, after),
        used_cost_difference=_difference(recorded.used_cost, recomputed.used_cost),
    )
    lines = _bounded((*(recorded.adjustments or ()), line))
    return seal(_with_concerns(priced, recomputed.concerns, now).model_copy(update={"adjustments": lines}))


def cost_in(status: ReportStatus | ClusterReportStatus) -> str | None:
    """What the status is about: a team's cost, or the node bill."""
    return status.cost if isinstance(status, ReportStatus) else status.node_cost


def what_else_differs(
    recorded: ReportStatus | ClusterReportStatus, recomputed: ReportStatus | ClusterReportStatus
) -> tuple[str, ...]:
    """What differs though it does not rest on rates, a few words each; nothing where only the prices may."""
    return tuple(_differences(recorded, recomputed))


def _difference(before: str | None, after: str | None) -> str:
    return format_e9(parse_e9(after or "0") - parse_e9(before or "0"))


def _bounded(lines: Sequence[Adjustment]) -> tuple[Adjustment, ...]:
    merged, kept = lines[: -MOST_ADJUSTMENTS + 1], lines[-MOST_ADJUSTMENTS + 1 :]
    if len(merged) <= 1:
        return tuple(lines)
    earlier = merged[-1].model_copy(
        update={
            "reason": EARLIER,
            "cost_before": None,
            "cost_after": None,
            "cost_difference": format_e9(sum(parse_e9(line.cost_difference) for line in merged)),
            "used_cost_difference": format_e9(sum(parse_e9(line.used_cost_difference) for line in merged)),
        }
    )
    return (earlier, *kept)


def _with_concerns(status: Status, recomputed: Iterable[Concern], now: datetime) -> Status:
    """Of concerns about rates those of the recomputation, with their conditions; all others speak of what stays."""
    concerns = (
        *(each for each in status.concerns if each.type not in _OF_RATES),
        *(each for each in recomputed if each.type in _OF_RATES),
    )
    findings = _findings(status, concerns)
    told = {finding.type for finding in findings}
    conditions = [each for each in status.conditions if each.type in told or each.type not in _OF_RATES]
    return status.model_copy(update={"concerns": concerns, "conditions": update_conditions(conditions, findings, now)})


def _findings(status: ReportStatus | ClusterReportStatus, concerns: Sequence[Concern]) -> list[Finding]:
    found = findings_of(concerns, totals_in(status).figures)
    return found if isinstance(status, ReportStatus) else [residual_finding(parse_e9(status.residual)), *found]


def _differences(
    recorded: ReportStatus | ClusterReportStatus, recomputed: ReportStatus | ClusterReportStatus
) -> Iterator[str]:
    old, new = recorded.basis, recomputed.basis
    if (recorded.windows, recorded.last_window_end) != (recomputed.windows, recomputed.last_window_end):
        yield f"{recorded.windows} windows are recorded and {recomputed.windows} are known now"
    hours = recorded.gpu_hours, recomputed.gpu_hours
    if len({(each.reserved, each.charged) for each in hours}) > 1 or old.held_hours != new.held_hours:
        yield f"GPU-hours differ, {hours[0].charged} recorded and {hours[1].charged} now"
    if old.seen_hours != new.seen_hours:
        yield f"telemetry knows {'less' if parse_e9(new.seen_hours) < parse_e9(old.seen_hours) else 'more'} than it did"
    elif old != new or len({each.used or "" for each in hours}) > 1:
        yield "the measured use differs"
    names = _LISTS_OF_A_TEAM if isinstance(recorded, ReportStatus) else _LISTS_OF_THE_CLUSTER
    for name in names:
        if _hours_by_name(getattr(recorded, name)) != _hours_by_name(getattr(recomputed, name)):
            yield f"hours in {to_camel(name)} differ"
    if isinstance(recorded, ClusterReportStatus) and isinstance(recomputed, ClusterReportStatus):
        yield from _difference_in_view(recorded, recomputed)


def _hours_by_name(entries: Iterable[Entry | Bill]) -> dict[str, str]:
    return {each.name: each.gpu_hours if isinstance(each, Entry) else each.node_hours for each in entries}


def _difference_in_view(recorded: ClusterReportStatus, recomputed: ClusterReportStatus) -> Iterator[str]:
    """What nobody held and what nobody could observe are two things, whatever they cost; without a price none tells."""
    now = {bill.name: bill for bill in recomputed.by_node if _is_priced(bill)}
    for bill in recorded.by_node:
        if _is_priced(bill) and bill.name in now and _is_observed(bill) != _is_observed(now[bill.name]):
            yield f"node {bill.name} was observed at other times"
            return


def _is_priced(bill: Bill) -> bool:
    return parse_e9(bill.node_cost or "0") > 0


def _is_observed(bill: Bill) -> bool:
    return parse_e9(bill.unobserved) == 0

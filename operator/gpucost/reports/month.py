"""Months from their Days: each Day is taken once, in order; where a Month stands is told by its ``lastWindowEnd``.

Money and hours are the Days', exactly. Lists are folded from the Days' lists, so that what a Day has in `OTHER` is in
`OTHER` of its Month. Adjustments stay with their Day: what they added is in the sums.
"""

from collections.abc import Iterable
from datetime import datetime

from gpucost.model.money import parse_e9
from gpucost.model.time import Period, format_time, parse_time
from gpucost.reports.conditions import (
    RATE_MISSING,
    RECONCILED,
    RETENTION_APPLIED,
    TELEMETRY_COMPLETE,
    Finding,
    merge_concerns,
    set_condition,
    update_conditions,
)
from gpucost.reports.digest import Status, seal
from gpucost.reports.fold import FINAL, Added, add_figures
from gpucost.reports.fold_cluster import (
    AddedToCluster,
    add_to_cluster,
    bills_in,
    parts_in,
    reasons_in,
)
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.fields import Concern, Condition
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from gpucost.reports.statements import charges_in, rate_hours_in, totals_in
from gpucost.reports.tally import NAME_IN_LIST

DAYS_LEFT_OUT = "DaysLeftOut"
OTHER_CURRENCY = "OtherCurrency"

_TOLD_ANEW = frozenset({RATE_MISSING, TELEMETRY_COMPLETE, RECONCILED})
"""Types of conditions that the Month's own figures tell, as its concerns do."""


def fold_day(month: ReportStatus | None, day: ReportStatus, period: Period, now: datetime) -> ReportStatus:
    """The status of a team's Month with its Day added; ``period`` is that Day.

    A Day that does not follow adds nothing: it is in already. ``now`` becomes the time of conditions that change.
    """
    if month is not None and not is_due(month, period):
        return month
    folded = add_figures(month, _of_team(month, day), now)
    return seal(_with_conditions_of(folded, day, period, now))


def fold_cluster_day(
    month: ClusterReportStatus | None, day: ClusterReportStatus, period: Period, now: datetime
) -> ClusterReportStatus:
    """As `fold_day`, of the cluster."""
    if month is not None and not is_due(month, period):
        return month
    folded = add_to_cluster(month, _of_cluster(month, day), now)
    return seal(_with_conditions_of(folded, day, period, now))


def is_due(month: ReportStatus | ClusterReportStatus, period: Period) -> bool:
    """Whether the Month is to take that Day: it is open, and stands no later than where the Day starts."""
    return month.phase != FINAL and period.start >= parse_time(month.last_window_end)


def leave_out(month: Status, period: Period, currency: str, now: datetime) -> Status:
    """The status of a Month that passes over a Day in another ``currency``, and says so."""
    if not is_due(month, period):
        return month
    message = (
        f"The figures of {period.name} are in {currency} and not in this month, since sums of two currencies mean"
        " nothing; nor are those of earlier days of which this was said."
    )
    told = set_condition(month.conditions, Finding(DAYS_LEFT_OUT, "True", OTHER_CURRENCY, message), now)
    return seal(month.model_copy(update={"conditions": told, "last_window_end": format_time(period.end)}))


def _of_team(month: ReportStatus | None, day: ReportStatus) -> Added:
    return Added(
        windows=day.windows,
        last_window_end=parse_time(day.last_window_end),
        totals=totals_in(day),
        lists={name: charges_in(getattr(day, name)) for name in NAME_IN_LIST},
        rates=rate_hours_in(day.rates),
        concerns=_concerns(month, day.concerns),
    )


def _of_cluster(month: ClusterReportStatus | None, day: ClusterReportStatus) -> AddedToCluster:
    return AddedToCluster(
        windows=day.windows,
        last_window_end=parse_time(day.last_window_end),
        totals=totals_in(day),
        bill=parts_in(day),
        unassigned=parse_e9(day.unassigned_cost),
        reasons=reasons_in(day.unallocated_by_reason),
        pools=bills_in(day.by_node_pool),
        nodes=bills_in(day.by_node),
        teams=charges_in(day.by_team),
        namespaces=charges_in(day.by_namespace),
        rates=rate_hours_in(day.rates),
        concerns=_concerns(month, day.concerns),
    )


def _concerns(month: ReportStatus | ClusterReportStatus | None, more: Iterable[Concern]) -> tuple[Concern, ...]:
    return merge_concerns(month.concerns if month else (), more)


def _with_conditions_of(
    month: Status, day: ReportStatus | ClusterReportStatus, period: Period, now: datetime
) -> Status:
    """What of the Day's conditions its figures do not tell, such as a foreign edit, is true of the Month as well."""
    known = {each.type: each for each in month.conditions}
    own = {*_TOLD_ANEW, RETENTION_APPLIED, *(concern.type for concern in month.concerns)}
    findings = [
        Finding(each.type, each.status, each.reason, f"{period.name}: {each.message}")
        for each in day.conditions
        if each.type not in own and _is_news(each, known.get(each.type))
    ]
    return month.model_copy(update={"conditions": update_conditions(month.conditions, findings, now)})


def _is_news(condition: Condition, known: Condition | None) -> bool:
    """The first Day of which it was said stays named; but what was True once and is no longer is told."""
    return known is None or (known.status == "True" and condition.status != "True")

"""What a platform lead wants to hear about a period: three sentences."""

from collections.abc import Iterable, Sequence

from gpucost.model.money import parse_e9
from gpucost.reports.build import Object
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.fields import Entry
from gpucost.reports.resources.gpu_cost_report import ReportSpec, ReportStatus
from gpucost.reports.words import in_percent, in_short

_REASONS = {
    "free": "on free cards",
    "sliver": "in slivers of MIG cards",
    "cordoned": "on cordoned nodes",
    "notReady": "on nodes that were not ready",
}


def headlines(cluster: Object, reports: Sequence[Object]) -> tuple[str, str, str]:
    """Who spends most, how much is held idle and by whom, how much nobody held.

    ``cluster`` is the ClusterGpuCostReport of a period, ``reports`` are its GpuCostReports.
    """
    status = ClusterReportStatus.model_validate(cluster["status"])
    currency = str(cluster["spec"]["currency"])
    return _spends_most(status, currency), _holds_idle(status, reports, currency), _nobody_held(status, currency)


def _spends_most(status: ClusterReportStatus, currency: str) -> str:
    top = _largest(status.by_team, "cost")
    allocated = parse_e9(status.allocated)
    if top is None or not allocated:
        return "Nobody was charged for a GPU in this period."
    name, cost = top
    return (
        f"Team {name} spends most: {in_short(cost)} {currency}, {in_percent(cost, allocated)} of the"
        f" {in_short(allocated)} {currency} that teams pay for."
    )


def _holds_idle(status: ClusterReportStatus, reports: Sequence[Object], currency: str) -> str:
    top = _largest(status.by_team, "idle_cost")
    if top is None or status.idle_cost is None:
        return "How much was held idle is not known, since use was never measured where a rate is known."
    (name, cost), idle = top, parse_e9(status.idle_cost)
    if not idle:
        return "Nothing was held idle."
    return (
        f"{in_short(idle)} {currency} was held idle, {in_percent(idle, parse_e9(status.allocated))} of what teams pay"
        f" for; most of it by team {name}: {in_short(cost)} {currency}{_worst_workload(name, reports, currency)}."
    )


def _worst_workload(team: str, reports: Sequence[Object], currency: str) -> str:
    """Where in the team to look first."""
    worst: tuple[int, str] | None = None
    for report in reports:
        spec = ReportSpec.model_validate(report["spec"])
        top = _largest(ReportStatus.model_validate(report["status"]).by_workload, "idle_cost")
        if spec.team == team and top is not None and (worst is None or top[1] > worst[0]):
            worst = top[1], f"{top[0]} in namespace {spec.namespace or report['metadata']['namespace']}"
    return f", above all {worst[1]} with {in_short(worst[0])} {currency}" if worst else ""


def _nobody_held(status: ClusterReportStatus, currency: str) -> str:
    if status.node_cost is None:
        return "What nobody held has no price, since no node has a rate."
    bill, unallocated = parse_e9(status.node_cost), parse_e9(status.unallocated)
    if not unallocated:
        return f"Nothing of the node bill of {in_short(bill)} {currency} is left that nobody held."
    reasons = ", ".join(
        f"{in_short(parse_e9(reason.cost))} {_REASONS.get(reason.name, reason.name)}"
        for reason in status.unallocated_by_reason
    )
    return (
        f"{in_short(unallocated)} {currency} of card time was held by nobody, {in_percent(unallocated, bill)} of the"
        f" node bill of {in_short(bill)} {currency} ({reasons})."
    )


def _largest(entries: Iterable[Entry], figure: str) -> tuple[str, int] | None:
    """The entry with the largest known figure, the first by name among equals."""
    known = [(-parse_e9(text), entry.name) for entry in entries if (text := getattr(entry, figure)) is not None]
    return (min(known)[1], -min(known)[0]) if known else None

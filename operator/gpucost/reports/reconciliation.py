"""The node bill and what it is made of, money exact to the last digit, for somebody who adds it up again."""

from collections.abc import Iterable

from gpucost.model.money import parse_e9
from gpucost.reports.build import Object
from gpucost.reports.resources.cluster_gpu_cost_report import Bill, ClusterReportStatus
from gpucost.reports.resources.fields import Entry
from gpucost.reports.text_table import text_table
from gpucost.reports.words import UNKNOWN, in_short

_BILL_HEADER = (
    "NODE POOL",
    "NODE-HOURS",
    "NODE-COST",
    "= TEAMS",
    "+ UNALLOCATED",
    "+ UNOBSERVED",
    "+ HOST",
    "RESIDUAL",
)
_TEAM_HEADER = ("TEAM", "GPU-HOURS", "COST", "= USED", "+ IDLE", "+ UNKNOWN USE")


def reconciliation(cluster: Object) -> str:
    """Two tables of a ClusterGpuCostReport: the bill by node pool, and the teams' part of it by team."""
    status = ClusterReportStatus.model_validate(cluster["status"])
    spec = cluster["spec"]
    return (
        f"Node bill {spec['start']} - {spec['end']}, in {spec['currency']}\n\n"
        f"{text_table(_BILL_HEADER, [*_pools(status.by_node_pool), _bill_total(status)], _after_first(_BILL_HEADER))}\n"
        f"{text_table(_TEAM_HEADER, [*_teams(status.by_team), _team_total(status)], _after_first(_TEAM_HEADER))}"
    )


def _pools(bills: Iterable[Bill]) -> Iterable[list[str]]:
    return (
        [
            bill.name,
            in_short(parse_e9(bill.node_hours)),
            bill.node_cost or UNKNOWN,
            bill.allocated,
            bill.unallocated,
            bill.unobserved,
            bill.host,
            bill.residual,
        ]
        for bill in bills
    )


def _bill_total(status: ClusterReportStatus) -> list[str]:
    return [
        "TOTAL",
        "",
        status.node_cost or UNKNOWN,
        status.allocated,
        status.unallocated,
        status.unobserved,
        status.host,
        status.residual,
    ]


def _teams(teams: Iterable[Entry]) -> Iterable[list[str]]:
    return (
        [
            team.name,
            in_short(parse_e9(team.gpu_hours)),
            team.cost or UNKNOWN,
            team.used_cost or UNKNOWN,
            team.idle_cost or UNKNOWN,
            team.unknown_use_cost or UNKNOWN,
        ]
        for team in teams
    )


def _team_total(status: ClusterReportStatus) -> list[str]:
    return [
        "TOTAL",
        in_short(parse_e9(status.gpu_hours.charged)),
        status.allocated,
        status.used_cost or UNKNOWN,
        status.idle_cost or UNKNOWN,
        status.unknown_use_cost or UNKNOWN,
    ]


def _after_first(header: tuple[str, ...]) -> frozenset[int]:
    return frozenset(range(1, len(header)))

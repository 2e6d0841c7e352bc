"""One day as its reports have it beside what it would be with other prices."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from gpucost.model.time import Period
from gpucost.reports.record import Group
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.gpu_cost_report import ReportStatus

StatusT = TypeVar("StatusT", ReportStatus, ClusterReportStatus)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line(Generic[StatusT]):
    """One report."""

    recorded: StatusT | None
    """None: there is no such report."""
    recomputed: StatusT | None
    """None: nothing is known of it any more."""
    doubts: tuple[str, ...] = ()
    """What differs for another reason than the prices, a few words each: the recomputed figures must not be written."""
    remark: str = ""
    """What else a person should know."""
    written: bool = False
    """Whether the recomputed figures are in the report now, and were not before."""


@dataclass(frozen=True, kw_only=True)
class RecomputedDay:
    period: Period
    currency: str
    teams: Mapping[Group, Line[ReportStatus]]
    """In order of namespace and team."""
    cluster: Line[ClusterReportStatus]

    @property
    def doubts(self) -> tuple[str, ...]:
        """Those of all reports, each with what it is about."""
        of_teams = (
            f"team {team} in namespace {namespace}: {'; '.join(line.doubts)}"
            for (namespace, team), line in self.teams.items()
            if line.doubts
        )
        of_the_cluster = (f"the cluster: {'; '.join(self.cluster.doubts)}",) if self.cluster.doubts else ()
        return (*of_teams, *of_the_cluster)

"""The reports of a day, read so that they are of one moment though the operator goes on writing them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gpucost.model.errors import Conflict, InputError
from gpucost.model.time import Period, parse_time
from gpucost.reports.fold import FINAL, OPEN
from gpucost.reports.record import Group
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.storage.store import ReportStore
from gpucost.reports.storage.stored import StoredClusterReport, StoredReport

MOST_TRIES = 5
PAUSE_SECONDS = 2.0
"""Between two tries: longer than the operator takes to bring the reports of most clusters forward."""


@dataclass(frozen=True, kw_only=True)
class RecordedDay:
    period: Period
    cluster: StoredClusterReport
    status: ClusterReportStatus
    """That of ``cluster``."""
    reports: Mapping[Group, StoredReport]

    @property
    def until(self) -> datetime:
        """End of the last window that every report has."""
        return parse_time(self.status.last_window_end)

    @property
    def is_final(self) -> bool:
        return self.status.phase == FINAL


def read_day(store: ReportStore, period: Period, pause: Callable[[float], None]) -> RecordedDay | None:
    """None: no window of the day is in a report.

    Raises Conflict where some reports stay ahead of others, InputError where one cannot be understood.
    """
    for _ in range(MOST_TRIES):
        cluster = store.read_cluster_report(period)
        if cluster is not None and cluster.problem:
            raise InputError(cluster.problem)
        if cluster is None or cluster.status is None or not cluster.status.windows:
            return None
        status = cluster.status
        waiting = status.phase == OPEN and store.read_records(parse_time(status.last_window_end))
        reports = store.read_reports(period)
        if store.problems:
            raise InputError(store.problems[0])
        if not waiting and all(_is_in_step(report, status) for report in reports):
            by_group = {(report.origin, report.spec.team): report for report in reports}
            return RecordedDay(period=period, cluster=cluster, status=status, reports=dict(sorted(by_group.items())))
        pause(PAUSE_SECONDS)
    raise Conflict(
        f"Some reports of {period.name} hold a window that others lack, and stay so; see that the operator runs and"
        " that its log says nothing, then try again"
    )


def _is_in_step(report: StoredReport, cluster: ClusterReportStatus) -> bool:
    """Whether it holds no more than the cluster's report; less is in order, for a team that held nothing lately."""
    status = report.status
    return (
        status is not None
        and status.phase == cluster.phase
        and parse_time(status.last_window_end) <= parse_time(cluster.last_window_end)
    )

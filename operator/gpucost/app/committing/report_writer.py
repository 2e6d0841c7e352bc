"""Reports brought from one version to the next, whoever else writes them meanwhile."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import cast

from gpucost.model.errors import Conflict, InputError, Refused
from gpucost.model.time import Period, format_time
from gpucost.reports.build import Object, build_cluster_report, build_report, cluster_report_spec, report_spec
from gpucost.reports.conditions import FOREIGN_EDIT, INTACT, Finding, set_condition
from gpucost.reports.digest import Status, is_intact
from gpucost.reports.fold import FINAL
from gpucost.reports.naming import cluster_report_name, report_name
from gpucost.reports.record import Group
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from gpucost.reports.storage.store import ReportStore
from gpucost.reports.storage.stored import StoredClusterReport, StoredReport

Mend = Callable[[StoredReport | StoredClusterReport], ReportStatus | ClusterReportStatus | None]
"""The status that a report ought to have whose digest does not fit, or that has none; None: nobody knows."""
Change = Callable[[Status | None], Status | None]
"""From the status that there is (None: none) to the one that there should be (None: none, it stays away)."""

_MOST_TRIES = 5

logger = logging.getLogger(__name__)


class ReportWriter:
    """A Final report is never written. Where another writer was first, the change is made to what they wrote."""

    def __init__(
        self,
        store: ReportStore,
        *,
        clock: Callable[[], datetime],
        mend: Mend | None = None,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """``beat`` is called before each report: many slow ones are no sign of a loop that is stuck."""
        self._store = store
        self._beat = beat
        self._clock = clock
        self._mend = mend

    def bring(
        self,
        group: Group,
        period: Period,
        read: StoredReport | None,
        change: Change[ReportStatus],
        *,
        currency: str,
        start: datetime | None = None,
    ) -> StoredReport | None:
        """The report as it is then; None: there is none.

        ``read``: what was read last, or is known not to be there. ``currency``, and the ``start`` of what is covered
        where that is not the period's, are those of a new report. Raises Refused, InputError or ValidationError where
        it is not taken, Conflict where it changed again and again.
        """
        namespace, team = group
        self._beat()
        for _ in range(_MOST_TRIES):
            status = self._changed(read, change)
            if status is None:
                return read
            spec = report_spec(group, period, currency, covered=(start or period.start, period.end))
            if read is not None:
                spec = read.spec.model_copy(update={"namespace": None})
            report = build_report(report_name(team, period), namespace, period, spec, status)
            try:
                return self._write(report, read)
            except Conflict:
                reports = self._store.read_reports(period)
                read = next((report for report in reports if (report.origin, report.spec.team) == group), None)
        raise Conflict(
            f"The report of team {team} in namespace {namespace} changed {_MOST_TRIES} times while it was written;"
            " see who else writes GpuCostReports"
        )

    def _write(self, report: Object, read: StoredReport | None) -> StoredReport:
        try:
            return self._store.write_report(report, read)
        except Refused as refusal:
            if read is not None:
                raise
            logger.warning("%s; the report goes into the operator's namespace", refusal)
            return self._store.write_report_elsewhere(report)

    def bring_cluster(
        self,
        period: Period,
        change: Change[ClusterReportStatus],
        *,
        currency: str,
        start: datetime | None = None,
    ) -> StoredClusterReport | None:
        """As `bring`; it is read first."""
        self._beat()
        for _ in range(_MOST_TRIES):
            read = self._store.read_cluster_report(period)
            status = self._changed(read, change)
            if status is None:
                return read
            spec = cluster_report_spec(period, currency, covered=(start or period.start, period.end))
            if read is not None:
                spec = read.spec
            report = build_cluster_report(cluster_report_name(period), period, spec, status)
            try:
                return self._store.write_cluster_report(report, read)
            except Conflict:
                continue
        raise Conflict(
            f"The ClusterGpuCostReport {period.name} changed {_MOST_TRIES} times while it was written; see who else"
            " writes it"
        )

    def _changed(self, read: StoredReport | StoredClusterReport | None, change: Change[Status]) -> Status | None:
        """None: there is nothing to write."""
        if read is not None and read.problem:
            raise InputError(read.problem)
        if read is None:
            return change(None)
        if read.status is None:
            return change(cast(Status | None, self._mend(read) if self._mend else None))
        if read.status.phase == FINAL:
            return None
        if is_intact(read.status):
            return change(cast(Status, read.status))
        mended = self._mend(read) if self._mend else None
        if mended is not None:
            return change(cast(Status, mended))
        changed = change(cast(Status, read.status))
        return None if changed is None else self._with_edit_told(changed, read)

    def _with_edit_told(self, status: Status, read: StoredReport | StoredClusterReport) -> Status:
        """What somebody else wrote into the figures is in them from now on; a condition says so for good."""
        where = f"{read.namespace}/{read.name}" if read.namespace else read.name
        logger.warning("the figures of report %s were changed by somebody else; its digest does not fit them", where)
        finding = Finding(
            INTACT,
            "False",
            FOREIGN_EDIT,
            f"Somebody else changed the figures before {format_time(self._clock())}; what they were is not known any"
            " more, and all later ones rest on them.",
        )
        return status.model_copy(update={"conditions": set_condition(status.conditions, finding, self._clock())})

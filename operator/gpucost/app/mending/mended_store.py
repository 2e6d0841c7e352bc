"""A store that reads reports as they ought to be, so that nobody goes on from what somebody else left of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from kubernetes.client import ApiClient

from gpucost.app.mending.mender import Mender
from gpucost.app.mending.remembering_store import RememberingStore
from gpucost.app.mending.report_memory import ReportMemory
from gpucost.model.time import Period, PeriodKind, parse_time
from gpucost.reports.digest import is_intact
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from gpucost.reports.storage.stored import StoredClusterReport, StoredReport


class MendedStore(RememberingStore):
    """What this process knows was deleted is there again before it is read.

    What somebody else has edited is read as it was before, with the resourceVersion of the edit: so it is written, or
    is left to the `Mender` where nothing is to be written.
    """

    def __init__(
        self,
        client: ApiClient,
        *,
        operator_namespace: str,
        memory: ReportMemory,
        mender: Mender,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(client, operator_namespace=operator_namespace, memory=memory, may_write=may_write)
        self._mender = mender

    def read_reports(self, period: Period) -> list[StoredReport]:
        listed = super().read_reports(period)
        return [*map(self._as_it_was, listed), *self._mender.complete(period, listed)]

    def read_cluster_report(self, period: Period) -> StoredClusterReport | None:
        found = super().read_cluster_report(period) or self._mender.complete_cluster(period)
        return None if found is None else self._cluster_as_it_was(found)

    def latest_cluster_report(self, kind: PeriodKind) -> StoredClusterReport | None:
        found, newest = super().latest_cluster_report(kind), self._memory.newest(kind)
        if newest is not None and (found is None or parse_time(found.spec.start) < newest.start):
            return self.read_cluster_report(newest)
        return None if found is None else self._cluster_as_it_was(found)

    def _as_it_was(self, report: StoredReport) -> StoredReport:
        if report.problem or (report.status is not None and is_intact(report.status)):
            return report
        status = self._mender.mend(report)
        return report if status is None else replace(report, status=cast(ReportStatus, status))

    def _cluster_as_it_was(self, report: StoredClusterReport) -> StoredClusterReport:
        if report.problem or (report.status is not None and is_intact(report.status)):
            return report
        status = self._mender.mend(report)
        return report if status is None else replace(report, status=cast(ClusterReportStatus, status))

"""Which days and months there are, and how far each is, as the ClusterGpuCostReports say."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gpucost.model.errors import InputError
from gpucost.model.time import Period, PeriodKind, parse_time
from gpucost.reports.fold import FINAL
from gpucost.reports.naming import period_named
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.fields import ReportSizes
from gpucost.reports.storage.store import ReportName, ReportStore
from gpucost.reports.storage.stored import StoredClusterReport

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPeriod:
    report: ReportName
    """The ClusterGpuCostReport."""
    period: Period
    start: datetime
    """Of what it covers."""
    currency: str
    until: datetime | None
    """End of the last window that every report has; None: that cannot be understood."""
    is_final: bool
    sizes: ReportSizes | None
    """Told where it is Final."""


class Periods:
    """Of those that are Final what was read is remembered, since it cannot change."""

    def __init__(self, store: ReportStore) -> None:
        self._store = store
        self._final: dict[str, KnownPeriod] = {}
        """By uid."""
        self._told: set[str] = set()

    def read(self) -> Sequence[KnownPeriod]:
        """Those that hold figures, oldest first; costs a list of names, and a call for each that is not Final."""
        found: list[KnownPeriod] = []
        for report in self._store.names_of_cluster_reports():
            known = self._final.get(report.uid) or self._look_at(report)
            if known is not None:
                found.append(known)
        self._final = {known.report.uid: known for known in found if known.is_final}
        return sorted(found, key=lambda known: known.period)

    def _look_at(self, report: ReportName) -> KnownPeriod | None:
        period = period_named(report.name)
        if period is None:
            return None
        try:
            read = self._store.read_cluster_report(period)
            if read is not None and read.problem:
                raise InputError(read.problem)
        except InputError as error:
            self._tell(report, error)
            return _not_understood(report, period)
        return _known(report, period, read, read.status) if read and read.status else None

    def _tell(self, report: ReportName, error: InputError) -> None:
        if report.uid not in self._told:
            self._told.add(report.uid)
            logger.warning("%s; until then no later day or month is closed", error)


def days_in(periods: Sequence[KnownPeriod]) -> Sequence[KnownPeriod]:
    return [known for known in periods if known.period.kind is PeriodKind.DAY]


def months_in(periods: Sequence[KnownPeriod]) -> Sequence[KnownPeriod]:
    return [known for known in periods if known.period.kind is PeriodKind.MONTH]


def _known(report: ReportName, period: Period, read: StoredClusterReport, status: ClusterReportStatus) -> KnownPeriod:
    return KnownPeriod(
        report=report,
        period=period,
        start=parse_time(read.spec.start),
        currency=read.spec.currency,
        until=parse_time(status.last_window_end),
        is_final=status.phase == FINAL,
        sizes=status.reports,
    )


def _not_understood(report: ReportName, period: Period) -> KnownPeriod:
    return KnownPeriod(
        report=report, period=period, start=period.start, currency="", until=None, is_final=False, sizes=None
    )

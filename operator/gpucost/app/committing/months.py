"""Days into their Months: each once, in order, whoever is interrupted and when."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from gpucost.app.committing.commit import with_refused_told
from gpucost.app.committing.periods import KnownPeriod
from gpucost.app.committing.report_writer import ReportWriter
from gpucost.app.mending.mended_status import SUMMED_FROM_DAYS, with_reconstruction_told
from gpucost.model.errors import InputError, Refused
from gpucost.model.time import Period, PeriodKind, Window, parse_time, period_of
from gpucost.reports.fold import FINAL
from gpucost.reports.month import fold_cluster_day, fold_day, leave_out
from gpucost.reports.record import Group
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from gpucost.reports.storage.store import ReportStore
from gpucost.reports.storage.stored import StoredClusterReport, StoredReport

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ClosedDay:
    """A day whose figures do not change any more, though its ClusterGpuCostReport is not Final yet."""

    known: KnownPeriod
    reports: Sequence[StoredReport]
    """Those of its teams that hold figures."""
    cluster: ClusterReportStatus
    earlier: Sequence[KnownPeriod]
    """The Final days of its month before it."""

    @property
    def period(self) -> Period:
        return self.known.period


class Months:
    """The reports of a month; where one is missing, it is made of the days that there are."""

    def __init__(self, store: ReportStore, writer: ReportWriter, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock

    def take(self, day: ClosedDay) -> None:
        """Every month has the day then, the cluster's last.

        A report that the API server does not take holds up no other; the cluster's says so.
        """
        month = month_of(day.period)
        cluster = self._store.read_cluster_report(month)
        stored = {(report.origin, report.spec.team): report for report in self._store.read_reports(month)}
        refused: list[str] = []
        for report in day.reports:
            group = (report.origin, report.spec.team)
            try:
                self._take_team(day, report, group, stored.get(group), cluster)
            except (Refused, InputError, ValidationError) as error:
                logger.warning(
                    "the %s report of team %s in namespace %s is not written: %s", month.name, group[1], group[0], error
                )
                refused.append(f"{group[0]}/{group[1]}")
        self._take_cluster(day, cluster, refused)

    def _take_team(
        self,
        day: ClosedDay,
        report: StoredReport,
        group: Group,
        read: StoredReport | None,
        cluster: StoredClusterReport | None,
    ) -> None:
        currency, month = report.spec.currency, month_of(day.period)
        status = report.status
        assert status is not None  # noqa: S101 - the reports of a closed day hold figures

        def taken(known: ReportStatus | None) -> ReportStatus | None:
            now = self._clock()
            if known is not None and read is not None and read.spec.currency != currency:
                return leave_out(known, day.period, currency, now)
            if known is None:
                known = self._made_again(day, group, currency)
            return fold_day(known, status, day.period, now)

        if read is None and cluster is not None and cluster.spec.currency != currency:
            return
        self._writer.bring(group, month, read, taken, currency=currency, start=_start(day, cluster))

    def _take_cluster(self, day: ClosedDay, read: StoredClusterReport | None, refused: Sequence[str]) -> None:
        currency, month = day.known.currency, month_of(day.period)

        def taken(known: ClusterReportStatus | None) -> ClusterReportStatus:
            now = self._clock()
            if known is not None and read is not None and read.spec.currency != currency:
                return leave_out(known, day.period, currency, now)
            if known is None:
                known = self._cluster_made_again(day)
            status = fold_cluster_day(known, day.cluster, day.period, now)
            return with_refused_told(status, refused, now) if refused else status

        self._writer.bring_cluster(month, taken, currency=currency, start=_start(day, read))

    def _made_again(self, day: ClosedDay, group: Group, currency: str) -> ReportStatus | None:
        """Of the days before; None: the team held nothing on them."""
        if not day.earlier:
            return None
        status: ReportStatus | None = None
        before = {known.period.start for known in day.earlier}
        for report in self._store.read_days_of(group, month_of(day.period)):
            start = parse_time(report.spec.start)
            if start not in before or report.spec.currency != currency or report.status is None:
                continue
            if report.status.phase == FINAL:
                status = fold_day(status, report.status, _day_of(start), self._clock())
        if status is None:
            return None
        return with_reconstruction_told(status, SUMMED_FROM_DAYS, self._clock())

    def _cluster_made_again(self, day: ClosedDay) -> ClusterReportStatus | None:
        status: ClusterReportStatus | None = None
        for known in day.earlier:
            report = self._store.read_cluster_report(known.period)
            if report is not None and report.status is not None and report.spec.currency == day.known.currency:
                status = fold_cluster_day(status, report.status, known.period, self._clock())
        if status is None:
            return None
        return with_reconstruction_told(status, SUMMED_FROM_DAYS, self._clock())


def month_of(day: Period) -> Period:
    return period_of(Window(day.start, day.end), PeriodKind.MONTH)


def _day_of(moment: datetime) -> Period:
    return period_of(Window(moment, moment), PeriodKind.DAY)


def _start(day: ClosedDay, month: StoredClusterReport | None) -> datetime:
    """From when on a month covers what happened: where the operator came later, that is not its first day."""
    if month is not None:
        return parse_time(month.spec.start)
    return min(known.start for known in (*day.earlier, day.known))

"""The end of days and months: their reports turn Final, and a day goes into its month, each a step of its own.

A day is closed in this order: its team reports, the months of the teams, the month of the cluster, and last the
ClusterGpuCostReport of the day. While that is Open the day is not closed; whoever finds it so does all of it again, and
what is done already stays as it is. A month is closed the same way when all its days are.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from pydantic import ValidationError

from gpucost.app.committing.commit import with_refused_told
from gpucost.app.committing.months import ClosedDay, Months, month_of
from gpucost.app.committing.periods import KnownPeriod, Periods, days_in, months_in
from gpucost.app.committing.report_writer import Mend, ReportWriter
from gpucost.app.committing.standing import UP_TO_DATE
from gpucost.model.errors import InputError, Refused
from gpucost.model.time import PeriodKind, Window
from gpucost.reports.fold import close
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.fields import ReportSizes
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from gpucost.reports.storage.store import ReportStore
from gpucost.reports.storage.stored import StoredReport

BYTES_BESIDE_STATUS = 4_000
"""What a report takes beside its status: its spec, and what the API server remembers of who wrote which field."""

_PAUSE = timedelta(minutes=1)
"""Before something that was refused is tried again."""

logger = logging.getLogger(__name__)


class Closer:
    """One step closes one day or one month, the oldest first.

    All that it needs to know it reads from the API, so a restart between any two writes loses nothing.
    """

    def __init__(
        self,
        store: ReportStore,
        *,
        lateness: timedelta,
        clock: Callable[[], datetime],
        mend: Mend | None = None,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """``lateness``: how long after its end a day stays open. ``mend`` and ``beat``: see `ReportWriter`."""
        self._store = store
        self._lateness = lateness
        self._clock = clock
        self._writer = ReportWriter(store, clock=clock, mend=mend, beat=beat)
        self._months = Months(store, self._writer, clock=clock)
        self._periods = Periods(store)
        self._quiet: Window | None = None
        """While the clock is in it nothing is due."""

    def step(self, now: datetime) -> bool:
        """Whether something was closed, so that there may be more to do.

        A ClusterGpuCostReport that the API server does not take holds up no windows. Raises SourceUnavailable or
        Conflict where the API does not play along; then trying again goes on from there.
        """
        if self._quiet is not None and self._quiet.start <= now < self._quiet.end:
            return False
        self._quiet = None
        periods = self._periods.read()
        due = self._day_due(periods, now) or _month_due(periods)
        if due is None:
            self._quiet = self._quiet_time(periods, now)
            return False
        try:
            if due.period.kind is PeriodKind.DAY:
                self._close_day(due, periods)
            else:
                self._close_month(due)
        except (Refused, InputError, ValidationError) as error:
            logger.warning("%s stays open, and is tried again: %s", due.period.name, error)
            self._quiet = Window(now, now + _PAUSE)
            return False
        return True

    def _day_due(self, periods: Sequence[KnownPeriod], now: datetime) -> KnownPeriod | None:
        """The oldest that is open, where no window of it will come any more."""
        oldest = next((day for day in days_in(periods) if not day.is_final), None)
        if oldest is None or oldest.until is None or not _is_passed(oldest, periods):
            return None
        return oldest if now >= oldest.period.end + self._lateness else None

    def _quiet_time(self, periods: Sequence[KnownPeriod], now: datetime) -> Window | None:
        """Until the next day that is open may be due; None: one may be at any time."""
        ends = [day.period.end + self._lateness for day in days_in(periods) if not day.is_final]
        return Window(now, min(ends)) if ends and min(ends) > now else None

    def _close_day(self, day: KnownPeriod, periods: Sequence[KnownPeriod]) -> None:
        reports, refused = self._close_teams(day)

        def settled(status: ClusterReportStatus | None) -> ClusterReportStatus | None:
            return None if status is None else self._settled(status, refused)

        cluster = self._writer.bring_cluster(day.period, settled, currency=day.currency)
        if cluster is None or cluster.status is None:
            return
        month = month_of(day.period)
        before = (other for other in days_in(periods) if month.start <= other.period.start < day.period.start)
        earlier = [other for other in before if other.is_final]
        self._months.take(ClosedDay(known=day, reports=reports, cluster=cluster.status, earlier=earlier))
        self._close_cluster(day, reports, refused)
        logger.info("closed %s", day.period.name)

    def _close_month(self, month: KnownPeriod) -> None:
        reports, refused = self._close_teams(month)
        self._close_cluster(month, reports, refused)
        logger.info("closed %s", month.period.name)

    def _close_teams(self, known: KnownPeriod) -> tuple[Sequence[StoredReport], Sequence[str]]:
        """The reports that hold figures, and whose the API server does not take."""
        reports: list[StoredReport] = []
        refused: list[str] = []
        for report in self._store.read_reports(known.period):
            group = (report.origin, report.spec.team)
            closed: StoredReport | None = report
            try:
                closed = self._writer.bring(group, known.period, report, _closed, currency=known.currency)
            except (Refused, InputError, ValidationError) as error:
                logger.warning(
                    "the %s report of team %s in namespace %s is not closed: %s",
                    *(known.period.name, group[1], group[0], error),
                )
                refused.append(f"{group[0]}/{group[1]}")
            if closed is not None and closed.status is not None:
                reports.append(closed)
        return reports, refused

    def _close_cluster(self, known: KnownPeriod, reports: Sequence[StoredReport], refused: Sequence[str]) -> None:
        def closed(status: ClusterReportStatus | None) -> ClusterReportStatus | None:
            if status is None:
                return None
            settled = self._settled(status, refused)
            return close(settled.model_copy(update={"reports": _sizes(settled, reports)}))

        self._writer.bring_cluster(known.period, closed, currency=known.currency)

    def _settled(self, status: ClusterReportStatus, refused: Sequence[str]) -> ClusterReportStatus:
        """Without what speaks of the present: a report of a time that is over has none."""
        conditions = tuple(each for each in status.conditions if each.type != UP_TO_DATE)
        settled = status.model_copy(update={"conditions": conditions})
        return with_refused_told(settled, refused, self._clock()) if refused else settled


def _month_due(periods: Sequence[KnownPeriod]) -> KnownPeriod | None:
    """The oldest that is open, where all days of it are closed and no window of it will come any more."""
    oldest = next((month for month in months_in(periods) if not month.is_final), None)
    if oldest is None or oldest.until is None or not _is_passed(oldest, periods):
        return None
    waits = any(not day.is_final and day.period.start < oldest.period.end for day in days_in(periods))
    return None if waits else oldest


def _is_passed(known: KnownPeriod, periods: Sequence[KnownPeriod]) -> bool:
    """Whether every report has all windows until its end."""
    return any(day.until is not None and day.until >= known.period.end for day in days_in(periods))


def _closed(status: ReportStatus | None) -> ReportStatus | None:
    return None if status is None else close(status)


def _sizes(cluster: ClusterReportStatus, reports: Sequence[StoredReport]) -> ReportSizes:
    statuses = [cluster, *(report.status for report in reports if report.status is not None)]
    size = sum(len(status.model_dump_json(by_alias=True)) + BYTES_BESIDE_STATUS for status in statuses)
    return ReportSizes(count=len(statuses), size=size)

"""Figures of a report that nobody remembers: a day's from the sources, a month's from its days."""

from collections.abc import Callable
from datetime import datetime

from gpucost.app.computing.pipeline import Pipeline
from gpucost.app.mending.day_again import DayAgain, fold_again, records_again
from gpucost.app.mending.mended_status import (
    RECOMPUTED,
    SUMMED_FROM_DAYS,
    AnyStatus,
    closed,
    with_reconstruction_told,
)
from gpucost.app.mending.remembering_store import RememberingStore
from gpucost.app.mending.report_memory import AnySpec, period_in
from gpucost.app.plan import Timing, blind_until
from gpucost.model.time import DAY, Period, PeriodKind, floor_to, parse_time
from gpucost.reports.digest import is_intact
from gpucost.reports.fold import FINAL
from gpucost.reports.month import fold_cluster_day, fold_day
from gpucost.reports.record import Group
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from gpucost.reports.storage.stored import StoredClusterReport, StoredReport


class Rebuilder:
    """What is computed or read for one report serves the next ones, until `forget`."""

    def __init__(
        self,
        store: RememberingStore,
        pipeline: Pipeline,
        *,
        currency: str,
        timing: Timing,
        clock: Callable[[], datetime],
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """``beat`` is called after each span of a day that is computed: a slow day is no loop that is stuck."""
        self._store = store
        self._pipeline = pipeline
        self._currency = currency
        self._timing = timing
        self._clock = clock
        self._beat = beat
        self._days: dict[tuple[Period, datetime], DayAgain] = {}
        self._clusters: dict[Period, StoredClusterReport | None] = {}
        self._reports: dict[Period, list[StoredReport]] = {}

    def forget(self) -> None:
        """Reports may have changed since."""
        self._days.clear()
        self._clusters.clear()
        self._reports.clear()

    def status_of(self, spec: AnySpec, group: Group | None) -> AnyStatus | None:
        """With a condition that says so; ``group`` None: the cluster's. None: nothing tells the figures any more.

        Raises SourceUnavailable and IncompleteAnswer where it may be told later.
        """
        period = period_in(spec)
        if period.kind is PeriodKind.MONTH:
            status, reason = self._month(spec, group), SUMMED_FROM_DAYS
        else:
            again = self.day(period, spec.currency)
            status = None if again is None else again.cluster if group is None else again.teams.get(group)
            reason = RECOMPUTED
        if status is None:
            return None
        told = with_reconstruction_told(status, reason, self._clock())
        return closed(told) if self.is_closed(period) else told

    def day(self, period: Period, currency: str) -> DayAgain | None:
        """As far as its reports go; None: Prometheus is not asked that far back, or the configuration is another."""
        until = self.until(period)
        if until is None or currency != self._currency:
            return None
        now, length = self._clock(), self._timing.window
        if period.start < blind_until(now, self._timing) or floor_to(until, length) != until or until <= period.start:
            return None
        if (period, until) not in self._days:
            records = records_again(
                self._pipeline, period, until, length, blind=period.start, progress=lambda _: self._beat()
            )
            self._days[period, until] = fold_again(records, period, now)
        return self._days[period, until]

    def until(self, period: Period) -> datetime | None:
        """Up to where the reports of a day must go, so that what is decided and not in all of them follows."""
        cluster = self.cluster(period)
        if self.is_closed(period):
            return period.end
        if cluster is not None and cluster.status is not None and cluster.status.windows and is_intact(cluster.status):
            return cluster.last_window_end
        ends = [report.last_window_end for report in self.reports(period)]
        last = max((end for end in ends if end is not None), default=None)
        decided = [parse_time(record[0].start) for record in self._store.read_records(period.start)]
        return last if last is None else min([last, *decided])

    def is_closed(self, period: Period) -> bool:
        """Whether nothing comes to its reports any more: the cluster's says so; without it, those of the teams."""
        cluster = self.cluster(period)
        if cluster is not None and cluster.status is not None:
            return cluster.status.phase == FINAL
        phases = {report.status.phase for report in self.reports(period) if report.status is not None}
        if phases:
            return phases == {FINAL}
        is_followed = any(other.start >= period.end for other in self._store.cluster_periods(period.kind))
        return is_followed and self._clock() >= period.end + self._timing.lateness

    def cluster(self, period: Period) -> StoredClusterReport | None:
        if period not in self._clusters:
            self._clusters[period] = self._store.read_cluster_report(period)
        return self._clusters[period]

    def reports(self, period: Period) -> list[StoredReport]:
        if period not in self._reports:
            self._reports[period] = self._store.read_reports(period)
        return self._reports[period]

    def _month(self, spec: AnySpec, group: Group | None) -> AnyStatus | None:
        """None: some of its days are not there any more."""
        team: ReportStatus | None = None
        cluster: ClusterReportStatus | None = None
        for day in self._days_of(spec):
            of_cluster = self.cluster(day)
            if of_cluster is None or of_cluster.status is None or of_cluster.spec.currency != spec.currency:
                return None
            cluster = fold_cluster_day(cluster, of_cluster.status, day, self._clock())
            for report in self.reports(day):
                if (report.origin, report.spec.team) == group and report.status is not None:
                    team = fold_day(team, report.status, day, self._clock())
        return cluster if group is None else team

    def _days_of(self, spec: AnySpec) -> list[Period]:
        """Those that its month has taken; none where one of them is not there any more."""
        start, end = parse_time(spec.start), parse_time(spec.end)
        month = self.cluster(period_in(spec))
        if month is not None and month.status is not None:
            end = parse_time(month.status.last_window_end)
        days = [day for day in self._store.cluster_periods(PeriodKind.DAY) if start <= day.start < end]
        closed = [day for day in days if self.is_closed(day)]
        has_gap = [day.start for day in closed] != [start + number * DAY for number in range(len(closed))]
        is_short = month is not None and month.status is not None and (not closed or closed[-1].end != end)
        return [] if has_gap or is_short else closed

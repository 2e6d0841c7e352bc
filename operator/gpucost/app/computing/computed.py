"""Reports of an interval, computed at once: what the operator would write, without writing it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gpucost.app.plan import next_batch
from gpucost.model.ledger import Ledger
from gpucost.model.time import Period, PeriodKind, Window, period_of
from gpucost.reports.build import Object, build_cluster_report, build_report, cluster_report_spec, report_spec
from gpucost.reports.fold import close, fold_report
from gpucost.reports.fold_cluster import fold_cluster
from gpucost.reports.month import fold_cluster_day, fold_day
from gpucost.reports.naming import cluster_report_name, report_name
from gpucost.reports.record import Group, WindowRecord, record_of
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.gpu_cost_report import ReportStatus


@dataclass(frozen=True)
class Computed:
    """GpuCostReports in order of period, namespace and team; and the ClusterGpuCostReports."""

    reports: tuple[Object, ...]
    cluster_reports: tuple[Object, ...]


def compute_ledgers(
    compute: Callable[[Sequence[Window]], Sequence[Ledger]],
    start: datetime,
    end: datetime,
    length: timedelta,
    *,
    progress: Callable[[int], None],
) -> Iterator[Sequence[Ledger]]:
    """The windows of the interval, batch by batch; ``progress`` is told how many windows are done."""
    done = 0
    while windows := next_batch(start, end, length):
        ledgers = compute(windows)
        done += len(windows)
        start = windows[-1].end
        progress(done)
        yield ledgers


def build_reports(batches: Iterable[Sequence[Ledger]], kind: PeriodKind, now: datetime) -> Computed:
    """Months are made of their days, as the operator makes them.

    Raises ValueError where a batch crosses the end of a day.
    """
    days: dict[Period, _Folding] = {}
    for ledgers in batches:
        record = record_of(ledgers)
        period = period_of(Window(record.start, record.end), PeriodKind.DAY)
        days.setdefault(period, _Folding(period, record.start)).take_record(record, now)
    periods = days if kind is PeriodKind.DAY else _months_of(days.values(), now)
    return Computed(
        reports=tuple(report for folding in periods.values() for report in folding.reports()),
        cluster_reports=tuple(folding.cluster_report() for folding in periods.values()),
    )


def _months_of(days: Iterable["_Folding"], now: datetime) -> dict[Period, "_Folding"]:
    months: dict[Period, _Folding] = {}
    for day in days:
        month = period_of(Window(day.start, day.start), PeriodKind.MONTH)
        months.setdefault(month, _Folding(month, day.start)).take_day(day, now)
    return months


@dataclass
class _Folding:
    """One period."""

    period: Period
    start: datetime
    end: datetime | None = None
    currency: str = ""
    statuses: dict[Group, ReportStatus] = field(default_factory=dict)
    cluster: ClusterReportStatus | None = None

    def take_record(self, record: WindowRecord, now: datetime) -> None:
        self.end, self.currency = record.end, record.currency
        for entry in record.groups:
            status = self.statuses.get(entry.group)
            self.statuses[entry.group] = fold_report(status, record, entry.group, self.period, now=now)
        self.cluster = fold_cluster(self.cluster, record, self.period, now=now)

    def take_day(self, day: "_Folding", now: datetime) -> None:
        self.end, self.currency = day.end, day.currency
        for group, status in day.statuses.items():
            self.statuses[group] = fold_day(self.statuses.get(group), status, day.period, now)
        self.cluster = fold_cluster_day(self.cluster, day.folded_cluster(), day.period, now)

    def reports(self) -> Iterator[Object]:
        for group, status in sorted(self.statuses.items(), key=lambda entry: entry[0]):
            namespace, team = group
            spec = report_spec(group, self.period, self.currency, covered=self._covered())
            final = close(status) if self._is_whole() else status
            yield build_report(report_name(team, self.period), namespace, self.period, spec, final)

    def cluster_report(self) -> Object:
        status = self.folded_cluster()
        spec = cluster_report_spec(self.period, self.currency, covered=self._covered())
        final = close(status) if self._is_whole() else status
        return build_cluster_report(cluster_report_name(self.period), self.period, spec, final)

    def folded_cluster(self) -> ClusterReportStatus:
        assert self.cluster is not None  # noqa: S101 - a folding is made for what it takes first
        return self.cluster

    def _covered(self) -> tuple[datetime, datetime]:
        return self.start, self.end or self.start

    def _is_whole(self) -> bool:
        return self._covered() == (self.period.start, self.period.end)

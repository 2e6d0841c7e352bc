"""Which reports are not there though the cluster's reports count them: what nobody saw being deleted."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from gpucost.app.mending.rebuilding import Rebuilder
from gpucost.app.mending.remembering_store import RememberingStore
from gpucost.app.mending.report_memory import AnySpec, Key, ReportMemory
from gpucost.app.told_once import named
from gpucost.model.money import parse_hours
from gpucost.model.time import DAY, Period, PeriodKind, Window, parse_time, period_of
from gpucost.reports.build import cluster_report_spec, report_spec
from gpucost.reports.fold import OPEN
from gpucost.reports.naming import cluster_report_name, report_name
from gpucost.reports.record import Group
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.fields import OTHER
from gpucost.reports.storage.stored import StoredClusterReport, StoredReport

Restore = Callable[[Key, AnySpec], bool]
"""Puts a report there; False: nothing tells its figures any more."""


class ReportCheck:
    """Day by day and month by month, the newest first."""

    def __init__(
        self,
        store: RememberingStore,
        memory: ReportMemory,
        rebuilder: Rebuilder,
        restore: Restore,
        *,
        currency: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._memory = memory
        self._rebuilder = rebuilder
        self._restore = restore
        self._currency = currency
        self._clock = clock
        self.lost: list[str] = []
        """What cannot be put there again, a few words each."""

    def run(self) -> Iterator[None]:
        """Each step looks at one period and puts there what it lacks.

        Raises SourceUnavailable and IncompleteAnswer; then it is to be begun anew.
        """
        for kind in (PeriodKind.DAY, PeriodKind.MONTH):
            for period in self._periods(kind):
                while not self._check(period):
                    yield
                yield

    def _periods(self, kind: PeriodKind) -> Sequence[Period]:
        """From the first that there is until now: what is before it is gone for good."""
        kinds = (kind,) if kind is PeriodKind.DAY else tuple(PeriodKind)
        first = [period.start for each in kinds for period in self._store.cluster_periods(each)[:1]]
        period = _period_at(self._clock(), kind)
        found = [period]
        while first and period.start > min(first):
            period = _period_at(period.start - DAY, kind)
            found.append(period)
        return found

    def _check(self, period: Period) -> bool:
        """False: windows are on their way into its reports, so that it is to be looked at again."""
        self._rebuilder.forget()
        cluster, reports = self._rebuilder.cluster(period), self._rebuilder.reports(period)
        if cluster is None or cluster.status is None or not cluster.status.windows:
            if self._is_beginning(period):
                return False
            cluster = self._restore_cluster(period, cluster, reports)
            if cluster is None:
                return True
        assert cluster.status is not None  # noqa: S101 - restored, or it has windows
        if cluster.status.phase == OPEN and self._is_on_its_way(period, cluster):
            return False
        self._restore_teams(period, cluster)
        return True

    def _is_beginning(self, period: Period) -> bool:
        """Whether its first windows are decided, so that its reports are only being made."""
        if period.kind is not PeriodKind.DAY:
            return False
        return any(parse_time(record[0].start) == period.start for record in self._store.read_records(period.start))

    def _is_on_its_way(self, period: Period, cluster: StoredClusterReport) -> bool:
        """Whether windows come to it before it tells what its teams must have."""
        assert cluster.status is not None  # noqa: S101 - as `_check` found
        until = parse_time(cluster.status.last_window_end)
        if self._store.read_records(until):
            return True
        if period.kind is not PeriodKind.DAY or period != self._store.cluster_periods(period.kind)[-1]:
            return False
        ends = (report.last_window_end for report in self._rebuilder.reports(period))
        return any(end is not None and end > until for end in ends)

    def _restore_cluster(
        self, period: Period, read: StoredClusterReport | None, reports: Sequence[StoredReport]
    ) -> StoredClusterReport | None:
        if not self._may_be_lost(period, reports):
            return None
        key = Key(None, cluster_report_name(period))
        covered = min((parse_time(report.spec.start) for report in reports), default=self._first_day(period).start)
        currency = reports[0].spec.currency if reports else self._currency
        spec = cluster_report_spec(period, currency, covered=(covered, period.end))
        if not self._restore(key, read.spec if read else spec):
            self.lost.append(str(key))
            return None
        self._rebuilder.forget()
        return self._rebuilder.cluster(period)

    def _may_be_lost(self, period: Period, reports: Sequence[StoredReport]) -> bool:
        """Of a month whose days are all open its teams' reports come first: the first day is being closed."""
        if self._must_be(period):
            return True
        is_being_made = period.kind is PeriodKind.MONTH and bool(self._days_of(period))
        return bool(reports) and not is_being_made

    def _must_be(self, period: Period) -> bool:
        """Whether other reports tell that there was one: a day between two, a month some day of which is closed."""
        if period.kind is PeriodKind.MONTH:
            return any(self._rebuilder.is_closed(day) for day in self._days_of(period))
        there = self._store.cluster_periods(period.kind)
        return bool(there) and there[0] < period < there[-1]

    def _first_day(self, period: Period) -> Period:
        return next(iter(self._days_of(period)), period)

    def _days_of(self, month: Period) -> Sequence[Period]:
        return [day for day in self._store.cluster_periods(PeriodKind.DAY) if month.start <= day.start < month.end]

    def _restore_teams(self, period: Period, cluster: StoredClusterReport) -> None:
        reports = self._rebuilder.reports(period)
        assert cluster.status is not None  # noqa: S101 - as `_check` found
        short = short_namespaces(period.kind, cluster.status, reports)
        if not short:
            return
        existing = self._store.namespaces()
        if not short & {*existing, OTHER}:
            return  # figures of namespaces that are gone are in the cluster's report only
        listed = {entry.name for entry in cluster.status.by_namespace}
        there = {(report.origin, report.spec.team): report for report in reports if report.status is not None}
        found = False
        for group, (key, windows) in self._expected(period, cluster).items():
            namespace, report = group[0], there.get(group)
            is_short = namespace in short or (OTHER in short and namespace not in listed)
            if not is_short or namespace not in existing:
                continue
            if report is not None and report.status is not None and report.status.windows >= windows:
                continue
            spec = report_spec(group, period, cluster.spec.currency, covered=_covered(cluster))
            found |= self._restore(key, spec)
        if not found and short & existing:
            self.lost.append(f"{period.name} of {named(sorted(short & existing))}")

    def _expected(self, period: Period, cluster: StoredClusterReport) -> dict[Group, tuple[Key, int]]:
        """Whoever must have a report of the period, where, and with at least so many windows."""
        if period.kind is PeriodKind.DAY:
            again = self._rebuilder.day(period, cluster.spec.currency)
            found = (
                {group: (_key(group, period), status.windows) for group, status in again.teams.items()} if again else {}
            )
        else:
            reports = [report for day in self._days_of(period) for report in self._rebuilder.reports(day)]
            found = {group: (_key(group, period), 0) for group in dict.fromkeys(map(group_of, reports))}
        for key in self._memory.keys_of(period):
            report = self._memory.recall(key)
            if isinstance(report, StoredReport):
                _, windows = found.get(group_of(report), (key, 0))
                found[group_of(report)] = key, max(windows, report.status.windows if report.status else 0)
        return found


def short_namespaces(kind: PeriodKind, cluster: ClusterReportStatus, reports: Sequence[StoredReport]) -> set[str]:
    """Namespaces that may lack a report: theirs hold other hours than the cluster's says; also `OTHER`."""
    listed = {entry.name: parse_hours(entry.gpu_hours) for entry in cluster.by_namespace}
    if OTHER in listed and kind is PeriodKind.MONTH:
        return set(listed)  # whoever is listed may have been in `OTHER` on some day
    found: Counter[str] = Counter()
    for report in reports:
        name = report.origin if report.origin in listed else OTHER
        found[name] += parse_hours(report.status.gpu_hours.charged) if report.status else 0
    return {name for name, hours in listed.items() if hours != found[name]}


def group_of(report: StoredReport) -> Group:
    return report.origin, report.spec.team


def _key(group: Group, period: Period) -> Key:
    return Key(group[0], report_name(group[1], period))


def _covered(cluster: StoredClusterReport) -> tuple[datetime, datetime]:
    return parse_time(cluster.spec.start), parse_time(cluster.spec.end)


def _period_at(moment: datetime, kind: PeriodKind) -> Period:
    return period_of(Window(moment, moment), kind)

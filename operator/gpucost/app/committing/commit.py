"""Bringing the reports forward from a decided record: each takes it once, whoever was interrupted and when.

Rule: docs/operations.md, "Exactly once". The record is written before any report and removed after all of them.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from pydantic import ValidationError

from gpucost.app.committing.report_writer import Mend, ReportWriter
from gpucost.model.errors import ConfigurationError, Conflict, InputError, Refused
from gpucost.model.time import Period, PeriodKind, Window, format_time, parse_time, period_of
from gpucost.reports.conditions import Finding, set_condition
from gpucost.reports.fold import OPEN, fold_report
from gpucost.reports.fold_cluster import fold_cluster
from gpucost.reports.record import Group, WindowRecord
from gpucost.reports.record_codec import from_specs, to_specs
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from gpucost.reports.storage.store import ReportStore
from gpucost.reports.storage.stored import StoredClusterReport, StoredReport

REPORTS_WRITTEN = "ReportsWritten"
REPORT_REFUSED = "ReportRefused"

_MOST_NAMED = 5
_THE_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)

logger = logging.getLogger(__name__)


class Committer:
    """Decides records and folds them into the reports of their day."""

    def __init__(
        self,
        store: ReportStore,
        *,
        currency: str,
        clock: Callable[[], datetime],
        mend: Mend | None = None,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """``mend``: what becomes of reports that somebody else has edited. ``beat``: as for `ReportWriter`."""
        self._store = store
        self._writer = ReportWriter(store, clock=clock, mend=mend, beat=beat)
        self._currency = currency
        self._clock = clock
        self._level: datetime | None = None
        """No report of its day is further than this moment; None: not known."""

    def committed_until(self) -> datetime | None:
        """End of the last window that every report has; None: there is no report yet.

        Raises ConfigurationError where the open day is in another currency: sums of two currencies mean nothing.
        """
        latest = self._store.latest_cluster_report(PeriodKind.DAY)
        if latest is None:
            return None
        if latest.spec.currency != self._currency and _takes_windows(latest):
            raise ConfigurationError(
                f"currency is {self._currency}, and the open reports of {latest.name} are in {latest.spec.currency};"
                f" set it back until the day is over"
            )
        return latest.last_window_end

    def next_stop(self, start: datetime) -> datetime | None:
        """Where a record that begins at ``start`` must end, so that every report either has all of it or none.

        Teams are further than the cluster where its report is gone, empty or set back, or a record was deleted before
        all had it.
        """
        if start == self._level:
            return None
        reports = self._store.read_reports(period_of(Window(start, start), PeriodKind.DAY))
        further = _ends_after(start, reports)
        if not further:
            self._level = start
        return min(further, default=None)

    def decided_after(self, moment: datetime | None) -> tuple[WindowRecord, ...]:
        """Records that were decided and not yet taken by all reports, oldest first; None: all there are."""
        return tuple(from_specs(specs) for specs in self._store.read_records(moment or _THE_BEGINNING))

    def decide(self, record: WindowRecord) -> WindowRecord | None:
        """The record that counts: this one, or that of whoever was first; None: it is in all reports already."""
        try:
            self._store.create_record(to_specs(record))
        except Conflict:
            winners = self.decided_after(record.start)
            if not winners:
                raise
            logger.info("what follows %s was decided by another writer, and counts", format_time(record.start))
            return winners[0]
        committed = self.committed_until()
        if committed is not None and committed > record.start:
            self._store.delete_records(committed)
            return None
        return record

    def commit(self, record: WindowRecord) -> None:
        """Every report takes the record, the cluster's last; then the record goes.

        A report that nobody takes holds up no other: its figures are in the cluster's, which says so.
        """
        self._level = None  # some have it and others do not, until all is done
        period = period_of(Window(record.start, record.end), PeriodKind.DAY)
        stored = {(report.origin, report.spec.team): report for report in self._store.read_reports(period)}
        for problem in self._store.problems:
            logger.warning("%s", problem)
        refused: list[str] = []
        for entry in record.groups:
            namespace, team = entry.group
            try:
                self._bring_forward(record, entry.group, period, stored.get(entry.group))
            except (Refused, InputError, ValidationError) as error:
                logger.warning("the report of team %s in namespace %s is not written: %s", team, namespace, error)
                refused.append(f"{namespace}/{team}")
        self._bring_cluster_forward(record, period, refused)
        self._store.delete_records(record.end)
        if record.end < period.end and not _ends_after(record.end, stored.values()):
            self._level = record.end

    def _bring_forward(self, record: WindowRecord, group: Group, period: Period, read: StoredReport | None) -> None:
        def folded(status: ReportStatus | None) -> ReportStatus:
            return fold_report(status, record, group, period, now=self._clock())

        self._writer.bring(group, period, read, folded, currency=record.currency)

    def _bring_cluster_forward(self, record: WindowRecord, period: Period, refused: Sequence[str]) -> None:
        def folded(status: ClusterReportStatus | None) -> ClusterReportStatus:
            now = self._clock()
            status = fold_cluster(status, record, period, now=now)
            return with_refused_told(status, refused, now) if refused else status

        self._writer.bring_cluster(period, folded, currency=record.currency)


def _ends_after(moment: datetime, reports: Iterable[StoredReport]) -> list[datetime]:
    return [end for report in reports if (end := report.last_window_end) is not None and end > moment]


def _takes_windows(day: StoredClusterReport) -> bool:
    status = day.status
    return status is not None and status.phase == OPEN and parse_time(status.last_window_end) < parse_time(day.spec.end)


def with_refused_told(status: ClusterReportStatus, refused: Sequence[str], now: datetime) -> ClusterReportStatus:
    """``refused``: the reports that the API server does not take, as ``namespace/team``."""
    return status.model_copy(update={"conditions": set_condition(status.conditions, _refused(refused), now)})


def _refused(names: Sequence[str]) -> Finding:
    named = ", ".join(names[:_MOST_NAMED]) + (
        f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    )
    return Finding(
        REPORTS_WRITTEN,
        "False",
        REPORT_REFUSED,
        f"The API server does not take the reports of {named}; their figures are in byNamespace and byTeam only."
        " The operator's log says why.",
    )

"""Bringing the reports forward from a decided record: each takes it once, whoever was interrupted and when.

Rule: docs/operations.md, "Exactly once". The record is written before any report and removed after all of them.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from gpucost.model.errors import Conflict, Refused
from gpucost.model.time import Period, PeriodKind, Window, format_time, period_of
from gpucost.reports.build import build_cluster_report, build_report, cluster_report_spec, report_spec
from gpucost.reports.digest import is_intact
from gpucost.reports.fold import fold_report
from gpucost.reports.fold_cluster import fold_cluster
from gpucost.reports.naming import cluster_report_name, report_name
from gpucost.reports.record import Group, WindowRecord
from gpucost.reports.record_codec import from_specs, to_specs
from gpucost.reports.store import ReportStore
from gpucost.reports.stored import StoredClusterReport, StoredReport

_MOST_TRIES = 5
_THE_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)

logger = logging.getLogger(__name__)


class Committer:
    """Decides records and folds them into the reports of their day."""

    def __init__(self, store: ReportStore, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def committed_until(self) -> datetime | None:
        """End of the last window that every report has; None: there is no report yet."""
        latest = self._store.latest_cluster_report(PeriodKind.DAY)
        return latest.last_window_end if latest else None

    def decided_after(self, moment: datetime | None) -> tuple[WindowRecord, ...]:
        """Records that were decided and not yet taken by all reports, oldest first; None: all there are."""
        return tuple(from_specs(specs) for specs in self._store.read_records(moment or _THE_BEGINNING))

    def decide(self, record: WindowRecord) -> WindowRecord:
        """The record that counts: this one, or that of whoever was first."""
        try:
            self._store.create_record(to_specs(record))
        except Conflict:
            winners = self.decided_after(record.start)
            if not winners:
                raise
            logger.info("what follows %s was decided by another writer, and counts", format_time(record.start))
            return winners[0]
        return record

    def commit(self, record: WindowRecord) -> None:
        """Every report takes the record, the cluster's last; then the record goes."""
        period = period_of(Window(record.start, record.end), PeriodKind.DAY)
        is_last = record.end >= period.end
        stored = {(report.origin, report.spec.team): report for report in self._store.read_reports(period)}
        for problem in self._store.problems:
            logger.warning("%s", problem)
        for group in _groups_to_write(record, stored, is_last=is_last):
            self._bring_forward(record, group, period, stored.get(group), is_last=is_last)
        self._bring_cluster_forward(record, period, is_last=is_last)
        self._store.delete_records(record.end)

    def _bring_forward(
        self, record: WindowRecord, group: Group, period: Period, read: StoredReport | None, *, is_last: bool
    ) -> None:
        namespace, team = group
        name = report_name(team, period)
        for _ in range(_MOST_TRIES):
            _warn_of_foreign_edit(read)
            status = fold_report(read.status if read else None, record, group, period, final=is_last, now=self._clock())
            report = build_report(name, namespace, period, report_spec(group, period, record.currency), status)
            try:
                self._store.write_report(report, read)
                return
            except Refused as refusal:
                if read is not None:
                    raise
                logger.warning("%s; the report goes into the operator's namespace", refusal)
                self._store.write_report_elsewhere(report)
                return
            except Conflict:
                found = (
                    report for report in self._store.read_reports(period) if (report.origin, report.spec.team) == group
                )
                read = next(found, None)
        raise Conflict(
            f"The report of team {team} in namespace {namespace} changed {_MOST_TRIES} times while it was written;"
            " see who else writes GpuCostReports"
        )

    def _bring_cluster_forward(self, record: WindowRecord, period: Period, *, is_last: bool) -> None:
        spec = cluster_report_spec(period, record.currency)
        for _ in range(_MOST_TRIES):
            read = self._store.read_cluster_report(period)
            _warn_of_foreign_edit(read)
            status = fold_cluster(read.status if read else None, record, period, final=is_last, now=self._clock())
            try:
                self._store.write_cluster_report(
                    build_cluster_report(cluster_report_name(period), period, spec, status), read
                )
                return
            except Conflict:
                continue
        raise Conflict(
            f"The ClusterGpuCostReport {period.name} changed {_MOST_TRIES} times while it was written; see who else"
            " writes it"
        )


def _groups_to_write(record: WindowRecord, stored: Mapping[Group, StoredReport], *, is_last: bool) -> tuple[Group, ...]:
    """Those with figures in the record; at the end of a period all, since it closes them."""
    groups = dict.fromkeys(entry.group for entry in record.groups)
    if is_last:
        groups |= dict.fromkeys(group for group, report in stored.items() if report.status is not None)
    return tuple(groups)


def _warn_of_foreign_edit(read: StoredReport | StoredClusterReport | None) -> None:
    if read is not None and read.status is not None and not is_intact(read.status):
        where = f"{read.namespace}/{read.name}" if read.namespace else read.name
        logger.warning("the figures of report %s were changed by somebody else; its digest does not fit them", where)

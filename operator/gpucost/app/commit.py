"""Bringing the reports forward from a decided record: each takes it once, whoever was interrupted and when.

Rule: docs/operations.md, "Exactly once". The record is written before any report and removed after all of them.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from pydantic import ValidationError

from gpucost.app.standing import UP_TO_DATE
from gpucost.model.errors import ConfigurationError, Conflict, InputError, Refused
from gpucost.model.time import Period, PeriodKind, Window, format_time, period_of
from gpucost.reports.build import build_cluster_report, build_report, cluster_report_spec, report_spec
from gpucost.reports.conditions import Finding, set_condition
from gpucost.reports.digest import Status, is_intact
from gpucost.reports.fold import OPEN, fold_report
from gpucost.reports.fold_cluster import fold_cluster
from gpucost.reports.naming import cluster_report_name, report_name
from gpucost.reports.record import Group, WindowRecord
from gpucost.reports.record_codec import from_specs, to_specs
from gpucost.reports.storage.store import ReportStore
from gpucost.reports.storage.stored import StoredClusterReport, StoredReport

INTACT = "Intact"
FOREIGN_EDIT = "ForeignEdit"
REPORTS_WRITTEN = "ReportsWritten"
REPORT_REFUSED = "ReportRefused"

_MOST_TRIES = 5
_MOST_NAMED = 5
_THE_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)

logger = logging.getLogger(__name__)


class Committer:
    """Decides records and folds them into the reports of their day."""

    def __init__(self, store: ReportStore, *, currency: str, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._currency = currency
        self._clock = clock

    def committed_until(self) -> datetime | None:
        """End of the last window that every report has; None: there is no report yet.

        Raises ConfigurationError where the open day is in another currency: sums of two currencies mean nothing.
        """
        latest = self._store.latest_cluster_report(PeriodKind.DAY)
        if latest is None:
            return None
        if latest.status is not None and latest.status.phase == OPEN and latest.spec.currency != self._currency:
            raise ConfigurationError(
                f"currency is {self._currency}, and the open reports of {latest.name} are in {latest.spec.currency};"
                f" set it back until the day is over, or delete these reports to have the day computed anew"
            )
        return latest.last_window_end

    def next_stop(self, start: datetime) -> datetime | None:
        """Where a record that begins at ``start`` must end, so that every report either has all of it or none.

        Only where the cluster's report of the day is gone: its teams may be further than it.
        """
        period = period_of(Window(start, start), PeriodKind.DAY)
        if self._store.read_cluster_report(period) is not None:
            return None
        ends = (report.last_window_end for report in self._store.read_reports(period))
        return max((end for end in ends if end is not None), default=None)

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
        period = period_of(Window(record.start, record.end), PeriodKind.DAY)
        is_last = record.end >= period.end
        stored = {(report.origin, report.spec.team): report for report in self._store.read_reports(period)}
        for problem in self._store.problems:
            logger.warning("%s", problem)
        refused: list[str] = []
        for group in _groups_to_write(record, stored, is_last=is_last):
            try:
                self._bring_forward(record, group, period, stored.get(group), is_last=is_last)
            except (Refused, InputError, ValidationError) as error:
                logger.warning("the report of team %s in namespace %s is not written: %s", group[1], group[0], error)
                refused.append(f"{group[0]}/{group[1]}")
        self._bring_cluster_forward(record, period, refused, is_last=is_last)
        self._store.delete_records(record.end)

    def _bring_forward(
        self, record: WindowRecord, group: Group, period: Period, read: StoredReport | None, *, is_last: bool
    ) -> None:
        namespace, team = group
        for _ in range(_MOST_TRIES):
            status = fold_report(read.status if read else None, record, group, period, final=is_last, now=self._clock())
            status = self._with_edit_told(status, read)
            spec = report_spec(group, period, record.currency)
            report = build_report(report_name(team, period), namespace, period, spec, status)
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
                reports = self._store.read_reports(period)
                read = next((report for report in reports if (report.origin, report.spec.team) == group), None)
        raise Conflict(
            f"The report of team {team} in namespace {namespace} changed {_MOST_TRIES} times while it was written;"
            " see who else writes GpuCostReports"
        )

    def _bring_cluster_forward(
        self, record: WindowRecord, period: Period, refused: Sequence[str], *, is_last: bool
    ) -> None:
        spec = cluster_report_spec(period, record.currency)
        for _ in range(_MOST_TRIES):
            read = self._store.read_cluster_report(period)
            status = fold_cluster(read.status if read else None, record, period, final=is_last, now=self._clock())
            status = self._with_edit_told(status, read)
            if refused:
                conditions = set_condition(status.conditions, _refused(refused), self._clock())
                status = status.model_copy(update={"conditions": conditions})
            if is_last:  # it speaks of the present, and a report of a day that is over has none
                conditions = tuple(each for each in status.conditions if each.type != UP_TO_DATE)
                status = status.model_copy(update={"conditions": conditions})
            report = build_cluster_report(cluster_report_name(period), period, spec, status)
            try:
                self._store.write_cluster_report(report, read)
                return
            except Conflict:
                continue
        raise Conflict(
            f"The ClusterGpuCostReport {period.name} changed {_MOST_TRIES} times while it was written; see who else"
            " writes it"
        )

    def _with_edit_told(self, status: Status, read: StoredReport | StoredClusterReport | None) -> Status:
        """What somebody else wrote into the figures is in them from now on; a condition says so for good."""
        if read is None or read.status is None or is_intact(read.status):
            return status
        where = f"{read.namespace}/{read.name}" if read.namespace else read.name
        logger.warning("the figures of report %s were changed by somebody else; its digest does not fit them", where)
        finding = Finding(
            INTACT,
            "False",
            FOREIGN_EDIT,
            f"Somebody else changed the figures before {format_time(self._clock())}, and all later ones rest on them;"
            " delete the reports of this period to have it computed anew.",
        )
        return status.model_copy(update={"conditions": set_condition(status.conditions, finding, self._clock())})


def _groups_to_write(record: WindowRecord, stored: Mapping[Group, StoredReport], *, is_last: bool) -> tuple[Group, ...]:
    """Those with figures in the record; at the end of a period all, since it closes them."""
    groups = dict.fromkeys(entry.group for entry in record.groups)
    if is_last:
        groups |= dict.fromkeys(group for group, report in stored.items() if report.status is not None)
    return tuple(groups)


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

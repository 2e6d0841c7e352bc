"""Condition ``UpToDate`` of the newest ClusterGpuCostReport: whether gpucost can do its work, and if not, why."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from gpucost.model.errors import ConfigurationError, GpuCostError, IncompleteAnswer, SourceUnavailable
from gpucost.model.time import Period, PeriodKind, Window, format_time, parse_time, period_of
from gpucost.reports.build import build_cluster_report, cluster_report_spec
from gpucost.reports.conditions import Finding, set_condition
from gpucost.reports.fold import OPEN
from gpucost.reports.fold_cluster import fold_cluster
from gpucost.reports.naming import cluster_report_name
from gpucost.reports.record import WindowRecord
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.storage.store import ReportStore
from gpucost.reports.storage.stored import StoredClusterReport

UP_TO_DATE = "UpToDate"
ALL_WINDOWS_IN = "AllWindowsIn"
SOURCE_UNAVAILABLE = "SourceUnavailable"
INCOMPLETE_ANSWER = "IncompleteAnswer"
CONFIGURATION_ERROR = "ConfigurationError"
INTERNAL_ERROR = "InternalError"
BACKFILLING = "Backfilling"

_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (IncompleteAnswer, INCOMPLETE_ANSWER),
    (SourceUnavailable, SOURCE_UNAVAILABLE),
    (ConfigurationError, CONFIGURATION_ERROR),
)
"""The first that fits."""

_MOST_CHARACTERS = 4096
_BETWEEN_PROGRESS = timedelta(minutes=1)

logger = logging.getLogger(__name__)


class Standing:
    """Tells on transitions only. What cannot be told is in the log and the metrics all the same."""

    def __init__(self, store: ReportStore, *, currency: str, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._currency = currency
        self._clock = clock
        self._told: tuple[str, str, str] | None = None
        """Day, status and message."""
        self._told_at: datetime | None = None

    def tell(self, error: Exception | None, start: datetime | None = None) -> None:
        """``error``: why the windows that are over are not in; None: they are.

        ``start``: where the first window is to start, if there is no report yet; None: now.
        """
        finding = _finding(error)
        if self._telling(finding) != self._told:
            self._try(finding, start)

    def tell_backfill(self, done: int, total: int, until: datetime) -> None:
        """``done`` of ``total`` windows that were missing are in. Told once a minute at most."""
        now = self._clock()
        if self._told_at is not None and self._told_at <= now < self._told_at + _BETWEEN_PROGRESS:
            return
        message = (
            f"{done} of {total} windows that were missing are in, until {format_time(until)}; the rest follows, oldest"
            " first."
        )
        self._try(Finding(UP_TO_DATE, "False", BACKFILLING, message))

    def _try(self, finding: Finding, start: datetime | None = None) -> None:
        try:
            self._write(finding, start)
            self._told, self._told_at = self._telling(finding), self._clock()
        except GpuCostError as trouble:
            logger.debug("condition %s is not told: %s", UP_TO_DATE, trouble)

    def _telling(self, finding: Finding) -> tuple[str, str, str]:
        return f"{self._clock():%Y-%m-%d}", finding.status, finding.message

    def _write(self, finding: Finding, start: datetime | None) -> None:
        now = self._clock()
        latest = self._store.latest_cluster_report(PeriodKind.DAY)
        read: StoredClusterReport | None
        if latest is not None and latest.status is not None and latest.status.phase == OPEN:
            read, status, period = latest, latest.status, _day_of(parse_time(latest.spec.start))
        elif finding.status == "True":
            return
        else:
            period = _day_of((latest and latest.last_window_end) or start or now)
            read = self._store.read_cluster_report(period)
            status = _nothing_yet(period, self._currency, now)
        changed = status.model_copy(update={"conditions": set_condition(status.conditions, finding, now)})
        spec = cluster_report_spec(period, read.spec.currency if read else self._currency)
        self._store.write_cluster_report(build_cluster_report(cluster_report_name(period), period, spec, changed), read)


def _finding(error: Exception | None) -> Finding:
    if error is None:
        return Finding(UP_TO_DATE, "True", ALL_WINDOWS_IN, "All windows that are over are in the reports.")
    reason = next((reason for kind, reason in _REASONS if isinstance(error, kind)), INTERNAL_ERROR)
    return Finding(UP_TO_DATE, "False", reason, str(error)[:_MOST_CHARACTERS])


def _day_of(moment: datetime) -> Period:
    return period_of(Window(moment, moment), PeriodKind.DAY)


def _nothing_yet(period: Period, currency: str, now: datetime) -> ClusterReportStatus:
    """An empty report of the day, so that a person who looks finds out why it is empty."""
    nothing = WindowRecord(
        start=period.start, end=period.start, windows=0, length=timedelta(0), currency=currency, groups=(), nodes=()
    )
    return fold_cluster(None, nothing, period, now=now)

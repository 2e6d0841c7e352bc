"""Old reports go: by their age, and before it where all reports together are too many or too large.

A day goes as a whole, its team reports first and its ClusterGpuCostReport last, and only when its month has it. So what
is removed of a day is in the month, and whoever is interrupted finds the day again.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gpucost.app.backoff import Backoff
from gpucost.app.committing.months import month_of
from gpucost.app.committing.periods import KnownPeriod, Periods, days_in, months_in
from gpucost.app.configuration.retention_rules import RetentionRules
from gpucost.model.errors import GpuCostError
from gpucost.model.time import PeriodKind
from gpucost.reports.build import build_cluster_report
from gpucost.reports.conditions import (
    NOTHING_TO_REMOVE,
    RETENTION_APPLIED,
    TOTALS_EXCEEDED,
    Finding,
    set_condition,
)
from gpucost.reports.fold import FINAL
from gpucost.reports.storage.store import ReportStore

PAUSE_SECONDS = 3600.0
"""Between two looks."""
MOST_SECONDS = 5.0
"""After which a turn removes no further report; the next one goes on."""

_MONTHS_A_YEAR = 12
_MEGABYTE = 1_000_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Totals:
    """Of all reports; ``size`` in bytes rests on what those that are Final told when they were closed."""

    count: int
    size: float

    def exceed(self, rules: RetentionRules) -> bool:
        return self.count > rules.objects or self.size > rules.megabytes * _MEGABYTE


class Retention:
    """Taken in turns by the loop's thread; looks at most once an hour."""

    def __init__(
        self,
        store: ReportStore,
        rules: RetentionRules,
        *,
        clock: Callable[[], datetime],
        forget: Callable[[str | None, str], None] = lambda _namespace, _name: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``forget`` is told namespace (None: cluster-scoped) and name before a report is removed."""
        self._store = store
        self._rules = rules
        self._clock = clock
        self._forget = forget
        self._monotonic = monotonic
        self._periods = Periods(store)
        self._backoff = Backoff()
        self._not_before = 0.0
        self._told = ""

    def mark(self) -> None:
        """Only the time tells when something is due."""

    def turn(self) -> None:
        """Remove what is due, for seconds at most; no outage or refusal is raised."""
        if self._monotonic() < self._not_before:
            return
        try:
            is_done = self._remove_what_is_due(self._monotonic() + MOST_SECONDS)
        except GpuCostError as error:
            self._not_before = self._monotonic() + self._backoff.failed()
            if str(error) != self._told:
                logger.warning("old reports are not all removed: %s", error)
                self._told = str(error)
            return
        self._backoff.succeeded()
        self._told = ""
        self._not_before = self._monotonic() + (PAUSE_SECONDS if is_done else 0.0)

    def _remove_what_is_due(self, until: float) -> bool:
        """Whether nothing is left to do."""
        now = self._clock()
        periods = list(self._periods.read())
        for known in tuple(periods):
            if self._is_old(known, now) and _may_go(known, periods) and not self._remove(known, periods, until):
                return False
        return self._fit_totals(periods, until)

    def _is_old(self, known: KnownPeriod, now: datetime) -> bool:
        if known.period.kind is PeriodKind.DAY:
            return now >= known.period.end + timedelta(days=self._rules.days)
        return _month_number(now) - _month_number(known.period.start) > self._rules.months

    def _fit_totals(self, periods: list[KnownPeriod], until: float) -> bool:
        """Whether nothing is left to do."""
        totals = self._count(periods)
        removed: KnownPeriod | None = None
        is_done = True
        while totals.exceed(self._rules) and is_done:
            oldest = next((day for day in days_in(periods) if _may_go(day, periods)), None)
            if oldest is None:
                self._tell(periods, NOTHING_TO_REMOVE, self._why_nothing())
                return True
            removed = oldest
            is_done = self._remove(oldest, periods, until)
            totals = self._count(periods)
        if removed is not None:
            self._tell(periods, TOTALS_EXCEEDED, self._what_was_removed(removed))
        return is_done

    def _count(self, periods: Sequence[KnownPeriod]) -> _Totals:
        """By lists of names, so that only those of one period are in memory."""
        count = sum(1 + len(self._store.names_of_reports(known.period)) for known in periods)
        sizes = [known.sizes for known in periods if known.sizes is not None]
        mean = sum(each.size for each in sizes) / max(1, sum(each.count for each in sizes))
        return _Totals(count=count, size=count * mean)

    def _remove(self, known: KnownPeriod, periods: list[KnownPeriod], until: float) -> bool:
        """Whether all reports of it are gone; then it is no longer in ``periods``."""
        for report in (*self._store.names_of_reports(known.period), known.report):
            if self._monotonic() >= until:
                return False
            self._forget(report.namespace, report.name)
            self._store.delete(report)
        periods.remove(known)
        logger.info("removed the reports of %s", known.period.name)
        return True

    def _tell(self, periods: Sequence[KnownPeriod], reason: str, message: str) -> None:
        """By a condition of the newest day, where that is open: a Final one cannot change."""
        newest = days_in(periods)[-1] if days_in(periods) else None
        if newest is None or newest.is_final:
            return
        read = self._store.read_cluster_report(newest.period)
        if read is None or read.status is None or read.status.phase == FINAL:
            return
        found = Finding(RETENTION_APPLIED, "True", reason, message)
        status = read.status.model_copy(
            update={"conditions": set_condition(read.status.conditions, found, self._clock())}
        )
        self._store.write_cluster_report(build_cluster_report(read.name, newest.period, read.spec, status), read)

    def _what_was_removed(self, last: KnownPeriod) -> str:
        return (
            f"{self._limits()}, so the reports of days until {last.period.name} were removed before they were"
            f" {self._rules.days} days old; their figures are in the reports of their months. Raise the limit to keep"
            " days longer."
        )

    def _why_nothing(self) -> str:
        return (
            f"{self._limits()}, and there is no day that could be removed: only what is Final and in its month may go."
            " Raise the limit, or keep months for a shorter time with retention.months."
        )

    def _limits(self) -> str:
        rules = self._rules
        return (
            f"All reports together exceed {rules.objects} objects or {rules.megabytes} MB (retention.objects,"
            " retention.megabytes)"
        )


def _may_go(known: KnownPeriod, periods: Sequence[KnownPeriod]) -> bool:
    """Whether its figures are kept elsewhere, and nobody goes on from it."""
    if not known.is_final or known.until is None:
        return False
    days = days_in(periods)
    if known.period.kind is PeriodKind.MONTH:
        return not any(known.period.start <= day.period.start < known.period.end for day in days)
    month = next((month for month in months_in(periods) if month.period == month_of(known.period)), None)
    is_in_month = month is not None and month.until is not None and month.until >= known.until
    return is_in_month and known is not days[-1]  # the newest tells where the next window starts


def _month_number(moment: datetime) -> int:
    return moment.year * _MONTHS_A_YEAR + moment.month

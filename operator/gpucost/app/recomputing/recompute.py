"""What the reports of a day would be with today's prices; and, on demand, these figures in them.

Only what rests on rates is exchanged. Where the sources tell anything else of a day than they told the operator, the
day is not written: the difference would be theirs and not the prices'.
"""

import logging
import time
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gpucost.app.computing.pipeline import Pipeline
from gpucost.app.configuration.rules import timing_of
from gpucost.app.configuration.settings import Settings
from gpucost.app.mending.day_again import fold_again, records_again
from gpucost.app.mending.mended_status import EDIT_MENDED
from gpucost.app.plan import blind_until
from gpucost.app.recomputing.recorded_day import MOST_TRIES, PAUSE_SECONDS, RecordedDay, read_day
from gpucost.model.errors import ConfigurationError, Conflict
from gpucost.model.money import parse_e9
from gpucost.model.time import Period, floor_to, format_time
from gpucost.reports.adjustments import adjusted, what_else_differs
from gpucost.reports.build import build_cluster_report, build_report, cluster_report_spec, report_spec
from gpucost.reports.conditions import INTACT
from gpucost.reports.digest import Status, is_intact
from gpucost.reports.naming import cluster_report_name, report_name
from gpucost.reports.recomputed_day import Line, RecomputedDay
from gpucost.reports.record import Group, WindowRecord
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from gpucost.reports.storage.store import ReportStore

MARGIN = timedelta(minutes=30)
"""Before the end of a day: more than all tries of writing it take. A report that the operator closes meanwhile would
keep its figures for good, and the others would not be of the same prices."""
FINAL_STAYS = "Final: not changed"

AnyStatus = ReportStatus | ClusterReportStatus
Of = Group | None
"""Whose report; None: the cluster's."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    day: RecomputedDay
    refusal: str = ""
    """Why it was not written, or not wholly, though it was to be; a sentence that says what to do."""


@dataclass(frozen=True, kw_only=True)
class _Day:
    recorded: RecordedDay
    teams: Mapping[Group, ReportStatus]
    cluster: ClusterReportStatus


class Recomputer:
    """Days one by one. The sources are asked anew for each: they must know what the reports know."""

    def __init__(
        self,
        store: ReportStore,
        make_pipeline: Callable[[], Pipeline],
        settings: Settings,
        *,
        clock: Callable[[], datetime],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """``make_pipeline``: over sources that have not been read yet. ``pause`` waits for so many seconds."""
        self._store = store
        self._make_pipeline = make_pipeline
        self._currency = settings.currency
        self._timing = timing_of(settings)
        self._clock = clock
        self._pause = pause

    def show(self, period: Period, progress: Callable[[int], None]) -> Outcome | None:
        """``progress`` is told how many windows are done. None: there is no report of the day.

        Raises ConfigurationError where the reports are of another configuration, Conflict where they do not come to
        rest, SourceUnavailable and IncompleteAnswer as `Pipeline.compute` does.
        """
        day = self._recompute(period, progress)
        return None if day is None else Outcome(day=_described(day))

    def apply(self, period: Period, progress: Callable[[int], None]) -> Outcome | None:
        """Into reports that are Open: the teams' first, the cluster's last.

        Whatever ends it in between, doing it again completes it. Raises Conflict where the reports change again and
        again while they are written, Refused where the API server does not take one; else as `show`.
        """
        written: set[Of] = set()
        for _ in range(MOST_TRIES):
            day = self._recompute(period, progress)
            if day is None:
                return None
            refusal = self._why_not(day, has_begun=bool(written))
            if refusal or day.recorded.is_final:
                return Outcome(day=_described(day, written), refusal=refusal)
            try:
                for of in self._write(day):
                    written.add(of)
                return Outcome(day=_described(day, written))
            except Conflict as conflict:
                logger.info("starting %s anew: %s", period.name, conflict)
                self._pause(PAUSE_SECONDS)
        raise Conflict(
            f"The reports of {period.name} changed {MOST_TRIES} times while they were written, and {len(written)} of"
            " them are; run the command again to complete them"
        )

    def _recompute(self, period: Period, progress: Callable[[int], None]) -> _Day | None:
        recorded = read_day(self._store, period, self._pause)
        if recorded is None:
            return None
        self._check(recorded)
        again = fold_again(self._records(recorded, progress), period, self._clock())
        return _Day(recorded=recorded, teams=again.teams, cluster=again.cluster)

    def _check(self, recorded: RecordedDay) -> None:
        currency, length = recorded.cluster.spec.currency, self._timing.window
        if currency != self._currency:
            raise ConfigurationError(
                f"The reports of {recorded.period.name} are in {currency}, and currency is {self._currency}; ask for"
                " days of one currency, with the configuration that they were made with"
            )
        if floor_to(recorded.until, length) != recorded.until:
            raise ConfigurationError(
                f"The reports of {recorded.period.name} end at {format_time(recorded.until)}, where no window of"
                f" {length} ends; give the operator's configuration with --config"
            )

    def _records(self, recorded: RecordedDay, progress: Callable[[int], None]) -> Iterator[WindowRecord]:
        """The windows that the reports hold, computed as the operator did: blind where it could not see that far."""
        has_unobserved = parse_e9(recorded.status.unobserved) > 0
        blind = blind_until(self._clock(), self._timing) if has_unobserved else recorded.period.start
        length = self._timing.window
        return records_again(
            self._make_pipeline(), recorded.period, recorded.until, length, blind=blind, progress=progress
        )

    def _why_not(self, day: _Day, *, has_begun: bool) -> str:
        """A sentence where a day that is Open must not be written; else nothing."""
        name = day.recorded.period.name
        if day.recorded.is_final:
            if not has_begun:
                return ""
            return (
                f"{name} became Final while it was written, so some of its reports have other prices than the"
                " ClusterGpuCostReport; their adjustments say which"
            )
        doubts = _described(day).doubts
        if doubts:
            more = f" (and {len(doubts) - 1} more, see the notes)" if len(doubts) > 1 else ""
            return (
                f"{name} is {'only partly' if has_begun else 'not'} written, since not only the rates differ:"
                f" {doubts[0]}{more}; see that --config is the operator's"
            )
        if not has_begun and self._clock() > day.recorded.period.end - MARGIN and self._changes(day):
            return (
                f"{name} is not written, since it is over or ends within {MARGIN // timedelta(minutes=1)} minutes and"
                " the operator may close some of its reports before all are written; its prices stay as they are"
            )
        return ""

    def _changes(self, day: _Day) -> bool:
        return next(self._new_statuses(day), None) is not None

    def _write(self, day: _Day) -> Iterator[Of]:
        """Whose report is written, one by one."""
        period, reports = day.recorded.period, day.recorded.reports
        for of, status in self._new_statuses(day):
            if of is not None and isinstance(status, ReportStatus):
                spec = report_spec(of, period, self._currency)
                report = build_report(report_name(of[1], period), of[0], period, spec, status)
                self._store.write_report(report, reports[of])
            elif isinstance(status, ClusterReportStatus):
                cluster_spec = cluster_report_spec(period, self._currency)
                report = build_cluster_report(cluster_report_name(period), period, cluster_spec, status)
                self._store.write_cluster_report(report, day.recorded.cluster)
            yield of

    def _new_statuses(self, day: _Day) -> Iterator[tuple[Of, AnyStatus]]:
        """Of the reports that change, the cluster's last."""
        now = self._clock()
        reason = f"Recomputed by gpucost recompute with the prices of {format_time(now)}."
        for group, report in day.recorded.reports.items():
            assert report.status is not None  # noqa: S101 - a day is read when every report has one
            status = adjusted(report.status, day.teams[group], reason=reason, now=now)
            if status is not report.status:
                yield group, status
        cluster = adjusted(day.recorded.status, day.cluster, reason=reason, now=now)
        if cluster is not day.recorded.status:
            yield None, cluster


def _described(day: _Day, written: Container[Of] = ()) -> RecomputedDay:
    recorded = day.recorded
    statuses = {group: report.status for group, report in recorded.reports.items()}
    teams = {group: _line(statuses.get(group), day.teams.get(group)) for group in sorted({*statuses, *day.teams})}
    cluster = _line(recorded.status, day.cluster)
    return RecomputedDay(
        period=recorded.period,
        currency=recorded.cluster.spec.currency,
        teams={group: replace(line, written=group in written) for group, line in teams.items()},
        cluster=replace(cluster, written=None in written, remark="; ".join(_remarks(recorded, day.cluster))),
    )


def _line(recorded: Status | None, recomputed: Status | None) -> Line[Status]:
    return Line(
        recorded=recorded,
        recomputed=recomputed,
        doubts=tuple(_doubts(recorded, recomputed)),
        remark="" if recorded else "it has no report, so it is in the cluster's only",
    )


def _doubts(recorded: AnyStatus | None, recomputed: AnyStatus | None) -> Iterator[str]:
    if recorded is None:
        return
    if _is_foreign(recorded):
        yield "somebody else changed its figures"
    if recomputed is None:
        yield "nobody is known any more to have held a GPU"
    else:
        yield from what_else_differs(recorded, recomputed)


def _is_foreign(status: AnyStatus) -> bool:
    told = [each for each in status.conditions if each.type == INTACT and each.status == "False"]
    return any(each.reason != EDIT_MENDED for each in told) or not is_intact(status)


def _remarks(recorded: RecordedDay, cluster: ClusterReportStatus) -> Iterator[str]:
    if recorded.is_final:
        yield FINAL_STAYS
    known = {reason.name for reason in cluster.unallocated_by_reason}
    lost = [reason.name for reason in recorded.status.unallocated_by_reason if reason.name not in known]
    if lost:
        yield f"no longer known why cards were not held: {', '.join(lost)}"

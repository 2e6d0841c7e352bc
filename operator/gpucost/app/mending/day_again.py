"""A day computed anew from the sources, as far as its reports go."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gpucost.app.computing.pipeline import Pipeline
from gpucost.app.plan import next_batch
from gpucost.model.time import Period
from gpucost.reports.fold import fold_report
from gpucost.reports.fold_cluster import fold_cluster
from gpucost.reports.record import Group, WindowRecord, record_of
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.gpu_cost_report import ReportStatus


@dataclass(frozen=True, kw_only=True)
class DayAgain:
    """Open, whatever the reports are."""

    teams: Mapping[Group, ReportStatus]
    """In order of namespace and team."""
    cluster: ClusterReportStatus


def records_again(
    pipeline: Pipeline,
    period: Period,
    until: datetime,
    length: timedelta,
    *,
    blind: datetime,
    progress: Callable[[int], None] = lambda _: None,
) -> Iterator[WindowRecord]:
    """The windows of the day up to ``until``; those before ``blind`` without asking telemetry.

    ``progress`` is told how many are done. Raises SourceUnavailable and IncompleteAnswer as `Pipeline.compute` does.
    """
    start, done, blind = period.start, 0, min(blind, until)
    while windows := next_batch(start, blind if start < blind else until, length):
        ledgers = pipeline.compute(windows, blind=start < blind)
        done, start = done + len(windows), windows[-1].end
        progress(done)
        yield record_of(ledgers)


def fold_again(records: Iterable[WindowRecord], period: Period, now: datetime) -> DayAgain:
    """As the operator folds them. Raises ValueError where there is no record."""
    teams: dict[Group, ReportStatus] = {}
    cluster: ClusterReportStatus | None = None
    for record in records:
        for entry in record.groups:
            group = entry.group
            teams[group] = fold_report(teams.get(group), record, group, period, now=now)
        cluster = fold_cluster(cluster, record, period, now=now)
    if cluster is None:
        raise ValueError(f"no window of {period.name} is to be computed")
    return DayAgain(teams=dict(sorted(teams.items())), cluster=cluster)

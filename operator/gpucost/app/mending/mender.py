"""Reports that somebody deleted or edited are put right: from memory as they were, else from what they rest on.

Only in the loop's thread, and under the same locks as every write: where another writer was first, it is looked at
again. Docs: docs/operations.md, "Deleted and edited reports".
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from pydantic import ValidationError

from gpucost.app.backoff import Backoff
from gpucost.app.mending.mended_status import AnyStatus
from gpucost.app.mending.rebuilding import Rebuilder
from gpucost.app.mending.remembering_store import Found, RememberingStore
from gpucost.app.mending.report_check import ReportCheck, group_of
from gpucost.app.mending.report_memory import ReportMemory, key_of
from gpucost.app.mending.restoring import Restorer, build
from gpucost.app.told_once import named
from gpucost.model.errors import Conflict, GpuCostError, InputError, Refused
from gpucost.model.time import Period, PeriodKind
from gpucost.reports.conditions import Finding, set_condition
from gpucost.reports.fold import OPEN
from gpucost.reports.storage.stored import StoredClusterReport, StoredReport

REPORTS_MISSING = "ReportsMissing"
CANNOT_BE_REBUILT = "CannotBeRebuilt"
ALL_THERE = "AllThere"

MOST_SECONDS = 10.0
"""After which a turn begins no further report."""

logger = logging.getLogger(__name__)


class Mender:
    """`SideWork` of the window loop, for one term of leading.

    Its first turn, before the first window, looks at the open day; the next ones at one older day or month each.
    """

    def __init__(
        self,
        store: RememberingStore,
        memory: ReportMemory,
        rebuilder: Rebuilder,
        *,
        currency: str,
        clock: Callable[[], datetime],
        on_mended: Callable[[str], None] = lambda _: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``on_mended`` is told of each report that is put right, how: one of `MENDED`."""
        self._store = store
        self._memory = memory
        self._rebuilder = rebuilder
        self._clock = clock
        self._monotonic = monotonic
        self._currency = currency
        self._restorer = Restorer(store, memory, rebuilder, clock=clock, on_mended=on_mended)
        self._begin_check()
        self._backoff = Backoff()
        self._not_before = 0.0
        self._trouble = ""

    def mend(self, report: StoredReport | StoredClusterReport) -> AnyStatus | None:
        """The status that a report ought to have whose status is gone or does not fit its digest; None: not known.

        Whoever reads it so may write it; where nobody does, the next turn does. Raises SourceUnavailable where the API
        server does not say who edited it.
        """
        self._memory.mark(report)
        found = self._store.read_one(key_of(report))
        return None if found is None else self._restorer.as_it_was(Found(report=report, editor=found.editor))

    def complete(self, period: Period, listed: Sequence[StoredReport]) -> list[StoredReport]:
        """The reports of the period that are not ``listed`` though this process knows them, put there again.

        Raises SourceUnavailable where the API server gives no useful answer.
        """
        there, groups = {key_of(report) for report in listed}, {group_of(report) for report in listed}
        restored: list[StoredReport] = []
        for key in self._memory.keys_of(period):
            known = None if key in there or key.namespace is None else self._memory.recall(key)
            if not isinstance(known, StoredReport) or group_of(known) in groups:
                continue
            report = self._restorer.restore_or_wait(key, known.spec)
            if isinstance(report, StoredReport):
                restored.append(report)
        self._end()
        return restored

    def complete_cluster(self, period: Period) -> StoredClusterReport | None:
        """The ClusterGpuCostReport that is not there, put there again; None: this process knows of none."""
        for key in self._memory.keys_of(period):
            known = self._memory.recall(key) if key.namespace is None else None
            if known is not None:
                report = self._restorer.restore_or_wait(key, known.spec)
                self._end()
                return report if isinstance(report, StoredClusterReport) else None
        return None

    def mark(self) -> None:
        """Nothing to do for it: what is to be looked at, the memory has marked."""

    def turn(self) -> None:
        """Put right what was marked, and look at one more period; no outage or refusal is raised."""
        if self._monotonic() < self._not_before or not (self._check or self._memory.has_marked):
            return
        try:
            self._take_turn()
        except GpuCostError as error:
            self._not_before = self._monotonic() + self._backoff.failed()
            if str(error) != self._trouble:
                self._trouble = str(error)
                logger.warning("deleted or edited reports cannot be put right yet: %s", error)
            if self._check is not None:
                self._begin_check()
        else:
            self._backoff.succeeded()
            self._trouble = ""
        finally:
            self._end()

    def _end(self) -> None:
        self._rebuilder.forget()
        self._restorer.tell()

    def _begin_check(self) -> None:
        self._check: ReportCheck | None = ReportCheck(
            self._store,
            self._memory,
            self._rebuilder,
            self._restorer.restore_missing,
            currency=self._currency,
            clock=self._clock,
        )
        self._steps: Iterator[None] = self._check.run()

    def _take_turn(self) -> None:
        self._put_marked_right()
        if self._check is None:
            return
        try:
            next(self._steps)
        except StopIteration:
            self._tell_missing(self._check.lost)
            self._check = None
        self._put_marked_right()

    def _put_marked_right(self) -> None:
        marked = dict(sorted(self._memory.take_marked().items(), key=lambda entry: entry[0].namespace is not None))
        until = self._monotonic() + MOST_SECONDS
        try:
            while marked and self._monotonic() < until:
                key, spec = next(iter(marked.items()))
                try:
                    self._restorer.put_right(key, spec)
                except Conflict:
                    self._memory.mark_again(key, spec)
                except (Refused, InputError, ValidationError) as error:
                    logger.warning("%s is not put right: %s", key, error)
                if key.namespace is None:
                    self._rebuilder.forget()  # the others go by it
                del marked[key]
        finally:
            for key, spec in marked.items():
                self._memory.mark_again(key, spec)

    def _tell_missing(self, lost: Sequence[str]) -> None:
        """On the newest ClusterGpuCostReport, since the others cannot change any more."""
        latest = self._store.latest_cluster_report(PeriodKind.DAY)
        if latest is None or latest.status is None or latest.status.phase != OPEN:
            return
        finding = _missing(lost)
        told = {condition.type for condition in latest.status.conditions}
        if not lost and REPORTS_MISSING not in told:
            return
        if lost:
            logger.warning("%s", finding.message)
        conditions = set_condition(latest.status.conditions, finding, self._clock())
        status = latest.status.model_copy(update={"conditions": conditions})
        self._restorer.write(build(key_of(latest), latest.spec, status), latest)


def _missing(lost: Iterable[str]) -> Finding:
    names = list(lost)
    if not names:
        return Finding(REPORTS_MISSING, "False", ALL_THERE, "Every report that the cluster's reports count is there.")
    return Finding(
        REPORTS_MISSING,
        "True",
        CANNOT_BE_REBUILT,
        f"Somebody deleted reports that cannot be computed again: {named(names)}; their figures are in byNamespace and"
        " byTeam of their period.",
    )

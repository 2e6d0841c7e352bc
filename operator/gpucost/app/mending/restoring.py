"""One report that somebody deleted or edited, put right."""

import logging
from collections.abc import Callable
from datetime import datetime

from gpucost.app.mending.mended_status import AnyStatus, closed, with_edit_mended
from gpucost.app.mending.rebuilding import Rebuilder
from gpucost.app.mending.remembering_store import Found, RememberingStore
from gpucost.app.mending.report_memory import AnySpec, AnyStored, Key, ReportMemory, key_of, period_in
from gpucost.app.told_once import named
from gpucost.model.errors import Conflict, Refused
from gpucost.model.time import PeriodKind
from gpucost.reports.build import Object, build_cluster_report, build_report
from gpucost.reports.digest import is_intact
from gpucost.reports.fold import FINAL, OPEN
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportSpec, ClusterReportStatus
from gpucost.reports.resources.gpu_cost_report import ReportSpec, ReportStatus
from gpucost.reports.storage.stored import StoredClusterReport, StoredReport

MEMORY = "memory"
RECOMPUTED = "recomputed"
DAYS = "days"
MENDED = (MEMORY, RECOMPUTED, DAYS)
"""How a report is put right."""

UNKNOWN = "unknown"
NOT_TAKEN = "notTaken"
DOUBTFUL = "doubtful"
"""What could not be put right."""

_SENTENCES = {
    MEMORY: "deleted or edited by somebody, and put back as it was",
    RECOMPUTED: "deleted or edited by somebody, and computed again, since nobody remembers the figures",
    DAYS: "deleted or edited by somebody, and summed again from the days, since nobody remembers the figures",
    UNKNOWN: "deleted by somebody, and nothing tells the figures any more",
    NOT_TAKEN: "deleted by somebody, and not taken back by the namespace, so the figures are in byNamespace only",
    DOUBTFUL: "the figures do not fit their digest, and nothing tells better ones",
}

_MOST_EDITS = 1_000

logger = logging.getLogger(__name__)


class Restorer:
    """Each method raises SourceUnavailable or IncompleteAnswer where the figures may be told later.

    Conflict where another writer was first.
    """

    def __init__(
        self,
        store: RememberingStore,
        memory: ReportMemory,
        rebuilder: Rebuilder,
        *,
        clock: Callable[[], datetime],
        on_mended: Callable[[str], None],
    ) -> None:
        self._store = store
        self._memory = memory
        self._rebuilder = rebuilder
        self._clock = clock
        self._on_mended = on_mended
        self._noted: dict[str, list[Key]] = {}
        """What is not told yet."""
        self._edits: dict[Key, str] = {}
        """The edited versions that are noted."""

    def put_right(self, key: Key, spec: AnySpec) -> None:
        """Whatever became of it."""
        found = self._store.read_one(key)
        if found is None:
            self._restore(key, spec)
        elif found.report.problem:
            logger.warning("%s", found.report.problem)
        elif found.report.status is None or not is_intact(found.report.status):
            self._put_back(found)
        elif self._is_poorer(found.report):
            self._enrich(found.report)

    def restore_missing(self, key: Key, spec: AnySpec) -> bool:
        """A report that is not there, or lacks windows; False: it cannot be."""
        found = self._store.read_one(key)
        if found is None:
            return self._restore(key, spec) is not None
        is_final = found.report.status is not None and found.report.status.phase == FINAL
        return not found.report.problem and not is_final and self._enrich(found.report)

    def restore_or_wait(self, key: Key, spec: AnySpec) -> AnyStored | None:
        """A report that is not there; None: it cannot be, or another writer was first and it is marked."""
        try:
            return self._restore(key, spec)
        except Conflict:
            self._memory.mark_again(key, spec)
            return None

    def as_it_was(self, found: Found) -> AnyStatus | None:
        """The figures of a report before somebody else changed them; None: not known."""
        known = self._memory.recall(key_of(found.report))
        if known is None or known.status is None or not _is_what_was_edited(found, known):
            return None
        self._note_edit(found.report)
        return with_edit_mended(known.status, found.editor, self._clock())

    def _restore(self, key: Key, spec: AnySpec) -> AnyStored | None:
        known = self._memory.recall(key)
        if known is None or known.status is None:
            status, how = self._rebuilder.status_of(spec, _group(key, spec)), _how(spec)
        else:
            spec, status, how = known.spec, known.status, MEMORY
            if status.phase == OPEN and self._rebuilder.is_closed(period_in(spec)):
                status = closed(status)
        if status is None:
            self._note(UNKNOWN, key)
            return None
        return self._create(key, spec, status, how)

    def _create(self, key: Key, spec: AnySpec, status: AnyStatus, how: str) -> AnyStored | None:
        report = build(key, spec, status)
        if how != MEMORY:
            self._memory.drop(key)
        try:
            written = self.write(report, None)
        except Refused as refusal:
            self._memory.drop(key)
            if status.phase == FINAL or key.namespace is None or key.namespace != _origin(key, spec):
                logger.debug("%s", refusal)
                self._note(NOT_TAKEN, key)
                return None
            written = self._store.write_report_elsewhere(report)
        self._note(how, key)
        return written

    def _put_back(self, found: Found) -> None:
        """Figures that somebody else has changed or removed."""
        current, editor, how = found.report, found.editor, MEMORY
        key, spec = key_of(current), current.spec
        status = self.as_it_was(found)
        if status is None and (editor is not None or current.status is None):
            how, rebuilt = _how(spec), self._rebuilder.status_of(spec, _group(key, spec))
            status = None if rebuilt is None else with_edit_mended(rebuilt, editor, self._clock())
        if status is None:
            self._note(DOUBTFUL, key)
            return
        self._replace(current, status, how)
        if how != MEMORY:
            self._note(how, key)

    def _replace(self, current: AnyStored, status: AnyStatus, how: str) -> None:
        key = key_of(current)
        read: AnyStored | None = current
        if current.status is not None and current.status.phase == FINAL:
            self._store.remove(current)
            read = None
        if how != MEMORY:
            self._memory.drop(key)
        self.write(build(key, current.spec, status), read)

    def _is_poorer(self, current: AnyStored) -> bool:
        """Whether it was set back; or deleted, or emptied, and began anew with what came after."""
        known = self._memory.recall(key_of(current))
        return known is not None and _windows(known) > _windows(current)

    def _enrich(self, current: AnyStored) -> bool:
        """A report that lacks windows gets all of them; False: nothing tells them any more."""
        key, how = key_of(current), MEMORY
        known = self._memory.recall(key)
        status = known.status if known is not None and _holds_all_of(known, current) else None
        if status is None:
            status, how = self._rebuilder.status_of(current.spec, _group(key, current.spec)), _how(current.spec)
        if status is None:
            self._note(UNKNOWN, key)
            self._memory.drop(key)
            self._memory.saw(current)
            return False
        self._replace(current, status, how)
        self._note(how, key)
        return True

    def write(self, report: Object, read: AnyStored | None) -> AnyStored:
        if "namespace" in report["metadata"]:
            return self._store.write_report(report, read if isinstance(read, StoredReport) else None)
        return self._store.write_cluster_report(report, read if isinstance(read, StoredClusterReport) else None)

    def tell(self) -> None:
        """In the log, what became of the reports since it was told last."""
        for what, keys in self._noted.items():
            subject = "a report" if len(keys) == 1 else f"{len(keys)} reports"
            logger.warning("%s: %s: %s", subject, _SENTENCES[what], named([str(key) for key in keys]))
        self._noted = {}

    def _note_edit(self, edited: AnyStored) -> None:
        """Once, however often it is read before it is written."""
        key = key_of(edited)
        if self._edits.get(key) != edited.resource_version:
            self._edits[key] = edited.resource_version
            self._note(MEMORY, key)
        if len(self._edits) > _MOST_EDITS:
            self._edits.clear()

    def _note(self, what: str, key: Key) -> None:
        self._noted.setdefault(what, []).append(key)
        if what in MENDED:
            self._on_mended(what)


def _is_what_was_edited(found: Found, known: AnyStored) -> bool:
    """Whether ``known`` is the version that somebody else went on from: what they left alone is the same."""
    current, touched = found.report, found.editor.fields if found.editor else frozenset()
    if current.uid != known.uid or current.status is None or known.status is None:
        return True
    now, then = current.status, known.status
    if "digest" not in touched:
        return now.digest == then.digest
    windows = "windows" in touched or now.windows == then.windows
    return windows and ("lastWindowEnd" in touched or now.last_window_end == then.last_window_end)


def _holds_all_of(known: AnyStored, current: AnyStored) -> bool:
    """Whether ``current`` is ``known`` set back or emptied, and has nothing that came after."""
    until, then = current.last_window_end, known.last_window_end
    return _windows(known) > _windows(current) and (until is None or (then is not None and then >= until))


def _windows(report: AnyStored) -> int:
    return report.status.windows if report.status else 0


def _origin(key: Key, spec: AnySpec) -> str | None:
    return spec.namespace or key.namespace if isinstance(spec, ReportSpec) else None


def _group(key: Key, spec: AnySpec) -> tuple[str, str] | None:
    namespace = _origin(key, spec)
    return (namespace, spec.team) if isinstance(spec, ReportSpec) and namespace is not None else None


def _how(spec: AnySpec) -> str:
    return DAYS if spec.period is PeriodKind.MONTH else RECOMPUTED


def build(key: Key, spec: AnySpec, status: AnyStatus) -> Object:
    period = period_in(spec)
    if isinstance(spec, ReportSpec) and isinstance(status, ReportStatus) and key.namespace is not None:
        return build_report(key.name, key.namespace, period, spec, status)
    assert isinstance(spec, ClusterReportSpec) and isinstance(status, ClusterReportStatus)  # noqa: S101, PT018
    return build_cluster_report(key.name, period, spec, status)

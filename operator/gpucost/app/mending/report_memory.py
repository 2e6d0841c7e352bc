"""Reports as they were last whole, so that one which somebody deletes or edits can be put back as it was.

Fed by every read and write of the operator and by the watch of our own kinds; bounded, the oldest periods go first.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import msgspec

from gpucost.model.errors import InputError
from gpucost.model.time import Period, PeriodKind, Window, parse_time, period_of
from gpucost.reports.build import Object
from gpucost.reports.digest import is_intact
from gpucost.reports.naming import MANAGED_BY_LABEL, MANAGER
from gpucost.reports.resources import cluster_gpu_cost_report, gpu_cost_report
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportSpec
from gpucost.reports.resources.gpu_cost_report import ReportSpec
from gpucost.reports.storage.stored import StoredClusterReport, StoredReport, parse_cluster_report, parse_report

MOST_REPORTS = 5_000
MOST_BYTES = 20 * 2**20
"""Compressed; a report takes 1 to 5 kB."""

_MOST_FORGOTTEN = 20_000
_DROPPED_AT_ONCE = 10
"""One part in so many goes when there is no more room: to look for the oldest each time would take longer."""

AnyStored = StoredReport | StoredClusterReport
AnySpec = ReportSpec | ClusterReportSpec


@dataclass(frozen=True, slots=True)
class Key:
    """Which report; ``namespace`` None: a ClusterGpuCostReport."""

    namespace: str | None
    name: str

    def __str__(self) -> str:
        if self.namespace is None:
            return f"{cluster_gpu_cost_report.KIND} {self.name}"
        return f"{gpu_cost_report.KIND} {self.namespace}/{self.name}"


def key_of(report: AnyStored) -> Key:
    return Key(report.namespace, report.name)


def period_in(spec: AnySpec) -> Period:
    start = parse_time(spec.start)
    return period_of(Window(start, start), spec.period)


@dataclass(frozen=True, slots=True)
class _Entry:
    uid: str
    version: int
    windows: int
    end: str
    """Of what it covers; sorts as the time does."""
    period: Period
    packed: bytes


class ReportMemory:
    """Called from any thread. Good for as long as nobody else but this process writes reports.

    What is marked is what somebody else may have deleted or edited: whoever puts it right reads it anew before.
    """

    def __init__(self, *, most_reports: int = MOST_REPORTS, most_bytes: int = MOST_BYTES) -> None:
        self._most_reports = most_reports
        self._most_bytes = most_bytes
        self._lock = Lock()
        self._entries: dict[Key, _Entry] = {}
        self._bytes = 0
        self._dropped_until = ""
        """Reports that end by then had to go, and are not taken again."""
        self._forgotten: dict[Key, None] = {}
        self._marked: dict[Key, AnySpec] = {}

    def saw(self, report: AnyStored) -> None:
        """A version that was read or written; an older one than is known changes nothing.

        One that holds fewer windows than are known is none to go back to: windows only come to a report.
        """
        key, version = key_of(report), _number(report.resource_version)
        with self._lock:
            if key in self._forgotten or self._is_known(key, report.uid, version):
                return
        is_whole = report.status is not None and is_intact(report.status)
        entry = _pack(report, version) if is_whole else None
        with self._lock:
            known = self._entries.get(key)
            if known is not None and known.version >= version:
                return
            if entry is None or (known is not None and entry.windows < known.windows):
                if known is not None or report.status is not None:
                    self._marked[key] = report.spec
            elif entry.end > self._dropped_until:
                self._put(key, entry)

    def saw_event(self, kind: str | None, document: Object) -> None:
        """Of the watch: ``DELETED`` with the last version, anything else with the present one."""
        report = _parse(document)
        if report is None:
            return
        key = key_of(report)
        if kind != "DELETED":
            self.saw(report)
            return
        with self._lock:
            if key in self._forgotten:
                del self._forgotten[key]
                return
        self.saw(report)
        self.mark(report)

    def mark(self, report: AnyStored) -> None:
        """Somebody else may have deleted or edited it."""
        with self._lock:
            self._marked[key_of(report)] = report.spec

    def mark_again(self, key: Key, spec: AnySpec) -> None:
        with self._lock:
            self._marked.setdefault(key, spec)

    def take_marked(self) -> dict[Key, AnySpec]:
        with self._lock:
            taken, self._marked = self._marked, {}
            return taken

    @property
    def has_marked(self) -> bool:
        return bool(self._marked)

    def forget(self, namespace: str | None, name: str) -> None:
        """To be called before gpucost itself deletes a report: it is not to come back."""
        key = Key(namespace, name)
        with self._lock:
            self._drop(key)
            self._marked.pop(key, None)
            self._forgotten[key] = None
            if len(self._forgotten) > _MOST_FORGOTTEN:
                del self._forgotten[next(iter(self._forgotten))]

    def drop(self, key: Key) -> None:
        """What is known of it does not count any more; what is seen from now on does."""
        with self._lock:
            self._drop(key)

    def recall(self, key: Key) -> AnyStored | None:
        with self._lock:
            entry = self._entries.get(key)
        return None if entry is None else _unpack(key, entry)

    def newest(self, kind: PeriodKind) -> Period | None:
        """Of the ClusterGpuCostReports that are known."""
        with self._lock:
            known = (entry.period for key, entry in self._entries.items() if key.namespace is None)
            return max((period for period in known if period.kind is kind), default=None)

    def keys_of(self, period: Period) -> Sequence[Key]:
        with self._lock:
            return [key for key, entry in self._entries.items() if entry.period == period]

    def _is_known(self, key: Key, uid: str, version: int) -> bool:
        known = self._entries.get(key)
        return known is not None and known.uid == uid and known.version >= version

    def _put(self, key: Key, entry: _Entry) -> None:
        self._drop(key)
        self._entries[key] = entry
        self._bytes += len(entry.packed)
        while len(self._entries) > self._most_reports or self._bytes > self._most_bytes:
            oldest = sorted(self._entries, key=lambda key: self._entries[key].end)
            for old in oldest[: 1 + len(oldest) // _DROPPED_AT_ONCE]:
                self._dropped_until = max(self._dropped_until, self._entries[old].end)
                self._drop(old)

    def _drop(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= len(entry.packed)


def _number(version: str) -> int:
    """Versions of the API server grow; one that is no number is taken for older than any."""
    return int(version) if version.isascii() and version.isdecimal() else 0


def _parse(document: Object) -> AnyStored | None:
    """None: it is not ours, or cannot be understood."""
    if (document["metadata"].get("labels") or {}).get(MANAGED_BY_LABEL) != MANAGER:
        return None
    try:
        if document["metadata"].get("namespace"):
            return parse_report(document)
        return parse_cluster_report(document)
    except InputError:
        return None


def _pack(report: AnyStored, version: int) -> _Entry:
    assert report.status is not None  # noqa: S101 - only what is whole is packed
    content = {
        "labels": dict(report.labels),
        "spec": report.spec.model_dump(mode="json", by_alias=True, exclude_none=True),
        "status": report.status.model_dump(mode="json", by_alias=True),
    }
    return _Entry(
        uid=report.uid,
        version=version,
        windows=report.status.windows,
        end=report.spec.end,
        period=period_in(report.spec),
        packed=zlib.compress(msgspec.json.encode(content), 3),
    )


def _unpack(key: Key, entry: _Entry) -> AnyStored:
    content = msgspec.json.decode(zlib.decompress(entry.packed), type=Object)
    metadata = {"name": key.name, "uid": entry.uid, "resourceVersion": str(entry.version), "labels": content["labels"]}
    document = {"metadata": metadata, "spec": content["spec"], "status": content["status"]}
    if key.namespace is None:
        return parse_cluster_report(document)
    return parse_report({**document, "metadata": {**metadata, "namespace": key.namespace}})

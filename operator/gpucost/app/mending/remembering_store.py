"""A store that keeps in mind what it reads and writes, and that knows more of single reports: for mending them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from kubernetes.client import ApiClient

from gpucost.app.mending.report_memory import AnyStored, Key, ReportMemory, key_of
from gpucost.model.time import Period, PeriodKind, Window, period_of
from gpucost.reports.build import Object
from gpucost.reports.naming import MANAGED_BY_LABEL, MANAGER, PERIOD_LABEL, START_LABEL
from gpucost.reports.plain_text import plain
from gpucost.reports.resources import cluster_gpu_cost_report, gpu_cost_report
from gpucost.reports.storage.kube_client import CORE, Place
from gpucost.reports.storage.store import ReportName, ReportStore
from gpucost.reports.storage.stored import StoredClusterReport, StoredReport, parse_cluster_report, parse_report


@dataclass(frozen=True, slots=True)
class Editor:
    """Who else wrote figures of a report, as the API server remembers it."""

    manager: str
    """Name of the program, such as ``kubectl-edit``."""
    time: str
    """RFC 3339; empty: the API server does not say."""
    fields: frozenset[str]
    """Of the status, that are somebody else's since, as ``windows``."""


@dataclass(frozen=True, slots=True)
class Found:
    report: AnyStored
    editor: Editor | None
    """Who else wrote into its status last; None: the API server knows of nobody."""


class RememberingStore(ReportStore):
    """Every method raises SourceUnavailable where the API server gives no useful answer."""

    def __init__(
        self,
        client: ApiClient,
        *,
        operator_namespace: str,
        memory: ReportMemory,
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(client, operator_namespace=operator_namespace, may_write=may_write)
        self._memory = memory

    def read_reports(self, period: Period) -> list[StoredReport]:
        reports = super().read_reports(period)
        for report in reports:
            self._memory.saw(report)
        return reports

    def read_cluster_report(self, period: Period) -> StoredClusterReport | None:
        return self._kept(super().read_cluster_report(period))

    def latest_cluster_report(self, kind: PeriodKind) -> StoredClusterReport | None:
        return self._kept(super().latest_cluster_report(kind))

    def write_report(self, report: Object, read: StoredReport | None) -> StoredReport:
        written = super().write_report(report, read)
        self._memory.saw(written)
        return written

    def write_cluster_report(self, report: Object, read: StoredClusterReport | None) -> StoredClusterReport:
        written = super().write_cluster_report(report, read)
        self._memory.saw(written)
        return written

    def delete(self, report: ReportName) -> None:
        self._memory.forget(report.namespace, report.name)
        super().delete(report)

    def read_one(self, key: Key) -> Found | None:
        """None: there is none. Raises InputError where its spec cannot be understood."""
        document = self._api.get(_place(key))
        if document is None:
            return None
        report = parse_cluster_report(document) if key.namespace is None else parse_report(document)
        return Found(report=report, editor=_editor(document))

    def remove(self, report: AnyStored) -> None:
        """Only to make it anew: a Final report cannot be changed. Raises Conflict where somebody else did so."""
        self._api.delete(_place(key_of(report)), uid=report.uid)

    def cluster_periods(self, kind: PeriodKind) -> Sequence[Period]:
        """Those that have a ClusterGpuCostReport, oldest first."""
        labels = {MANAGED_BY_LABEL: MANAGER, PERIOD_LABEL: str(kind)}
        entries = self._api.list_all(Place(cluster_gpu_cost_report.PLURAL), labels=labels, names_only=True)
        starts = {str(entry["metadata"]["labels"].get(START_LABEL, "")) for entry in entries}
        return [period for start in sorted(starts) if (period := _period(start, kind))]

    def namespaces(self) -> frozenset[str]:
        entries = self._api.list_all(Place("namespaces", api=CORE), names_only=True)
        return frozenset(entry["metadata"]["name"] for entry in entries)

    def _kept(self, report: StoredClusterReport | None) -> StoredClusterReport | None:
        if report is not None:
            self._memory.saw(report)
        return report


def _place(key: Key) -> Place:
    plural = cluster_gpu_cost_report.PLURAL if key.namespace is None else gpu_cost_report.PLURAL
    return Place(plural, key.namespace, key.name)


def _editor(document: Object) -> Editor | None:
    entries = document["metadata"].get("managedFields") or ()
    others = [
        Editor(
            manager=plain(str(entry.get("manager", ""))),
            time=str(entry.get("time", "")),
            fields=frozenset(name.removeprefix("f:") for name in entry["fieldsV1"]["f:status"]),
        )
        for entry in entries
        if entry.get("manager") != MANAGER and "f:status" in (entry.get("fieldsV1") or {})
    ]
    if not others:
        return None
    last = max(others, key=lambda editor: editor.time)
    return replace(last, fields=frozenset().union(*(editor.fields for editor in others)))


def _period(start: str, kind: PeriodKind) -> Period | None:
    """None: somebody else wrote that label."""
    try:
        moment = datetime.strptime(start, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return period_of(Window(moment, moment), kind)

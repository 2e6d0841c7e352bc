"""Everything that is kept on the API server: reports, window records and rate cards, read and written.

Docs: docs/operations.md. Nothing is cached: whoever writes says what they read, and loses where that is stale.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from kubernetes.client import ApiClient

from gpucost.model.errors import Conflict, InputError
from gpucost.model.time import Period, PeriodKind, parse_time
from gpucost.reports.build import Object
from gpucost.reports.naming import (
    MANAGED_BY_LABEL,
    MANAGER,
    PERIOD_LABEL,
    START_LABEL,
    TEAM_LABEL,
    cluster_report_name,
    label_value,
    name_elsewhere,
    period_labels,
)
from gpucost.reports.record import Group
from gpucost.reports.resources import cluster_gpu_cost_report, gpu_cost_report, gpu_cost_window, gpu_rate_card
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.fields import API_VERSION
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from gpucost.reports.resources.gpu_rate_card import RateCardStatus
from gpucost.reports.storage.events import Happening, create_event
from gpucost.reports.storage.kube_client import KubeClient, Place
from gpucost.reports.storage.record_store import Record, RecordStore
from gpucost.reports.storage.stored import (
    StoredClusterReport,
    StoredReport,
    parse_cluster_report,
    parse_report,
)

AnyStored = StoredReport | StoredClusterReport

RATE_CARDS = Place(gpu_rate_card.PLURAL)
_RATE_CARD = {"apiVersion": API_VERSION, "kind": gpu_rate_card.KIND}
_KINDS = (gpu_cost_report.KIND, cluster_gpu_cost_report.KIND, gpu_cost_window.KIND, gpu_rate_card.KIND)


@dataclass(frozen=True, slots=True)
class ReportName:
    """What a report is called, without what it says."""

    namespace: str | None
    """None: a ClusterGpuCostReport."""
    name: str
    uid: str


class ReportStore:
    """Every method raises SourceUnavailable where the API server gives no useful answer."""

    def __init__(
        self, client: ApiClient, *, operator_namespace: str, may_write: Callable[[], bool] = lambda: True
    ) -> None:
        """``may_write`` is asked before each write; see `KubeClient`."""
        self._api = KubeClient(client, may_write)
        self._operator_namespace = operator_namespace
        self._records = RecordStore(self._api, operator_namespace)
        self.problems: tuple[str, ...] = ()
        """What `read_reports` did not understand the last time, a sentence each."""

    def missing_kinds(self) -> tuple[str, ...]:
        """Our kinds that the API server does not serve: their CRDs are not installed."""
        served = self._api.served_kinds()
        return tuple(kind for kind in _KINDS if kind not in served)

    def read_rate_cards(self) -> Sequence[Object]:
        return self._api.list_all(RATE_CARDS)

    def write_rate_card_status(self, card: Object, status: RateCardStatus) -> None:
        """Raises Conflict where the card is no longer as it was read, or gone; Refused where it is not taken."""
        metadata = card["metadata"]
        document = {
            **_RATE_CARD,
            "metadata": {"name": metadata["name"]},
            "status": status.model_dump(mode="json", by_alias=True),
        }
        place = Place(gpu_rate_card.PLURAL, name=metadata["name"])
        self._api.apply(place, _locked(document, metadata["resourceVersion"]), status=True)

    def tell_of_rate_card(self, card: Object, happening: Happening, at: datetime) -> None:
        """An Event about the card; see `create_event`."""
        create_event(self._api, {**card, **_RATE_CARD}, happening, at)

    def read_reports(self, period: Period) -> list[StoredReport]:
        """The reports of a period in all namespaces; those that cannot be understood are told in ``problems``."""
        reports: list[StoredReport] = []
        problems: list[str] = []
        for document in self._api.list_all(Place(gpu_cost_report.PLURAL), labels=period_labels(period)):
            try:
                reports.append(parse_report(document))
            except InputError as error:
                problems.append(str(error))
        self.problems = (*problems, *(report.problem for report in reports if report.problem))
        return reports

    def read_days_of(self, group: Group, month: Period) -> list[StoredReport]:
        """A team's Days in one namespace that there are of a month, in order, wherever they live."""
        namespace, team = group
        days: list[StoredReport] = []
        labels = {MANAGED_BY_LABEL: MANAGER, PERIOD_LABEL: str(PeriodKind.DAY), TEAM_LABEL: label_value(team)}
        for place in dict.fromkeys((namespace, self._operator_namespace)):
            for document in self._api.list_all(Place(gpu_cost_report.PLURAL, place), labels=labels):
                with suppress(InputError):  # told where its day is read
                    days.append(parse_report(document))
        return sorted(
            (
                day
                for day in days
                if (day.origin, day.spec.team) == group and month.start <= parse_time(day.spec.start) < month.end
            ),
            key=lambda day: day.spec.start,
        )

    def names_of_reports(self, period: Period) -> list[ReportName]:
        """Of the reports of a period in all namespaces."""
        place, labels = Place(gpu_cost_report.PLURAL), period_labels(period)
        return [
            ReportName(entry["metadata"]["namespace"], entry["metadata"]["name"], entry["metadata"]["uid"])
            for entry in self._api.list_all(place, labels=labels, names_only=True)
        ]

    def names_of_cluster_reports(self) -> list[ReportName]:
        """All of them, also those that are not ours."""
        entries = self._api.list_all(Place(cluster_gpu_cost_report.PLURAL), names_only=True)
        return [ReportName(None, entry["metadata"]["name"], entry["metadata"]["uid"]) for entry in entries]

    def delete(self, report: ReportName) -> None:
        """Nothing happens where it is gone; raises Conflict where it was made anew, Refused where it must not be."""
        plural = gpu_cost_report.PLURAL if report.namespace else cluster_gpu_cost_report.PLURAL
        self._api.delete(Place(plural, report.namespace, report.name), uid=report.uid)

    def read_cluster_report(self, period: Period) -> StoredClusterReport | None:
        """Raises InputError where its spec cannot be understood."""
        document = self._api.get(_cluster_place(cluster_report_name(period)))
        return parse_cluster_report(document) if document else None

    def latest_cluster_report(self, kind: PeriodKind) -> StoredClusterReport | None:
        """The newest that holds figures: its last window is the last one that every report has.

        Raises InputError where it cannot be understood: to go on from an older one would do windows twice.
        """
        labels = {MANAGED_BY_LABEL: MANAGER, PERIOD_LABEL: str(kind)}
        entries = self._api.list_all(Place(cluster_gpu_cost_report.PLURAL), labels=labels, names_only=True)
        metadata = [entry["metadata"] for entry in entries]
        for newest in sorted(metadata, key=lambda entry: str(entry["labels"].get(START_LABEL, "")), reverse=True):
            document = self._api.get(_cluster_place(newest["name"]))
            report = parse_cluster_report(document) if document else None
            if report and report.problem:
                raise InputError(report.problem)
            if report and report.status:
                return report
        return None

    def write_report(self, report: Object, read: StoredReport | None) -> StoredReport:
        """Create it, or bring what was read to it; returns what is there now. Unchanged, nothing is written.

        A report that was read in the operator's namespace stays there. Raises Conflict where it is no longer as it
        was read (None: that there was none), Refused where its namespace or the API server does not take it,
        InputError where what was read could not be understood.
        """
        if read and read.namespace != report["metadata"]["namespace"]:
            report = self._relocate(report)
        if read and _says_the_same(report, read, ReportStatus):
            return read
        metadata = report["metadata"]
        return parse_report(
            self._write(Place(gpu_cost_report.PLURAL, metadata["namespace"], metadata["name"]), report, read)
        )

    def write_report_elsewhere(self, report: Object) -> StoredReport:
        """Create it in the operator's namespace, since its own has refused it. Raises as `write_report`."""
        return self.write_report(self._relocate(report), None)

    def write_cluster_report(self, report: Object, read: StoredClusterReport | None) -> StoredClusterReport:
        """As `write_report`."""
        if read and _says_the_same(report, read, ClusterReportStatus):
            return read
        return parse_cluster_report(self._write(_cluster_place(report["metadata"]["name"]), report, read))

    def create_record(self, record: Record) -> None:
        """Decide; see `RecordStore.create`."""
        self._records.create(record)

    def read_records(self, after: datetime) -> list[Record]:
        """What was decided from ``after`` on, oldest first; see `RecordStore.read`."""
        return self._records.read(after)

    def delete_records(self, until: datetime) -> None:
        """Remove what was decided before ``until`` and every report has; see `RecordStore.delete`."""
        self._records.delete(until)

    def _relocate(self, report: Object) -> Object:
        metadata = report["metadata"]
        origin = metadata["namespace"]
        name = name_elsewhere(metadata["name"], origin)
        return {
            **report,
            "metadata": {**metadata, "name": name, "namespace": self._operator_namespace},
            "spec": {**report["spec"], "namespace": origin},
        }

    def _write(self, place: Place, report: Object, read: AnyStored | None) -> Object:
        """Object and status are two calls, since each drops the other's part; the lock goes from one to the other."""
        if read and read.problem:
            raise InputError(read.problem)
        main = {key: part for key, part in report.items() if key != "status"}
        status = {key: part for key, part in report.items() if key != "spec"}
        status["metadata"] = {key: part for key, part in report["metadata"].items() if key != "labels"}
        if read is None:
            document, created = self._api.apply(place, main)
            if not created:
                raise Conflict(f"{place} was created by another writer meanwhile; read it and go on from there")
            version = document["metadata"]["resourceVersion"]
        elif _has_labels(read, report):
            version = read.resource_version
        else:
            document, _ = self._api.apply(place, _locked(main, read.resource_version, uid=read.uid))
            version = document["metadata"]["resourceVersion"]
        written, _ = self._api.apply(place, _locked(status, version), status=True)
        return written


def _says_the_same(report: Object, read: AnyStored, model: type[ReportStatus] | type[ClusterReportStatus]) -> bool:
    return _has_labels(read, report) and model.model_validate(report["status"]) == read.status


def _has_labels(read: AnyStored, report: Object) -> bool:
    """Those that others have put there do not matter."""
    wanted: dict[str, str] = report["metadata"].get("labels", {})
    return wanted.items() <= read.labels.items()


def _cluster_place(name: str) -> Place:
    return Place(cluster_gpu_cost_report.PLURAL, name=name)


def _locked(document: Object, version: str, **more: str) -> Object:
    return {**document, "metadata": {**document["metadata"], "resourceVersion": version, **more}}

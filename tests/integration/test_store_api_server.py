"""Reports and window records in a real API server: written once, locked, and refused one by one."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from gpucost.model.errors import Conflict, InputError, Refused
from gpucost.model.time import DAY as ONE_DAY
from gpucost.model.time import Period, PeriodKind, format_time
from gpucost.reports.naming import record_name
from gpucost.reports.resources.fields import Concern
from gpucost.reports.resources.gpu_cost_window import WindowSpec
from gpucost.reports.storage.kube_client import KubeClient, Place
from gpucost.reports.storage.store import ReportStore
from gpucost.reports.storage.stored import StoredReport
from sandbox.control_plane import ControlPlane
from tests.integration.api_objects import (
    DAY,
    Api,
    install_crds,
    make_cluster_report,
    make_report,
)

pytestmark = pytest.mark.cluster

NAMESPACE = "store-trials"
OPERATOR = "store-operator"
STARTS = count()


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane, kubectl: Path) -> Iterator[Api]:
    api = install_crds(control_plane, kubectl)
    api.kubectl("create", "namespace", NAMESPACE)
    api.kubectl("create", "namespace", OPERATOR)
    yield api
    api.client.rest_client.pool_manager.clear()


@pytest.fixture(scope="module")
def store(api: Api) -> ReportStore:
    return ReportStore(api.client, operator_namespace=OPERATOR)


def find(store: ReportStore, name: str) -> StoredReport | None:
    return next((report for report in store.read_reports(DAY) if report.name == name), None)


def read_back(api: Api, name: str, namespace: str = NAMESPACE) -> dict[str, object]:
    document: dict[str, object] = json.loads(
        api.kubectl("get", "gcr", name, "-n", namespace, "-o", "json", "--show-managed-fields")
    )
    return document


# --- reports ---------------------------------------------------------------------------------------------------------


def test_a_report_comes_back_as_it_was_written(api: Api, store: ReportStore) -> None:
    concern = Concern(type="RateMissing", reason="NodesWithoutRate", cause="Node n1: no rate", subjects=("n1", "n2"))
    report = make_report(NAMESPACE, "back", concerns=(concern,))
    written = store.write_report(report, None)
    assert find(store, "back-2026-11-24") == written
    document = read_back(api, "back-2026-11-24")
    assert document["spec"] == report["spec"]
    assert document["status"] == report["status"]
    assert report["status"]["usedCost"] is None
    assert written.last_window_end == DAY.start + timedelta(minutes=5)


def test_only_gpucost_manages_its_fields(api: Api, store: ReportStore) -> None:
    written = store.write_report(make_report(NAMESPACE, "managed"), None)
    store.write_report(make_report(NAMESPACE, "managed", windows=2), written)
    metadata = read_back(api, "managed-2026-11-24")["metadata"]
    assert isinstance(metadata, dict)
    managers = {(entry["manager"], entry["operation"], entry.get("subresource")) for entry in metadata["managedFields"]}
    assert managers == {("gpucost", "Apply", None), ("gpucost", "Apply", "status")}
    assert metadata.keys() & {"annotations", "finalizers"} == set()


def test_the_next_version_goes_on_from_the_written_one(store: ReportStore) -> None:
    first = store.write_report(make_report(NAMESPACE, "next"), None)
    second = store.write_report(make_report(NAMESPACE, "next", windows=2), first)
    third = store.write_report(make_report(NAMESPACE, "next", windows=3), second)
    assert third.status
    assert third.status.windows == 3
    assert len({first.resource_version, second.resource_version, third.resource_version}) == 3


def test_an_unchanged_report_is_not_written(api: Api, store: ReportStore) -> None:
    written = store.write_report(make_report(NAMESPACE, "same"), None)
    assert store.write_report(make_report(NAMESPACE, "same"), written) is written
    api.kubectl("label", "gcr", written.name, "-n", NAMESPACE, "own=label")
    read = find(store, written.name)
    assert read
    assert store.write_report(make_report(NAMESPACE, "same"), read) is read


def test_a_label_that_somebody_changed_is_mended(api: Api, store: ReportStore) -> None:
    written = store.write_report(make_report(NAMESPACE, "labels"), None)
    api.kubectl("label", "gcr", written.name, "-n", NAMESPACE, "gpucost.io/team=mine", "own=label", "--overwrite")
    read = find(store, written.name)
    assert read
    mended = store.write_report(make_report(NAMESPACE, "labels"), read)
    assert mended.labels["gpucost.io/team"] == "labels"
    assert mended.labels["own"] == "label"


def test_a_report_that_changed_meanwhile_is_a_conflict(store: ReportStore) -> None:
    read = store.write_report(make_report(NAMESPACE, "raced"), None)
    winner = store.write_report(make_report(NAMESPACE, "raced", windows=2), read)
    with pytest.raises(Conflict):
        store.write_report(make_report(NAMESPACE, "raced", windows=3), read)
    assert find(store, read.name) == winner


def test_a_report_that_another_created_meanwhile_is_a_conflict(store: ReportStore) -> None:
    winner = store.write_report(make_report(NAMESPACE, "twice"), None)
    with pytest.raises(Conflict, match="created by another writer"):
        store.write_report(make_report(NAMESPACE, "twice", windows=2), None)
    assert find(store, winner.name) == winner


@pytest.mark.parametrize("is_labelled_anew", [False, True])
def test_a_report_that_was_deleted_meanwhile_is_a_conflict(
    api: Api, store: ReportStore, is_labelled_anew: bool
) -> None:
    read = store.write_report(make_report(NAMESPACE, "deleted"), None)
    api.kubectl("delete", "gcr", read.name, "-n", NAMESPACE)
    report = make_report(NAMESPACE, "deleted", windows=2)
    if is_labelled_anew:
        report["metadata"]["labels"]["new"] = "label"
    with pytest.raises(Conflict):
        store.write_report(report, read)
    assert find(store, read.name) is None


def test_a_create_that_was_cut_off_is_completed(api: Api, store: ReportStore) -> None:
    report = make_report(NAMESPACE, "cut-off")
    main = {key: part for key, part in report.items() if key != "status"}
    KubeClient(api.client).apply(Place("gpucostreports", NAMESPACE, "cut-off-2026-11-24"), main)
    read = find(store, "cut-off-2026-11-24")
    assert read
    assert read.status is None
    assert read.problem == ""
    assert store.write_report(report, read).status is not None


def test_reports_are_read_by_period_from_all_namespaces(store: ReportStore) -> None:
    period = Period(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 2, tzinfo=UTC), PeriodKind.DAY)
    month = Period(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC), PeriodKind.MONTH)
    for namespace in (NAMESPACE, OPERATOR):
        store.write_report(make_report(namespace, "read", period=period), None)
    store.write_report(make_report(NAMESPACE, "read", period=month), None)
    assert {(report.namespace, report.spec.team) for report in store.read_reports(period)} == {
        (NAMESPACE, "read"),
        (OPERATOR, "read"),
    }
    assert store.problems == ()


def test_a_report_is_refused_where_its_namespace_is_missing_and_goes_to_the_operators(store: ReportStore) -> None:
    report = make_report("never-there", "homeless")
    with pytest.raises(Refused, match=r"homeless-2026-11-24 in namespace never-there.*its namespace is gone"):
        store.write_report(report, None)
    written = store.write_report_elsewhere(report)
    assert (written.namespace, written.name) == (OPERATOR, "never-there.homeless-2026-11-24")
    assert (written.origin, written.spec.team) == ("never-there", "homeless")
    assert written in store.read_reports(DAY)
    grown = store.write_report(make_report("never-there", "homeless", windows=2), written)
    assert (grown.namespace, grown.uid) == (OPERATOR, written.uid)
    assert grown.status
    assert grown.status.windows == 2


def test_a_report_is_refused_where_its_namespace_is_being_deleted(api: Api, store: ReportStore) -> None:
    api.kubectl("create", "namespace", "ending")
    holder = '{"metadata": {"finalizers": ["gpucost.io/held-by-a-test"]}}'
    api.kubectl("create", "configmap", "holder", "-n", "ending")
    api.kubectl("patch", "configmap", "holder", "-n", "ending", "--type=merge", "-p", holder)
    api.kubectl("delete", "namespace", "ending", "--wait=false")
    with pytest.raises(Refused, match="its namespace is being deleted"):
        store.write_report(make_report("ending"), None)
    api.kubectl(
        "patch", "configmap", "holder", "-n", "ending", "--type=merge", "-p", '{"metadata":{"finalizers":null}}'
    )


def test_a_report_is_refused_where_the_quota_of_its_namespace_is_used_up(api: Api, store: ReportStore) -> None:
    api.kubectl("create", "namespace", "crowded")
    api.kubectl("create", "quota", "none", "-n", "crowded", "--hard=count/gpucostreports.gpucost.io=0")
    # as its controller would say, which takes half a minute to learn of a new kind
    counted = {"count/gpucostreports.gpucost.io": "0"}
    status = json.dumps({"status": {"hard": counted, "used": counted}})
    api.kubectl("patch", "quota", "none", "-n", "crowded", "--subresource=status", "--type=merge", "-p", status)
    with pytest.raises(Refused, match="raise the quota"):
        store.write_report(make_report("crowded"), None)


def test_what_the_schema_refuses_is_told(store: ReportStore) -> None:
    report = make_report(NAMESPACE, "bad")
    report["spec"]["currency"] = "dollars"
    with pytest.raises(Refused, match=r"spec\.currency"):
        store.write_report(report, None)


# --- cluster reports -------------------------------------------------------------------------------------------------


def test_the_latest_cluster_report_is_the_newest_one_with_figures(api: Api, store: ReportStore) -> None:
    days = [Period(DAY.start + n * ONE_DAY, DAY.end + n * ONE_DAY, PeriodKind.DAY) for n in (100, 98, 99)]
    for day in days[1:]:
        store.write_cluster_report(make_cluster_report(day, last_window_end=format_time(day.end)), None)
    month = Period(datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 2, 1, tzinfo=UTC), PeriodKind.MONTH)
    store.write_cluster_report(make_cluster_report(month), None)
    unfinished = {key: part for key, part in make_cluster_report(days[0]).items() if key != "status"}
    KubeClient(api.client).apply(Place("clustergpucostreports", name=unfinished["metadata"]["name"]), unfinished)
    latest = store.latest_cluster_report(PeriodKind.DAY)
    assert latest
    assert latest.last_window_end == days[2].end
    assert store.read_cluster_report(days[2]) == latest
    grown = store.write_cluster_report(make_cluster_report(days[2], windows=2), latest)
    assert grown.resource_version != latest.resource_version
    with pytest.raises(Conflict):
        store.write_cluster_report(make_cluster_report(days[2], windows=3), latest)


def test_there_may_be_no_cluster_report(store: ReportStore) -> None:
    assert store.read_cluster_report(Period(DAY.start - ONE_DAY, DAY.start, PeriodKind.DAY)) is None


# --- window records --------------------------------------------------------------------------------------------------


@pytest.fixture
def start() -> datetime:
    """Later than what other tests decide."""
    return datetime(2027, 1, 1, tzinfo=UTC) + next(STARTS) * ONE_DAY


def make_record(start: datetime, *data: str, minutes: int = 5, digest: str = "sha256:1") -> list[WindowSpec]:
    pieces = [*enumerate(data, start=1), (0, "")]
    end = start + timedelta(minutes=minutes)
    return [
        WindowSpec(
            start=format_time(start), end=format_time(end), chunk=number, chunks=len(data), data=piece, digest=digest
        )
        for number, piece in pieces
    ]


def names_of_windows(api: Api) -> list[str]:
    listed = api.kubectl("get", "gcw", "-n", OPERATOR, "-o", "name").split()
    return [name.removeprefix("gpucostwindow.gpucost.io/") for name in listed]


def test_a_record_comes_back_index_first(store: ReportStore, start: datetime) -> None:
    *chunks, index = make_record(start, "a", "b", "c")
    store.create_record([*chunks, index])
    assert store.read_records(start) == [(index, *chunks)]


def test_records_come_back_in_order_and_only_from_the_given_time_on(store: ReportStore, start: datetime) -> None:
    later = start + timedelta(minutes=5)
    for moment in (later, start):
        store.create_record(make_record(moment, "a"))
    assert [record[0].start for record in store.read_records(start)] == [format_time(start), format_time(later)]
    assert [record[0].start for record in store.read_records(later)] == [format_time(later)]
    assert store.read_records(later + timedelta(seconds=1)) == []


RIVALS: dict[str, Callable[[datetime], list[WindowSpec]]] = {
    "the same": lambda start: make_record(start, "a", "b"),
    "other rows": lambda start: make_record(start, "x", digest="sha256:2"),
    "more windows": lambda start: make_record(start, "x", "y", minutes=60),
}


@pytest.mark.parametrize("make_rival", RIVALS.values(), ids=RIVALS)
def test_who_decides_second_loses(
    store: ReportStore, start: datetime, make_rival: Callable[[datetime], list[WindowSpec]]
) -> None:
    *chunks, index = make_record(start, "a", "b")
    store.create_record([*chunks, index])
    with pytest.raises(Conflict, match="decided by another writer"):
        store.create_record(make_rival(start))
    assert store.read_records(start) == [(index, *chunks)]


def test_a_record_without_its_index_was_never_decided(api: Api, store: ReportStore, start: datetime) -> None:
    leave_chunks(api, store, make_record(start, "a", "b"))
    assert store.read_records(start) == []


def test_chunks_of_a_dead_writer_do_not_mix_with_ours(api: Api, store: ReportStore, start: datetime) -> None:
    dead = make_record(start, "dead", "writer", digest="sha256:1")
    leave_chunks(api, store, dead)
    *chunks, index = make_record(start, "a", "b", digest="sha256:1")
    store.create_record([*chunks, index])
    (record,) = store.read_records(start)
    assert record[1:] in [tuple(chunks), tuple(dead[:-1])]


def test_a_record_without_its_chunks_is_told(api: Api, store: ReportStore, start: datetime) -> None:
    store.create_record(make_record(start, "a", "b"))
    chunk = next(name for name in names_of_windows(api) if name.startswith(f"{record_name(start)}-"))
    api.kubectl("delete", "gcw", chunk, "-n", OPERATOR)
    with pytest.raises(InputError, match=f"{record_name(start)} lacks chunks"):
        store.read_records(start)
    store.delete_records(start + ONE_DAY)


def test_records_are_removed_with_the_chunks_that_nobody_decided(api: Api, store: ReportStore, start: datetime) -> None:
    leave_chunks(api, store, make_record(start, "dead", "writer"))
    store.create_record(make_record(start, "a"))
    store.create_record(make_record(start + timedelta(minutes=5), "b"))
    store.delete_records(start + timedelta(minutes=5))
    names = names_of_windows(api)
    assert [name for name in names if name.startswith(record_name(start))] == []
    assert len([name for name in names if name.startswith(record_name(start + timedelta(minutes=5)))]) == 2


def leave_chunks(api: Api, store: ReportStore, record: list[WindowSpec]) -> None:
    """As a writer does that dies before its index."""
    store.create_record(record)
    api.kubectl("delete", "gcw", record_name(datetime.fromisoformat(record[-1].start)), "-n", OPERATOR)


def test_a_chunk_of_full_size_is_taken(store: ReportStore, start: datetime) -> None:
    store.create_record(make_record(start, "x" * 500_000))
    assert len(store.read_records(start)[0][1].data) == 500_000


# --- the rest --------------------------------------------------------------------------------------------------------


def test_all_kinds_are_there(store: ReportStore) -> None:
    assert store.missing_kinds() == ()


def test_rate_cards_are_read(api: Api, store: ReportStore) -> None:
    spec = {"currency": "USD", "rates": [{"name": "all", "nodeHourly": "2.50"}]}
    card = {"apiVersion": "gpucost.io/v1alpha1", "kind": "GpuRateCard", "metadata": {"name": "read"}, "spec": spec}
    api.kubectl("create", "-f", "-", told=json.dumps(card))
    assert [entry["spec"] for entry in store.read_rate_cards() if entry["metadata"]["name"] == "read"] == [spec]
    api.kubectl("delete", "grc", "read")

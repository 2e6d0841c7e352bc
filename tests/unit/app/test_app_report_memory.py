from typing import Any

import pytest

from gpucost.app.mending.report_check import short_namespaces
from gpucost.app.mending.report_memory import Key, ReportMemory, key_of
from gpucost.model.time import DAY, Period, PeriodKind, Window, period_of
from gpucost.reports.build import Object, build_cluster_report, build_report, cluster_report_spec, report_spec
from gpucost.reports.fold import fold_report
from gpucost.reports.fold_cluster import fold_cluster
from gpucost.reports.naming import cluster_report_name, report_name
from gpucost.reports.record import WindowRecord, record_of
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from gpucost.reports.storage.stored import StoredReport, parse_cluster_report, parse_report
from tests.unit.reports.made_ledgers import DAY_START, NOW, USD, make_figures, make_holder, make_ledger

GROUP = ("ml-prod", "search")
PERIOD = Period(DAY_START, DAY_START + DAY, PeriodKind.DAY)


def make_record(windows: int = 1, *namespaces: str) -> WindowRecord:
    holders = [make_holder(make_figures(USD), namespace=namespace) for namespace in namespaces or GROUP[:1]]
    return record_of([make_ledger(holders, number=number) for number in range(windows)])


def make_status(windows: int = 1) -> ReportStatus:
    return fold_report(None, make_record(windows), GROUP, PERIOD, now=NOW)


def make_document(version: int, status: ReportStatus | None = None, *, day: int = 0, uid: str = "u1") -> Object:
    start = DAY_START + day * DAY
    period = period_of(Window(start, start), PeriodKind.DAY)
    spec = report_spec(GROUP, period, "USD")
    report = build_report(report_name(GROUP[1], period), GROUP[0], period, spec, status or make_status())
    metadata = {**report["metadata"], "uid": uid, "resourceVersion": str(version)}
    return {**report, "metadata": metadata}


def make_stored(version: int, status: ReportStatus | None = None, **more: Any) -> StoredReport:
    return parse_report(make_document(version, status, **more))


KEY = key_of(make_stored(1))


def edited(status: ReportStatus) -> ReportStatus:
    return status.model_copy(update={"cost": "9.000000000"})


def test_what_was_seen_comes_back_as_it_was() -> None:
    memory, report = ReportMemory(), make_stored(7)
    memory.saw(report)
    assert memory.recall(KEY) == report
    assert memory.keys_of(PERIOD) == [KEY]
    assert not memory.has_marked


def test_a_cluster_report_does_too() -> None:
    status = fold_cluster(None, make_record(), PERIOD, now=NOW)
    built = build_cluster_report(cluster_report_name(PERIOD), PERIOD, cluster_report_spec(PERIOD, "USD"), status)
    report = parse_cluster_report({**built, "metadata": {**built["metadata"], "uid": "c", "resourceVersion": "3"}})
    memory = ReportMemory()
    memory.saw(report)
    assert memory.recall(Key(None, PERIOD.name)) == report
    assert memory.newest(PeriodKind.DAY) == PERIOD
    assert memory.newest(PeriodKind.MONTH) is None


SEEN = {
    "a newer version counts": ([(1, make_status()), (2, make_status(2))], 2, False),
    "an older one does not": ([(2, make_status(2)), (1, make_status())], 2, False),
    "an edited one is marked": ([(1, make_status()), (2, edited(make_status()))], 1, True),
    "one with fewer windows is marked": ([(1, make_status(2)), (2, make_status())], 1, True),
}


@pytest.mark.parametrize(("seen", "version", "is_marked"), SEEN.values(), ids=SEEN)
def test_the_last_whole_version_counts(seen: list[tuple[int, ReportStatus]], version: int, *, is_marked: bool) -> None:
    memory = ReportMemory()
    for number, status in seen:
        memory.saw(make_stored(number, status))
    known = memory.recall(KEY)
    assert known is not None
    assert known.resource_version == str(version)
    assert (KEY in memory.take_marked()) == is_marked


def test_a_report_that_is_made_anew_counts_when_it_holds_as_much() -> None:
    memory = ReportMemory()
    memory.saw(make_stored(1))
    memory.saw(make_stored(2, uid="u2"))
    known = memory.recall(KEY)
    assert known is not None
    assert known.uid == "u2"


def test_a_deleted_report_is_marked_with_its_last_version() -> None:
    memory = ReportMemory()
    memory.saw_event("DELETED", make_document(5))
    assert list(memory.take_marked()) == [KEY]
    assert memory.recall(KEY) == make_stored(5)


def test_what_is_forgotten_is_not_marked_when_it_is_deleted_and_counts_when_it_comes_anew() -> None:
    memory = ReportMemory()
    memory.saw(make_stored(1))
    memory.forget(*GROUP[:1], KEY.name)
    memory.saw_event("MODIFIED", make_document(2))
    memory.saw_event("DELETED", make_document(3))
    assert not memory.has_marked
    assert memory.recall(KEY) is None
    memory.saw_event("ADDED", make_document(4))
    assert memory.recall(KEY) == make_stored(4)


NOT_OURS: dict[str, dict[str, Any]] = {
    "no label of ours": {"metadata": {"name": "x", "namespace": "y", "labels": {}}, "spec": {}},
    "a spec that nobody understands": {
        "metadata": {**make_document(1)["metadata"], "name": "x"},
        "spec": {},
    },
}


@pytest.mark.parametrize("document", NOT_OURS.values(), ids=NOT_OURS)
def test_what_is_not_ours_is_let_be(document: Object) -> None:
    memory = ReportMemory()
    memory.saw_event("DELETED", document)
    assert not memory.has_marked


def test_the_oldest_go_where_there_is_no_room() -> None:
    memory = ReportMemory(most_reports=20)
    for day in range(30):
        memory.saw(make_stored(1, day=day))
    kept = [day for day in range(30) if memory.recall(key_of(make_stored(1, day=day)))]
    assert kept == list(range(30 - len(kept), 30))
    assert 15 <= len(kept) <= 20
    memory.saw(make_stored(1))
    assert memory.recall(KEY) is None


def test_bytes_are_bounded_too() -> None:
    memory = ReportMemory(most_bytes=8_000)
    for day in range(40):
        memory.saw(make_stored(1, day=day))
    assert 1 <= sum(memory.recall(key_of(make_stored(1, day=day))) is not None for day in range(40)) < 20


def test_a_namespace_that_lacks_hours_is_named() -> None:
    record = make_record(1, "ml-prod", "ml-test")
    cluster = fold_cluster(None, record, PERIOD, now=NOW)
    assert short_namespaces(PeriodKind.DAY, cluster, [make_stored(1)]) == {"ml-test"}
    assert short_namespaces(PeriodKind.DAY, cluster, []) == {"ml-prod", "ml-test"}

"""Writes that come late, after another replica went on: on a real API server none of them changes anything."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gpucost.model.errors import Conflict
from gpucost.reports.storage.kube_client import KubeClient, Place
from gpucost.reports.storage.kube_errors import AlreadyExists
from gpucost.reports.storage.store import ReportStore
from sandbox.control_plane import ControlPlane
from tests.integration.api_objects import DAY, OPERATOR_NAMESPACE, Api, install_crds, make_report

pytestmark = pytest.mark.cluster

NAMESPACE = "late"
EARLIER, LATER = "2026-11-24T00:05:00Z", "2026-11-24T00:10:00Z"
Report = dict[str, Any]


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane, kubectl: Path) -> Api:
    api = install_crds(control_plane, kubectl)
    api.kubectl("create", "namespace", NAMESPACE)
    return api


@pytest.fixture
def store(api: Api) -> ReportStore:
    return ReportStore(api.client, operator_namespace=OPERATOR_NAMESPACE)


def version_of(api: Api, report: Report) -> str:
    return api.kubectl("get", "gcr", report["metadata"]["name"], "-n", NAMESPACE, "-o", "jsonpath={.metadata}{.status}")


def test_a_report_is_not_taken_back_to_an_earlier_window(api: Api, store: ReportStore) -> None:
    first = store.write_report(make_report(NAMESPACE, "back", last_window_end=EARLIER), None)
    late = make_report(NAMESPACE, "back", last_window_end=LATER, windows=2, cost="9.000000000")
    store.write_report(make_report(NAMESPACE, "back", last_window_end=LATER, windows=2), first)
    there = version_of(api, late)
    with pytest.raises(Conflict):
        store.write_report(late, first)
    assert version_of(api, late) == there


def test_a_report_that_another_made_keeps_its_figures(store: ReportStore) -> None:
    there_first = make_report(NAMESPACE, "twice", last_window_end=LATER, windows=2)
    store.write_report(there_first, None)
    before = next(report for report in store.read_reports(DAY) if report.spec.team == "twice")
    with pytest.raises(Conflict):
        store.write_report(make_report(NAMESPACE, "twice", last_window_end=EARLIER), None)
    after = next(report for report in store.read_reports(DAY) if report.spec.team == "twice")
    assert (after.status, after.spec) == (before.status, before.spec)


def test_a_report_that_is_gone_is_not_made_of_old_figures(api: Api, store: ReportStore) -> None:
    report = make_report(NAMESPACE, "gone", last_window_end=EARLIER)
    read = store.write_report(report, None)
    api.kubectl("delete", "gcr", report["metadata"]["name"], "-n", NAMESPACE)
    with pytest.raises(Conflict):
        store.write_report(make_report(NAMESPACE, "gone", last_window_end=LATER, windows=2), read)
    assert [report.spec.team for report in store.read_reports(DAY) if report.spec.team == "gone"] == []


def test_what_was_made_anew_is_neither_removed_nor_made_over(api: Api, store: ReportStore) -> None:
    report = make_report(NAMESPACE, "anew")
    place = Place("gpucostreports", NAMESPACE, report["metadata"]["name"])
    old = store.write_report(report, None)
    api.kubectl("delete", "gcr", report["metadata"]["name"], "-n", NAMESPACE)
    store.write_report(report, None)
    there = version_of(api, report)
    client = KubeClient(api.client)
    late: dict[type[Conflict], Callable[[], object]] = {
        Conflict: lambda: client.delete(place, uid=old.uid),
        AlreadyExists: lambda: client.create(place, {key: part for key, part in report.items() if key != "status"}),
    }
    for error, write in late.items():
        with pytest.raises(error):
            write()
    assert version_of(api, report) == there

from datetime import UTC, datetime
from typing import Any

import pytest
from kubernetes.client import ApiClient, Configuration

from gpucost.model.errors import InputError
from gpucost.reports.storage.store import ReportStore
from gpucost.reports.storage.stored import parse_cluster_report, parse_report

SPEC = {
    "team": "research",
    "period": "Day",
    "start": "2026-11-24T00:00:00Z",
    "end": "2026-11-25T00:00:00Z",
    "currency": "USD",
}
ZERO = "0.000000000"
BASIS = ("heldHours", "seenHours", "memoryHours", "memoryUsedHours", "computeHours", "computeUsedHours")
SUMMARY = ("cost", "usedCost", "idleCost", "gpuHours", "efficiency", "coverage", "estimated")
STATUS = {
    "phase": "Open",
    "lastWindowEnd": "2026-11-24T00:05:00Z",
    "windows": 1,
    "estimatedCost": ZERO,
    "unallocatedShare": ZERO,
    "gpuHours": {"reserved": ZERO, "charged": ZERO, "unpriced": ZERO},
    "unpricedGpuHours": ZERO,
    "products": 0,
    "basis": dict.fromkeys(BASIS, ZERO),
    "summary": dict.fromkeys(SUMMARY, "-"),
}


def make_document(spec: dict[str, Any] = SPEC, status: object = STATUS) -> dict[str, Any]:
    metadata = {"name": "research-2026-11-24", "namespace": "ml", "uid": "u1", "resourceVersion": "7"}
    return {"kind": "GpuCostReport", "metadata": metadata, "spec": spec, "status": status}


def test_a_report_is_read_with_what_its_next_version_goes_on_from() -> None:
    report = parse_report(make_document())
    assert (report.namespace, report.origin, report.uid, report.resource_version) == ("ml", "ml", "u1", "7")
    assert report.last_window_end == datetime(2026, 11, 24, 0, 5, tzinfo=UTC)
    assert report.problem == ""


def test_a_report_away_from_its_namespace_knows_it() -> None:
    assert parse_report(make_document({**SPEC, "namespace": "gone"})).origin == "gone"


@pytest.mark.parametrize("status", [None, {}])
def test_a_report_may_have_no_figures_yet(status: object) -> None:
    report = parse_report(make_document(status=status))
    assert (report.status, report.last_window_end, report.problem) == (None, None, "")


BAD_STATUSES = {
    "a figure that is none": {**STATUS, "cost": "much"},
    "a figure of another version": {**STATUS, "carbon": ZERO},
    "a missing figure": {"phase": "Open"},
    "no mapping": ["Open"],
}


@pytest.mark.parametrize("status", BAD_STATUSES.values(), ids=BAD_STATUSES)
def test_a_report_that_cannot_be_understood_is_kept_and_never_written_over(status: object) -> None:
    report = parse_report(make_document(status=status))
    assert report.status is None
    assert "GpuCostReport research-2026-11-24 in namespace ml: status cannot be understood" in report.problem
    store = ReportStore(ApiClient(Configuration(host="http://127.0.0.1:1")), operator_namespace="gpucost")
    with pytest.raises(InputError, match="cannot be understood"):
        store.write_report(make_document(), report)


def test_a_spec_that_cannot_be_understood_is_told() -> None:
    with pytest.raises(InputError, match=r"GpuCostReport research-2026-11-24 in namespace ml: spec .*currency"):
        parse_report(make_document({**SPEC, "currency": 5}))


def test_a_cluster_report_that_cannot_be_understood_is_told() -> None:
    spec = {key: value for key, value in SPEC.items() if key != "team"}
    document = {**make_document(spec, {"phase": "Open"}), "kind": "ClusterGpuCostReport"}
    assert "ClusterGpuCostReport research-2026-11-24: status" in parse_cluster_report(document).problem

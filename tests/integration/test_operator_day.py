"""The operator's whole job, on a real API server and a real Prometheus, against the fleet's closed form."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import FleetBox
from running_operator import (
    NAMESPACE,
    Object,
    RunningOperator,
    last_window_end,
    read_cluster_report,
    read_reports,
)
from true_figures import assert_bill_exact, assert_reports_true, figures_of, windows_of

from gpucost.model.time import DAY, format_time

pytestmark = pytest.mark.cluster

Eventually = Callable[[Callable[[], object], float], bool]
SETTLED = timedelta(minutes=3)
"""After a window's end: settled, and later than the lateness of these tests."""


@pytest.fixture
def run(fleet_box: FleetBox, tmp_path: Path, eventually: Eventually) -> Callable[[timedelta], RunningOperator]:
    """Runs the operator at a time of the simulated day until the reports are up to that time, and stops it."""

    def run_until(time_of_day: timedelta) -> RunningOperator:
        until = fleet_box.day + time_of_day
        with RunningOperator(
            tmp_path, fleet_box.operator_kubeconfig, fleet_box.sandbox.prometheus_url, now=until + SETTLED
        ) as operator:
            wanted = format_time(until)
            assert eventually(lambda: last_window_end(fleet_box.sandbox, day_of(fleet_box)) == wanted, 120), (
                operator.log()
            )
            assert eventually(lambda: operator.ask("/readyz")[0] == 200, 30), operator.log()
            assert operator.ask("/healthz") == (200, "ok\n")
            assert operator.stop() < 10
        return operator

    return run_until


def day_of(box: FleetBox) -> str:
    return f"{box.day:%Y-%m-%d}"


def statuses(box: FleetBox) -> dict[tuple[str, str], Object]:
    return {key: report["status"] for key, report in read_reports(box.sandbox, day_of(box)).items()}


def versions(box: FleetBox) -> dict[tuple[str, str], str]:
    reports = read_reports(box.sandbox, day_of(box))
    return {key: report["metadata"]["resourceVersion"] for key, report in reports.items()}


def command(box: FleetBox, *arguments: str) -> str:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "gpucost.app.cli", *arguments),
            *("--kubeconfig", str(box.sandbox.kubeconfig), "--prometheus", box.sandbox.prometheus_url),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_day_so_far_equals_the_closed_form(
    fleet_box: FleetBox, run: Callable[[timedelta], RunningOperator]
) -> None:
    run(timedelta(hours=18))
    windows = windows_of(fleet_box.day, fleet_box.day + timedelta(hours=18))
    assert_reports_true(read_reports(fleet_box.sandbox, day_of(fleet_box)), fleet_box.fleet, windows)
    cluster = read_cluster_report(fleet_box.sandbox, day_of(fleet_box))
    assert cluster is not None
    assert_bill_exact(cluster, fleet_box.fleet, windows)
    assert (cluster["status"]["phase"], cluster["status"]["windows"]) == ("Open", len(windows))
    assert cluster["status"]["coverage"] == "1.000000"


def test_a_restart_changes_no_figure_and_writes_no_report(
    fleet_box: FleetBox, run: Callable[[timedelta], RunningOperator]
) -> None:
    before, before_versions = statuses(fleet_box), versions(fleet_box)
    run(timedelta(hours=18))
    assert statuses(fleet_box) == before
    assert versions(fleet_box) == before_versions


def test_a_day_that_was_interrupted_ends_final_and_equal_to_the_closed_form(
    fleet_box: FleetBox, run: Callable[[timedelta], RunningOperator]
) -> None:
    run(DAY)
    windows = windows_of(fleet_box.day, fleet_box.day + DAY)
    reports = read_reports(fleet_box.sandbox, day_of(fleet_box))
    assert_reports_true(reports, fleet_box.fleet, windows)
    assert {report["status"]["phase"] for report in reports.values()} == {"Final"}
    cluster = read_cluster_report(fleet_box.sandbox, day_of(fleet_box))
    assert cluster is not None
    assert_bill_exact(cluster, fleet_box.fleet, windows)
    assert cluster["status"]["phase"] == "Final"


def test_no_record_is_left_when_every_report_has_it(fleet_box: FleetBox) -> None:
    assert json.loads(fleet_box.sandbox.kubectl("get", "gcw", "-A", "-o", "json"))["items"] == []


def test_the_report_command_computes_what_the_operator_wrote(fleet_box: FleetBox) -> None:
    interval = ("--from", format_time(fleet_box.day), "--to", format_time(fleet_box.day + DAY))
    items = json.loads(command(fleet_box, "report", *interval, "-o", "json"))["items"]
    computed = {
        (item["metadata"]["namespace"], item["spec"]["team"]): item for item in items if item["kind"] == "GpuCostReport"
    }
    written = read_reports(fleet_box.sandbox, day_of(fleet_box))
    assert computed.keys() == written.keys()
    for key, item in computed.items():
        assert figures_of(item) == figures_of(written[key])
        assert item["spec"] == written[key]["spec"]
        assert item["metadata"]["name"] == written[key]["metadata"]["name"]


def test_the_report_command_prints_the_table_that_kubectl_prints(fleet_box: FleetBox) -> None:
    interval = ("--from", format_time(fleet_box.day), "--to", format_time(fleet_box.day + DAY))
    printed = command(fleet_box, "report", *interval)
    selector = f"gpucost.io/start={day_of(fleet_box)}"
    reports = fleet_box.sandbox.kubectl("get", "gcr", "-A", "-l", selector)
    cluster = fleet_box.sandbox.kubectl("get", "cgcr", "-l", selector)
    assert [line.rstrip() for line in printed.splitlines()] == [
        line.rstrip() for line in (*reports.splitlines(), "", *cluster.splitlines())
    ]


def test_the_cost_column_of_the_allocations_adds_up_to_the_bill_of_every_node(fleet_box: FleetBox) -> None:
    interval = ("--from", format_time(fleet_box.day), "--to", format_time(fleet_box.day + DAY))
    rows = json.loads(command(fleet_box, "allocations", *interval, "-o", "json"))
    cluster = read_cluster_report(fleet_box.sandbox, day_of(fleet_box))
    assert cluster is not None
    bills = {bill["name"]: int(bill["nodeCost"].replace(".", "")) for bill in cluster["status"]["byNode"]}
    sums = dict.fromkeys(bills, 0)
    for row in rows:
        sums[row["node"]] += int(row["cost"].replace(".", ""))
    assert sums == bills


def test_pods_nodes_and_namespaces_are_never_written(fleet_box: FleetBox) -> None:
    for kind in ("pods", "nodes", "namespaces"):
        for item in json.loads(fleet_box.sandbox.kubectl("get", kind, "-A", "-o", "json", "--show-managed-fields"))[
            "items"
        ]:
            text = json.dumps(item["metadata"])
            if item["metadata"]["name"] == NAMESPACE:
                continue
            assert "finalizers" not in item["metadata"]
            assert "kopf" not in text
            assert '"manager": "gpucost"' not in text


def test_kubectl_explains_every_figure(fleet_box: FleetBox) -> None:
    text = fleet_box.sandbox.kubectl("explain", "gcr.status")
    for field in ("cost", "usedCost", "idleCost", "unknownUseCost", "coverage", "efficiency"):
        assert field in text
    assert "<no description>" not in text

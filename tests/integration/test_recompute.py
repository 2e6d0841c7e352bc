"""``gpucost recompute`` on a real API server and a real Prometheus, beside the operator, against the closed form."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import yaml
from running_operator import (
    NAMESPACE,
    Object,
    RunningOperator,
    install,
    last_window_end,
    read_cluster_report,
    read_reports,
)
from true_figures import assert_bill_exact, assert_reports_true, windows_of

from gpucost.app.cli.main import make_parser
from gpucost.app.cli.recompute import call
from gpucost.model.money import E9, parse_e9
from gpucost.model.time import DAY, Window, format_time, start_of_day
from gpucost.reports.digest import is_intact
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from gpucost.simulation.fleet import Fleet, make_fleet
from gpucost.simulation.truth import TrueFigures, true_lines, true_totals
from sandbox.session import Sandbox

pytestmark = pytest.mark.cluster

Eventually = Callable[[Callable[[], object], float], bool]
Group = tuple[str, str]
HISTORY = timedelta(hours=8)
MORNING = timedelta(hours=6, minutes=35)
"""Not where a batch of the operator ends."""
SETTLED = timedelta(minutes=3)
RATE = "11.000000003"
INSTANCE = "p4d.24xlarge"
CARD: Object = {
    "apiVersion": "gpucost.io/v1alpha1",
    "kind": "GpuRateCard",
    "metadata": {"name": "contract"},
    "spec": {
        "currency": "USD",
        "source": "contract 1234",
        "rates": [{"name": "p4d", "match": {"instanceType": INSTANCE}, "nodeHourly": RATE}],
    },
}
"""Cheaper than the list price; a node that is annotated keeps its own."""


@dataclass(frozen=True)
class Box:
    """A past day whose first hours Prometheus has, and the truth about it before and after the card."""

    sandbox: Sandbox
    fleet: Fleet
    kubeconfig: Path
    folder: Path

    @property
    def start(self) -> datetime:
        return self.fleet.start

    @property
    def day(self) -> str:
        return f"{self.start:%Y-%m-%d}"

    @property
    def now(self) -> datetime:
        return self.start + MORNING + SETTLED

    @property
    def cheaper(self) -> Fleet:
        """The same fleet at the card's price."""
        nodes = (
            replace(node, hourly_rate=RATE) if node.instance_type == INSTANCE and not node.rate_is_annotated else node
            for node in self.fleet.nodes
        )
        return replace(self.fleet, nodes=tuple(nodes))

    def operator(self, until: timedelta) -> RunningOperator:
        """With a log of its own."""
        folder = Path(mkdtemp(dir=self.folder))
        return RunningOperator(folder, self.kubeconfig, self.sandbox.prometheus_url, now=self.start + until + SETTLED)

    def is_done(self, until: timedelta) -> bool:
        return last_window_end(self.sandbox, self.day) == format_time(self.start + until)

    def put_card(self) -> None:
        path = self.folder / "card.json"
        path.write_text(json.dumps(CARD))
        self.sandbox.kubectl("apply", "-f", str(path))

    def arguments(self, *more: str) -> list[str]:
        """With the operator's own account: its rights must do."""
        config = self.folder / "recompute.yaml"
        settings = {"prometheus": {"url": self.sandbox.prometheus_url}, "namespace": NAMESPACE}
        config.write_text(yaml.safe_dump(settings))
        end = f"{self.start + DAY:%Y-%m-%d}"
        source = ("--config", str(config), "--kubeconfig", str(self.kubeconfig))
        return ["recompute", "--from", self.day, "--to", end, *source, *more]

    def apply(self) -> int:
        """At the time of the simulated day: of one that is over nothing is written."""
        return call(make_parser().parse_args(self.arguments("--apply")), clock=lambda: self.now)

    def show(self, *more: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "gpucost.app.cli", *self.arguments(*more)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    def statuses(self) -> dict[Group | None, Object]:
        """None: the cluster's."""
        cluster = read_cluster_report(self.sandbox, self.day)
        assert cluster is not None
        reports = {group: report["status"] for group, report in read_reports(self.sandbox, self.day).items()}
        return {**reports, None: cluster["status"]}

    def assert_true(self, fleet: Fleet, until: timedelta) -> None:
        """All reports are those of the closed form, add up to the bill, and nobody else has touched them."""
        windows = windows_of(self.start, self.start + until)
        assert_reports_true(read_reports(self.sandbox, self.day), fleet, windows)
        cluster = read_cluster_report(self.sandbox, self.day)
        assert cluster is not None
        assert_bill_exact(cluster, fleet, windows)
        assert cluster["status"]["windows"] == len(windows)
        teams = [status for group, status in self.statuses().items() if group is not None]
        assert sum(parse_e9(status["cost"]) for status in teams) == parse_e9(cluster["status"]["allocated"])
        assert is_intact(ClusterReportStatus.model_validate(cluster["status"]))
        assert all(is_intact(ReportStatus.model_validate(status)) for status in teams)


@pytest.fixture(scope="module")
def box(
    control_plane_binaries: dict[str, Path],
    prometheus_binaries: dict[str, Path],
    kubectl: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Box]:
    assert control_plane_binaries
    assert prometheus_binaries
    assert kubectl
    start = start_of_day(datetime.now(UTC)) - DAY
    fleet = make_fleet(seed=9, start=start, end=start + DAY)
    folder = tmp_path_factory.mktemp("recompute")
    with Sandbox.start(folder / "box", fleet=fleet, history=Window(start, start + HISTORY)) as sandbox:
        yield Box(sandbox, fleet, install(sandbox), folder)


@pytest.fixture(scope="module")
def morning(box: Box, eventually: Eventually) -> Box:
    """The morning is in the reports at list prices, and then there is a card."""
    with box.operator(MORNING) as operator:
        assert eventually(lambda: box.is_done(MORNING), 120), operator.log()
        assert operator.stop() < 10
    box.assert_true(box.fleet, MORNING)
    box.put_card()
    return box


def totals(fleet: Fleet, until: timedelta) -> Mapping[Group, TrueFigures]:
    return true_totals(true_lines(fleet, windows_of(fleet.start, fleet.start + until)))


def assert_near(text: str, true: Fraction, windows_and_rows: int) -> None:
    """But for the rounding of each row of each window."""
    assert abs(parse_e9(text) - true * E9) <= windows_and_rows


def rows_of(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    assert (done.returncode, done.stderr) == (0, "")
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def test_what_is_shown_is_the_difference_of_the_closed_forms(morning: Box) -> None:
    before, after = totals(morning.fleet, MORNING), totals(morning.cheaper, MORNING)
    rows = rows_of(morning.show("-o", "json"))
    teams = {(row["namespace"], row["team"]): row for row in rows if row["line"] == "team"}
    assert set(teams) == set(before)
    lines = true_lines(morning.fleet, windows_of(morning.start, morning.start + MORNING))
    for group, row in teams.items():
        count = 2 * sum((line.namespace, line.team) == group for line in lines)
        assert_near(row["difference"], after[group].cost - before[group].cost, count)
        assert_near(row["usedCostDifference"], after[group].used_cost - before[group].used_cost, count)
        assert parse_e9(row["recomputedCost"]) - parse_e9(row["cost"]) == parse_e9(row["difference"])
        assert (row["note"], row["written"], row["phase"]) == (None, False, "Open")
    parts = {row["line"]: parse_e9(row["difference"]) for row in rows if row["line"] != "team"}
    assert parts.pop("nodeCost") == sum(parts.values()) < 0
    assert parts["allocated"] == sum(parse_e9(row["difference"]) for row in teams.values())


def test_showing_leaves_the_reports_as_they_are(morning: Box) -> None:
    morning.assert_true(morning.fleet, MORNING)
    assert not any(status.get("adjustments") for status in morning.statuses().values())


def test_a_table_for_people_and_a_filter(morning: Box) -> None:
    team = next(iter(totals(morning.fleet, MORNING)))
    done = morning.show("-n", team[0], "--team", team[1])
    header, *lines = done.stdout.splitlines()
    assert header.split() == ["DAY", "NAMESPACE", "TEAM", "COST", "RECOMPUTED", "DIFFERENCE", "NOTE"]
    assert [line.split()[:3] for line in lines] == [[morning.day, *team]]


def test_applied_it_is_the_closed_form_beside_an_operator_that_runs(morning: Box, eventually: Eventually) -> None:
    before = morning.statuses()
    with morning.operator(MORNING) as operator:
        assert eventually(lambda: operator.ask("/readyz")[0] == 200, 30), operator.log()
        assert morning.apply() == 0
        assert operator.stop() < 10
    morning.assert_true(morning.cheaper, MORNING)
    for group, status in morning.statuses().items():
        cost = "nodeCost" if group is None else "cost"
        if status[cost] == before[group][cost]:
            assert status == before[group]
            continue
        (line,) = status["adjustments"]
        assert (line["costBefore"], line["costAfter"]) == (before[group][cost], status[cost])
        assert line["windowEnd"] == status["lastWindowEnd"]
        assert "gpucost recompute" in line["reason"]


def test_applied_again_it_changes_nothing(morning: Box) -> None:
    before = morning.statuses()
    assert morning.apply() == 0
    assert morning.statuses() == before
    rows = rows_of(morning.show("-o", "json"))
    assert {row["difference"] for row in rows} == {"0.000000000"}


def test_kubectl_shows_the_lines(morning: Box) -> None:
    text = morning.sandbox.kubectl("get", "cgcr", morning.day, "-o", "yaml")
    assert len(yaml.safe_load(text)["status"]["adjustments"]) == 1
    assert "costDifference" in morning.sandbox.kubectl("explain", "gcr.status.adjustments")


def test_a_day_that_is_over_is_not_written(morning: Box) -> None:
    morning.sandbox.kubectl("delete", "gpuratecard", "contract")
    before = morning.statuses()
    done = morning.show("--apply")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "the operator may close some of its reports" in done.stderr
    assert morning.statuses() == before
    morning.put_card()


def test_the_operator_goes_on_from_there(morning: Box, eventually: Eventually) -> None:
    lines = {group: status.get("adjustments") for group, status in morning.statuses().items()}
    with morning.operator(HISTORY) as operator:
        assert eventually(lambda: morning.is_done(HISTORY), 120), operator.log()
        assert operator.stop() < 10
    morning.assert_true(morning.cheaper, HISTORY)
    after = {group: status.get("adjustments") for group, status in morning.statuses().items()}
    assert {group: after[group] for group in lines} == lines

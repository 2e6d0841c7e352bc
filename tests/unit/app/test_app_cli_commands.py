import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from gpucost.app.cli.main import main
from gpucost.reports.allocations import COLUMNS
from tests.unit.app.simulated_command import LEFT_OUT, Command


@pytest.fixture
def gpucost(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capsys)


def without_list_prices(folder: Path) -> str:
    """Settings by which no node of the simulated fleet has a rate but those that are annotated."""
    path = folder / "config.yaml"
    path.write_text("listPrices: false")
    return str(path)


OUTPUTS = ["table", "wide", "json", "yaml", "csv"]


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("command", ["report", "allocations"])
def test_data_is_on_stdout_and_sentences_are_on_stderr(gpucost: Command, command: str, output: str) -> None:
    ran = gpucost(command, "-o", output)
    assert (ran.code, ran.told[0]) == (0, LEFT_OUT)
    assert LEFT_OUT not in ran.out
    assert ran.out.endswith("\n")


def test_a_report_is_a_list_of_what_the_operator_would_write(gpucost: Command) -> None:
    ran = gpucost("report", "-o", "json")
    found = json.loads(ran.out)
    assert (found["apiVersion"], found["kind"]) == ("v1", "List")
    assert {item["kind"] for item in found["items"]} == {"GpuCostReport", "ClusterGpuCostReport"}
    assert {item["spec"]["start"] for item in found["items"]} == {"2025-03-04T08:00:00Z"}


def test_yaml_says_the_same_as_json(gpucost: Command) -> None:
    assert yaml.safe_load(gpucost("allocations", "-o", "yaml").out) == json.loads(
        gpucost("allocations", "-o", "json").out
    )


def test_a_table_of_reports_has_the_teams_and_the_cluster(gpucost: Command) -> None:
    teams, cluster = gpucost("report").out.split("\n\n")
    assert teams.startswith("NAMESPACE")
    assert cluster.startswith("NAME  ")


def test_csv_of_reports_holds_those_of_teams_only(gpucost: Command) -> None:
    rows = list(csv.DictReader(io.StringIO(gpucost("report", "-o", "csv").out)))
    assert rows
    assert all(row["namespace"] and row["team"] for row in rows)


def test_allocations_add_up_to_the_node_bill_of_the_report(gpucost: Command) -> None:
    rows = json.loads(gpucost("allocations", "-o", "json").out)
    (cluster,) = [
        item for item in json.loads(gpucost("report", "-o", "json").out)["items"] if "namespace" not in item["metadata"]
    ]
    assert all(list(row) == list(COLUMNS) for row in rows)
    assert sum(Decimal(row["cost"]) for row in rows) == Decimal(cluster["status"]["nodeCost"])


def test_allocations_by_window_have_a_row_a_window(gpucost: Command) -> None:
    rows = json.loads(gpucost("allocations", "-o", "json", "--by", "window").out)
    assert len({row["start"] for row in rows}) == 12


def test_a_filter_keeps_one_namespace_and_leaves_out_the_cluster(gpucost: Command) -> None:
    items = json.loads(gpucost("report", "-o", "json", "-n", "research").out)["items"]
    assert {item["metadata"].get("namespace") for item in items} == {"research"}
    rows = json.loads(gpucost("allocations", "-o", "json", "-n", "research").out)
    assert {row["namespace"] for row in rows} == {"research"}


@pytest.mark.parametrize(("command", "what"), [("report", "No team"), ("allocations", "Nobody")])
def test_a_filter_that_nothing_fits_is_told_and_no_failure(gpucost: Command, command: str, what: str) -> None:
    ran = gpucost(command, "-n", "nowhere", "--team", "x")
    assert (ran.code, ran.out) == (0, "")
    assert (
        f"{what} held a GPU in 2025-03-04T08:00:00Z - 2025-03-04T09:00:00Z in namespace nowhere as team x." in ran.err
    )


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("command", ["report", "allocations"])
def test_a_missing_rate_is_told_beside_the_figures_and_no_failure(
    gpucost: Command, tmp_path: Path, command: str, output: str
) -> None:
    ran = gpucost(command, "-o", output, "--config", without_list_prices(tmp_path))
    assert ran.code == 0
    assert len([line for line in ran.told if line.startswith("RateMissing: Node ")]) == 1


def test_a_filter_leaves_the_troubles_of_what_it_shows(gpucost: Command, tmp_path: Path) -> None:
    config = without_list_prices(tmp_path)
    assert "RateMissing: " in gpucost("report", "-n", "research", "--config", config).err
    assert "RateMissing: " not in gpucost("report", "-n", "nowhere", "--config", config).err


def test_the_demo_writes_the_files_that_it_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "a" / "b"
    assert main(["demo", "--out", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert sorted(path.name for path in folder.iterdir()) == ["allocations.csv", "reports.csv", "reports.yaml"]
    assert f"are in {folder}/" in out
    assert yaml.safe_load((folder / "reports.yaml").read_text())["kind"] == "List"
    assert err.startswith("Simulating ")


def test_a_demo_that_cannot_write_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["demo", "--out", str(tmp_path / "file")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "cannot be written: File exists; name another folder with --out" in err

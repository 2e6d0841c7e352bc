import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gpucost.app.cli.main import main
from gpucost.simulation.fleet import make_fleet
from gpucost.simulation.objects import lists_at
from gpucost.telemetry import source
from tests.unit.app.test_app_doctor import HealthyPrometheus

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def cluster_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Saved objects of a fleet whose Prometheus, had it one, would be in order."""
    now = datetime.now(UTC)
    fleet = make_fleet(seed=1, start=now - timedelta(hours=1), end=now)
    for name, page in lists_at(fleet, now).items():
        (tmp_path / name).write_text(json.dumps(page))

    class Prometheus(HealthyPrometheus):
        def server_time(self) -> datetime:
            return datetime.now(UTC)

        def newest_sample(self) -> datetime:
            return now

    monkeypatch.setattr(source, "PrometheusTelemetry", lambda _settings: Prometheus(fleet))
    return str(tmp_path)


def examine(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    code = main(["doctor", "-o", "json", *arguments])
    return code, {finding["subject"]: finding for finding in json.loads(capsys.readouterr().out)}


def test_warnings_alone_are_no_failure(cluster_dir: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = examine(capsys, "--cluster-dir", cluster_dir, "--prometheus", NOWHERE)
    assert code == 0
    assert found["team labels"]["status"] == "warning"
    assert "failure" not in {finding["status"] for finding in found.values()}


def test_a_failure_ends_with_1_and_names_its_fix(cluster_dir: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = examine(capsys, "--cluster-dir", cluster_dir)
    assert code == 1
    assert found["Prometheus"] == {
        "status": "failure",
        "subject": "Prometheus",
        "found": "No Prometheus is named",
        "fix": "give --prometheus URL, or set prometheus.url in the file of --config",
    }


def test_a_broken_configuration_is_a_finding_like_others(
    cluster_dir: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("window: 5")
    code, found = examine(capsys, "--cluster-dir", cluster_dir, "--config", str(config))
    assert code == 1
    assert found["configuration"]["found"].startswith(f'{config}: window "5" must be')
    assert found["GPU nodes"]["status"] == "ok"


def test_a_prometheus_that_is_away_is_told_with_the_option(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    _, found = examine(capsys, "--cluster-dir", str(tmp_path / "gone"), "--prometheus", NOWHERE)
    assert found["Prometheus"]["status"] == "failure"
    assert "check --prometheus" in found["Prometheus"]["fix"]


def test_people_get_a_line_a_finding(cluster_dir: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--cluster-dir", cluster_dir])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["STATUS", "SUBJECT", "FOUND"]
    assert {line.split()[0] for line in lines[1:]} == {"ok", "warning", "failure", "unknown"}

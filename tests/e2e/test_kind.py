"""`make kind` from nothing to reports, where Docker and kind are."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("docker", "kind", "helm", "kubectl")


def why_not() -> str:
    """Empty where everything is there."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"make kind needs {', '.join(missing)}, not installed here"
    answer = subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=60)
    return "make kind needs Docker, which does not answer here" if answer.returncode else ""


@pytest.mark.timeout(1800)
def test_make_kind_ends_with_reports_that_name_every_team() -> None:
    if reason := why_not():
        pytest.skip(reason)
    try:
        done = subprocess.run(["make", "kind"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=1500)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        command = ["kubectl", "--context", "kind-gpucost", "get", "gcr", "-A", "-o", "json"]
        reports = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
        teams = {report["spec"]["team"] for report in reports["items"]}
        assert {"vision", "language", "search", "speech"} <= teams
        assert all(float(report["status"]["cost"]) > 0 for report in reports["items"])
    finally:
        subprocess.run(["make", "kind-down"], cwd=ROOT, capture_output=True, check=True, timeout=300)

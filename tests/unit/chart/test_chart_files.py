"""What the chart repeats of the rest of the repository is as it is there."""

import base64
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpucost.app.configuration.fields import MOST_ENTRIES, OUR_HEADERS
from gpucost.app.process.reload import NEED_RESTART
from hack import make_chart

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts" / "gpucost"
META: dict[str, Any] = yaml.safe_load((CHART / "Chart.yaml").read_text())
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
VERBATIM = {"config", "rateCard.spec", "resources", "podSecurityContext", "securityContext", "affinity"}
"""Values whose keys are somebody else's."""


def keys_of(values: dict[str, Any], place: str = "") -> set[str]:
    keys = set()
    for name, value in values.items():
        path = f"{place}.{name}".removeprefix(".")
        is_section = isinstance(value, dict) and value and path not in VERBATIM
        keys |= keys_of(value, path) if is_section else {path}
    return keys


def schema_keys(schema: dict[str, Any], place: str = "") -> set[str]:
    keys = set()
    for name, part in schema["properties"].items():
        path = f"{place}.{name}".removeprefix(".")
        named = SCHEMA["definitions"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
        keys |= schema_keys(named, path) if "properties" in named and path not in VERBATIM else {path}
    return keys


def closed_and_open(schema: Any) -> Iterator[tuple[bool, str]]:
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema.get("additionalProperties") is False, ", ".join(schema["properties"])
        for part in schema.values():
            yield from closed_and_open(part)


def test_crds_schema_and_readme_are_as_the_rest_of_the_repository_says() -> None:
    assert make_chart.main(["--check"]) == 0


def test_a_stale_file_is_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    due = make_chart.wanted()
    crd = make_chart.CRDS / "gpucostreports.yaml"
    monkeypatch.setattr(make_chart, "wanted", lambda: {**due, crd: due[crd].replace("Namespaced", "Cluster")})
    assert make_chart.main(["--check"]) == 1
    assert "+  scope: Cluster" in capsys.readouterr().out


def test_a_value_without_a_comment_is_refused() -> None:
    with pytest.raises(ValueError, match=r"image\.tag has no comment"):
        make_chart.values_of("image:\n  # Its name.\n  repository: a\n  tag: b\n")


def test_the_schema_has_the_values_and_no_others() -> None:
    assert schema_keys(SCHEMA) == keys_of(VALUES) | {"global"}


def test_the_schema_takes_no_unknown_key_anywhere() -> None:
    assert [keys for is_closed, keys in closed_and_open(SCHEMA) if not is_closed] == []


def test_the_chart_is_of_the_version_of_the_operator() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert META["appVersion"] == version
    images = yaml.safe_load(META["annotations"]["artifacthub.io/images"])
    assert [image["image"] for image in images] == [f"{VALUES['image']['repository']}:{version}"]


def test_the_catalogue_names_every_kind() -> None:
    crds = [yaml.safe_load(path.read_text()) for path in (ROOT / "crds").glob("*.yaml")]
    listed = yaml.safe_load(META["annotations"]["artifacthub.io/crds"])
    assert {(entry["name"], entry["kind"], entry["version"]) for entry in listed} == {
        (crd["metadata"]["name"], crd["spec"]["names"]["kind"], crd["spec"]["versions"][0]["name"]) for crd in crds
    }


def test_the_icon_is_in_the_chart() -> None:
    kind, _, data = META["icon"].partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(data, validate=True).startswith(b"<svg ")


def test_what_needs_a_new_pod_changes_its_template_or_cannot_be_set() -> None:
    deployment = (CHART / "templates" / "deployment.yaml").read_text()
    checks = (CHART / "templates" / "_checks.tpl").read_text()
    assert set(NEED_RESTART) == {"listen", "namespace", "leader_election"}
    assert '"leaderElection"' in deployment
    assert "config.listen cannot be set" in checks
    assert "config.namespace is" in checks


def test_alerts_rest_on_metrics_that_are_documented() -> None:
    rules = (CHART / "templates" / "prometheusrule.yaml").read_text()
    documented = set(re.findall(r"gpucost_\w+", (ROOT / "docs" / "operations.md").read_text()))
    assert set(re.findall(r"gpucost_\w+", rules)) <= documented


def test_a_page_that_the_chart_names_exists() -> None:
    texts = [path.read_text() for path in CHART.rglob("*") if path.is_file()]
    pages = {page for text in texts for page in re.findall(r"docs/[\w./-]*\w", text)}
    assert [page for page in sorted(pages) if not (ROOT / page).exists()] == []
    assert "docs/install.md" in pages


def test_the_chart_refuses_the_headers_that_the_operator_refuses() -> None:
    checks = (CHART / "templates" / "_checks.tpl").read_text()
    (told,) = re.findall(r"has \$name \(list ([^)]*)\)", checks)
    assert set(re.findall(r'"([a-z-]+)"', told)) == OUR_HEADERS
    assert f"(len $headers) {MOST_ENTRIES}" in checks


def test_every_alert_is_explained() -> None:
    rules = (CHART / "templates" / "prometheusrule.yaml").read_text()
    told = re.findall(r"^\| `(GpuCost\w+)` \|", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    assert sorted(told) == sorted(re.findall(r"alert: (\w+)", rules))

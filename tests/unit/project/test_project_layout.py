"""The repository's own shape."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_source_root_is_no_package_since_it_would_shadow_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_every_dependency_has_an_exact_version_in_the_constraints() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    pinned = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    names = {entry.split(">")[0].split("=")[0].strip().lower() for entry in wanted}
    assert names <= pinned


def test_no_module_outgrows_one_idea() -> None:
    sources = [*(ROOT / "operator").rglob("*.py"), *(ROOT / "sandbox").rglob("*.py")]
    assert [path.name for path in sources if len(path.read_text().splitlines()) > 400] == []

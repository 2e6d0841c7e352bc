import re
from pathlib import Path

import pytest

from sandbox.binaries import cache_folder, find
from sandbox.errors import BinaryMissing
from sandbox.programs import PROGRAMS, GoBuild, parse_version

SAID = {
    "etcd of bookworm is too old": ("etcd", "etcd Version: 3.4.23\nGit SHA: abc", False),
    "etcd 3.5 is the oldest": ("etcd", "etcd Version: 3.5.0\nGo Version: go1.16", True),
    "an API server with a v": ("kube-apiserver", "Kubernetes v1.35.3", True),
    "an API server before selectable fields": ("kube-apiserver", "Kubernetes v1.31.9", False),
    "Prometheus 2 counts edges twice": ("prometheus", "prometheus, version 2.42.0+ds (branch: debian/sid)", False),
    "Prometheus 3": ("prometheus", "prometheus, version 3.7.3 (branch: , revision: )", True),
    "Prometheus 4 is not known yet": ("prometheus", "prometheus, version 4.0.0", False),
    "a build that says no version": ("prometheus", "prometheus, version  (branch: , revision: unknown)", False),
    "kubectl says JSON": ("kubectl", '{"clientVersion": {"gitVersion": "v1.30.0", "goVersion": "go1.26"}}', True),
    "kubectl of a vendor": ("kubectl", '{"clientVersion": {"gitVersion": "v1.31.2-eks-94953ac"}}', True),
    "a kubectl that picks another one": ("kubectl", '{"clientVersion": {"gitVersion": "v1.32.4-dispatcher"}}', False),
    "helm": ("helm", "v4.3.1+g11a32f9", True),
}


def make_program(folder: Path, name: str, says: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def make_environ(tmp_path: Path, *path: Path, assets: Path | None = None) -> dict[str, str]:
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": ":".join(map(str, path))}
    return environ | ({"KUBEBUILDER_ASSETS": str(assets)} if assets else {})


@pytest.mark.parametrize(("name", "said", "accepted"), SAID.values(), ids=SAID)
def test_only_versions_that_work_are_taken(name: str, said: str, accepted: bool) -> None:
    assert PROGRAMS[name].accepts(parse_version(said)) is accepted


def test_assets_come_before_the_path_and_the_path_before_the_cache(tmp_path: Path) -> None:
    assets = make_program(tmp_path / "assets", "etcd", "etcd Version: 3.5.1")
    installed = make_program(tmp_path / "bin", "etcd", "etcd Version: 3.6.0")
    cached = make_program(tmp_path / "cache/gpucost-sandbox/etcd-3.6.5", "etcd", "etcd Version: 3.6.5")

    assert find("etcd", make_environ(tmp_path, installed.parent, assets=assets.parent)) == assets
    assert find("etcd", make_environ(tmp_path, installed.parent)) == installed
    assert find("etcd", make_environ(tmp_path)) == cached


def test_a_program_that_is_too_old_is_passed_over_wherever_it_lies(tmp_path: Path) -> None:
    old = make_program(tmp_path / "old", "etcd", "etcd Version: 3.4.23")
    good = make_program(tmp_path / "good", "etcd", "etcd Version: 3.5.9")

    assert find("etcd", make_environ(tmp_path, old.parent, good.parent, assets=old.parent)) == good


def test_a_program_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    broken = tmp_path / "bin" / "etcd"
    broken.parent.mkdir()
    broken.write_bytes(b"\x7fELF of another machine")
    broken.chmod(0o755)
    cached = make_program(tmp_path / "cache/gpucost-sandbox/etcd-3.6.5", "etcd", "")

    assert find("etcd", make_environ(tmp_path, broken.parent)) == cached


def test_what_cannot_be_had_is_told_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BinaryMissing) as error:
        find("prometheus", make_environ(tmp_path))
    assert str(error.value) == (
        "prometheus is not installed and there is no Go on the PATH to build it with: put prometheus 3.0 or newer"
        " (before 4.0) on the PATH or into $KUBEBUILDER_ASSETS, or install Go 1.25 or newer"
    )


def test_the_cache_follows_the_user_and_xdg() -> None:
    assert cache_folder({"HOME": "/home/ada"}) == Path("/home/ada/.cache/gpucost-sandbox")
    assert cache_folder({"HOME": "/home/ada", "XDG_CACHE_HOME": "/big"}) == Path("/big/gpucost-sandbox")


@pytest.mark.parametrize("name", [name for name, program in PROGRAMS.items() if isinstance(program.recipe, GoBuild)])
def test_the_version_in_the_cache_name_is_the_one_that_go_mod_pins(name: str) -> None:
    program = PROGRAMS[name]
    assert isinstance(program.recipe, GoBuild)
    text = (program.recipe.module / "go.mod").read_text()
    pinned = re.search(
        r"^(?:require)?\s(?:k8s\.io/kubernetes|go\.etcd\.io/etcd/server/v3|github\.com/prometheus/prometheus) v(\S+)",
        text,
        re.MULTILINE,
    )
    assert pinned is not None
    major, minor, patch = program.pinned.split(".")
    as_modules = {f"0.{major}{minor.zfill(2)}.{patch}", f"0.{minor}.{patch}"}  # how Prometheus 3 and 2 number it for Go
    assert pinned[1] in {program.pinned, *as_modules}

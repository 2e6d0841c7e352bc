import threading
from pathlib import Path

import pytest

from sandbox.builds import exclusive, make
from sandbox.errors import BinaryMissing
from sandbox.programs import PROGRAMS

ETCD = PROGRAMS["etcd"]
WRITES_ITS_OUTPUT = 'while [ "$1" != -o ]; do shift; done; echo made > "$2"'
FAILS_HALF_WAY = f'{WRITES_ITS_OUTPUT}; echo "no such host" >&2; exit 1'


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "etcd-3.6.5" / "etcd"


def install_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """A Go that only does what ``script`` says; returns the file that gets a line for every call."""
    calls = tmp_path / "calls"
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text(f"#!/bin/sh\necho $* >> {calls}\n{script}\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{go.parent}:/usr/bin:/bin")
    return calls


def test_a_build_is_announced_and_lands_in_the_cache(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install_go(tmp_path, monkeypatch, WRITES_ITS_OUTPUT)

    make(ETCD, target)

    assert target.read_text() == "made\n"
    assert capsys.readouterr().err == "building etcd v3.6.5, once, about a minute\n"


def test_a_build_that_fails_leaves_nothing_that_looks_finished(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_go(tmp_path, monkeypatch, FAILS_HALF_WAY)

    with pytest.raises(BinaryMissing, match=r"making it failed \(no such host\)"):
        make(ETCD, target)

    assert [path.name for path in target.parent.parent.iterdir()] == ["build.lock"]


def test_remains_of_a_killed_build_do_not_stop_the_next(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_go(tmp_path, monkeypatch, WRITES_ITS_OUTPUT)
    remains = target.parent.parent / ".making-etcd-3.6.5" / "etcd"
    remains.parent.mkdir(parents=True)
    remains.write_text("half")
    target.parent.mkdir()

    make(ETCD, target)

    assert target.read_text() == "made\n"


def test_who_waited_for_another_build_uses_it(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = install_go(tmp_path, monkeypatch, WRITES_ITS_OUTPUT)
    target.parent.mkdir(parents=True)
    waiting = threading.Thread(target=make, args=(ETCD, target))

    with exclusive(target.parent.parent / "build.lock"):
        waiting.start()
        target.write_text("made by the other")
    waiting.join()

    assert target.read_text() == "made by the other"
    assert not calls.exists()

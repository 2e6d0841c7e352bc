import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sandbox.errors import SandboxError
from sandbox.state import State, clear, owner_of, owning, read_state, state_folder, write_state


def make_state(pid: int) -> State:
    moment = datetime(2026, 11, 24, tzinfo=UTC)
    return State(
        pid=pid,
        api_url="https://127.0.0.1:1",
        kubeconfig=Path("kubeconfig"),
        prometheus_url="http://127.0.0.1:2",
        seed=1,
        history_start=moment,
        history_end=moment,
        live_until=moment,
    )


def test_the_folder_is_the_chosen_one_or_lies_in_the_cache() -> None:
    assert state_folder({"GPUCOST_SANDBOX_DIR": "/data/box"}) == Path("/data/box")
    assert state_folder({"XDG_CACHE_HOME": "/big"}) == Path("/big/gpucost-sandbox/cluster")


def test_a_folder_has_one_owner_while_it_lives(tmp_path: Path) -> None:
    assert owner_of(tmp_path / "none") is None
    with owning(tmp_path):
        assert owner_of(tmp_path) == os.getpid()
        with pytest.raises(SandboxError, match="another process has the sandbox"), owning(tmp_path):
            pass
    assert owner_of(tmp_path) is None


def test_a_killed_owner_owns_nothing(tmp_path: Path) -> None:
    kills_itself = (
        "import os, sys; from pathlib import Path; from sandbox.state import owning\n"
        "with owning(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    dead = subprocess.run([sys.executable, "-c", kills_itself, tmp_path], env=environ, check=False)

    assert dead.returncode == -9
    assert (tmp_path / "sandbox.lock").read_text() != ""
    assert owner_of(tmp_path) is None


def test_a_state_counts_only_while_its_writer_owns_the_folder(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    with owning(tmp_path):
        write_state(tmp_path, make_state(os.getpid()))
        assert read_state(tmp_path) == make_state(os.getpid())
        write_state(tmp_path, make_state(os.getpid() + 1))
        assert read_state(tmp_path) is None
    assert read_state(tmp_path) is None


def test_clearing_keeps_what_is_not_the_sandbox_s(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "etcd" / "member").mkdir(parents=True)
    (tmp_path / "kubeconfig").write_text("{}")

    clear(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]

"""The servers of the sandbox: whole while they run, and gone without a trace."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.control_plane import ControlPlane
from sandbox.state import State

pytestmark = pytest.mark.cluster

Eventually = Callable[[Callable[[], object], float], bool]

all_programs = pytest.mark.usefixtures("control_plane_binaries", "prometheus_binaries", "kubectl", "helm")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")


def make_deployment(namespace: str) -> dict[str, Any]:
    labels = {"app": "web"}
    pod = {"containers": [{"name": "main", "image": "registry.example/web:1"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def environ_of(folder: Path) -> dict[str, str]:
    path = os.pathsep.join(filter(None, sys.path))
    return {**os.environ, "GPUCOST_SANDBOX_DIR": str(folder), "PYTHONPATH": path}


def sandbox(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """``python -m sandbox`` with its data in ``folder``."""
    command = [sys.executable, "-m", "sandbox", *arguments]
    done = subprocess.run(command, env=environ_of(folder), capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done


def state_in(folder: Path) -> State:
    return State.model_validate_json((folder / "sandbox.json").read_text())


def children_of(pid: int) -> list[int]:
    said = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid="], check=True, capture_output=True, text=True)
    return [int(child) for child in said.stdout.split()]


def is_alive(pid: int) -> bool:
    """A zombie, which nobody has collected yet, runs no more."""
    said = subprocess.run(["ps", "-p", str(pid), "-o", "stat="], check=False, capture_output=True, text=True)
    return said.stdout.strip()[:1] not in ("", "Z")


def test_an_empty_control_plane_runs_its_controllers(control_plane: ControlPlane, eventually: Eventually) -> None:
    client = control_plane.client()
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "sandbox-test"}})
    client.create(make_deployment("sandbox-test"))

    assert eventually(lambda: client.get("/api/v1/namespaces/sandbox-test/pods")["items"], 30)


def test_a_service_account_gets_a_token_and_may_do_only_what_it_is_allowed(
    control_plane: ControlPlane, kubectl: Path
) -> None:
    def ask(*arguments: str) -> str:
        command: list[str | Path] = [kubectl, "--kubeconfig", control_plane.kubeconfig, *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True).stdout

    assert ask("create", "token", "default", "-n", "default").count(".") == 2
    assert ask("auth", "can-i", "list", "pods", "--as=system:serviceaccount:default:default") == "no\n"


@linux_only
@pytest.mark.usefixtures("control_plane_binaries")
def test_a_killed_starter_leaves_no_server(tmp_path: Path, eventually: Eventually) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from sandbox.binaries import CONTROL_PLANE, find_all; from sandbox.control_plane import control_plane\n"
        "with control_plane(find_all(CONTROL_PLANE), Path(sys.argv[1])): print('ready', flush=True); input()"
    )
    command: list[str | Path] = [sys.executable, "-c", script, tmp_path]
    with subprocess.Popen(command, env=environ_of(tmp_path), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"ready\n"
        servers = children_of(starter.pid)
        starter.kill()

    assert len(servers) == 3
    assert eventually(lambda: not any(map(is_alive, servers)), 10)


@all_programs
def test_up_runs_on_after_it_returned_and_down_leaves_nothing(tmp_path: Path, helm: Path) -> None:
    up = sandbox(tmp_path, "up", "--hours", "0.5")
    again = sandbox(tmp_path, "up")
    state = state_in(tmp_path)
    servers = children_of(state.pid)
    shown = sandbox(tmp_path, "status")
    exports = sandbox(tmp_path, "env").stdout
    in_a_shell = f"{exports}\nkubectl get nodes -o name; command -v helm; echo $PROMETHEUS_URL"
    printed = subprocess.run(["/bin/sh", "-c", in_a_shell], capture_output=True, text=True, check=True).stdout
    down = sandbox(tmp_path, "down")

    assert "the API server is ready" in up.stderr
    assert "already up" in again.stdout
    assert "5 nodes" in shown.stdout
    assert printed.count("node/") == 5
    assert printed.splitlines()[-2:] == [str(helm), state.prometheus_url]
    assert "no server is left" in down.stdout
    assert len(servers) == 4
    assert not any(map(is_alive, [state.pid, *servers]))
    assert [path.name for path in tmp_path.iterdir()] == ["sandbox.lock"]


@linux_only
@all_programs
def test_down_clears_up_after_a_sandbox_that_was_killed(tmp_path: Path, eventually: Eventually) -> None:
    sandbox(tmp_path, "up", "--hours", "0.5")
    state = state_in(tmp_path)
    servers = children_of(state.pid)

    os.kill(state.pid, signal.SIGKILL)

    assert eventually(lambda: not any(map(is_alive, servers)), 10)
    assert "is not up" in sandbox(tmp_path, "status", code=1).stderr
    assert "was not up" in sandbox(tmp_path, "down").stdout
    assert [path.name for path in tmp_path.iterdir()] == ["sandbox.lock"]

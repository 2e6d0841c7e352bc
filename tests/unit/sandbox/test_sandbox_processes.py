import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.errors import SandboxError
from sandbox.processes import free_ports, running, tethered

PATIENT = "while :; do /bin/sleep 0.05; done"


def test_a_server_that_ends_early_is_told_with_its_last_words(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "etcd.log"
    with (
        running("etcd", ["/bin/sh", "-c", "echo starting; echo port is taken; exit 3"], log=log) as server,
        pytest.raises(SandboxError, match=r"^etcd ended with code 3 \(port is taken\); see .*etcd\.log$"),
    ):
        server.wait_until(lambda: False, 10)


def test_a_server_that_is_not_ready_in_time_is_told(tmp_path: Path) -> None:
    with (
        running("etcd", ["/bin/sh", "-c", PATIENT], log=tmp_path / "log") as server,
        pytest.raises(SandboxError, match="is not ready after 0 s"),
    ):
        server.wait_until(lambda: False, 0.2)
    assert server.process.returncode == -signal.SIGTERM


def test_a_server_that_ignores_the_request_to_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.processes._STOP_SECONDS", 0.2)
    log = tmp_path / "log"
    with running("etcd", ["/bin/sh", "-c", f"trap '' TERM; echo ready; {PATIENT}"], log=log) as server:
        server.wait_until(lambda: "ready" in log.read_text(), 10)
    assert server.process.returncode == -signal.SIGKILL


def test_ports_are_distinct() -> None:
    assert len(set(free_ports(8))) == 8


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_a_tethered_program_dies_with_who_started_it() -> None:
    starter = (
        "import os, subprocess; from sandbox.processes import tethered\n"
        f"child = subprocess.Popen(tethered(['/bin/sh', '-c', 'echo up; {PATIENT}']))\n"
        "child.wait()"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", starter], env=environ, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.kill()
        assert process.stdout.read() == b""  # its end: nobody holds the other side of the pipe any more


def test_a_tethered_program_does_not_start_for_a_parent_that_is_gone() -> None:
    command = tethered(["/bin/echo", "started"])
    command[4] = "1"
    late = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (late.returncode, late.stdout) == (1, "")

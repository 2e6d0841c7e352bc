"""What ``python -m sandbox`` does: up, down, status, env."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from gpucost.model.time import format_time
from sandbox.binaries import CLIENTS, CONTROL_PLANE, METRICS, find, find_all
from sandbox.builds import say
from sandbox.errors import BinaryMissing, SandboxError
from sandbox.kube import KubeClient
from sandbox.processes import tethered
from sandbox.state import State, clear, log_file, owner_of, owning, read_state

_POLL_SECONDS = 0.1
_STOP_SECONDS = 30.0

NEXT = """
The sandbox is up. Next:
  eval "$({python} -m sandbox env)"    # KUBECONFIG, PROMETHEUS_URL; kubectl, helm and gpucost on the PATH
  kubectl get nodes
  kubectl get pods -A -o wide
  gpucost allocations --last 2h --prometheus "$PROMETHEUS_URL"
  {python} -m sandbox down             # stops every server and deletes the data\
"""


def up(folder: Path, *, hours: float, seed: int) -> None:
    if owner_of(folder):
        print(f"The sandbox is already up, or being started, in {folder}; see python -m sandbox status")
        return
    binaries()
    with owning(folder):
        clear(folder)
    supervisor = _start_supervisor(folder, hours, seed)
    try:
        _follow(supervisor, folder)
    except BaseException:
        supervisor.terminate()
        supervisor.wait()
        raise
    print(NEXT.format(python=_python()))


def down(folder: Path) -> None:
    owner = owner_of(folder)
    if owner:
        os.kill(owner, signal.SIGTERM)
        if not _is_free(folder, _STOP_SECONDS):
            os.kill(owner, signal.SIGKILL)  # the servers are tethered to it
            _is_free(folder, _STOP_SECONDS)
    if folder.is_dir():
        with owning(folder):
            clear(folder)
    print("The sandbox is down: no server is left." if owner else "The sandbox was not up.")


def status(folder: Path) -> None:
    state = _ready(folder)
    with closing(KubeClient.from_kubeconfig(state.kubeconfig)) as client:
        nodes, pods = (len(client.get(f"/api/v1/{kind}")["items"]) for kind in ("nodes", "pods"))
    print(f"API server   {state.api_url}  ({nodes} nodes, {pods} pods)")
    print(f"Prometheus   {state.prometheus_url}")
    print(f"History      {format_time(state.history_start)} to {format_time(state.history_end)}, seed {state.seed}")
    print(f"Live         until {format_time(state.live_until)}")
    print(f"Process      {state.pid}, logs in {log_file(folder).parent}")


def env(folder: Path) -> None:
    state = _ready(folder)
    folders = dict.fromkeys([str(Path(sys.executable).parent), *(str(path.parent) for path in _clients())])
    print(f"export KUBECONFIG={shlex.quote(str(state.kubeconfig))}")
    print(f"export PROMETHEUS_URL={shlex.quote(state.prometheus_url)}")
    print(f'export PATH={shlex.quote(os.pathsep.join(folders))}{os.pathsep}"$PATH"')


def _python() -> str:
    """How whoever reads it, in the same folder, starts the same Python."""
    here = Path.cwd()
    running = Path(sys.executable)
    return shlex.quote(str(running.relative_to(here) if running.is_relative_to(here) else running))


def binaries() -> None:
    """Makes every program that is not installed."""
    find_all((*CONTROL_PLANE, *METRICS))
    list(_clients())


def _clients() -> Iterator[Path]:
    """kubectl and helm, where they can be had: the cluster works without them."""
    for name in CLIENTS:
        try:
            yield find(name)
        except BinaryMissing as missing:
            say(f"going on without it: {missing}")


def _start_supervisor(folder: Path, hours: float, seed: int) -> subprocess.Popen[bytes]:
    log = log_file(folder)
    log.parent.mkdir(parents=True, exist_ok=True)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "sandbox.supervisor", str(folder), str(hours), str(seed)]
    with log.open("ab") as output:
        return subprocess.Popen(
            tethered(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environ,
        )


def _follow(supervisor: subprocess.Popen[bytes], folder: Path) -> None:
    """Passes on what the supervisor says until its sandbox is ready."""
    with log_file(folder).open() as lines:
        while True:
            ended, state = supervisor.poll() is not None, read_state(folder)
            for line in lines:
                say(line.rstrip("\n"))
            if state and state.pid == supervisor.pid:
                return
            if ended:
                raise SandboxError(f"The sandbox did not start; its logs are in {log_file(folder).parent}")
            time.sleep(_POLL_SECONDS)


def _ready(folder: Path) -> State:
    state = read_state(folder)
    if state is None:
        doing = "is still being started" if owner_of(folder) else 'is not up; start it with "python -m sandbox up"'
        raise SandboxError(f"The sandbox {doing}.")
    return state


def _is_free(folder: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while owner_of(folder) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return not owner_of(folder)

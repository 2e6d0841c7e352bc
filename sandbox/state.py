"""What one sandbox leaves on disk for the other commands: a lock while it runs, and what it offers."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from sandbox.binaries import cache_folder
from sandbox.errors import SandboxError

_LOCK = "sandbox.lock"
_STATE = "sandbox.json"
_PATIENCE_SECONDS = 1.0
_CONTENTS = (_STATE, "etcd", "pki", "prometheus", "prometheus.yml", "kubeconfig", "logs")


class State(BaseModel):
    """A sandbox that is ready."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pid: int
    """Of the process that owns the servers."""
    api_url: str
    kubeconfig: Path
    prometheus_url: str
    seed: int
    history_start: datetime
    history_end: datetime
    live_until: datetime


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """``$GPUCOST_SANDBOX_DIR``, else a folder in the cache."""
    chosen = environ.get("GPUCOST_SANDBOX_DIR")
    return Path(chosen).absolute() if chosen else cache_folder(environ) / "cluster"


def own_until_death(folder: Path) -> None:
    """This process alone has ``folder`` from now on; the kernel takes the lock from it when it ends.

    Raises SandboxError where another process has it.
    """
    _acquire(folder)


@contextmanager
def owning(folder: Path) -> Iterator[None]:
    """As `own_until_death`, but only while the block runs."""
    lock = _acquire(folder)
    try:
        yield
    finally:
        os.close(lock)


def _acquire(folder: Path) -> int:
    """Tries for a moment: who asks for the owner has the lock for an instant."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                os.close(lock)
                raise SandboxError(f"another process has the sandbox in {folder}; stop it with down") from error
            time.sleep(_PATIENCE_SECONDS / 20)
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())
    return lock


def owner_of(folder: Path) -> int | None:
    """The process that has ``folder``; None: nobody has it."""
    try:
        with (folder / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        text = (folder / _LOCK).read_text()
        return int(text) if text else None
    return None


def write_state(folder: Path, state: State) -> None:
    aside = folder / f".{_STATE}"
    aside.write_text(state.model_dump_json(indent=2))
    aside.rename(folder / _STATE)


def read_state(folder: Path) -> State | None:
    """None where no sandbox is ready in ``folder``."""
    owner = owner_of(folder)
    try:
        state = State.model_validate_json((folder / _STATE).read_text())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise SandboxError(f"{folder / _STATE} was not written by this version; run down, then up") from error
    return state if state.pid == owner else None


def log_file(folder: Path) -> Path:
    """What the owner of the servers says."""
    return folder / "logs" / "sandbox.log"


def clear(folder: Path) -> None:
    """Removes what a sandbox wrote into ``folder``, and nothing else that may lie there."""
    for name in _CONTENTS:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

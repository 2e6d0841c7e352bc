"""Servers in process groups of their own: started, awaited, and stopped in any case."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox import tether
from sandbox.errors import SandboxError

LOCALHOST = "127.0.0.1"
Command = Sequence[str | Path]
_POLL_SECONDS = 0.05
_STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Raises SandboxError where the server ends, or is not ready in time."""
        deadline = time.monotonic() + seconds
        while not ready():
            if (code := self.process.poll()) is not None:
                raise SandboxError(f"{self.name} ended with code {code} ({last_line(self.log)}); see {self.log}")
            if time.monotonic() > deadline:
                raise SandboxError(
                    f"{self.name} is not ready after {seconds:.0f} s ({last_line(self.log)}); see {self.log}"
                )
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Asks, then kills; returns when the process is gone."""
        if self.process.poll() is not None:
            return
        self._signal(signal.SIGTERM)
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self.process.wait()

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return


@contextmanager
def running(name: str, command: Command, *, log: Path, environ: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Runs until the block ends or the calling thread does, however: call it from one that lasts."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            tethered(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
            env=environ,
        )
    server = Server(name, process, log)
    try:
        yield server
    finally:
        server.stop()


def tethered(command: Command) -> list[str]:
    """``command`` as one that dies with the thread that starts it."""
    return [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *map(str, command)]


def free_ports(count: int) -> list[int]:
    """Ports on 127.0.0.1 that nothing listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOCALHOST, 0))
        return [each.getsockname()[1] for each in sockets]


def last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.is_file() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "it logged nothing")

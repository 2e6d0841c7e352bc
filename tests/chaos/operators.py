"""Operators as processes of their own behind fault proxies of their own, started in an instant and killed at will."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Self

import yaml

from gpucost.model.errors import GpuCostError
from sandbox.tether import tether
from tests.chaos.world import World
from tests.integration.fault_proxy import Call, Certificates, FaultProxy, Mode, never
from tests.integration.operator_process import Pace, main
from tests.integration.running_operator import NAMESPACE

API, PROMETHEUS = "api", "prometheus"
LEASE_SECONDS = 2

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.integration.operator_process"])
"""What takes a second to import is imported once; each process is a fork of that one."""

Choose = Callable[[str, Call], Mode]
"""Name of the server and call to what becomes of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    resident_bytes: int
    descriptors: int
    threads: int


@dataclass
class Operator:
    """One replica: a context manager for its proxies; `start` and `kill` as often as wanted, by one thread."""

    world: World
    name: str
    haste: float = 1.0
    settings: Mapping[str, Any] = field(default_factory=dict)
    choose: Choose = lambda _server, call: never(call)
    on_answer: Callable[[str, Call], None] = lambda _server, _call: None
    process: ForkServerProcess | None = None
    pace: Pace | None = None
    """Of the time that it is; Prometheus tells the same."""
    skew: timedelta = timedelta(0)
    """How wrong the operator's own clock is."""

    def __enter__(self) -> Self:
        self.folder.mkdir(exist_ok=True, parents=True)
        certificates = Certificates.of_sandbox(self.world.sandbox.kubeconfig)
        with ExitStack() as stack:
            api = stack.enter_context(
                FaultProxy(
                    self.world.sandbox.plane.url,
                    certificates=certificates,
                    choose=lambda call: self.choose(API, call),
                    on_answer=lambda call: self.on_answer(API, call),
                )
            )
            prometheus = stack.enter_context(
                FaultProxy(
                    self.world.sandbox.prometheus_url,
                    choose=lambda call: self.choose(PROMETHEUS, call),
                    on_answer=lambda call: self.on_answer(PROMETHEUS, call),
                    now=self._now,
                )
            )
            self._prometheus_url = prometheus.url
            config = yaml.safe_load(self.world.kubeconfig.read_text())
            config["clusters"][0]["cluster"]["server"] = api.url
            self._kubeconfig.write_text(yaml.safe_dump(config))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._stack.close()

    @property
    def folder(self) -> Path:
        return self.world.folder / self.name

    @property
    def log(self) -> Path:
        return self.folder / "operator.log"

    @property
    def _kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def _config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def _clock(self) -> Path:
        return self.folder / "clock"

    def go_by(self, pace: Pace) -> None:
        self.pace = pace
        pace.shifted(self.skew).write(self._clock)

    def start(self, **settings: Any) -> None:
        """``settings`` on top of the operator's."""
        settings = {
            "prometheus": {"url": self._prometheus_url, "timeout": "1s"},
            "listen": "127.0.0.1:0",
            "namespace": NAMESPACE,
            "window": f"{self.world.window.total_seconds():.0f}s",
            "leaderElection": {"leaseDuration": f"{LEASE_SECONDS}s"},
            **self.settings,
            **settings,
        }
        self._config.write_text(yaml.safe_dump(settings))
        arguments = (str(self._config), str(self._kubeconfig), str(self._clock), str(self.haste))
        self.process = _CONTEXT.Process(target=_become_operator, args=(self.name, str(self.log), arguments))
        self.process.start()

    @property
    def is_running(self) -> bool:
        """For one thread."""
        return self.process is not None and self.process.exitcode is None

    def kill(self) -> None:
        """At once, also where it is paused; returns when it is gone."""
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.join()

    def signal(self, number: signal.Signals) -> None:
        """From any thread."""
        process = self.process
        if process is not None and process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)

    def stop(self) -> int:
        """Exit code after SIGTERM."""
        assert self.process is not None
        self.signal(signal.SIGTERM)
        self.process.join(30)
        if self.process.exitcode is None:
            raise GpuCostError(f"the operator does not stop within 30 s; see {self.log}")
        return self.process.exitcode

    def usage(self) -> "Usage":
        """What the process has of the machine now."""
        assert self.process is not None
        proc = Path(f"/proc/{self.process.pid}")
        pages = int((proc / "statm").read_text().split()[1])
        return Usage(
            resident_bytes=pages * os.sysconf("SC_PAGE_SIZE"),
            descriptors=len(list((proc / "fd").iterdir())),
            threads=len(list((proc / "task").iterdir())),
        )

    def _now(self) -> datetime:
        assert self.pace is not None
        return self.pace.now()


def _become_operator(name: str, log: str, arguments: tuple[str, ...]) -> None:
    tether()
    os.environ["POD_NAME"] = name
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.exit(main(*arguments))

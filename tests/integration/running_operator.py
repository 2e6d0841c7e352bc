"""The operator as a process of its own, as its pod would run it: with a service account's token and least rights."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import yaml

from gpucost.model.time import format_time
from sandbox.session import Sandbox

PROCESS = Path(__file__).with_name("operator_process.py")
ROLE = Path(__file__).with_name("operator_role.yaml")
CRDS = Path(__file__).parents[2] / "crds"
NAMESPACE = "gpucost"

Object = dict[str, Any]


def install(box: Sandbox) -> Path:
    """Our kinds, namespace and service account; returns a kubeconfig with the account's token."""
    box.kubectl("apply", "--server-side", "-f", str(CRDS), "-f", str(ROLE))
    token = box.kubectl("create", "token", "gpucost", "-n", NAMESPACE, "--duration=2h").strip()
    return with_token(box.kubeconfig, token, box.kubeconfig.with_name("operator.kubeconfig"))


def with_token(kubeconfig: Path, token: str, path: Path) -> Path:
    """The same kubeconfig, written to ``path``, for the account of a token."""
    config = yaml.safe_load(kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    path.write_text(yaml.safe_dump(config))
    return path


def pointed_at(kubeconfig: Path, server: str) -> Path:
    """The same kubeconfig for another address, such as a proxy's."""
    config = yaml.safe_load(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = server
    path = kubeconfig.with_name("proxied.kubeconfig")
    path.write_text(yaml.safe_dump(config))
    return path


@dataclass
class RunningOperator:
    """A context manager: the process is gone at its end, and must not have shown a traceback."""

    folder: Path
    kubeconfig: Path
    prometheus_url: str
    now: datetime | Path | None = None
    """The time that it is, or the file of a `Pace`; None: as it is."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    haste: float = 1
    """How many times shorter than usual it waits."""
    replica: str = "gpucost-0"
    """Name of its pod."""
    process: "subprocess.Popen[bytes]" = field(init=False)

    def __enter__(self) -> Self:
        self.configure(self.settings)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, str(PROCESS), str(self.config), str(self.kubeconfig)),
                    format_time(self.now) if isinstance(self.now, datetime) else str(self.now or ""),
                    str(self.haste),
                ],
                env={**os.environ, "POD_NAME": self.replica},
                stderr=log,
                stdout=log,
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        assert "Traceback" not in self.log(), self.log()

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Write the configuration anew, in place."""
        self.config.write_text(yaml.safe_dump({**self._defaults(), **settings}))

    def send(self, signum: int) -> None:
        self.process.send_signal(signum)

    @property
    def _log(self) -> Path:
        return self.folder / "operator.log"

    def log(self) -> str:
        return self._log.read_text()

    def stop(self) -> float:
        """SIGTERM; the seconds until it has ended, with exit code 0."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=30) == 0, self.log()
        return time.monotonic() - began

    def ask(self, path: str) -> tuple[int, str]:
        """Status and body of one of its own pages; (0, "") where it does not listen yet."""
        ports = [line.split("port ")[1].split(";")[0] for line in self.log().splitlines() if "on port " in line]
        port = ports[-1] if ports else ""
        if not port:
            return 0, ""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def resident_bytes(self) -> int:
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def metric(self, name: str) -> float | None:
        """Without labels; None: it is not there."""
        lines = self.ask("/metrics")[1].splitlines()
        return next((float(line.split()[1]) for line in lines if line.startswith(f"{name} ")), None)

    def leads(self) -> bool:
        return self.metric("gpucost_leader") == 1

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))

    def _defaults(self) -> Object:
        return {
            "prometheus": {"url": self.prometheus_url, "timeout": "5s"},
            "listen": "127.0.0.1:0",
            "namespace": NAMESPACE,
            "lateness": "2m",
            "backfillMaxAge": "24h",
        }


def read_reports(box: Sandbox, day: str) -> dict[tuple[str, str], Object]:
    """(namespace, team) to GpuCostReport."""
    text = box.kubectl("get", "gcr", "-A", "-o", "json", "-l", f"gpucost.io/period=Day,gpucost.io/start={day}")
    return {
        (report["spec"].get("namespace") or report["metadata"]["namespace"], report["spec"]["team"]): report
        for report in json.loads(text)["items"]
    }


def read_cluster_report(box: Sandbox, day: str) -> Object | None:
    text = box.kubectl("get", "cgcr", "-o", "json", "-l", f"gpucost.io/period=Day,gpucost.io/start={day}")
    items = json.loads(text)["items"]
    return items[0] if items else None


def last_window_end(box: Sandbox, day: str) -> str:
    report = read_cluster_report(box, day)
    return str(report["status"]["lastWindowEnd"]) if report and "status" in report else ""

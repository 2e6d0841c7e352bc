"""A real Prometheus on 127.0.0.1: history loaded before it starts, then live scraping."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import urllib3
import yaml

from gpucost.model.errors import SourceUnavailable
from sandbox.errors import SandboxError
from sandbox.processes import LOCALHOST, Command, free_ports, running

_START_SECONDS = 60.0
_LOAD_SECONDS = 300.0
_RETENTION = "90d"
"""The default of 15 days would drop older history at the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapeTarget:
    job: str
    address: str
    """``host:port``"""
    path: str
    interval: timedelta
    honor_labels: bool = False
    """True: a label of the page stays where the target has one of the same name. The same for a whole job."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Target labels such as a ServiceMonitor gives."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    url: str

    def query(self, promql: str, at: datetime | None = None) -> list[dict[str, Any]]:
        """The result of an instant query, as the server gives it. Raises SourceUnavailable."""
        fields = {"query": promql} | ({"time": str(at.timestamp())} if at else {})
        try:
            answer = urllib3.request("POST", f"{self.url}/api/v1/query", fields=fields, timeout=30.0, retries=False)
        except urllib3.exceptions.HTTPError as error:
            raise SourceUnavailable(f"{self.url} does not answer ({error})") from error
        body = json.loads(answer.data)
        if answer.status != 200:
            raise SourceUnavailable(f'{self.url} refuses "{promql}": {body.get("error", answer.status)}')
        result: list[dict[str, Any]] = body["data"]["result"]
        return result


def data_folder(folder: Path) -> Path:
    return folder / "prometheus"


@contextmanager
def prometheus(
    binaries: Mapping[str, Path],
    folder: Path,
    *,
    targets: Sequence[ScrapeTarget] = (),
) -> Iterator[Prometheus]:
    """Runs on the data in ``data_folder(folder)`` until the block ends, in a thread that must outlive it.

    Raises SandboxError where the server does not come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump(scrape_config(targets), sort_keys=False))
    (port,) = free_ports(1)
    command: Command = [
        binaries["prometheus"],
        f"--config.file={config}",
        f"--storage.tsdb.path={data_folder(folder)}",
        f"--storage.tsdb.retention.time={_RETENTION}",
        f"--web.listen-address={LOCALHOST}:{port}",
        "--log.level=warn",
    ]
    server = Prometheus(f"http://{LOCALHOST}:{port}")
    with running("prometheus", command, log=folder / "logs" / "prometheus.log") as process:
        process.wait_until(lambda: _is_ready(server.url), _START_SECONDS)
        yield server


def load_history(promtool: Path, files: Sequence[Path], folder: Path) -> None:
    """Turns OpenMetrics files into blocks; only before the server starts, and only with samples of the past.

    Best with a file for every two hours, counted from UTC midnight: so long is a block. Raises SandboxError where
    promtool refuses a file.
    """
    data = data_folder(folder)
    data.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder) as aside, ThreadPoolExecutor(os.cpu_count()) as pool:
        outputs = [Path(aside) / str(number) for number in range(len(files))]
        list(pool.map(partial(_make_blocks, promtool), files, outputs))
        for block in Path(aside).glob("*/*"):
            block.rename(data / block.name)


def _make_blocks(promtool: Path, file: Path, output: Path) -> None:
    output.mkdir()
    command: Command = [promtool, "tsdb", "create-blocks-from", "openmetrics", "-q", file, output]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_LOAD_SECONDS)
    except subprocess.CalledProcessError as error:
        raise SandboxError(f"promtool cannot load the history in {file}: {error.stderr.strip()}") from error


def scrape_config(targets: Sequence[ScrapeTarget]) -> dict[str, Any]:
    """One scrape job per name; the labels of a target win over ``job`` and its address."""
    jobs: dict[str, dict[str, Any]] = {}
    for target in targets:
        interval = f"{target.interval // timedelta(milliseconds=1)}ms"
        job = {
            "job_name": target.job,
            "honor_labels": target.honor_labels,
            "scrape_interval": interval,
            "scrape_timeout": interval,
            "static_configs": [],
        }
        labels = {"__metrics_path__": target.path, **target.labels}
        jobs.setdefault(target.job, job)["static_configs"].append({"targets": [target.address], "labels": labels})
    return {"scrape_configs": list(jobs.values())}


def _is_ready(url: str) -> bool:
    try:
        return urllib3.request("GET", f"{url}/-/ready", timeout=5.0, retries=False).status == 200
    except urllib3.exceptions.HTTPError:
        return False

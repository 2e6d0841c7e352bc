"""The whole sandbox as one block: servers up, fleet shown, everything stopped at its end."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from gpucost.model.time import Window
from gpucost.simulation.fleet import Fleet
from gpucost.simulation.grid import STEP
from gpucost.simulation.history import KUBE_STATE_EVERY, write_openmetrics
from gpucost.simulation.objects import objects_at
from gpucost.simulation.scrape import KUBE_STATE_JOB, Target, targets
from sandbox.binaries import CONTROL_PLANE, METRICS, find, find_all
from sandbox.control_plane import ControlPlane, control_plane
from sandbox.errors import SandboxError
from sandbox.live import exporters, player
from sandbox.load import KubernetesObjects, Stage
from sandbox.processes import Command
from sandbox.prometheus import Prometheus, ScrapeTarget, load_history, prometheus

Say = Callable[[str], None]

_KUBECTL_SECONDS = 60.0


def in_silence(_text: str) -> None:
    """Says nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A running one."""

    plane: ControlPlane
    prometheus: Prometheus
    pod_uids: Mapping[tuple[str, str], str]
    """(namespace, name) to the UID that the API server gave it, of the pods that were loaded at the start."""
    node_uids: Mapping[str, str]

    @property
    def kubeconfig(self) -> Path:
        return self.plane.kubeconfig

    @property
    def prometheus_url(self) -> str:
        return self.prometheus.url

    def kubectl(self, *arguments: str) -> str:
        """What kubectl prints. Raises SandboxError where it fails."""
        command: Command = [find("kubectl"), *arguments]
        environ = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        done = subprocess.run(
            command, env=environ, capture_output=True, text=True, timeout=_KUBECTL_SECONDS, check=False
        )
        if done.returncode != 0:
            raise SandboxError(f"kubectl {' '.join(arguments)} failed: {done.stderr.strip()}")
        return done.stdout

    @classmethod
    @contextmanager
    def start(
        cls,
        folder: Path,
        *,
        fleet: Fleet | None = None,
        history: Window | None = None,
        live: bool = False,
        say: Say = in_silence,
    ) -> Iterator["Sandbox"]:
        """Runs in ``folder``, which should be empty, until the block ends or the calling thread does.

        ``history`` (start, end] of the fleet's samples is loaded before Prometheus starts. ``live``: exporters are
        scraped and pods come and go; else the API server keeps the fleet as it is at the history's end, or at the
        fleet's where there is no history. Raises SandboxError, or BinaryMissing.
        """
        binaries = find_all((*CONTROL_PLANE, *METRICS))
        with ExitStack() as stack:
            plane = stack.enter_context(control_plane(binaries, folder, workload_controllers=fleet is None))
            say(f"the API server is ready at {plane.url}")
            stage = Stage(stack.enter_context(closing(plane.client())))
            if fleet and history:
                _load(binaries["promtool"], fleet, history, folder, say)
            address = _play(stack, stage, fleet) if fleet and live else None
            if fleet and not live:
                stage.show(objects_at(fleet, history.end if history else fleet.end))
            pods, nodes = stage.uids("Pod"), stage.uids("Node")
            if fleet:
                say(f"{len(nodes)} nodes and {len(pods)} pods are in the API server")
            scraped = [_scraped(target, address) for target in targets(fleet)] if fleet and address else []
            metrics = stack.enter_context(prometheus(binaries, folder, targets=scraped))
            say(f"Prometheus is ready at {metrics.url}")
            yield cls(
                plane=plane,
                prometheus=metrics,
                pod_uids=pods,
                node_uids={name: uid for (_, name), uid in nodes.items()},
            )


def _load(promtool: Path, fleet: Fleet, history: Window, folder: Path, say: Say) -> None:
    with TemporaryDirectory(dir=folder) as texts:
        files = write_openmetrics(fleet, history.start, history.end, Path(texts))
        load_history(promtool, files, folder)
    say(f"{history.hours:g} hours of history are loaded, to {history.end:%H:%M} UTC")


def _play(stack: ExitStack, stage: Stage, fleet: Fleet) -> str:
    def snapshot(at: datetime) -> KubernetesObjects:
        return objects_at(fleet, at)

    stack.enter_context(player(stage, snapshot, STEP))
    return stack.enter_context(exporters({target.path: target.page for target in targets(fleet)}, STEP))


def _scraped(target: Target, address: str) -> ScrapeTarget:
    return ScrapeTarget(
        job=target.job,
        address=address,
        path=target.path,
        interval=STEP * KUBE_STATE_EVERY if target.job == KUBE_STATE_JOB else STEP,
        honor_labels=target.honor_labels,
        labels=target.labels,
    )

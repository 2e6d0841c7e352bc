"""What Prometheus scrapes, and what it makes of the labels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from gpucost.simulation.exporter import page
from gpucost.simulation.fleet import Fleet
from gpucost.simulation.hardware import SimulatedNode
from gpucost.simulation.identity import short_name
from gpucost.simulation.kube_state import kube_state_page

EXPORTER_JOB = "nvidia-dcgm-exporter"
KUBE_STATE_JOB = "kube-state-metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One page that Prometheus scrapes, with the labels that the ServiceMonitor attaches to it."""

    job: str
    path: str
    """Of the page, on whatever server the sandbox has."""
    labels: dict[str, str]
    """Besides ``job``; with ``instance``."""
    honor_labels: bool
    """True: where a label of the page and one of the target have the same name, that of the page stays."""
    page: Callable[[datetime], str]


def targets(fleet: Fleet) -> tuple[Target, ...]:
    """The exporters as the GPU Operator's ServiceMonitor has them, and kube-state-metrics as kube-prometheus-stack."""
    return (*(exporter_target(fleet, node) for node in fleet.gpu_nodes), kube_state_target(fleet))


def exporter_target(fleet: Fleet, node: SimulatedNode) -> Target:
    """Raises ValueError for a node without an exporter."""
    if node.exporter is None:
        raise ValueError(f"node {node.name} has no exporter")
    return Target(
        job=EXPORTER_JOB,
        path=f"/{node.name}/metrics",
        labels={
            "namespace": "gpu-operator",
            "pod": node.exporter.pod,
            "container": "nvidia-dcgm-exporter",
            "service": "nvidia-dcgm-exporter",
            "endpoint": "gpu-metrics",
            "instance": node.exporter.address,
        },
        honor_labels=False,
        page=partial(page, fleet, node),
    )


def kube_state_target(fleet: Fleet) -> Target:
    template, tail = (short_name(fleet.seed, KUBE_STATE_JOB, word, length=10) for word in ("template", "pod"))
    return Target(
        job=KUBE_STATE_JOB,
        path=f"/{KUBE_STATE_JOB}/metrics",
        labels={
            "namespace": "monitoring",
            "pod": f"kube-state-metrics-{template}-{tail[:5]}",
            "container": "kube-state-metrics",
            "service": "kube-state-metrics",
            "endpoint": "http",
            "instance": "10.1.0.20:8080",
        },
        honor_labels=True,
        page=partial(kube_state_page, fleet),
    )


def stored_labels(target: Target, labels: Mapping[str, str]) -> dict[str, str]:
    """The labels under which Prometheus stores a series of the target's page, by name."""
    own = {"job": target.job, **target.labels}
    if target.honor_labels:
        stored = own | dict(labels)
    else:
        stored = {f"exported_{name}" if name in own else name: value for name, value in labels.items()} | own
    return {name: stored[name] for name in sorted(stored) if stored[name]}

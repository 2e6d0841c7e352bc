"""Prometheus: whether it answers, is fresh, and has of every GPU node what the figures need."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np

from gpucost.app.doctor.reading import ok, warning
from gpucost.app.told_once import named
from gpucost.model.fleet import Cluster
from gpucost.model.usage import Bools, Usage
from gpucost.reports.findings import Finding, Health

PROMETHEUS, NEWEST, MEASURES, POD_LABELS = "Prometheus", "newest sample", "GPU metrics", "pod labels"
MEMORY, COMPUTE = "memory metrics", "compute metrics"

_MOST_SKEW = timedelta(seconds=30)
_SCRAPE = "check that Prometheus scrapes dcgm-exporter on them, and that prometheus.metrics names what it prints"


def check_clock(name: str, told: datetime, now: datetime) -> Iterator[Finding]:
    """``told``: the time of Prometheus; ``now``: that of this machine when it answered."""
    skew = told - now
    seconds = abs(skew).total_seconds()
    if abs(skew) > _MOST_SKEW:
        yield warning(
            PROMETHEUS,
            f"{name} answers, and its clock is {seconds:.0f} s {'ahead of' if told > now else 'behind'} this machine's",
            "mend the clock that is wrong: a window ends by both",
        )
    else:
        yield ok(PROMETHEUS, f"{name} answers, its clock is right within {max(seconds, 1):.0f} s")


def check_newest(newest: datetime | None, now: datetime, late: timedelta) -> Iterator[Finding]:
    """``now`` is Prometheus' own."""
    if newest is None:
        yield Finding(
            health=Health.FAILURE,
            subject=NEWEST,
            found="there is no GPU metric of the last ten minutes",
            fix="check that Prometheus scrapes dcgm-exporter, that prometheus.metrics names what it prints, and that"
            " prometheus.matchers fit its series",
        )
        return
    age = now - newest
    found = f"the newest GPU sample is {max(age.total_seconds(), 0):.0f} s old"
    if age > late:
        yield warning(NEWEST, found, "check whether dcgm-exporter still runs and is still scraped")
    else:
        yield ok(NEWEST, found)


def check_measures(usage: Usage, gpu_nodes: Sequence[str]) -> Iterator[Finding]:
    """Of the nodes that the cluster has; what Prometheus says of others is not ours."""
    told = f" (from {', '.join(usage.compute_metrics)})" if usage.compute_metrics else ""
    yield _coverage(MEMORY, _nodes_where(usage, ~np.isnan(usage.memory_ratio)), gpu_nodes, "", _SCRAPE)
    yield _coverage(
        COMPUTE,
        _nodes_where(usage, ~np.isnan(usage.compute_ratio)),
        gpu_nodes,
        told,
        "check that the exporter's counters include DCGM_FI_PROF_GR_ENGINE_ACTIVE, else compute use does not count",
    )


def check_pod_labels(usage: Usage, cluster: Cluster) -> Iterator[Finding]:
    """Whether telemetry names holders on the nodes where pods hold GPUs."""
    holding = {pod.node for pod in cluster.pods if pod.ended is None}
    if not holding:
        yield ok(POD_LABELS, "no pod holds a GPU now, so there is none to be named")
        return
    seen = _nodes_where(usage, np.ones(usage.window.size, dtype=np.bool_))
    naming = _nodes_where(usage, usage.holder >= 0)
    mute = sorted((holding & seen.keys()) - naming.keys())
    fix = "set DCGM_EXPORTER_KUBERNETES=true for dcgm-exporter, and honorLabels: true where Prometheus scrapes it"
    if mute:
        found = f"no series names a pod on {named(mute)}, where pods hold GPUs; their use cannot be told apart"
        yield Finding(health=Health.WARNING if naming else Health.FAILURE, subject=POD_LABELS, found=found, fix=fix)
    elif naming:
        yield ok(POD_LABELS, f"pods are named on all {len(holding & seen.keys())} nodes where they are measured")
    else:
        yield Finding(health=Health.UNKNOWN, subject=POD_LABELS, found="no node where pods hold GPUs is measured")


def _coverage(subject: str, measured: Mapping[str, int], gpu_nodes: Sequence[str], told: str, fix: str) -> Finding:
    lacking = [node for node in gpu_nodes if node not in measured]
    if not gpu_nodes:
        return ok(subject, "there is no GPU node to be measured")
    if not lacking:
        return ok(subject, f"all {len(gpu_nodes)} GPU nodes are measured{told}")
    found = f"{len(lacking)} of {len(gpu_nodes)} GPU nodes are not measured: {named(lacking)}"
    health = Health.WARNING if len(lacking) < len(gpu_nodes) else Health.FAILURE
    return Finding(health=health, subject=subject, found=found, fix=fix)


def _nodes_where(usage: Usage, rows: Bools) -> dict[str, int]:
    """Nodes of the rows, with how many rows each has."""
    devices, counts = np.unique(usage.device[rows], return_counts=True)
    found: dict[str, int] = {}
    for device, count in zip(devices.tolist(), counts.tolist(), strict=True):
        node = usage.devices[device].node
        found[node] = found.get(node, 0) + count
    return found

"""Pages as dcgm-exporter prints them."""

from collections.abc import Mapping
from datetime import datetime

from gpucost.simulation.fleet import Fleet
from gpucost.simulation.grid import Ticks, tick_at
from gpucost.simulation.hardware import SimulatedNode
from gpucost.simulation.series import METRICS, GpuSeries, Metric, series_of


def page(fleet: Fleet, node: SimulatedNode, at: datetime) -> str:
    """The page of the node's exporter at ``at``; empty for a node without GPUs."""
    tick = tick_at(at)
    lines: dict[Metric, list[str]] = {metric: [] for metric in METRICS}
    for series in series_of(fleet, node, Ticks(tick - 1, tick)):
        lines[series.metric].append(_line(series))
    return "".join(
        f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} gauge\n{''.join(own)}"
        for metric, own in lines.items()
        if own
    )


def format_labels(labels: Mapping[str, str]) -> str:
    """``{a="b",c="d"}``, in the order of ``labels``. Simulated values need no escaping."""
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


def _line(series: GpuSeries) -> str:
    return f"{series.metric.name}{format_labels(series.labels)} {series.metric.format(int(series.values[0]))}\n"

"""Sums and counts of the stored samples by window: what Prometheus would answer, without one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gpucost.model.time import Window
from gpucost.model.usage import Floats, Ints
from gpucost.simulation.fleet import Fleet
from gpucost.simulation.grid import Ticks
from gpucost.simulation.scrape import exporter_target, stored_labels
from gpucost.simulation.series import GpuSeries, Metric, series_of


@dataclass(frozen=True, kw_only=True)
class SampledMetric:
    """One metric. Axes: s series, w windows."""

    labels: tuple[dict[str, str], ...]
    """(s,) as Prometheus stores them."""
    sums: Floats
    """(s, w) sum of the samples in the window, in the metric's unit."""
    counts: Floats
    """(s, w) samples in the window."""


def window_samples(fleet: Fleet, windows: Sequence[Window]) -> Mapping[str, SampledMetric]:
    """The exporters' metrics by name, over windows in any order.

    Raises InputError where an edge of a window is off the scrape grid.
    """
    ticks = [Ticks.of_window(window) for window in windows]
    if not ticks:
        return {}
    edges = np.array([(part.before, part.last) for part in ticks], dtype=np.int64).T
    found: dict[Metric, dict[tuple[tuple[str, str], ...], Ints]] = {}
    for series, labels in _stored_series(fleet, Ticks.spanning(ticks)):
        # The same labels come again, as those of a device that is free again: it is one series.
        rows = found.setdefault(series.metric, {})
        sums_and_counts = rows.setdefault(tuple(labels.items()), np.zeros((2, len(windows)), dtype=np.int64))
        places = np.clip(edges - series.ticks.before, 0, len(series.ticks))
        running = np.concatenate(([0], np.cumsum(series.values)))
        sums_and_counts += running[places[1]] - running[places[0]], places[1] - places[0]
    return {
        metric.name: SampledMetric(
            labels=tuple(dict(labels) for labels in rows),
            sums=np.array([row[0] for row in rows.values()]) / 10**metric.decimals,
            counts=np.array([row[1] for row in rows.values()], dtype=np.float64),
        )
        for metric, rows in found.items()
    }


def _stored_series(fleet: Fleet, ticks: Ticks) -> Iterator[tuple[GpuSeries, dict[str, str]]]:
    for node in fleet.gpu_nodes:
        target = exporter_target(fleet, node)
        for series in series_of(fleet, node, ticks):
            yield series, stored_labels(target, series.labels)

"""The past as OpenMetrics text, for ``promtool tsdb create-blocks-from openmetrics``."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from gpucost.model.time import floor_to
from gpucost.simulation.exporter import format_labels
from gpucost.simulation.fleet import Fleet
from gpucost.simulation.grid import STEP_SECONDS, Ticks, time_of
from gpucost.simulation.kube_state import HELP, kube_series
from gpucost.simulation.scrape import exporter_target, kube_state_target, stored_labels
from gpucost.simulation.series import METRICS, series_of

BLOCK = timedelta(hours=2)
KUBE_STATE_EVERY = 2
"""Ticks: kube-state-metrics is scraped once a minute."""

_Lines = tuple[str, str, str]
"""Metric, name and labels of a series, and lines of it; a series may come in several pieces, in order of time."""


def write_openmetrics(fleet: Fleet, start: datetime, end: datetime, folder: Path) -> list[Path]:
    """Writes every sample with a time in (start, end], as Prometheus would have stored it.

    One file for each block of two hours, counted from UTC midnight: Prometheus cuts its blocks there. A block has
    the sample at its start and not the one at its end. ``folder`` is made where it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = Ticks.of(start, end)
    paths = []
    block = floor_to(start, BLOCK)
    while block <= end:
        ticks = _of_block(block) & wanted
        if len(ticks):
            path = folder / f"{block:%Y%m%dT%H%M%SZ}.om"
            with path.open("w", encoding="utf-8") as file:
                file.writelines(_text(fleet, ticks))
            paths.append(path)
        block += BLOCK
    return paths


def _of_block(block: datetime) -> Ticks:
    whole = Ticks.of(block, block + BLOCK)
    return Ticks(whole.before - 1, whole.last - 1)


def _text(fleet: Fleet, ticks: Ticks) -> Iterator[str]:
    helps = {metric.name: metric.help for metric in METRICS} | HELP
    families: dict[str, dict[str, list[str]]] = {name: {} for name in helps}
    for name, head, lines in (*_gpu_lines(fleet, ticks), *_kube_lines(fleet, ticks)):
        families[name].setdefault(head, []).append(lines)
    for name, family in families.items():
        yield f"# HELP {name} {helps[name]}\n# TYPE {name} gauge\n"
        for pieces in family.values():
            yield from pieces
    yield "# EOF\n"


def _gpu_lines(fleet: Fleet, ticks: Ticks) -> Iterator[_Lines]:
    for node in fleet.gpu_nodes:
        target = exporter_target(fleet, node)
        for series in series_of(fleet, node, ticks):
            head = series.metric.name + format_labels(stored_labels(target, series.labels))
            text, samples = series.metric.format, zip(series.values.tolist(), _times(series.ticks, 1), strict=True)
            yield series.metric.name, head, "".join([f"{head} {text(value)} {at}\n" for value, at in samples])


def _kube_lines(fleet: Fleet, ticks: Ticks) -> Iterator[_Lines]:
    target = kube_state_target(fleet)
    for pod in fleet.pods:
        listed = Ticks.of(pod.bound, pod.listed_until or time_of(ticks.last)) & ticks
        times = _times(listed, KUBE_STATE_EVERY)
        for series in kube_series((pod,)) if times else ():
            head = series.metric + format_labels(stored_labels(target, series.labels))
            yield series.metric, head, "".join([f"{head} {series.value} {at}\n" for at in times])


def _times(ticks: Ticks, every: int) -> range:
    """Unix times of the samples; of every second tick, those on the full minute."""
    first = -(-(ticks.before + 1) // every) * every
    return range(first * STEP_SECONDS, (ticks.last + 1) * STEP_SECONDS, every * STEP_SECONDS)

"""Builders of GPU series as Prometheus stores them, of metric answers, and a readable form of usage rows."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from gpucost.model.time import Window, windows_between
from gpucost.model.usage import Usage
from gpucost.telemetry.metrics import MetricNames
from gpucost.telemetry.series import MetricAnswer
from gpucost.telemetry.usage import usage_of

START = datetime(2026, 11, 24, 8, tzinfo=UTC)
FIVE_MINUTES = timedelta(minutes=5)
NAMES = MetricNames()
USED, FREE, RESERVED = (names[0] for names in NAMES.memory)
ENGINE, SM, UTIL, UTIL_RATIO = (metric.names[0] for metric in NAMES.compute)

Labels = Mapping[str, str]
Cell = tuple[float, float]
"""Sum and number of the samples of one series in one window."""
Line = tuple[Labels, Sequence[Cell]]
"""A series with a cell for each window."""


def make_windows(count: int = 1) -> tuple[Window, ...]:
    return windows_between(START, START + count * FIVE_MINUTES, FIVE_MINUTES)


def make_labels(**labels: str) -> dict[str, str]:
    """Of an idle whole card, scraped with the target labels of a ServiceMonitor."""
    return {
        "job": "nvidia-dcgm-exporter",
        "instance": "10.0.0.7:9400",
        "namespace": "gpu-operator",
        "pod": "nvidia-dcgm-exporter-x7k2p",
        "container": "nvidia-dcgm-exporter",
        "UUID": "GPU-a",
        "gpu": "0",
        "modelName": "NVIDIA A100-SXM4-40GB",
        "Hostname": "n1",
    } | labels


def held_by(pod: str = "train-0", namespace: str = "ml", container: str = "main") -> dict[str, str]:
    return {"exported_namespace": namespace, "exported_pod": pod, "exported_container": container}


def instance(number: str = "9", profile: str = "1g.5gb") -> dict[str, str]:
    return {"GPU_I_ID": number, "GPU_I_PROFILE": profile}


def steady(value: float, samples: int = 10, windows: int = 1) -> list[Cell]:
    return [(value * samples, samples)] * windows


def make_answer(*lines: Line, windows: int = 1) -> MetricAnswer:
    cells = np.array([cells for _, cells in lines], dtype=float).reshape(len(lines), windows, 2)
    return MetricAnswer.of([labels for labels, _ in lines], cells[:, :, 0], cells[:, :, 1])


def make_usage(
    answers: Mapping[str, MetricAnswer],
    windows: int = 1,
    scrape_interval: timedelta | None = None,
    names: MetricNames = NAMES,
) -> Usage:
    return usage_of(answers, make_windows(windows), names, scrape_interval)


Row = tuple[int, str, str, float, float, float]
"""Window, device, holder, scrapes, memory ratio, compute ratio."""


def rows_of(usage: Usage) -> list[Row]:
    """Devices as ``node/uuid/instance/profile`` without empty parts, holders as ``namespace/pod/container``."""
    return [
        (
            int(usage.window[row]),
            _device(usage, row),
            _holder(usage, row),
            float(usage.scrapes[row]),
            float(usage.memory_ratio[row]),
            float(usage.compute_ratio[row]),
        )
        for row in range(usage.window.size)
    ]


def _device(usage: Usage, row: int) -> str:
    device = usage.devices[usage.device[row]]
    return "/".join(filter(None, (device.node, device.uuid, device.gpu_instance_id, device.profile)))


def _holder(usage: Usage, row: int) -> str:
    number = usage.holder[row]
    if number < 0:
        return ""
    holder = usage.holders[number]
    return "/".join(filter(None, (holder.namespace, holder.pod, holder.container, holder.pod_uid)))

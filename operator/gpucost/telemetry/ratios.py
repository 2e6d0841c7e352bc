"""From what metrics tell to the ratios of each cell, and of devices whose total is printed beside their holders."""

import numpy as np

from gpucost.telemetry.compute import compute_use
from gpucost.telemetry.means import means_of
from gpucost.telemetry.memory import memory_use
from gpucost.telemetry.metrics import MetricNames
from gpucost.telemetry.own_values import Use
from gpucost.telemetry.scrapes import Counted


def uses_of(samples: Counted, names: MetricNames) -> tuple[Use, Use]:
    """Of memory and of compute."""
    cells = samples.cells
    memory = memory_use(*(means_of(samples, group) for group in names.memory), device_of=cells.device)
    is_instance = np.array([bool(device.gpu_instance_id) for device in cells.devices], dtype=np.bool_)
    chain = [(metric, means_of(samples, metric.names)) for metric in names.compute]
    return memory, compute_use(chain, is_instance, memory, cells.device)

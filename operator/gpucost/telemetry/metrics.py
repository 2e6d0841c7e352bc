"""What the exporter's metrics are called, in which units they come, and what they can say."""

import re
from dataclasses import dataclass

from gpucost.model.errors import ConfigurationError

_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def spellings(*names: str) -> tuple[str, ...]:
    """The names, then all of them in lower case, as some vendors print them."""
    return tuple(dict.fromkeys((*names, *(name.lower() for name in names))))


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeMetric:
    """A measurement of compute use."""

    names: tuple[str, ...]
    """What it is called; of several that one exporter prints the first counts."""
    full: float = 1.0
    """The value of a device that is busy all the time: 1 for a ratio, 100 for percent."""
    measures_instances: bool = True
    """False: says nothing of MIG instances (some exporters print 0 there)."""
    per_pod: bool = False
    """True: newer exporters print what each holder used, beside the device's total."""


ENGINE_ACTIVE = ComputeMetric(names=spellings("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO"))
SM_ACTIVE = ComputeMetric(names=spellings("DCGM_FI_PROF_SM_ACTIVE", "DCGM_FI_PROF_SM_UTIL_RATIO"))
GPU_UTIL = ComputeMetric(names=spellings("DCGM_FI_DEV_GPU_UTIL"), full=100.0, measures_instances=False, per_pod=True)
GPU_UTIL_RATIO = ComputeMetric(names=spellings("DCGM_FI_DEV_GPU_UTIL_RATIO"), measures_instances=False, per_pod=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricNames:
    """What is read. Memory metrics share one unit, whichever; of several names of one metric the first that an
    exporter prints counts. Memory used may come per holder, as `ComputeMetric.per_pod` says of compute.
    """

    memory_used: tuple[str, ...] = spellings("DCGM_FI_DEV_FB_USED")
    memory_free: tuple[str, ...] = spellings("DCGM_FI_DEV_FB_FREE")
    memory_reserved: tuple[str, ...] = spellings("DCGM_FI_DEV_FB_RESERVED")
    power: tuple[str, ...] = spellings("DCGM_FI_DEV_POWER_USAGE")
    """Power of a card in watts; read only where a price rests on it."""
    compute: tuple[ComputeMetric, ...] = (ENGINE_ACTIVE, SM_ACTIVE, GPU_UTIL, GPU_UTIL_RATIO)
    """The first that was measured counts."""

    def __post_init__(self) -> None:
        for name in (*self.all, *self.power):
            if not _METRIC_NAME.fullmatch(name):
                raise ConfigurationError(
                    f"prometheus.metrics: {name!r} is no metric name; write the name that the exporter prints"
                )
        if not self.compute:
            raise ConfigurationError("prometheus.metrics: no metric of compute use is named; name at least one")
        names = (*self.all, *self.power)
        if len(set(names)) < len(names):
            raise ConfigurationError("prometheus.metrics: a metric is named twice; name each once")

    @property
    def memory(self) -> tuple[tuple[str, ...], ...]:
        """Names of used, free and reserved memory."""
        return self.memory_used, self.memory_free, self.memory_reserved

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The names of each measurement of use."""
        return tuple(names for names in (*self.memory, *(metric.names for metric in self.compute)) if names)

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(name for names in self.groups for name in names)

"""What telemetry knows: which device named which holder in a window, and how it was used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from gpucost.model.time import Window

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Indices = NDArray[np.intp]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, order=True)
class Device:
    """What a pod can hold: a whole card or one MIG instance, as the exporter names it."""

    node: str
    uuid: str
    gpu_instance_id: str
    """Empty for a whole card."""
    profile: str
    """MIG profile such as ``1g.5gb``; empty for a whole card."""
    model: str = field(compare=False)
    """GPU model name as the driver prints it."""


@dataclass(frozen=True, slots=True, order=True)
class NamedHolder:
    """The container that a series names; ``pod_uid`` is empty where the exporter does not print it."""

    namespace: str
    pod: str
    container: str
    pod_uid: str = ""


def _no_floats() -> Floats:
    return np.zeros(0)


def _no_bools() -> Bools:
    return np.zeros(0, dtype=np.bool_)


def _no_counts() -> Mapping[str, int]:
    return MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Telemetry of some windows: one row per (window, device, holder) that was sampled.

    Axes: r rows, w windows. Fields with a default may be left out: they are then those of devices that are not shared.
    """

    windows: tuple[Window, ...]
    devices: tuple[Device, ...]
    holders: tuple[NamedHolder, ...]
    window: Indices
    """(r,) index into ``windows``; ascending."""
    device: Indices
    """(r,) index into ``devices``."""
    holder: Indices
    """(r,) index into ``holders``; -1: the device named nobody."""
    scrapes: Floats
    """(r,) scrape times at which the device was seen with this holder; of several slots the most that one had."""
    memory_ratio: Floats
    """(r,) mean of memory used / total of the device; NaN: not measured."""
    compute_ratio: Floats
    """(r,) mean compute use; NaN: not measured."""
    row_interval_seconds: Floats
    """(r,) seconds between scrapes of the job that the row's device was read from."""
    interval_seconds: Floats
    """(w,) the shortest of its rows; NaN: nothing was seen in that window."""
    device_scrapes: Floats = field(default_factory=_no_floats)
    """(r,) distinct scrape times at which the row's device was seen in the window, whomever it named."""
    slots: Floats = field(default_factory=_no_floats)
    """(r,) slots of the device with which this holder was shown at once, in the mean; 0: the exporter does not say."""
    own_memory: Bools = field(default_factory=_no_bools)
    """(r,) the memory ratio is the holder's own measurement, not a copy of the device's."""
    own_compute: Bools = field(default_factory=_no_bools)
    """(r,) likewise the compute ratio."""
    beside: Bools = field(default_factory=_no_bools)
    """(r,) names nobody, but is no time without a holder: the device's total, printed beside what each holder used."""
    odd: Bools = field(default_factory=_no_bools)
    """(r,) some samples of the row did not count: they were no plausible numbers."""
    dropped: Mapping[str, int] = field(default_factory=_no_counts)
    """Samples and series that were left out or corrected, by reason (``gpucost.telemetry.sanity``)."""
    compute_metrics: tuple[str, ...] = ()
    """Names of the metrics that compute ratios are from, in the configured order."""

    def __post_init__(self) -> None:
        neutral = {
            "device_scrapes": self._scrapes_of_devices,
            "slots": self._zeros,
            "own_memory": self._nowhere,
            "own_compute": self._nowhere,
            "beside": self._nowhere,
            "odd": self._nowhere,
        }
        for name, values in neutral.items():
            if getattr(self, name).size != self.window.size:
                object.__setattr__(self, name, values())

    def _zeros(self) -> Floats:
        return np.zeros(self.window.size)

    def _nowhere(self) -> Bools:
        return np.zeros(self.window.size, dtype=np.bool_)

    def _scrapes_of_devices(self) -> Floats:
        """Where the holders of a device follow one another."""
        _, cell = np.unique(self.window * max(len(self.devices), 1) + self.device, return_inverse=True)
        return np.bincount(cell, self.scrapes).astype(np.float64)[cell]

    def rows_of(self, window: int) -> slice:
        """The rows of one window."""
        first, last = np.searchsorted(self.window, [window, window + 1])
        return slice(int(first), int(last))

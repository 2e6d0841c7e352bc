"""What telemetry knows: which device named which holder in a window, and how it was used."""

from dataclasses import dataclass, field

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


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Telemetry of some windows: one row per (window, device, holder) that was sampled.

    Axes: r rows, w windows.
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
    """(r,) scrape times at which the device was seen with this holder."""
    memory_ratio: Floats
    """(r,) mean of memory used / total; NaN: not measured."""
    compute_ratio: Floats
    """(r,) mean compute use of the device; NaN: not measured."""
    row_interval_seconds: Floats
    """(r,) seconds between scrapes of the job that the row's device was read from."""
    interval_seconds: Floats
    """(w,) the shortest of its rows; NaN: nothing was seen in that window."""

    def rows_of(self, window: int) -> slice:
        """The rows of one window."""
        first, last = np.searchsorted(self.window, [window, window + 1])
        return slice(int(first), int(last))

"""What holders did themselves, where exporters print it beside the device's total.

Axes: c cells, d devices, w windows. NaN: not measured.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from gpucost.model.usage import Bools, Floats, Indices
from gpucost.telemetry.means import Beside
from gpucost.telemetry.sanity import ZERO_PER_POD
from gpucost.telemetry.series import add_rows

IN_USE = 0.05
"""Ratio of a device from which zeros of everything that should explain it are not believed."""


@dataclass(frozen=True, kw_only=True)
class Use:
    """How devices were used, of memory or of compute."""

    ratio: Floats
    """(c, w) in [0, 1]."""
    is_own: Bools
    """(c, w) it is what that holder did."""
    device: Floats
    """(d, w) of the device, where totals are printed beside holders."""
    is_untold: Bools
    """(d, w) what is printed of holders is 0 of each, though the device is in use."""
    is_replaced: Bools
    """(c, w) samples of a metric were not believed, though each could be true by itself."""
    device_is_replaced: Bools
    """(d, w) likewise of totals that are printed beside holders."""
    dropped: Counter[str]
    names: frozenset[str] = frozenset()
    """Of the metrics that ratios are from."""


def of_devices(ratio: Floats, is_replaced: Bools, dropped: Counter[str], names: frozenset[str] = frozenset()) -> Use:
    """What devices did, where nothing is printed of single holders."""
    nowhere = np.zeros((0, ratio.shape[1]))
    return Use(
        ratio=ratio,
        is_own=np.zeros(ratio.shape, dtype=np.bool_),
        device=nowhere,
        is_untold=nowhere.astype(np.bool_),
        is_replaced=is_replaced,
        device_is_replaced=nowhere.astype(np.bool_),
        names=names,
        dropped=dropped,
    )


def with_own(
    ratio: Floats, own: Floats, beside: Beside, *, device: Floats, is_untold: Bools, device_of: Indices
) -> Use:
    """What each holder did counts before what the device did."""
    untold = is_untold[device_of]
    is_own = ~np.isnan(own) & ~untold
    return Use(
        ratio=np.where(is_own, own, ratio),
        is_own=is_own,
        device=device,
        is_untold=is_untold,
        is_replaced=untold & (beside.own_samples > 0),
        device_is_replaced=np.zeros_like(is_untold),
        dropped=Counter({ZERO_PER_POD: samples_where(beside.own_samples, untold)}),
    )


def are_all_zero(own: Floats, device_of: Indices, device: Floats) -> Bools:
    """(d, w) every holder is shown with 0 of a device that is in use."""
    is_told = ~np.isnan(own)
    some, more_than_zero = (
        add_rows(what.astype(np.float64), device_of, device.shape[0]) > 0 for what in (is_told, is_told & (own > 0))
    )
    return some & ~more_than_zero & (device >= IN_USE)


def samples_where(samples: Floats, where: Bools) -> int:
    """How many there are in all; both (c, w) or (d, w)."""
    return int(np.rint(samples[where].sum())) if where.any() else 0

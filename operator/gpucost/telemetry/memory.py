"""From metrics of memory to the part of it that is used.

Axes: c cells, d devices, w windows. NaN: not measured.
"""

from collections import Counter

import numpy as np

from gpucost.model.usage import Floats, Indices
from gpucost.telemetry.means import Means, first_of, part_of
from gpucost.telemetry.own_values import Use, are_all_zero, of_devices, with_own


def memory_use(used: Means, free: Means, reserved: Means, *, device_of: Indices) -> Use:
    """Used / total; reserved memory counts where it is printed. ``device_of`` (c,)."""
    rest = free.cell + _or_zero(reserved.cell)
    ratio = part_of(used.cell, used.cell + rest)
    if used.beside is None or free.beside is None or reserved.beside is None:
        return of_devices(ratio, np.zeros(ratio.shape, dtype=np.bool_), Counter())
    rest_of_device = free.beside.device + _or_zero(reserved.beside.device)
    used_of_device = first_of(used.beside.total, used.beside.device)
    device = part_of(used_of_device, used_of_device + rest_of_device)
    capacity = (used.beside.total + rest_of_device)[device_of]
    # There are no copies of used memory then, but those of free memory say as much.
    copied = np.clip(1.0 - part_of(rest, capacity), 0.0, 1.0)
    ratio = np.where(np.isnan(capacity), ratio, first_of(copied, device[device_of]))
    own = part_of(used.beside.own, capacity)
    is_untold = are_all_zero(own, device_of, device)
    return with_own(ratio, own, used.beside, device=device, is_untold=is_untold, device_of=device_of)


def _or_zero(value: Floats) -> Floats:
    return np.where(np.isnan(value), 0.0, value)

"""Use of devices that nobody holds: of privileged pods, or of ``NVIDIA_VISIBLE_DEVICES=all``. It is billed to nobody.

Axis: d devices.
"""

import numpy as np

from gpucost.matching.devices import Devices
from gpucost.matching.measured import Measured
from gpucost.matching.regimes import Regimes
from gpucost.model.usage import Indices


def used_without_holder(
    devices: Devices, regimes: Regimes, measured: Measured, *, place: Indices, machine: Indices
) -> Indices:
    """Numbers of devices that were in use for a window in which nobody held them, whomever they name: kubelets before
    1.34 go on naming a pod that has ended.

    ``place`` (e,) of each holder and ``machine`` (e,) of it: a holder whose device is not known may be the user of any
    device of its machine.
    """
    size = len(devices.all)
    held = np.bincount(place[place < size], minlength=size) > 0
    doubtful = np.isin(devices.machine, machine[place >= size])
    found: Indices = np.flatnonzero(regimes.holdable & measured.in_use & ~held & ~doubtful)
    return found

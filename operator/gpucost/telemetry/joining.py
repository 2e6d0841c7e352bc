"""Usages of windows that follow one another as one."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from gpucost.model.usage import Indices, Usage

_ROW_FIELDS = (
    *("scrapes", "memory_ratio", "compute_ratio", "row_interval_seconds"),
    *("device_scrapes", "slots", "own_memory", "own_compute", "beside", "odd"),
)


def join_usages(parts: Sequence[Usage]) -> Usage:
    if len(parts) == 1:
        return parts[0]
    devices = tuple(sorted({device for part in parts for device in part.devices}))
    holders = tuple(sorted({holder for part in parts for holder in part.holders}))
    device_number = {device: number for number, device in enumerate(devices)}
    holder_number = {holder: number for number, holder in enumerate(holders)}
    none = np.zeros(0, dtype=np.intp)
    window, device, holder = [none], [none], [none]
    passed = 0
    for part in parts:
        window.append(part.window + passed)
        device.append(_indices(device_number[one] for one in part.devices)[part.device])
        # The code at the end, -1, is the one that the index -1 finds.
        holder.append(_indices((*(holder_number[one] for one in part.holders), -1))[part.holder])
        passed += len(part.windows)
    rows = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _ROW_FIELDS} if parts else {}
    return Usage(
        windows=tuple(one for part in parts for one in part.windows),
        devices=devices,
        holders=holders,
        window=np.concatenate(window),
        device=np.concatenate(device),
        holder=np.concatenate(holder),
        interval_seconds=np.concatenate([np.zeros(0), *(part.interval_seconds for part in parts)]),
        dropped=dict(sum((Counter(part.dropped) for part in parts), Counter())),
        compute_metrics=tuple(sorted({name for part in parts for name in part.compute_metrics})),
        **({name: np.zeros(0) for name in _ROW_FIELDS} | rows),
    )


def _indices(numbers: Iterable[int]) -> Indices:
    return np.fromiter(numbers, dtype=np.intp)

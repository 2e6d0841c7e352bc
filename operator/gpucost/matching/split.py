"""What each holder of a shared device used of it.

Rule: where the exporter copies the device's use to all holders, it is split among those who hold it at one time, by
their slots; so what they used adds up to what the device did, and a lone holder of one slot of four may have used all
of it. A pod's own measurement stays as it is; of a pod with several containers each has its part of that.

Axes: e rows of holders, d devices.
"""

from dataclasses import dataclass, replace

import numpy as np

from gpucost.matching.devices import Seen
from gpucost.matching.grouped import most_by, quotient, sum_by
from gpucost.matching.lives import Lives
from gpucost.matching.measured import Measured
from gpucost.matching.named import NamedRows
from gpucost.matching.pods import ALWAYS, NEVER
from gpucost.matching.spells import Stays, spells_of
from gpucost.matching.sweep import company
from gpucost.model.usage import Bools, Floats, Indices, Ints


@dataclass(frozen=True, kw_only=True)
class _Times:
    """Milliseconds."""

    device: Indices
    held: Floats
    """(e,)"""
    portion: Floats
    """(e,) the holder's part of the time in which the device had any: all of it alone, its part of it together."""
    of_pod: Floats
    """(e,) the row's part of what its pod held of the device; 1 where it is the only one."""
    existed: Floats
    """(d,) while it was there."""
    in_use: Floats
    """(d,) while it had holders; the portions add up to it."""


def split_use(
    rows: NamedRows, slots: Floats, *, machine: Indices, seen: Seen, measured: Measured, lives: Lives
) -> NamedRows:
    """``slots`` (e,) of each holder; ``machine`` (d,). Rows of shared devices that show all their holders."""
    if rows.device.size == 0:
        return rows
    times = _times(rows, slots, machine=machine, seen=seen, measured=measured, lives=lives)
    memory = _split(rows.memory_ratio, rows.own_memory, measured.total_memory_ratio, times)
    compute = _split(rows.compute_ratio, rows.own_compute, measured.total_compute_ratio, times)
    copied = ~(rows.own_memory | np.isnan(memory)) | ~(rows.own_compute | np.isnan(compute))
    return replace(rows, memory_ratio=memory, compute_ratio=compute, estimated=rows.estimated | copied)


def _times(rows: NamedRows, slots: Floats, *, machine: Indices, seen: Seen, measured: Measured, lives: Lives) -> _Times:
    device, size = rows.device, machine.size
    alive = lives.alive_ms[machine].astype(np.float64)
    held = rows.held_ratio * alive[device]
    existed = seen.presence * alive
    longest = most_by(device, held, size)
    most = np.minimum(sum_by(device, held, size), existed)
    shown = existed * (1.0 - quotient(measured.nobody_ms, measured.sampled_ms))
    shown = np.clip(shown, np.minimum(longest, most), most)

    start, end = lives.clip(machine[device], rows.start_ms, rows.end_ms)
    begin, finish = lives.clip(machine, np.full(size, ALWAYS), np.full(size, NEVER))
    stays = Stays(device=device, start=_float(start), end=_float(end), held=held, slots=slots)
    spells = spells_of(stays, _float(begin), _float(finish), shown)
    together = company(device[spells.row], spells.start, spells.end, spells.amount, places=size)
    portion = sum_by(spells.row, together.part * (spells.end - spells.start), held.size)
    has_total = ~(np.isnan(measured.total_memory_ratio) & np.isnan(measured.total_compute_ratio))
    in_use = np.where(has_total, np.clip(together.covered, np.minimum(longest, most), most), shown)
    return _Times(
        device=device,
        held=held,
        portion=portion * quotient(in_use, sum_by(device, portion, size))[device],
        of_pod=_of_pod(rows, held, held * slots),
        existed=existed,
        in_use=in_use,
    )


def _of_pod(rows: NamedRows, held: Floats, weight: Floats) -> Floats:
    """Containers of one pod that hold slots of one device have parts of what the pod used, by ``weight`` (e,)."""
    _, of_pod = np.unique(np.stack((rows.device, rows.pod)), axis=1, return_inverse=True)
    part = quotient(weight, sum_by(of_pod, weight, weight.size)[of_pod])
    return part * quotient(most_by(of_pod, held, held.size)[of_pod], held)


def _split(ratio: Floats, own: Bools, total: Floats, times: _Times) -> Floats:
    """``ratio`` (e,) as printed, ``total`` (d,) of the device where it is printed; the holder's ratio. (e,)"""
    copied = ~(own | np.isnan(ratio))
    device, size = times.device, times.in_use.size
    held = np.where(copied, times.held, 0.0)
    value = np.where(copied, ratio, 0.0)
    portion = np.where(copied, times.portion, 0.0)
    did = np.where(np.isnan(total), _did(device, held, value, times), np.minimum(total * times.existed, times.in_use))
    theirs = did * quotient(sum_by(device, portion, size), times.in_use)
    factor = quotient(theirs, sum_by(device, portion * value, size))
    parts = np.where(copied, quotient(portion * value * factor[device], held), ratio * times.of_pod)
    return np.minimum(parts, 1.0)


def _did(device: Indices, held: Floats, value: Floats, times: _Times) -> Floats:
    """Use x time of each device by the copies. (d,)

    As it showed with the holder who was there longest, and for the rest of the time as it showed with the others.
    """
    size = times.in_use.size
    order = np.lexsort((-held, device))
    first = order[np.diff(device[order], prepend=-1) > 0]
    longest, seen_then = np.zeros(size), np.zeros(size)
    longest[device[first]] = held[first]
    seen_then[device[first]] = held[first] * value[first]
    others = quotient(sum_by(device, held * value, size) - seen_then, sum_by(device, held, size) - longest)
    return seen_then + np.maximum(times.in_use - longest, 0.0) * others


def _float(moments: Ints) -> Floats:
    return moments.astype(np.float64)

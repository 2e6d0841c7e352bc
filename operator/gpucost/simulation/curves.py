"""How pods use their devices: integers per tick, the same for the same key, without state.

Memory in MiB, compute in millionths of the device.
"""

from enum import Enum

import numpy as np

from gpucost.model.usage import Ints

FULL = 1_000_000

_MASK = 2**64 - 1
_STREAMS = {"level": 0x9E3779B97F4A7C15, "jitter": 0xC2B2AE3D27D4EB4F, "event": 0x165667B19E3779F9}


class Behaviour(Enum):
    """What kind of work a pod does."""

    SERVING = "serving"
    """Takes most of the memory at once and computes with demand."""
    TRAINING = "training"
    """Fills the memory in its first minutes and computes hard, with pauses for checkpoints."""
    INTERACTIVE = "interactive"
    """Little memory, and bursts of compute."""
    NONE = "none"
    """Holds its devices and does nothing."""
    ALL = "all"
    """Uses all of its devices all of the time."""


def memory_mib(behaviour: Behaviour, key: int, usable_mib: int, since: int, ticks: Ints) -> Ints:
    """Memory in use at ``ticks`` (t,) of a holder that came after tick ``since``: (t,), at most ``usable_mib``."""
    match behaviour:
        case Behaviour.NONE:
            share = np.zeros_like(ticks)
        case Behaviour.ALL:
            share = np.full_like(ticks, FULL)
        case Behaviour.SERVING:
            share = 780_000 + _level(key, ticks, 240) * 14 // 100
        case Behaviour.TRAINING:
            steady = 550_000 + _level(key, ticks, 90) * 42 // 100
            share = np.minimum(steady, (ticks - since) * 80_000)
        case Behaviour.INTERACTIVE:
            share = 20_000 + _level(key, ticks, 40) * 45 // 100
    return share * usable_mib // FULL


def compute_millionths(behaviour: Behaviour, key: int, ticks: Ints) -> Ints:
    """Activity of the graphics engine at ``ticks`` (t,): (t,) in [0, `FULL`]."""
    match behaviour:
        case Behaviour.NONE:
            return np.zeros_like(ticks)
        case Behaviour.ALL:
            return np.full_like(ticks, FULL)
        case Behaviour.SERVING:
            return 80_000 + _level(key, ticks, 120) * 75 // 100 + _noise(key, "jitter", ticks) * 15 // 100
        case Behaviour.TRAINING:
            at_work = 820_000 + _noise(key, "jitter", ticks) * 17 // 100
            at_checkpoint = _noise(key, "event", ticks // 2) < 30_000
            return np.where(at_checkpoint, 21_000 + at_work // 100, at_work)
        case Behaviour.INTERACTIVE:
            in_burst = _noise(key, "event", ticks // 8) < 280_000
            return np.where(in_burst, 300_000 + _noise(key, "jitter", ticks) * 6 // 10, 0)


def idle_memory_mib(key: int, ticks: Ints) -> Ints:
    """What the driver leaves in the memory of a device that nobody holds: (t,)."""
    return np.full_like(ticks, 3 + key % 13)


def _level(key: int, ticks: Ints, period: int) -> Ints:
    """A slow drift in [0, `FULL`): straight lines between random values ``period`` ticks apart."""
    step, part = ticks // period, ticks % period
    return (_noise(key, "level", step) * (period - part) + _noise(key, "level", step + 1) * part) // period


def _noise(key: int, stream: str, at: Ints) -> Ints:
    """Random numbers in [0, `FULL`), by SplitMix64 of key and place."""
    mixed = at.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64((key ^ _STREAMS[stream]) & _MASK)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(40)).astype(np.int64) * FULL >> 24

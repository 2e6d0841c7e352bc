"""Metrics by which an exporter says how much of a device is used."""

from fractions import Fraction

USED = "DCGM_FI_DEV_FB_USED"
FREE = "DCGM_FI_DEV_FB_FREE"
RESERVED = "DCGM_FI_DEV_FB_RESERVED"
ENGINE = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
UTIL = "DCGM_FI_DEV_GPU_UTIL"
POWER = "DCGM_FI_DEV_POWER_USAGE"

CARD_MIB, INSTANCE_MIB = 40_000, 8_000

Part = Fraction | int | float
"""A float is the decimal that it is written as."""


def exact(part: Part) -> Fraction:
    return Fraction(str(part)) if isinstance(part, float) else Fraction(part)


def measures(memory: Part | None, compute: Part | None, *, total: int, is_instance: bool) -> dict[str, float]:
    """Metrics of a device by ratios of it; None: not measured. ``total`` is in MiB, 0 for the usual.

    Raises ValueError where the memory used is no whole number.
    """
    size = total or (INSTANCE_MIB if is_instance else CARD_MIB)
    shown: dict[str, float] = {}
    if memory is not None:
        used = exact(memory) * size
        if used.denominator != 1:
            raise ValueError(f"{memory} of {size} MiB is no whole number; choose another total")
        shown |= {USED: int(used), FREE: int(size - used)}
    if compute is not None:
        shown[ENGINE] = float(compute)
        if not is_instance:
            # Any kernel counts as busy, so it is never below the engine's share: reading it instead would show.
            shown[UTIL] = min(100, int(exact(compute) * 100) + 15) if compute else 0
    return shown

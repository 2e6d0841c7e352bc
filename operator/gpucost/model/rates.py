"""What a node costs, and where that figure comes from."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRate:
    node: str
    hourly_e9: int
    """1e-9 of the currency per hour, for the whole node."""
    source: str
    """For people: ``annotation gpucost.io/hourly-rate``, ``GpuRateCard aws-contract/p4d`` ..."""
    as_of: str = ""
    """Date of the price, where its source has one."""
    estimated: bool = False
    """It stands in for a price that is not known, or rests on a count of cards that is an estimate."""
    cards: int | None = None
    """Physical cards of the instance type, where the price list knows them."""
    gpu_fraction: float | None = None
    """Part of the rate that goes to the GPUs; None: the configured default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingRate:
    node: str
    reason: str
    """One sentence: what was looked for and what to do."""

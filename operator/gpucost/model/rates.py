"""What a node costs, and where that figure comes from."""

from dataclasses import dataclass
from enum import StrEnum


class RateOrigin(StrEnum):
    """Where a rate comes from, the first that has one first."""

    ANNOTATION = "annotation"
    RATE_CARD = "rate-card"
    KARPENTER = "karpenter"
    OPENCOST = "opencost"
    LIST_PRICE = "list-price"
    GPU_MODEL = "gpu-model"


CARDS_ESTIMATED = "cards-estimated"
"""Flag of the doubt whether the cards that a price per card is multiplied by are all of the node's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Why a rate may not be what is billed, or what a person should know about it."""

    flag: str
    """A word: ``other-region``, ``power-missing`` ..."""
    message: str
    """What follows the node's name in a sentence, without a full stop."""
    is_estimate: bool = True
    """False: worth knowing, but the rate is no guess."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRate:
    node: str
    hourly_e9: int
    """1e-9 of the currency per hour, for the whole node."""
    origin: RateOrigin
    source: str
    """For people: ``annotation gpucost.io/hourly-rate``, ``GpuRateCard aws-contract/p4d`` ..."""
    as_of: str = ""
    """Date of the price, where its source has one."""
    terms: str = ""
    """How the rate comes about, where it is more than a price that somebody wrote: ``25.00 - 12 %``."""
    doubts: tuple[Doubt, ...] = ()
    cards: int | None = None
    """Physical cards of the instance type, where the price list knows them."""
    card_hourly_e9: int | None = None
    """Price of one physical card, where the rate is that x cards; ``hourly_e9`` is for the cards that are told."""
    gpu_fraction: float = 1.0
    """Part of the rate that goes to the GPUs; the rest is the host line."""
    gpu_fraction_terms: str = ""
    """How the part comes about, where a model computes it."""

    @property
    def is_estimate(self) -> bool:
        """It stands in for a price that is not known, or rests on something that is an estimate."""
        return any(doubt.is_estimate for doubt in self.doubts)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingRate:
    node: str
    reason: str
    """One sentence: what was looked for and what to do."""

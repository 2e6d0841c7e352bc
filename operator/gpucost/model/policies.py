"""What a cluster may choose in how figures are made; each choice with a worked example in docs/how-it-computes.md."""

from dataclasses import dataclass
from enum import StrEnum


class UsedRatio(StrEnum):
    """How much of what is held counts as used, from the memory ratio and the compute ratio."""

    MAX = "max"
    MEMORY = "memory"
    COMPUTE = "compute"
    MEAN = "mean"
    WEIGHTED = "weighted"


class SliceBasis(StrEnum):
    """What part of its card a MIG instance is: the larger of its parts of compute and memory, or one of them."""

    DOMINANT = "dominant"
    COMPUTE = "compute"
    MEMORY = "memory"


class UnallocatedPolicy(StrEnum):
    """Who is shown a part of what nobody held on a node; it is never inside their cost."""

    SEPARATE = "separate"
    PROPORTIONAL = "proportional"
    EVEN = "even"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    used_ratio: UsedRatio = UsedRatio.MAX
    memory_weight: float = 0.5
    """In [0, 1], for `UsedRatio.WEIGHTED`; compute has the rest."""
    slice_basis: SliceBasis = SliceBasis.DOMINANT
    unallocated: UnallocatedPolicy = UnallocatedPolicy.SEPARATE

"""How much of what is held counts as used: from two raw ratios to the one that the policy names."""

import numpy as np

from gpucost.model.policies import Policy, UsedRatio
from gpucost.model.usage import Floats


def used_ratio(memory_ratio: Floats, compute_ratio: Floats, policy: Policy) -> Floats:
    """By row (h,); NaN: unknown.

    A ratio that is unknown leaves the other to decide alone, unless the policy asks for that one and no other.
    """
    match policy.used_ratio:
        case UsedRatio.MEMORY:
            return memory_ratio.copy()
        case UsedRatio.COMPUTE:
            return compute_ratio.copy()
        case UsedRatio.MAX:
            return np.fmax(memory_ratio, compute_ratio)
        case UsedRatio.MEAN:
            return _blend(memory_ratio, compute_ratio, 0.5)
        case UsedRatio.WEIGHTED:
            return _blend(memory_ratio, compute_ratio, policy.memory_weight)


def _blend(memory_ratio: Floats, compute_ratio: Floats, memory_weight: float) -> Floats:
    blend = memory_ratio * memory_weight + compute_ratio * (1.0 - memory_weight)
    alone = np.fmax(memory_ratio, compute_ratio)
    return np.where(np.isnan(memory_ratio) | np.isnan(compute_ratio), alone, blend)

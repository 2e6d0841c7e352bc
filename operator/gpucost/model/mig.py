"""Slices of MIG instances by profile and GPU model.

The fractions are those of NVIDIA's MIG User Guide, "Supported MIG Profiles". A profile's name does not say them:
1g.35gb is the double-memory profile of an H200 and the plain one of a GB300, so the model decides.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

_PROFILE = re.compile(r"(?:\d+c\.)?(?P<compute>\d+)g\.(?P<gb>\d+)gb(?:[+.-](?:me\.all|me|gfx))?")
_MEMORY_SLICES_OF_EIGHT = {1: 1, 2: 2, 3: 4, 4: 4, 7: 8}
_SLICES_OF_FOUR = (1, 2, 4)
_FOUR_SLICE_MODELS = re.compile(r"\bA30\b|RTX[- ]PRO[- ]6000", re.IGNORECASE)
_DOUBLE_MEMORY_PROFILE = (
    (re.compile(r"\bGB300\b", re.IGNORECASE), 70),
    (re.compile(r"\bB300\b", re.IGNORECASE), 67),
    (re.compile(r"\bGB200\b", re.IGNORECASE), 47),
    (re.compile(r"\bB200\b", re.IGNORECASE), 45),
    (re.compile(r"\bGH200\b.*144G", re.IGNORECASE), 36),
    (re.compile(r"\bGH200\b", re.IGNORECASE), 24),
    (re.compile(r"\bH200\b", re.IGNORECASE), 35),
    (re.compile(r"\bH20\b", re.IGNORECASE), 24),
    (re.compile(r"\bH[18]00\b.*(NVL|9[46]GB)", re.IGNORECASE), 24),
    (re.compile(r"\bH[18]00\b", re.IGNORECASE), 20),
    (re.compile(r"\bA[18]00\b.*40GB", re.IGNORECASE), 10),
    (re.compile(r"\bA[18]00\b.*80GB", re.IGNORECASE), 20),
)
"""GPU model to the ``gb`` that its 1g profile with two memory slices carries; the first match counts."""


@dataclass(frozen=True, slots=True)
class Slices:
    """Parts of a card that an instance has."""

    compute: Fraction
    memory: Fraction

    @property
    def dominant(self) -> Fraction:
        """What the instance keeps from others: the larger of the two."""
        return max(self.compute, self.memory)


@cache
def slices_of(profile: str, model: str) -> Slices | None:
    """The slices of ``profile`` on a GPU of that model; None where the two are not known together."""
    match = _PROFILE.fullmatch(profile)
    if match is None:
        return None
    compute = int(match["compute"])
    model = model.replace("-", " ")
    if _FOUR_SLICE_MODELS.search(model):
        return Slices(Fraction(compute, 4), Fraction(compute, 4)) if compute in _SLICES_OF_FOUR else None
    double_gb = next((gb for pattern, gb in _DOUBLE_MEMORY_PROFILE if pattern.search(model)), None)
    if double_gb is None or compute not in _MEMORY_SLICES_OF_EIGHT:
        return None
    is_double = compute == 1 and int(match["gb"]) == double_gb
    memory = 2 if is_double else _MEMORY_SLICES_OF_EIGHT[compute]
    return Slices(Fraction(compute, 7), Fraction(memory, 8))

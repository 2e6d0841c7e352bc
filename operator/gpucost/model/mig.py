"""Slices of MIG instances by profile and GPU model.

The fractions are those of NVIDIA's MIG User Guide, "Supported MIG Profiles". A profile's name does not say them:
1g.35gb is the double-memory profile of an H200 and the plain one of a GB300, so the model decides.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from gpucost.model.policies import SliceBasis

MIG_PROFILE = re.compile(r"(?:(?P<instance>\d+)c\.)?(?P<compute>\d+)g\.(?P<gb>\d+)gb(?:[+.-](?:me\.all|me|gfx))?")

_SLICES = 7
_MEMORY_SLICES_OF_EIGHT = {1: 1, 2: 2, 3: 4, 4: 4, 7: 8}
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

_EVEN_PROFILES = (1, 2, 4)
_EVEN_MODELS = (
    (re.compile(r"\bA30\b|RTX PRO 6000", re.IGNORECASE), 4),
    (re.compile(r"RTX PRO 4500", re.IGNORECASE), 2),
)
"""GPU model with as many compute as memory slices, and how many."""
_RTX_PRO_5000 = re.compile(r"RTX PRO 5000", re.IGNORECASE)
_SLICES_OF_RTX_PRO_5000 = {(1, 24): 2, (2, 48): 2, (1, 12): 4, (2, 24): 4, (4, 48): 4}
"""An even model too, in two slices or in four by version of the guide: (compute slices, ``gb``) of a profile tell."""
_GB_OFF = 1
"""Older exporters print a ``gb`` that is off by one, such as 1g.19gb for 1g.20gb."""


@dataclass(frozen=True, slots=True)
class Slices:
    """Parts of a card that an instance has."""

    compute: Fraction
    memory: Fraction

    @property
    def dominant(self) -> Fraction:
        """What the instance keeps from others: the larger of the two."""
        return max(self.compute, self.memory)

    def part(self, basis: SliceBasis) -> Fraction:
        """What of its card the instance is, by that basis."""
        parts = {
            SliceBasis.DOMINANT: self.dominant,
            SliceBasis.COMPUTE: self.compute,
            SliceBasis.MEMORY: self.memory,
        }
        return parts[basis]


@cache
def slices_of(profile: str, model: str) -> Slices | None:
    """The slices of ``profile`` on a GPU of that model; None where the two are not known together."""
    match = MIG_PROFILE.fullmatch(profile)
    if match is None:
        return None
    compute, gb = int(match["compute"]), int(match["gb"])
    model = model.replace("-", " ")
    slices = _slices_of_even(model, compute, gb)
    if slices:
        part = Fraction(compute, slices)
        return Slices(part, part) if compute in _EVEN_PROFILES and part <= 1 else None
    double_gb = next((double for pattern, double in _DOUBLE_MEMORY_PROFILE if pattern.search(model)), None)
    if double_gb is None or compute not in _MEMORY_SLICES_OF_EIGHT:
        return None
    is_double = compute == 1 and abs(gb - double_gb) <= _GB_OFF
    memory = 2 if is_double else _MEMORY_SLICES_OF_EIGHT[compute]
    return Slices(Fraction(compute, _SLICES), Fraction(memory, 8))


def _slices_of_even(model: str, compute: int, gb: int) -> int | None:
    """How many slices a card of that model is cut into; None: as many compute as memory slices are not known of it."""
    if _RTX_PRO_5000.search(model):
        known = _SLICES_OF_RTX_PRO_5000.items()
        return next((n for (of, size), n in known if of == compute and abs(gb - size) <= _GB_OFF), None)
    return next((slices for pattern, slices in _EVEN_MODELS if pattern.search(model)), None)


@cache
def guess_slices(profile: str, model: str, memory: Fraction | None = None) -> Slices:
    """For what `slices_of` does not know: the compute slices in the name over those of the model (seven, if unknown).

    One slice where the name does not say. ``memory``: the part of the card's memory, where it is known; else it is
    taken to be as large as the part of the compute slices.
    """
    smallest = slices_of("1g.1gb", model)
    slices = smallest.compute.denominator if smallest else _SLICES
    match = MIG_PROFILE.fullmatch(profile)
    part = min(Fraction(int(match["compute"]) if match else 1, slices), Fraction(1))
    return Slices(part, part if memory is None else min(memory, Fraction(1)))

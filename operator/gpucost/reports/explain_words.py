"""What the words of an explanation mean, a sentence each."""

from fractions import Fraction

from gpucost.model.policies import Policy, SliceBasis, UsedRatio

NOT_IN_TELEMETRY = "not-in-telemetry"

FLAG_MEANINGS = {
    "estimated": "the device's share of its card, or the split of its use among its holders, is an estimate",
    "rate-estimated": "the node's rate stands in for a price that is not known, so every cost here is an estimate",
    "capped": "the claims on the device, or on all cards of the node, did not fit, so this one was cut;"
    " idle gave way before use",
    "unknown-profile": "the MIG profile is not in the table for this GPU, so its share is estimated from its memory or"
    " its name",
    NOT_IN_TELEMETRY: "no series names the holder, so it is charged for what it asked of the API and its use is"
    " unknown",
    "samples-dropped": "some of the exporter's samples were no plausible numbers and do not count",
    "labels-unknown": "the API has forgotten the pod and nobody else remembers its labels, so it counts as unassigned",
    "reconstructed": "the labels are those of another pod of the same name, since those of this one are forgotten",
}

_RATIO_WORDS = {
    UsedRatio.MAX: "the larger of the two",
    UsedRatio.MEMORY: "the memory ratio",
    UsedRatio.COMPUTE: "the compute ratio",
    UsedRatio.MEAN: "the mean of the two",
}
_BASIS_WORDS = {
    SliceBasis.DOMINANT: "the larger part",
    SliceBasis.COMPUTE: "the compute part",
    SliceBasis.MEMORY: "the memory part",
}


def meaning_of(flag: str) -> str:
    """Empty: nobody wrote it down."""
    return FLAG_MEANINGS.get(flag, "")


def ratio_in_words(policy: Policy) -> str:
    if policy.used_ratio is UsedRatio.WEIGHTED:
        memory = round(policy.memory_weight, 9)
        return f"{memory} of the memory ratio and {round(1 - memory, 9)} of the compute ratio"
    return _RATIO_WORDS[policy.used_ratio]


def basis_in_words(basis: SliceBasis) -> str:
    return _BASIS_WORDS[basis]


def slices_in_words(part: Fraction, slices: int) -> str:
    """``4/8`` and not ``1/2``: people know cards by their slices."""
    held = part * slices
    return f"{held}/{slices}" if held.denominator == 1 else str(part)

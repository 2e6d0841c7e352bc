"""What part of its card a device is."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from gpucost.matching.kinds import WHOLE_CARD, same_kind
from gpucost.model.cards import PRODUCT_LABEL, split_product
from gpucost.model.fleet import MIG_RESOURCE_PREFIX, Node
from gpucost.model.mig import MIG_PROFILE, guess_slices, slices_of
from gpucost.model.policies import SliceBasis
from gpucost.model.sharing import label_count
from gpucost.model.usage import Device

_MEMORY_LABEL = "nvidia.com/gpu.memory"
_MEMORY = ".memory"
_EIGHTHS = 8
_UNNAMED = "?"


@dataclass(frozen=True, slots=True)
class Share:
    """Part of a card; ``known`` is False where it is a guess."""

    part: float
    known: bool


def share_of_device(device: Device, node: Node, basis: SliceBasis) -> Share:
    """``node``: that of the device."""
    kind = device.profile or _UNNAMED if device.gpu_instance_id else WHOLE_CARD
    return share_of(kind, device.model, node, basis)


def share_of(kind: str, model: str, node: Node, basis: SliceBasis) -> Share:
    """What one of the kind is of a card of that model on that node.

    Where profile and model are not known together it is a guess: of memory from what the node's labels tell, of compute
    from the profile's name.
    """
    if kind == WHOLE_CARD:
        return Share(1.0, known=True)
    slices = slices_of(kind, model)
    if slices is not None:
        return Share(float(slices.part(basis)), known=True)
    memory = _memory_told(kind, node) if _is_described(model, node) else None
    return Share(float(guess_slices(kind, model, memory).part(basis)), known=False)


def _is_described(model: str, node: Node) -> bool:
    """Whether the node's labels are about cards of that model: they tell of one only."""
    product, profile = split_product(node.labels.get(PRODUCT_LABEL, ""))
    return not profile and product.replace("-", " ") == model.replace("-", " ")


def _memory_told(kind: str, node: Node) -> Fraction | None:
    """Memory slices are eighths of a card: as the driver names profiles, the memory is rounded up to them."""
    card = label_count(node.labels, _MEMORY_LABEL)
    if not card:
        return None
    for key in node.labels:
        profile = key.removeprefix(MIG_RESOURCE_PREFIX).removesuffix(_MEMORY)
        if key.endswith(_MEMORY) and profile != key and same_kind(profile, kind):
            return _in_eighths(label_count(node.labels, key), card)
    match = MIG_PROFILE.fullmatch(kind)
    # The name has the gigabytes of whole memory slices, so less than half a slice is only its rounding.
    return _in_eighths(round(Fraction(int(match["gb"]) * 1024 * _EIGHTHS, card)), _EIGHTHS) if match else None


@cache
def _in_eighths(part: int, whole: int) -> Fraction | None:
    eighths = -(-part * _EIGHTHS // whole)
    return Fraction(min(eighths, _EIGHTHS), _EIGHTHS) if eighths > 0 else None

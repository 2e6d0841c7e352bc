"""Kinds of devices: what a resource hands out, what the exporter calls it, and what part of a card it is.

A kind is a MIG profile, or `WHOLE_CARD`.
"""

import re
from dataclasses import dataclass
from functools import cache

from gpucost.model.fleet import GPU_RESOURCE, MIG_RESOURCE_PREFIX
from gpucost.model.mig import guess_slices, slices_of
from gpucost.model.usage import Device

WHOLE_CARD = ""
SHARED_SUFFIX = ".shared"

_PROFILE = re.compile(r"(?:(?P<c>\d+)c\.)?(?P<g>\d+)g\.(?P<gb>\d+)gb(?P<attribute>[+.-](?:me\.all|me|gfx))?")
_SINGLE_STRATEGY = re.compile(rf"-MIG-(?P<profile>{_PROFILE.pattern})")
_UNNAMED = "?"


@dataclass(frozen=True, slots=True)
class Share:
    """Part of a card; ``known`` is False where it is a guess."""

    part: float
    known: bool


def kind_requested(resource: str, product: str) -> str | None:
    """The kind that ``resource`` hands out on a node of that GPU product; None: slots of shared devices, or no GPU.

    With MIG strategy ``single`` the product names the profile that plain GPU requests get.
    """
    if resource == GPU_RESOURCE:
        single = _SINGLE_STRATEGY.search(product)
        return single["profile"] if single else WHOLE_CARD
    if resource.startswith(MIG_RESOURCE_PREFIX) and not resource.endswith(SHARED_SUFFIX):
        return resource.removeprefix(MIG_RESOURCE_PREFIX)
    return None


@cache
def same_kind(one: str, other: str) -> bool:
    """Whether two names mean one profile: resources write ``.me`` for ``+me``, exporters are off by one ``gb``."""
    if one == other:
        return True
    first, second = _PROFILE.fullmatch(one), _PROFILE.fullmatch(other)
    if first is None or second is None:
        return False
    return (
        (first["c"], first["g"]) == (second["c"], second["g"])
        and (first["attribute"] or "").replace("+", ".") == (second["attribute"] or "").replace("+", ".")
        and abs(int(first["gb"]) - int(second["gb"])) <= 1
    )


def share_of_device(device: Device) -> Share:
    """What the device is of its card."""
    return share_of(device.profile or _UNNAMED, device.model) if device.gpu_instance_id else share_of(WHOLE_CARD, "")


@cache
def share_of(kind: str, model: str) -> Share:
    """The dominant share of the kind on that model.

    Where profile and model are not known together it is a guess from the profile's name.
    """
    if kind == WHOLE_CARD:
        return Share(1.0, known=True)
    slices = slices_of(kind, model)
    if slices is not None:
        return Share(float(slices.dominant), known=True)
    return Share(float(guess_slices(kind, model).dominant), known=False)


def sharing_of(device: Device) -> str:
    """``mig`` or ``exclusive``: a device of these kinds has one holder at a time."""
    return "mig" if device.gpu_instance_id or device.profile else "exclusive"

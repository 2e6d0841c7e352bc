"""Kinds of devices: what a resource hands out, and what the exporter calls it.

A kind is the profile of a MIG GPU instance, or `WHOLE_CARD`.
"""

from dataclasses import dataclass
from functools import cache

from gpucost.model.cards import split_product
from gpucost.model.fleet import GPU_RESOURCE, MIG_RESOURCE_PREFIX
from gpucost.model.mig import MIG_PROFILE
from gpucost.model.sharing import SHARED_RESOURCE
from gpucost.model.usage import Device

WHOLE_CARD = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one unit of a resource is."""

    kind: str
    name: str
    """As the resource calls it: `kind`, but for compute instances such as ``1c.3g.20gb``, which are a part of it."""
    plain: bool
    """``nvidia.com/gpu``: the labels of the node say which kind that is, and may be out of date."""
    renamed: bool
    """A slot of a shared device, by the resource's name."""

    @property
    def slices(self) -> tuple[int, int]:
        """Compute slices of the compute instance and of its GPU instance; equal where it is all of it."""
        match = MIG_PROFILE.fullmatch(self.name)
        if match is None or not match["instance"]:
            return 1, 1
        whole = max(int(match["compute"]), 1)
        return min(max(int(match["instance"]), 1), whole), whole


@cache
def wanted_by(resource: str, product: str) -> Wanted | None:
    """What ``resource`` hands out on a node of that GPU product; None: nothing that is known.

    With MIG strategy ``single`` the product names the profile that plain GPU requests get.
    """
    bare = resource.removesuffix(SHARED_RESOURCE)
    renamed = bare != resource
    if bare == GPU_RESOURCE:
        kind = kind_of_product(product)
        return Wanted(kind, kind, True, renamed)
    if bare.startswith(MIG_RESOURCE_PREFIX):
        name = bare.removeprefix(MIG_RESOURCE_PREFIX)
        return Wanted(gpu_instance_of(name), name, False, renamed)
    return None


def kind_of_product(product: str) -> str:
    """What plain GPU requests get on a node of that product."""
    _, profile = split_product(product)
    return profile if MIG_PROFILE.fullmatch(profile) else WHOLE_CARD


def kind_of_device(device: Device) -> str:
    return gpu_instance_of(device.profile) if device.gpu_instance_id else WHOLE_CARD


@cache
def gpu_instance_of(profile: str) -> str:
    """The profile of the GPU instance that a compute instance is cut from: ``3g.20gb`` for ``1c.3g.20gb``."""
    match = MIG_PROFILE.fullmatch(profile)
    return profile.partition("c.")[2] if match and match["instance"] else profile


@cache
def same_kind(one: str, other: str) -> bool:
    """Whether two names mean one profile: resources write ``.me`` for ``+me``, exporters are off by one ``gb``."""
    if one == other:
        return True
    first, second = MIG_PROFILE.fullmatch(one), MIG_PROFILE.fullmatch(other)
    if first is None or second is None:
        return False
    return (
        (first["instance"], first["compute"]) == (second["instance"], second["compute"])
        and _attribute(one) == _attribute(other)
        and abs(int(first["gb"]) - int(second["gb"])) <= 1
    )


def _attribute(profile: str) -> str:
    """``.me`` of ``1g.5gb+me``."""
    return profile.partition("gb")[2].replace("+", ".")


def sharing_of(device: Device) -> str:
    """``mig`` or ``exclusive``: where a device has one holder at a time."""
    return "mig" if device.gpu_instance_id or device.profile else "exclusive"

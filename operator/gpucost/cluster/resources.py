"""Which extended resources are GPUs, and which NVIDIA resource each of them stands for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from gpucost.model.errors import ConfigurationError
from gpucost.model.fleet import GPU_RESOURCE, MIG_RESOURCE_PREFIX
from gpucost.model.mig import MIG_PROFILE
from gpucost.model.sharing import SHARED_RESOURCE

VENDOR_PREFIX = "nvidia.com/"

_ANY = "*"


def _no_aliases() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class GpuResources:
    """Names that count as GPUs: exact ones, and prefixes."""

    names: tuple[str, ...] = (GPU_RESOURCE, f"{GPU_RESOURCE}{SHARED_RESOURCE}")
    """``.shared`` is how the device plugin renames slots of a shared GPU where it is told to rename."""
    prefixes: tuple[str, ...] = (MIG_RESOURCE_PREFIX,)
    aliases: Mapping[str, str] = field(default_factory=_no_aliases)
    """Other names to the NVIDIA resource that they stand for; where both end in ``*``, what stands there is kept."""

    @classmethod
    def with_aliases(cls, aliases: Mapping[str, str]) -> "GpuResources":
        """For a device plugin that hands GPUs out under other names: ``{"k8s.amazonaws.com/vgpu":
        "nvidia.com/gpu.shared", "example.com/mig-*": "nvidia.com/mig-*"}``.

        Raises ConfigurationError where an alias stands for nothing that is known.
        """
        known = cls()
        for alias, meant in aliases.items():
            filled = meant.replace(_ANY, "1g.5gb")
            if alias.endswith(_ANY) != meant.endswith(_ANY) or not _is_known(known, filled):
                raise ConfigurationError(
                    f'The resource alias {alias} stands for "{meant}", which is no NVIDIA resource; write it as '
                    f"{GPU_RESOURCE}, {GPU_RESOURCE}{SHARED_RESOURCE} or {MIG_RESOURCE_PREFIX}1g.5gb"
                )
        return cls(aliases=MappingProxyType(dict(aliases)))

    def canonical(self, resource: str) -> str | None:
        """The NVIDIA resource that it is or stands for; None: it is no GPU."""
        if resource in self.aliases:
            return self.aliases[resource]
        for alias, meant in self.aliases.items():
            if alias.endswith(_ANY) and resource.startswith(alias[:-1]):
                return meant[:-1] + resource[len(alias) - 1 :]
        return resource if resource in self.names or resource.startswith(self.prefixes) else None


def _is_known(known: GpuResources, resource: str) -> bool:
    profile = resource.removeprefix(MIG_RESOURCE_PREFIX).removesuffix(SHARED_RESOURCE)
    return resource in known.names or (profile != resource and MIG_PROFILE.fullmatch(profile) is not None)

"""Which extended resources are GPUs."""

from dataclasses import dataclass

from gpucost.model.fleet import GPU_RESOURCE, MIG_RESOURCE_PREFIX

VENDOR_PREFIX = "nvidia.com/"


@dataclass(frozen=True, slots=True)
class GpuResources:
    """Names that count as GPUs: exact ones, and prefixes."""

    names: tuple[str, ...] = (GPU_RESOURCE, f"{GPU_RESOURCE}.shared")
    """``.shared`` is how the device plugin renames slots of a shared GPU where it is told to rename."""
    prefixes: tuple[str, ...] = (MIG_RESOURCE_PREFIX,)

    def match(self, resource: str) -> bool:
        return resource in self.names or resource.startswith(self.prefixes)

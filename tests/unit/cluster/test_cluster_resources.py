import pytest

from gpucost.cluster.resources import GpuResources
from gpucost.model.errors import ConfigurationError

ALIASES = {"k8s.amazonaws.com/vgpu": "nvidia.com/gpu.shared", "example.com/mig-*": "nvidia.com/mig-*"}

NAMES = {
    "a card": ("nvidia.com/gpu", "nvidia.com/gpu"),
    "a slot of a card": ("nvidia.com/gpu.shared", "nvidia.com/gpu.shared"),
    "an instance": ("nvidia.com/mig-1g.5gb", "nvidia.com/mig-1g.5gb"),
    "a slot of an instance": ("nvidia.com/mig-1g.5gb.shared", "nvidia.com/mig-1g.5gb.shared"),
    "an alias": ("k8s.amazonaws.com/vgpu", "nvidia.com/gpu.shared"),
    "an alias of all profiles": ("example.com/mig-3g.20gb", "nvidia.com/mig-3g.20gb"),
    "no GPU": ("nvidia.com/hostdev", None),
    "an alias by its beginning only": ("k8s.amazonaws.com/vgpu-large", None),
}


@pytest.mark.parametrize(("resource", "canonical"), NAMES.values(), ids=NAMES)
def test_every_name_has_the_nvidia_resource_that_it_stands_for(resource: str, canonical: str | None) -> None:
    resources = GpuResources.with_aliases(ALIASES)
    assert resources.canonical(resource) == canonical


WRONG = {
    "what is no GPU": {"example.com/gpu": "nvidia.com/hostdev"},
    "what is no profile": {"example.com/gpu": "nvidia.com/mig-large"},
    "all profiles for one name": {"example.com/gpu": "nvidia.com/mig-*"},
    "one card for many names": {"example.com/gpu-*": "nvidia.com/gpu"},
}


@pytest.mark.parametrize("aliases", WRONG.values(), ids=WRONG)
def test_an_alias_cannot_stand_for(aliases: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"The resource alias example\.com/gpu"):
        GpuResources.with_aliases(aliases)

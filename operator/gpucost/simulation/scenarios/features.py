"""What GPU feature discovery and the device plugin write on a node."""

from collections.abc import Mapping

A100_40 = "NVIDIA A100-SXM4-40GB"
A100_80 = "NVIDIA A100-SXM4-80GB"
H100 = "NVIDIA H100 80GB HBM3"
T4 = "Tesla T4"

GPU = "nvidia.com/gpu"


def product(model: str) -> str:
    return model.replace(" ", "-")


def whole_cards(
    model: str, cards: int, *, sharing: str = "none", replicas: int = 1, renamed: bool = False
) -> dict[str, str]:
    """Labels of a node whose cards are not cut; ``sharing`` is ``none``, ``time-slicing`` or ``mps``."""
    suffix = "-SHARED" if sharing != "none" and not renamed else ""
    return {
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.product": product(model) + suffix,
        "nvidia.com/gpu.count": str(cards),
        "nvidia.com/gpu.replicas": str(replicas),
        "nvidia.com/gpu.sharing-strategy": sharing,
    }


def mig_mixed(
    model: str, cards: int, instances: Mapping[str, int], *, sharing: str = "none", replicas: int = 1
) -> dict[str, str]:
    """``instances``: profile as in resources to how many the node has."""
    labels = {
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.product": product(model),
        "nvidia.com/gpu.count": str(cards),
        "nvidia.com/gpu.replicas": "0",
        "nvidia.com/gpu.sharing-strategy": "none",
        "nvidia.com/mig.strategy": "mixed",
        "nvidia.com/mig.config.state": "success",
    }
    for profile, count in instances.items():
        labels |= {
            f"nvidia.com/mig-{profile}.count": str(count),
            f"nvidia.com/mig-{profile}.product": f"{product(model)}-MIG-{profile}",
            f"nvidia.com/mig-{profile}.replicas": str(replicas),
            f"nvidia.com/mig-{profile}.sharing-strategy": sharing,
        }
    return labels


def mig_single(model: str, profile: str, instances: int, *, sharing: str = "none", replicas: int = 1) -> dict[str, str]:
    """Here ``gpu.count`` counts instances, of all cards together."""
    suffix = "-SHARED" if sharing != "none" else ""
    return {
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.product": f"{product(model)}-MIG-{profile}{suffix}",
        "nvidia.com/gpu.count": str(instances),
        "nvidia.com/gpu.replicas": str(replicas),
        "nvidia.com/gpu.sharing-strategy": sharing,
        "nvidia.com/mig.strategy": "single",
        "nvidia.com/mig.config.state": "success",
    }

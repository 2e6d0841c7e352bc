"""How a node was bought, from the labels that clouds and provisioners put on it."""

from collections.abc import Mapping
from enum import StrEnum


class CapacityType(StrEnum):
    ON_DEMAND = "on-demand"
    SPOT = "spot"
    RESERVED = "reserved"
    CAPACITY_BLOCK = "capacity-block"


_BY_LABEL: dict[str, dict[str, CapacityType]] = {
    # Karpenter calls a capacity block reserved, and tells by another label of what kind the reservation is.
    "karpenter.k8s.aws/capacity-reservation-type": {"capacity-block": CapacityType.CAPACITY_BLOCK},
    "karpenter.sh/capacity-type": {
        "on-demand": CapacityType.ON_DEMAND,
        "spot": CapacityType.SPOT,
        "reserved": CapacityType.RESERVED,
    },
    "eks.amazonaws.com/capacityType": {
        "on_demand": CapacityType.ON_DEMAND,
        "spot": CapacityType.SPOT,
        "capacity_block": CapacityType.CAPACITY_BLOCK,
    },
    "cloud.google.com/gke-spot": {"true": CapacityType.SPOT},
    "cloud.google.com/gke-preemptible": {"true": CapacityType.SPOT},
    "cloud.google.com/gke-provisioning": {"spot": CapacityType.SPOT, "preemptible": CapacityType.SPOT},
    "kubernetes.azure.com/scalesetpriority": {"spot": CapacityType.SPOT},
}
"""Label to value (in lower case) to meaning; the first label with a known value counts."""

CAPACITY_LABELS = tuple(_BY_LABEL)


def capacity_type_of(labels: Mapping[str, str]) -> CapacityType:
    """On-demand where no label says otherwise: that is what clouds leave unlabelled."""
    for label, meanings in _BY_LABEL.items():
        meaning = meanings.get(labels.get(label, "").lower())
        if meaning is not None:
            return meaning
    return CapacityType.ON_DEMAND

"""Nodes whose cards are handed out in slots."""

from collections.abc import Mapping

from matched_windows import card, make_node, make_pod, make_rate, named

from gpucost.model.fleet import Node

ONE_CARD = make_rate(cards=1)
GPU, MIG = "nvidia.com/gpu", "nvidia.com/mig-1g.5gb"


def sliced(
    replicas: int = 4, *, cards: int = 1, strategy: str = "time-slicing", capacity: Mapping[str, int] | None = None
) -> Node:
    """A node of T4 cards as the device plugin and GPU feature discovery describe it, without renaming."""
    labels = {
        f"{GPU}.product": "Tesla-T4-SHARED",
        f"{GPU}.count": str(cards),
        f"{GPU}.replicas": str(replicas),
        f"{GPU}.sharing-strategy": strategy,
    }
    return make_node(labels=labels, capacity={GPU: replicas * cards} if capacity is None else capacity)


A, B = named("a"), named("b")
T4 = card(model="Tesla T4")
POD_A, POD_B = make_pod("a"), make_pod("b")

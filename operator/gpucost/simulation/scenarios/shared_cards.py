"""Nodes whose cards are handed out in slots, and plots that hold under time-slicing and MPS alike."""

from collections.abc import Callable, Sequence
from inspect import getdoc

from gpucost.simulation.scenarios.collection import Collection, Plot
from gpucost.simulation.scenarios.draft import Draft
from gpucost.simulation.scenarios.features import A100_40, GPU, whole_cards
from gpucost.simulation.scenarios.objects import NodeSpec, PodSpec

SHARED = "nvidia.com/gpu.shared"
REPLICAS = 4

SharedPlot = Callable[[Draft, str], None]


class SharedCollection:
    """Plots that are told which sharing it is: ``time-slicing`` or ``mps``."""

    def __init__(self) -> None:
        self._plots: list[SharedPlot] = []

    def __call__(self, plot: SharedPlot) -> SharedPlot:
        self._plots.append(plot)
        return plot

    def add_to(self, scenarios: Collection, sharing: str) -> None:
        for plot in self._plots:
            scenarios.add(f"{sharing}-{plot.__name__.replace('_', '-')}", getdoc(plot) or "", _told(plot, sharing))


def _told(plot: SharedPlot, sharing: str) -> Plot:
    return lambda draft: plot(draft, sharing)


def shared_node(s: Draft, sharing: str, *, cards: int = 1, renamed: bool = False) -> NodeSpec:
    slots = cards * REPLICAS
    return s.node(
        cards=cards,
        capacity={GPU: 0, SHARED: slots} if renamed else {GPU: slots},
        labels=whole_cards(A100_40, cards, sharing=sharing, replicas=REPLICAS, renamed=renamed),
    )


def copies(s: Draft, node: NodeSpec, card: str, holders: Sequence[PodSpec], *, memory: float, compute: float) -> None:
    """KUBERNETES_VIRTUAL_GPUS: the device's values once for every slot that is held."""
    for slot, holder in enumerate(holders):
        s.see(node, card, holder, memory=memory, compute=compute, labels={"vgpu": str(slot)})

"""GPU nodes: which they are, how long each lived in a window, how many cards it has, what it costs.

Axis: n nodes of the cluster, by name. Those without cards never come to life.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gpucost.matching.kinds import WHOLE_CARD, kind_requested, share_of
from gpucost.matching.pods import to_ms
from gpucost.model.fleet import Node
from gpucost.model.rates import MissingRate, NodeRate
from gpucost.model.time import Window
from gpucost.model.usage import Bools, Floats, Ints

PRODUCT_LABEL = "nvidia.com/gpu.product"
COUNT_LABEL = "nvidia.com/gpu.count"
_GPU_LABELS = (COUNT_LABEL, PRODUCT_LABEL, "nvidia.com/gpu.present")
_SINGLE_STRATEGY = "-MIG-"
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Rates of the nodes in one window. (n,)"""

    named: tuple[NodeRate | MissingRate, ...]
    priced: Bools
    hourly_e9: Ints
    """0 where there is none."""
    gpu_fraction: Floats
    cards: Ints
    """Of the instance type, by the price list; 0: not known."""


@dataclass(frozen=True, kw_only=True)
class Lives:
    """The living part of one window."""

    begin_ms: Ints
    """(n,) when each node's life in it begins; its end or later where the node did not live, or showed no card."""
    end_ms: int
    interval_ms: float
    """Between scrapes."""


@dataclass(frozen=True, kw_only=True)
class CardCount:
    """Physical cards of each node by source, 0: not known there; (n,)."""

    seen: Ints
    listed: Ints
    labelled: Ints
    capacity: Ints

    @property
    def most(self) -> Ints:
        """By the sources that count cards; 0: none does."""
        return np.maximum(np.maximum(self.seen, self.listed), self.labelled)

    @property
    def used(self) -> Ints:
        """At least 1."""
        return np.maximum(np.where(self.most > 0, self.most, self.capacity), 1)

    @property
    def disagree(self) -> Bools:
        most, sources = self.most, np.array([self.seen, self.listed, self.labelled])
        disagree: Bools = np.any((sources > 0) & (sources < most), axis=0)
        return disagree


class Nodes:
    """What the API says of nodes."""

    def __init__(self, nodes: Sequence[Node], gpu_fraction: float) -> None:
        """``gpu_fraction``: the part of a bill that goes to the cards where the rate does not say."""
        self._order = sorted(range(len(nodes)), key=lambda number: nodes[number].name)
        self._gpu_fraction = gpu_fraction
        self.all = tuple(nodes[number] for number in self._order)
        self.index: Mapping[str, int] = {node.name: number for number, node in enumerate(self.all)}
        self._shows_cards = np.array([_shows_cards(node) for node in self.all], dtype=np.bool_)
        self._created_ms = np.array([to_ms(node.created) for node in self.all], dtype=np.int64)
        self._labelled = np.array([_labelled_cards(node) for node in self.all], dtype=np.int64)
        self._capacity = np.array([_capacity_cards(node) for node in self.all], dtype=np.int64)

    def rates(self, rates: Sequence[NodeRate | MissingRate]) -> Rates:
        """``rates`` in the order in which the nodes were given."""
        named = tuple(rates[number] for number in self._order)
        known = [rate if isinstance(rate, NodeRate) else None for rate in named]
        fractions = [rate.gpu_fraction if rate else None for rate in known]
        return Rates(
            named=named,
            priced=np.array([rate is not None for rate in known], dtype=np.bool_),
            hourly_e9=np.array([rate.hourly_e9 if rate else 0 for rate in known], dtype=np.int64),
            gpu_fraction=np.array(
                [self._gpu_fraction if part is None else part for part in fractions], dtype=np.float64
            ),
            cards=np.array([(rate.cards if rate else None) or 0 for rate in known], dtype=np.int64),
        )

    def lives(
        self, window: Window, rates: Rates, *, node_scrapes: Floats, interval_ms: float, first_bound_ms: Ints
    ) -> Lives:
        """The part of the window that each node lived.

        A node lives from its creation by the API, or from the first sign of it where that is earlier, since a node that
        was registered again is younger in the API than its machine. Signs are the binding of the first pod that held
        cards in the window (``first_bound_ms`` (n,), far in the future where there is none) and samples: of a node that
        was created after the window they prove its whole length; of one that was created within it, the time that they
        cover, counted back from its end.
        """
        start, end = to_ms(window.start), to_ms(window.end)
        covered = np.rint(node_scrapes * interval_ms).astype(np.int64)
        first_sample = np.where(self._created_ms >= end, start, end - covered)
        sampled = node_scrapes > 0
        first = np.where(sampled, np.minimum(self._created_ms, first_sample), self._created_ms)
        begin = np.maximum(np.minimum(first, first_bound_ms), start)
        has_cards = self._shows_cards | (rates.cards > 0) | sampled
        return Lives(begin_ms=np.where(has_cards, begin, end), end_ms=end, interval_ms=interval_ms)

    def cards(self, seen: Ints, rates: Rates) -> CardCount:
        """``seen`` (n,) by telemetry."""
        return CardCount(seen=seen, listed=rates.cards, labelled=self._labelled, capacity=self._capacity)


def product_of(node: Node) -> str:
    """GPU model as GPU feature discovery writes it; empty: not labelled."""
    return node.labels.get(PRODUCT_LABEL, "")


def _shows_cards(node: Node) -> bool:
    return any(node.capacity.values()) or any(label in node.labels for label in _GPU_LABELS)


def _labelled_cards(node: Node) -> int:
    """GPU feature discovery counts instances, not cards, where the product is that of an instance."""
    count = node.labels.get(COUNT_LABEL, "")
    return int(count) if count.isdecimal() and _SINGLE_STRATEGY not in product_of(node) else 0


def _capacity_cards(node: Node) -> int:
    """Cards that the node's capacity needs when each is cut as far as it goes."""
    product = product_of(node)
    kinds = [(kind_requested(resource, product), count) for resource, count in node.capacity.items()]
    whole = sum(count for kind, count in kinds if kind == WHOLE_CARD)
    cut = sum(count * share_of(kind, product).part for kind, count in kinds if kind)
    return whole + int(np.ceil(cut - _ROUNDING))

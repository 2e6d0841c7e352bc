"""GPU nodes: which they are, how many cards each has, what it costs.

Axes: n nodes of the cluster, by name and age; m machines, which are all nodes of one name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from gpucost.matching.devices import Seen
from gpucost.matching.lives import Spans
from gpucost.model.cards import PRODUCT_LABEL, shows_cards, told_cards, whole_cards
from gpucost.model.fleet import Node
from gpucost.model.money import format_e9
from gpucost.model.rates import CARDS_ESTIMATED, MissingRate, NodeRate
from gpucost.model.usage import Bools, Floats, Ints


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Rates of the nodes in one window. (n,)"""

    named: tuple[NodeRate | MissingRate, ...]
    priced: Bools
    hourly_e9: Ints
    """0 where there is none."""
    card_hourly_e9: Ints
    """Where the rate is that x physical cards; 0: it is not."""
    gpu_fraction: Floats
    cards: Ints
    """Of the instance type, by the price list; 0: not known."""

    def of_cards(self, cards: "CardCount") -> "Rates":
        """With the price of a card times the cards that the bill is divided by."""
        by_card = self.card_hourly_e9 > 0
        if not by_card.any():
            return self
        hourly_e9 = np.where(by_card, self.card_hourly_e9 * cards.used, self.hourly_e9)
        counted = zip(self.named, cards.used.tolist(), cards.estimated.tolist(), strict=True)
        named = tuple(_of_cards(rate, used, is_estimate=estimated) for rate, used, estimated in counted)
        return replace(self, named=named, hourly_e9=hourly_e9)


@dataclass(frozen=True, kw_only=True)
class CardCount:
    """Physical cards of each node by source, 0: not known there; (n,)."""

    seen: Ints
    listed: Ints
    labelled: Ints
    capacity: Ints
    """That carry what the node hands out: an estimate."""
    whole: Ints
    """By the capacity of whole cards, where that counts no slots."""

    @property
    def told(self) -> Ints:
        """By the sources that do not depend on what telemetry shows; 0: none does."""
        return np.maximum(self.listed, self.labelled)

    @property
    def most(self) -> Ints:
        """By the sources that count cards; 0: none does."""
        return np.maximum(self.seen, self.told)

    @property
    def used(self) -> Ints:
        """At least 1."""
        shown = np.where(self.told > 0, self.most, np.maximum(self.seen, self.whole))
        return np.maximum(np.where(self.most > 0, shown, self.capacity), 1)

    @property
    def disagree(self) -> Bools:
        most, sources = self.most, np.array([self.seen, self.listed, self.labelled])
        disagree: Bools = np.any((sources > 0) & (sources < most), axis=0)
        return disagree

    @property
    def estimated(self) -> Bools:
        """Only capacity tells, or tells of more than telemetry shows."""
        estimated: Bools = (self.told == 0) & ((self.seen == 0) | (self.capacity > self.seen))
        return estimated

    def as_handed_out(self, *, whole: Bools, unclear: Bools) -> "CardCount":
        """With capacity only as far as it counts cards. (n,) each

        ``whole``: plain GPUs of it are whole cards; ``unclear``: they may be slots or instances, as no label tells.
        """
        capacity = np.where(unclear & (self.seen > 0), 0, self.capacity)
        return replace(self, capacity=capacity, whole=np.where(whole, self.whole, 0))


class Nodes:
    """What the API says of nodes."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._order = sorted(range(len(nodes)), key=lambda number: _age(nodes[number]))
        self.all = tuple(nodes[number] for number in self._order)
        names = dict.fromkeys(node.name for node in self.all)
        self.machines: Mapping[str, int] = {name: number for number, name in enumerate(names)}
        """By name."""
        self.machine = np.array([self.machines[node.name] for node in self.all], dtype=np.intp)
        """(n,)"""
        self.spans = Spans(self.all, self.machine)
        youngest = {machine: number for number, machine in enumerate(self.machine.tolist())}
        self.described = tuple(self.all[number] for number in youngest.values())
        """(m,) the youngest node of each machine: whose labels and capacity count."""
        self._shows_cards = np.array([shows_cards(node) for node in self.all], dtype=np.bool_)
        told = [told_cards(node) for node in self.all]
        self._labelled = np.array([cards.labelled for cards in told], dtype=np.int64)
        self._capacity = np.array([cards.fewest for cards in told], dtype=np.int64)
        self._whole = np.array([whole_cards(node) for node in self.all], dtype=np.int64)

    def rates(self, rates: Sequence[NodeRate | MissingRate]) -> Rates:
        """``rates`` in the order in which the nodes were given."""
        named = tuple(rates[number] for number in self._order)
        known = [rate if isinstance(rate, NodeRate) else None for rate in named]
        return Rates(
            named=named,
            priced=np.array([rate is not None for rate in known], dtype=np.bool_),
            hourly_e9=np.array([rate.hourly_e9 if rate else 0 for rate in known], dtype=np.int64),
            card_hourly_e9=np.array([(rate.card_hourly_e9 if rate else None) or 0 for rate in known], dtype=np.int64),
            gpu_fraction=np.array([rate.gpu_fraction if rate else 1.0 for rate in known], dtype=np.float64),
            cards=np.array([(rate.cards if rate else None) or 0 for rate in known], dtype=np.int64),
        )

    def have_cards(self, seen: Seen, rates: Rates) -> Bools:
        """(n,) they show cards, or their type has some, or telemetry sees some."""
        return self._shows_cards | (rates.cards > 0) | (seen.machine_ms > 0)[self.machine]

    def cards_told(self, rates: Rates, renewed: Bools) -> Ints:
        """The cards that each machine has at one time as the API or the price list tell; 0: they do not. (m,)

        Of machines that may have been replaced (``renewed`` (m,)) the capacity is asked too.
        """
        told = self._count(np.zeros(len(self.all), dtype=np.int64), rates)
        or_capacity = np.where(renewed[self.machine] & (told.most == 0), told.capacity, told.most)
        return self.of_machines(or_capacity)

    def cards(self, seen: Seen, rates: Rates) -> CardCount:
        return self._count(seen.cards[self.machine], rates)

    def of_machines(self, most: Ints) -> Ints:
        """The largest of ``most`` (n,) on each machine. (m,)"""
        largest = np.zeros(len(self.machines), dtype=np.int64)
        np.maximum.at(largest, self.machine, most)
        return largest

    def product(self, machine: int) -> str:
        """GPU model as GPU feature discovery labels the youngest node of the machine; empty: not labelled."""
        return product_of(self.described[machine])

    def _count(self, seen: Ints, rates: Rates) -> CardCount:
        return CardCount(
            seen=seen, listed=rates.cards, labelled=self._labelled, capacity=self._capacity, whole=self._whole
        )


def _of_cards(rate: NodeRate | MissingRate, cards: int, *, is_estimate: bool) -> NodeRate | MissingRate:
    """The rate where the node has so many cards."""
    if isinstance(rate, MissingRate) or rate.card_hourly_e9 is None:
        return rate
    hourly_e9 = rate.card_hourly_e9 * cards
    return replace(
        rate,
        hourly_e9=hourly_e9,
        terms=rate.terms if hourly_e9 == rate.hourly_e9 else f"{format_e9(rate.card_hourly_e9)} x {cards} GPUs",
        doubts=tuple(doubt for doubt in rate.doubts if is_estimate or doubt.flag != CARDS_ESTIMATED),
    )


def product_of(node: Node) -> str:
    return node.labels.get(PRODUCT_LABEL, "")


def _age(node: Node) -> tuple[str, datetime, str]:
    return node.name, node.created, node.uid

"""Devices that telemetry shows: what part of its card each is, and how much of each card is cut.

Axes: d devices, c cards, n nodes.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from gpucost.matching.kinds import share_of_device
from gpucost.model.usage import Bools, Device, Floats, Indices, Ints

ROUNDING = 1e-9  # closer shares are equal

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One window."""

    scrapes: Floats
    """(d,) scrape times at which the device was seen."""
    node_scrapes: Floats
    """(n,) the most of any card of the node."""
    cards: Ints
    """(n,) cards seen at one time; 0: none."""
    cut: Bools
    """(d,) instances are cut from its card, so that the card is no device that a pod can get whole."""
    slice_share: Floats
    """(d,) part of its card, scaled where the devices of the card would add up to more than 1."""
    presence: Floats
    """(d,) part of the time for which the device existed: below 1 where its card was cut anew in the window."""
    uncut_share: Floats
    """(n,) cards' worth of cut cards that no instance covers."""


class Devices:
    """The devices of nodes that the API knows, in their order."""

    def __init__(self, devices: Sequence[Device], node_index: Mapping[str, int]) -> None:
        known = sorted((device, number) for number, device in enumerate(devices) if device.node in node_index)
        self.all = tuple(device for device, _ in known)
        self.index = np.full(len(devices), -1, dtype=np.intp)
        """(devices of the usage,) index into ``all``; -1: the API does not know its node."""
        self.index[[number for _, number in known]] = np.arange(len(known))
        self.node = _indices(node_index[device.node] for device in self.all)
        """(d,)"""
        shares = [share_of_device(device) for device in self.all]
        self.guessed = np.array([not share.known for share in shares], dtype=np.bool_)
        """(d,) profile and model are not known together."""
        self._share = np.array([share.part for share in shares], dtype=np.float64)
        self._is_instance = np.array([bool(device.gpu_instance_id) for device in self.all], dtype=np.bool_)
        self._place, places = _numbered((device.node, device.uuid, device.gpu_instance_id) for device in self.all)
        self._place_card, cards = _numbered((node, uuid) for node, uuid, _ in places)
        self._card = self._place_card[self._place]
        self._card_node = _indices(node_index[node] for node, _ in cards)
        self._nodes = len(node_index)

    def seen(self, scrapes: Floats, named: Floats) -> Seen:
        """``scrapes`` (d,) of each device, of those ``named`` (d,) with a holder."""
        cards, nodes = self._card_node.size, self._nodes
        place_scrapes = _sum(self._place, scrapes, self._place_card.size)
        card_scrapes, node_scrapes = np.zeros(cards), np.zeros(nodes)
        np.maximum.at(card_scrapes, self._place_card, place_scrapes)
        np.maximum.at(node_scrapes, self._card_node, card_scrapes)

        cut_card = _sum(self._card, (self._is_instance & (scrapes > 0)).astype(np.float64), cards) > 0
        cut = cut_card[self._card]
        # An exporter may print a cut card beside its instances: it takes room only while a pod holds it whole.
        occupying = np.where(self._is_instance, scrapes, np.where(cut, named, 0.0))
        at_once = _sum(self._card, self._share * (occupying > 0), cards)
        over_time = _sum(self._card, self._share * _ratio(occupying, node_scrapes[self.node]), cards)
        crowded = cut_card & (at_once > 1.0 + ROUNDING)
        total = np.where(crowded, over_time, at_once)
        uncut = np.where(cut_card, np.maximum(1.0 - total, 0.0), 0.0)
        return Seen(
            scrapes=scrapes,
            node_scrapes=node_scrapes,
            cards=_cards_at_once(_sum(self._card_node, card_scrapes, nodes), node_scrapes),
            cut=cut,
            slice_share=self._share / np.where(cut, np.maximum(total, 1.0)[self._card], 1.0),
            presence=np.where(crowded[self._card], _ratio(scrapes, node_scrapes[self.node]), 1.0),
            uncut_share=_sum(self._card_node, uncut, nodes),
        )


def _cards_at_once(scrapes: Floats, node_scrapes: Floats) -> Ints:
    """The mean rounded up: a card that takes the place of another in the window is not one more."""
    return np.ceil(_ratio(scrapes, node_scrapes) - ROUNDING).astype(np.int64)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)


def _sum(index: Indices, amount: Floats, size: int) -> Floats:
    return np.bincount(index, amount, minlength=size).astype(np.float64)  # of nothing: integers


def _numbered(keys: Iterable[Key]) -> tuple[Indices, list[Key]]:
    """The number of each key, and the distinct keys in the order of their numbers."""
    numbers: dict[Key, int] = {}
    index = _indices(numbers.setdefault(key, len(numbers)) for key in keys)
    return index, list(numbers)


def _indices(numbers: Iterable[int]) -> Indices:
    return np.fromiter(numbers, dtype=np.intp)

"""Devices that telemetry shows: what part of its card each is, and how much of each card is cut.

Axes: d devices, c cards, m machines, which are all nodes of one name.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from gpucost.matching.grouped import any_by, most_by, quotient, sum_by
from gpucost.matching.slices import share_of_device
from gpucost.model.fleet import Node
from gpucost.model.policies import SliceBasis
from gpucost.model.usage import Bools, Device, Floats, Indices, Ints

ROUNDING = 1e-9  # closer shares are equal

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One window."""

    sampled_ms: Floats
    """(d,) time that the scrapes cover which saw the device."""
    machine_ms: Floats
    """(m,) time that the scrapes cover which saw any of its cards."""
    interval_ms: Floats
    """(m,) between scrapes: the longest of its devices; 0: not seen."""
    cards: Ints
    """(m,) cards seen at one time; 0: none."""
    cut: Bools
    """(d,) instances are cut from its card, so that the card is no device that a pod can get whole."""
    slice_share: Floats
    """(d,) part of its card, scaled where the devices of the card would add up to more than 1."""
    presence: Floats
    """(d,) part of the time for which the device existed: below 1 where its card was cut anew, or the card or the
    machine replaced, in the window."""
    uncut_share: Floats
    """(m,) cards' worth of cut cards that no instance covers."""


class Devices:
    """The devices of machines that the API knows, in their order."""

    def __init__(
        self, devices: Sequence[Device], machines: Mapping[str, int], described: Sequence[Node], basis: SliceBasis
    ) -> None:
        """``described`` (m,): the node of each machine whose labels count."""
        known = sorted((device, number) for number, device in enumerate(devices) if device.node in machines)
        self.all = tuple(device for device, _ in known)
        self.index = np.full(len(devices), -1, dtype=np.intp)
        """(devices of the usage,) index into ``all``; -1: the API does not know its node."""
        self.index[[number for _, number in known]] = np.arange(len(known))
        self.machine = _indices(machines[device.node] for device in self.all)
        """(d,)"""
        shares = [share_of_device(device, described[machines[device.node]], basis) for device in self.all]
        self.guessed = np.array([not share.known for share in shares], dtype=np.bool_)
        """(d,) profile and model are not known together."""
        self._share = np.array([share.part for share in shares], dtype=np.float64)
        self.is_instance = np.array([bool(device.gpu_instance_id) for device in self.all], dtype=np.bool_)
        self._place, places = _numbered((device.node, device.uuid, device.gpu_instance_id) for device in self.all)
        self._place_card, cards = _numbered((node, uuid) for node, uuid, _ in places)
        self._card = self._place_card[self._place]
        self._card_machine = _indices(machines[node] for node, _ in cards)
        self._machines = len(machines)

    def seen(
        self, sampled_ms: Floats, named_ms: Floats, interval_ms: Floats, *, told: Ints, renewed: Bools, window_ms: int
    ) -> Seen:
        """``sampled_ms`` (d,) of each device, ``named_ms`` (d,) of it with a holder, at most that.

        ``told`` (m,): the cards that a machine has at one time, 0: not told. Where more are seen one after another, no
        card shows for how long any was there. ``renewed`` (m,): the machine may have been replaced by another of its
        name in the window.
        """
        cards, machines = self._card_machine.size, self._machines
        cut_card = any_by(self._card[self.is_instance & (sampled_ms > 0)], cards)
        cut = cut_card[self._card]
        # An exporter may print a cut card beside its instances: it takes room only while a pod holds it whole.
        occupying = np.where(self.is_instance, sampled_ms, np.where(cut, named_ms, 0.0))
        at_once = sum_by(self._card, self._share * (occupying > 0), cards)
        crowded = cut_card & (at_once > 1.0 + ROUNDING)

        place_ms = sum_by(self._place, sampled_ms, self._place_card.size)
        in_turn_ms = np.where(crowded, np.minimum(sum_by(self._card, self._share * occupying, cards), window_ms), 0.0)
        card_ms = np.maximum(most_by(self._place_card, place_ms, cards), in_turn_ms)
        longest_ms = most_by(self._card_machine, card_ms, machines)
        all_ms = sum_by(self._card_machine, card_ms, machines)
        machine_ms = np.maximum(longest_ms, np.minimum(quotient(all_ms, told.astype(np.float64)), window_ms))
        in_window = np.bincount(self._card_machine[card_ms > 0], minlength=machines)
        at_one_time = _cards_at_once(all_ms, machine_ms)
        in_turn = renewed | (machine_ms > longest_ms + ROUNDING) | (in_window > at_one_time)

        over_time = sum_by(self._card, self._share * quotient(occupying, machine_ms[self.machine]), cards)
        total = np.where(crowded, over_time, at_once)
        existed_in_part = crowded[self._card] | in_turn[self.machine]
        return Seen(
            sampled_ms=sampled_ms,
            machine_ms=machine_ms,
            interval_ms=most_by(self.machine, interval_ms, machines),
            cards=at_one_time,
            cut=cut,
            slice_share=self._share / np.where(cut, np.maximum(total, 1.0)[self._card], 1.0),
            presence=np.where(existed_in_part, quotient(sampled_ms, machine_ms[self.machine]), 1.0),
            uncut_share=sum_by(self._card_machine, np.where(cut_card, np.maximum(1.0 - total, 0.0), 0.0), machines),
        )


def _cards_at_once(all_ms: Floats, machine_ms: Floats) -> Ints:
    """The mean rounded up: a card that takes the place of another in the window is not one more."""
    return np.ceil(quotient(all_ms, machine_ms) - ROUNDING).astype(np.int64)


def _numbered(keys: Iterable[Key]) -> tuple[Indices, list[Key]]:
    """The number of each key, and the distinct keys in the order of their numbers."""
    numbers: dict[Key, int] = {}
    index = _indices(numbers.setdefault(key, len(numbers)) for key in keys)
    return index, list(numbers)


def _indices(numbers: Iterable[int]) -> Indices:
    return np.fromiter(numbers, dtype=np.intp)

"""Devices that telemetry shows: what part of its card each is, and how much of each card is cut.

Axes: d devices, c cards, m machines, which are all nodes of one name.
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
    """(d,) part of the time for which the device existed: below 1 where its card was cut anew, or the machine replaced,
    in the window."""
    uncut_share: Floats
    """(m,) cards' worth of cut cards that no instance covers."""


class Devices:
    """The devices of machines that the API knows, in their order."""

    def __init__(self, devices: Sequence[Device], machines: Mapping[str, int]) -> None:
        known = sorted((device, number) for number, device in enumerate(devices) if device.node in machines)
        self.all = tuple(device for device, _ in known)
        self.index = np.full(len(devices), -1, dtype=np.intp)
        """(devices of the usage,) index into ``all``; -1: the API does not know its node."""
        self.index[[number for _, number in known]] = np.arange(len(known))
        self.machine = _indices(machines[device.node] for device in self.all)
        """(d,)"""
        shares = [share_of_device(device) for device in self.all]
        self.guessed = np.array([not share.known for share in shares], dtype=np.bool_)
        """(d,) profile and model are not known together."""
        self._share = np.array([share.part for share in shares], dtype=np.float64)
        self._is_instance = np.array([bool(device.gpu_instance_id) for device in self.all], dtype=np.bool_)
        self._place, places = _numbered((device.node, device.uuid, device.gpu_instance_id) for device in self.all)
        self._place_card, cards = _numbered((node, uuid) for node, uuid, _ in places)
        self._card = self._place_card[self._place]
        self._card_machine = _indices(machines[node] for node, _ in cards)
        self._machines = len(machines)

    def seen(
        self, sampled_ms: Floats, named_ms: Floats, interval_ms: Floats, *, replaced: Ints, window_ms: int
    ) -> Seen:
        """``sampled_ms`` (d,) of each device, ``named_ms`` (d,) of it with a holder.

        ``replaced`` (m,): how many cards a machine has at one time that may have been replaced by another of its name
        in the window, so that no card shows for how long any was there; 0: it was not.
        """
        cards, machines = self._card_machine.size, self._machines
        place_ms = _sum(self._place, sampled_ms, self._place_card.size)
        card_ms, longest_ms, interval = np.zeros(cards), np.zeros(machines), np.zeros(machines)
        np.maximum.at(card_ms, self._place_card, place_ms)
        np.maximum.at(longest_ms, self._card_machine, card_ms)
        np.maximum.at(interval, self.machine, interval_ms)
        all_ms = _sum(self._card_machine, card_ms, machines)
        machine_ms = np.maximum(longest_ms, np.minimum(_ratio(all_ms, replaced.astype(np.float64)), window_ms))
        machine_part = _ratio(sampled_ms, machine_ms[self.machine])

        cut_card = _sum(self._card, (self._is_instance & (sampled_ms > 0)).astype(np.float64), cards) > 0
        cut = cut_card[self._card]
        # An exporter may print a cut card beside its instances: it takes room only while a pod holds it whole.
        occupying = np.where(self._is_instance, sampled_ms, np.where(cut, named_ms, 0.0))
        at_once = _sum(self._card, self._share * (occupying > 0), cards)
        over_time = _sum(self._card, self._share * _ratio(occupying, machine_ms[self.machine]), cards)
        crowded = cut_card & (at_once > 1.0 + ROUNDING)
        total = np.where(crowded, over_time, at_once)
        uncut = np.where(cut_card, np.maximum(1.0 - total, 0.0), 0.0)
        existed_in_part = crowded[self._card] | (replaced[self.machine] > 0)
        return Seen(
            sampled_ms=sampled_ms,
            machine_ms=machine_ms,
            interval_ms=interval,
            cards=_cards_at_once(all_ms, machine_ms),
            cut=cut,
            slice_share=self._share / np.where(cut, np.maximum(total, 1.0)[self._card], 1.0),
            presence=np.where(existed_in_part, machine_part, 1.0),
            uncut_share=_sum(self._card_machine, uncut, machines),
        )


def _cards_at_once(all_ms: Floats, machine_ms: Floats) -> Ints:
    """The mean rounded up: a card that takes the place of another in the window is not one more."""
    return np.ceil(_ratio(all_ms, machine_ms) - ROUNDING).astype(np.int64)


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

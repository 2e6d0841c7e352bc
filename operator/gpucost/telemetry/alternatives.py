"""Devices that are told of more than once at a time: which series count, and for how much.

Axes: s series, w windows; k tracks: one device as one instance of one source tells of it; t tellers: one device as one
source tells of it; i instances of a source, each as far as it tells of one node.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from gpucost.model.usage import Bools, Floats, Indices
from gpucost.telemetry.series import SeriesMeaning, add_rows, max_rows

_BEYOND_ALL_SAMPLES = 2.0**40
_JITTER = 1.0
"""Scrapes that one window, or one of two instances that see the same, may have more than the other."""

Key = TypeVar("Key", bound=tuple[object, ...])


@dataclass(frozen=True, kw_only=True)
class Counting:
    weight: Floats
    """(k, w) part of the samples that counts, in [0, 1]."""
    scrapes: Floats
    """(k, w) that count."""
    most_scrapes: Floats
    """(k, w) the most that any device of the same source had."""
    is_chosen: Bools
    """(k, w) its source counts for this device, though perhaps not this instance of it."""


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """Numbered in label order, so that the numbers of what belongs together follow one another."""

    of_series: Indices
    """(s,)"""
    teller: Indices
    """(k,) ascending."""
    teller_place: Indices
    """(t,) ascending."""
    teller_source: Indices
    """(t,)"""
    instance: Indices
    """(k,)"""
    instance_node: Indices
    """(i,) a node as one source tells of it; ascending."""
    instance_source: Indices
    """(i,) ascending."""

    @property
    def count(self) -> int:
        return self.teller.size


def tracks_of(meanings: Sequence[SeriesMeaning]) -> Tracks:
    of_series, tracks = _numbered([(meaning.place, meaning.source, meaning.instance) for meaning in meanings])
    teller, tellers = _numbered([(place, source) for place, source, _ in tracks])
    instance, instances = _numbered([(source, place[0], name) for place, source, name in tracks])
    sources = sorted({source for _, source in tellers})
    source_number = {source: number for number, source in enumerate(sources)}
    return Tracks(
        of_series=of_series,
        teller=teller,
        teller_place=_numbered([(place,) for place, _ in tellers])[0],
        teller_source=np.array([source_number[source] for _, source in tellers], dtype=np.intp),
        instance=instance,
        instance_node=_numbered([(source, node) for source, node, _ in instances])[0],
        instance_source=np.array([source_number[source] for source, _, _ in instances], dtype=np.intp),
    )


def plausible_scrapes(tracks: Tracks, scrapes: Floats, fullest: Floats, crowded: Bools) -> Floats:
    """(k, w) no more scrapes of a track than others of its source had, where holders may have been seen at once.

    ``crowded`` (k, w): they may. ``fullest`` (k, w): the fewest that there can have been.
    """
    source = tracks.teller_source[tracks.teller]
    others = max_rows(np.where(crowded, 0.0, scrapes), source, int(source.max(initial=-1)) + 1)[source]
    too_many = crowded & (others > 0) & (scrapes > others + _JITTER)
    return np.where(too_many, np.maximum(others, fullest), scrapes)


def count_once(
    tracks: Tracks, scrapes: Floats, samples: Floats, names: Bools, scrapes_at_most: Floats | None
) -> Counting:
    """``scrapes`` (k, w) of each track; ``samples`` (k, w) of all its series; ``names`` (k, w) any holder.

    **Instances of one source**, such as an exporter that restarted at another address, join where they follow one
    another and never add up. The first of them counts whole, each next one for as many scrapes as there is room for:
    those that name holders on the device first, then those that saw it most often, then in label order. There is room
    for what one scrape interval allows: ``scrapes_at_most`` (w,) or, where that is None, the most scrapes that one
    instance of the source had of any device in the window. So, of 10 scrapes a window, the halves of a clean restart
    (6 + 4) join; of a duplicate (10 + 10) one counts; of two that overlap (6 + 6) the second counts for the 4 that the
    first cannot have seen. Where nothing tells the interval, since each node of the source has several instances, those
    that saw as much as one another are duplicates, and all others are restarts.

    **Sources of one device** are alternatives. In each window one counts: the one that names holders on this device,
    then one that names any, then the one with most samples, then the first in label order.
    """
    most = _most_scrapes(tracks, max_rows(scrapes, tracks.instance, tracks.instance_node.size))
    room = (
        most[tracks.teller_source]
        if scrapes_at_most is None
        else np.tile(scrapes_at_most, (tracks.teller_place.size, 1))
    )
    weight = _fill(room, scrapes, names * _BEYOND_ALL_SAMPLES + scrapes, tracks.teller)
    chosen = _chosen(tracks, names, samples * weight)[tracks.teller]
    return Counting(
        weight=weight * chosen,
        scrapes=scrapes * weight * chosen,
        most_scrapes=most[tracks.teller_source[tracks.teller]],
        is_chosen=chosen,
    )


def _most_scrapes(tracks: Tracks, by_instance: Floats) -> Floats:
    """(sources, w) of any device by one instance; by all, where nothing tells restarts from the interval.

    ``by_instance`` is (i, w).
    """
    nodes, sources = _groups(tracks.instance_node), _groups(tracks.instance_source)
    node_source = tracks.instance_source[_first_members(tracks.instance_node)]
    top = max_rows(by_instance, tracks.instance_node, nodes)
    rest = np.where(_leaders(by_instance, tracks.instance_node), 0.0, by_instance)
    second = max_rows(rest, tracks.instance_node, nodes)
    tells_interval = max_rows(np.where((second == 0) | (second >= top - _JITTER), top, 0.0), node_source, sources) > 0
    together = max_rows(add_rows(by_instance, tracks.instance_node, nodes), node_source, sources)
    return np.where(tells_interval, max_rows(top, node_source, sources), together)


def _fill(room: Floats, scrapes: Floats, rank: Floats, group: Indices) -> Floats:
    """(k, w) weight of each track, highest ``rank`` (k, w) first, until the ``room`` (groups, w) is used up."""
    if _groups(group) == group.size:
        return np.ones_like(scrapes)
    weight, is_first = np.zeros_like(scrapes), True
    while np.any(rank > 0):
        leads = _leaders(rank, group)
        left = room[group]
        fits = leads & ((left > _JITTER) | (scrapes <= left + _JITTER))
        part = np.divide(left, scrapes, out=np.zeros_like(scrapes), where=fits)
        weight = np.where(leads, 1.0 if is_first else np.minimum(part, 1.0), weight)
        room = np.maximum(room - add_rows(np.where(leads, scrapes, 0.0), group, _groups(group)), 0.0)
        rank, is_first = np.where(leads, 0.0, rank), False
    return weight


def _chosen(tracks: Tracks, names: Bools, counted: Floats) -> Bools:
    """(t, w) whether the teller counts; ``names`` and ``counted`` samples are (k, w)."""
    tellers = tracks.teller_place.size
    samples = add_rows(counted, tracks.teller, tellers)
    if _groups(tracks.teller_place) == tellers:
        return samples > 0
    names_here = max_rows(names.astype(np.float64), tracks.teller, tellers)
    names_anywhere = max_rows(names_here, tracks.teller_source, int(tracks.teller_source.max(initial=-1)) + 1)
    rank = 2.0 * names_here + names_anywhere[tracks.teller_source]
    return _leaders(np.where(samples > 0, rank * _BEYOND_ALL_SAMPLES + samples, 0.0), tracks.teller_place)


def _leaders(score: Floats, group: Indices) -> Bools:
    """True for the first with the highest score of its group, if that is above 0. ``group`` is ascending."""
    best = max_rows(score, group, _groups(group))
    member = np.arange(group.size)[:, np.newaxis]
    candidate = np.where((score == best[group]) & (score > 0), member, group.size)
    first: Indices = np.minimum.reduceat(candidate, _first_members(group), axis=0)
    leads: Bools = member == first[group]
    return leads


def _first_members(group: Indices) -> Indices:
    return np.flatnonzero(np.diff(group, prepend=-1))


def _groups(group: Indices) -> int:
    """How many there are; they are numbered without a gap."""
    return int(group[-1]) + 1 if group.size else 0


def _numbered(keys: Sequence[Key]) -> tuple[Indices, list[Key]]:
    """The number of each key, and the distinct keys, in order."""
    distinct = sorted(set(keys))
    number = {key: code for code, key in enumerate(distinct)}
    return np.fromiter((number[key] for key in keys), dtype=np.intp), distinct

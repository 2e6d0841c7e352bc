"""Which series tells of which card, as far as power goes.

Axes: s series of all names of the metric, l lanes (copies of one reading that follow one another), t tellers (one name
of the metric in one scrape configuration), p pages (one node as one teller tells of it), r readings (one card of a
page), c cards, n nodes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from gpucost.model.usage import Indices
from gpucost.telemetry.series import (
    Exporters,
    MetricAnswer,
    SeriesLabels,
    SeriesMeaning,
    jobs_with_target_pods,
    meaning_of,
)

Key = TypeVar("Key", bound=tuple[object, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A series that is about a card of a node."""

    name: str
    """Of the metric."""
    row: int
    """In its answer."""
    labels: SeriesLabels
    meaning: SeriesMeaning


class Places:
    """What belongs to what, numbered in the order of names, then of labels."""

    def __init__(self, lines: Sequence[Line], names: Sequence[str]) -> None:
        tellers = [(names.index(line.name), *line.meaning.source) for line in lines]
        devices = [line.meaning.device for line in lines]
        # While nobody holds a device, its series are of the lane of those who hold it alone.
        copies = [(one.meaning.device.gpu_instance_id, *(one.meaning.lane or ("", ""))) for one in lines]
        self.teller, _ = _numbered(tellers)
        """(s,)"""
        self.page, pages = _numbered([(*teller, one.node) for teller, one in zip(tellers, devices, strict=True)])
        """(s,)"""
        self.reading, readings = _numbered([(page, one.uuid) for page, one in zip(self.page, devices, strict=True)])
        """(s,)"""
        self.lane, lanes = _numbered([(reading, *copy) for reading, copy in zip(self.reading, copies, strict=True)])
        """(s,)"""
        self.pages, self.readings, self.lanes = len(pages), len(readings), len(lanes)
        self.page_teller = _of(self.page, self.teller, self.pages)
        """(p,)"""
        self.reading_page = _of(self.reading, self.page, self.readings)
        """(r,)"""
        self.lane_page = _of(self.lane, self.page, self.lanes)
        """(l,)"""
        card, cards = _numbered([(one.node, one.uuid) for one in devices])
        node, nodes = _numbered([(one.node,) for one in devices])
        self.card = _of(self.reading, card, self.readings)
        """(r,)"""
        self.reading_node = _of(self.reading, node, self.readings)
        """(r,)"""
        self.cards = len(cards)
        self.nodes = tuple(str(name) for (name,) in nodes)


def lines_of(answers: Mapping[str, MetricAnswer], windows: int, exporters: Exporters) -> list[Line]:
    """In the order of the answers; without series that name no card or no node."""
    jobs = frozenset[str]().union(*jobs_with_target_pods(answers.values(), windows))
    return [
        Line(name=name, row=row, labels=labels, meaning=meaning)
        for name, answer in answers.items()
        for row, labels in enumerate(answer.labels)
        if (meaning := meaning_of(labels, jobs, exporters)) and meaning.device.node
    ]


def _numbered(keys: Sequence[Key]) -> tuple[Indices, list[Key]]:
    """The number of each key, and the distinct keys, in order."""
    distinct = sorted(set(keys))
    number = {key: code for code, key in enumerate(distinct)}
    return np.fromiter((number[key] for key in keys), dtype=np.intp), distinct


def _of(part: Indices, whole: Indices, parts: int) -> Indices:
    """The whole of each part, from part (s,) and whole (s,) of each series."""
    result = np.zeros(parts, dtype=np.intp)
    result[part] = whole
    return result

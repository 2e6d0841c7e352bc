"""When each node lived within a window, by the API and by telemetry.

Axes: n nodes, by name and age; m machines, a machine being all nodes of one name, since pods and telemetry say no
more; l lines, the nodes that lived in the window; e any rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gpucost.matching.devices import Seen
from gpucost.matching.pods import ALWAYS, NEVER, to_ms
from gpucost.model.fleet import Node
from gpucost.model.time import Window
from gpucost.model.usage import Bools, Indices, Ints


@dataclass(frozen=True, kw_only=True)
class Lives:
    """The living part of one window."""

    start_ms: int
    """Of the window."""
    line: Indices
    """(l,) index into the nodes, ascending."""
    machine: Indices
    """(l,) ascending."""
    begin_ms: Ints
    """(l,)"""
    end_ms: Ints
    """(l,) later than its begin. Lines of one machine do not overlap."""
    alive_ms: Ints
    """(m,) of all lines of the machine; 0: it did not live, or showed no card."""

    def spread(self, machine: Indices, start: Ints, end: Ints) -> tuple[Indices, Indices, Ints]:
        """What of [``start``, ``end``] (e,) on each ``machine`` (e,) lies in which line: row, line, milliseconds."""
        edges = np.searchsorted(self.machine, np.arange(self.alive_ms.size + 1))
        counts = np.diff(edges)[machine]
        row = np.repeat(np.arange(machine.size), counts)
        line = np.arange(row.size) + np.repeat(edges[machine] - np.cumsum(counts) + counts, counts)
        overlap = np.minimum(end[row], self.end_ms[line]) - np.maximum(start[row], self.begin_ms[line])
        within = np.flatnonzero(overlap > 0)
        return row[within], line[within], overlap[within]

    def clip(self, machine: Indices, start: Ints, end: Ints) -> tuple[Ints, Ints]:
        """[``start``, ``end``] (e,) between the first and the last moment of each ``machine`` (e,) in the window."""
        first = np.full(self.alive_ms.size, NEVER, dtype=np.int64)
        last = np.full(self.alive_ms.size, ALWAYS, dtype=np.int64)
        np.minimum.at(first, self.machine, self.begin_ms)
        np.maximum.at(last, self.machine, self.end_ms)
        begin = np.maximum(start, first[machine])
        return begin, np.maximum(np.minimum(end, last[machine]), begin)

    def living_ms(self, machine: Indices, start: Ints, end: Ints) -> Ints:
        """How much of [``start``, ``end``] (e,) each ``machine`` (e,) lived. (e,)"""
        living = np.zeros(machine.size, dtype=np.int64)
        row, _, overlap = self.spread(machine, start, end)
        np.add.at(living, row, overlap)
        return living


class Spans:
    """From when to when each node was there, as far as looks at the API say."""

    def __init__(self, nodes: Sequence[Node], machine: Indices) -> None:
        self._machine = machine
        self._machines = int(machine.max(initial=-1)) + 1
        self._created = _times(to_ms(node.created) for node in nodes)
        self._last_seen = _times(to_ms(node.last_seen or node.created) if node.ended else NEVER for node in nodes)
        follows = np.concatenate((machine[1:] == machine[:-1], [False])).astype(np.bool_)[: len(nodes)]
        self._successor = np.where(follows, np.arange(1, len(nodes) + 1), -1)
        ended = _times(to_ms(node.ended) if node.ended else NEVER for node in nodes)
        self._ended = np.where(follows, np.minimum(ended, self._created[self._successor]), ended)
        self._freed = np.concatenate(([ALWAYS], np.where(follows, self._ended, ALWAYS)[:-1]))[: len(nodes)]
        """(n,) when the predecessor left the name to the node; `ALWAYS`: none is known."""

    def several(self, window: Window) -> Bools:
        """Whether more than one node of a machine was there in the window. (m,)"""
        there = (self._created < to_ms(window.end)) & (self._ended > to_ms(window.start))
        several: Bools = np.bincount(self._machine[there], minlength=self._machines) > 1
        return several

    def lives(self, window: Window, seen: Seen, first_bound_ms: Ints, has_cards: Bools) -> Lives:
        """The part of the window that each node with cards (``has_cards`` (n,)) lived.

        A node lives from its creation by the API, or from the first sign of it where that is earlier, since a node that
        was registered again is younger in the API than its machine. Signs are samples and, of the first node of its
        name, the binding of a pod that held cards in the window (``first_bound_ms`` (m,)). Samples of a node that was
        created after the window prove its whole length; of one that was created within it, the time that they cover,
        counted back from its end, without what may be the time of its predecessor.

        A node that has ended lived until the last sign of it: the last look that listed it, or as long as samples
        cover. Without samples it lived until it was missed; but where the window shows neither a look that listed it
        nor a sample, while telemetry shows other nodes, it was gone before.
        """
        start, end = to_ms(window.start), to_ms(window.end)
        sampled = np.minimum(np.rint(seen.machine_ms), end - start).astype(np.int64)[self._machine]
        begin = self._begin(start, end, sampled, first_bound_ms[self._machine])
        finish = self._finish(start, end, sampled, seen, begin)
        line = np.flatnonzero(has_cards & (begin < finish))
        machine = self._machine[line]
        alive_ms = np.zeros(self._machines, dtype=np.int64)
        np.add.at(alive_ms, machine, finish[line] - begin[line])
        return Lives(
            start_ms=start,
            line=line,
            machine=machine,
            begin_ms=begin[line],
            end_ms=finish[line],
            alive_ms=alive_ms,
        )

    def _begin(self, start: int, end: int, sampled: Ints, first_bound: Ints) -> Ints:
        own = np.maximum(sampled - np.maximum(self._freed - start, 0), 0)
        proven = (self._created >= end) & (self._freed <= start) & (sampled > 0)
        first_sample = np.where(proven, start, end - own)
        begin = np.minimum(self._created, first_sample)
        return np.clip(np.where(self._freed == ALWAYS, np.minimum(begin, first_bound), begin), start, end)

    def _finish(self, start: int, end: int, sampled: Ints, seen: Seen, begin: Ints) -> Ints:
        successors = np.where(self._successor >= 0, end - begin[self._successor], 0)
        left = sampled - successors
        # The younger node's samples may seem to cover a little more than its life: a grid never fits exactly.
        shown = left > seen.interval_ms[self._machine] / 2
        missed = np.where(np.any(seen.machine_ms > 0) & (self._last_seen <= start), start, self._ended)
        last_sign = np.where(shown, np.maximum(begin + left, self._last_seen), missed)
        return np.minimum(np.minimum(last_sign, self._ended), end)


def _times(moments: Iterable[int]) -> Ints:
    return np.fromiter(moments, dtype=np.int64)

"""The decided result of one window, or of several in a row, as it is kept and folded into reports."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise

from gpucost.model.holdings import Note
from gpucost.model.ledger import Ledger, NodeLine
from gpucost.model.money import HourTicks
from gpucost.model.time import DAY, start_of_day
from gpucost.reports.charges import Charge, Totals
from gpucost.reports.tally import GroupTally, NodeTally, RateTally

Group = tuple[str, str]
"""(namespace, team): what one GpuCostReport is about."""


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """One line of a breakdown."""

    name: str
    charge: Charge


@dataclass(frozen=True, slots=True)
class RecordRate:
    """Where node rates came from, and for how many hours of a node."""

    source: str
    node_hours: HourTicks


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordGroup:
    """What one team held in one namespace. Each of ``lists`` adds up to ``totals``."""

    namespace: str
    team: str
    windows: int
    """In how many of the record's windows."""
    last_window_end: datetime
    totals: Totals
    lists: dict[str, tuple[RecordEntry, ...]]
    """By the name of the list in the status; names in order of first coming, uncapped."""
    rates: tuple[RecordRate, ...]
    notes: tuple[Note, ...] = ()

    @property
    def group(self) -> Group:
        return self.namespace, self.team


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordNode:
    """The bill of one node over the record; parts as in `NodeLine`."""

    node: str
    uid: str
    pool: str
    cost: int | None
    """None: it had no rate in any window."""
    allocated: int
    unallocated: dict[str, int]
    unobserved: int
    host: int
    alive_hours: HourTicks


@dataclass(frozen=True, kw_only=True)
class WindowRecord:
    """The windows from ``start`` to ``end``, summed."""

    start: datetime
    end: datetime
    windows: int
    length: timedelta
    """Of one window."""
    currency: str
    groups: tuple[RecordGroup, ...]
    nodes: tuple[RecordNode, ...]
    rates: tuple[RecordRate, ...] = ()
    notes: tuple[Note, ...] = ()

    def find(self, group: Group) -> RecordGroup | None:
        return self._by_group.get(group)

    @cached_property
    def _by_group(self) -> dict[Group, RecordGroup]:
        return {entry.group: entry for entry in self.groups}


@dataclass(slots=True)
class _Tallies:
    groups: dict[Group, GroupTally] = field(default_factory=dict)
    nodes: dict[tuple[str, str, str], NodeTally] = field(default_factory=dict)
    rates: RateTally = field(default_factory=RateTally)
    notes: dict[tuple[str, str, str], Note] = field(default_factory=dict)


def record_of(ledgers: Sequence[Ledger]) -> WindowRecord:
    """Sum the ledgers of consecutive windows of one UTC day, exactly.

    Everything stands in order of first coming, within a window by name, so that it does not matter how the windows
    are spread over records. Raises ValueError where the ledgers are not consecutive windows of one day and currency.
    """
    _check(ledgers)
    tallies = _Tallies()
    for ledger in ledgers:
        _add(tallies, ledger)
    first, last = ledgers[0].window, ledgers[-1].window
    return WindowRecord(
        start=first.start,
        end=last.end,
        windows=len(ledgers),
        length=first.length,
        currency=ledgers[0].currency,
        groups=tuple(_group(group, tally) for group, tally in tallies.groups.items()),
        nodes=tuple(_node(key, tally) for key, tally in tallies.nodes.items()),
        rates=_rates(tallies.rates),
        notes=tuple(tallies.notes.values()),
    )


def _check(ledgers: Sequence[Ledger]) -> None:
    if not ledgers:
        raise ValueError("a record needs at least one ledger")
    windows = [ledger.window for ledger in ledgers]
    if any(one.end != other.start or one.length != other.length for one, other in pairwise(windows)):
        raise ValueError("the windows of a record must be of one length and follow one another without a gap")
    if windows[-1].end > start_of_day(windows[0].start) + DAY:
        raise ValueError("the windows of a record must lie in one UTC day, since a period may end between two days")
    if len({ledger.currency for ledger in ledgers}) > 1:
        raise ValueError("the ledgers of a record must be in one currency")


def _add(tallies: _Tallies, ledger: Ledger) -> None:
    nodes: dict[str, list[NodeLine]] = {}
    for line in sorted(ledger.nodes, key=lambda line: (line.node, line.uid)):
        nodes.setdefault(line.node, []).append(line)
        tallies.nodes.setdefault((line.node, line.uid, line.pool), NodeTally()).add(line)
        tallies.rates.add(line)
    for note in ledger.notes:
        tallies.notes.setdefault((note.type, note.reason, note.subject), note)
    holders = sorted(ledger.holders, key=lambda line: (line.namespace, line.team))
    touched: dict[Group, GroupTally] = {}
    for holder in holders:
        group = (holder.namespace, holder.team)
        if group not in touched:
            touched[group] = tallies.groups.setdefault(group, GroupTally())
            touched[group].open_window(ledger.window.end)
        touched[group].add(holder)
    for tally in touched.values():
        tally.close_window(nodes, ledger.notes)


def _group(group: Group, tally: GroupTally) -> RecordGroup:
    return RecordGroup(
        namespace=group[0],
        team=group[1],
        windows=tally.windows,
        last_window_end=tally.last_window_end,
        totals=tally.totals(),
        lists={
            name: tuple(RecordEntry(entry, charge) for entry, charge in entries.items())
            for name, entries in tally.lists().items()
        },
        rates=_rates(tally.rates),
        notes=tuple(tally.notes.values()),
    )


def _node(key: tuple[str, str, str], tally: NodeTally) -> RecordNode:
    node, uid, pool = key
    return RecordNode(
        node=node,
        uid=uid,
        pool=pool,
        cost=tally.cost,
        allocated=tally.allocated,
        unallocated=tally.unallocated,
        unobserved=tally.unobserved,
        host=tally.host,
        alive_hours=tally.alive_hours,
    )


def _rates(tally: RateTally) -> tuple[RecordRate, ...]:
    return tuple(RecordRate(source, hours) for source, hours in tally.hours.items())

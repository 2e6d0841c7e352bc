"""Running sums of ledgers, in place: a record of a day adds millions of rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter

from gpucost.model.holdings import Note
from gpucost.model.ledger import FIGURES, Figures, HolderLine, NodeLine
from gpucost.model.money import HourTicks
from gpucost.reports.charges import Charge, Totals, add_known

UNKNOWN_DEVICE = "unknown"

NAME_IN_LIST: dict[str, Callable[[HolderLine], str]] = {
    "by_product": attrgetter("product"),
    "by_cost_centre": attrgetter("cost_centre"),
    "by_environment": attrgetter("environment"),
    "by_workload": attrgetter("workload"),
    "by_workload_type": attrgetter("workload_type"),
    "by_device": lambda line: device_name(line.model, line.profile),
    "top_pods": attrgetter("pod"),
}
"""Lists of a report, named as in its status, and what names a row there."""

_LONGEST_NAME = 253
_figures_of = attrgetter(*FIGURES)


def device_name(model: str, profile: str) -> str:
    """For people: ``NVIDIA A100-SXM4-40GB MIG 1g.5gb``."""
    name = f"{model or UNKNOWN_DEVICE} MIG {profile}" if profile else model or UNKNOWN_DEVICE
    return name[:_LONGEST_NAME]


class ChargeTally:
    """Becomes a `Charge`."""

    __slots__ = (
        "charged_hours",
        "cost",
        "first_window",
        "idle_cost",
        "priced",
        "unknown_use_cost",
        "use_priced",
        "used_cost",
    )

    def __init__(self, first_window: int) -> None:
        self.first_window = first_window
        self.cost = self.used_cost = self.idle_cost = self.unknown_use_cost = self.charged_hours = 0
        self.priced = self.use_priced = False

    def add(self, figures: Figures, *, priced: bool, use_priced: bool) -> None:
        self.cost += figures.cost
        self.used_cost += figures.used_cost
        self.idle_cost += figures.idle_cost
        self.unknown_use_cost += figures.unknown_use_cost
        self.charged_hours += figures.charged_hours
        self.priced = self.priced or priced
        self.use_priced = self.use_priced or use_priced

    def charge(self) -> Charge:
        return Charge(
            cost=self.cost if self.priced else None,
            used_cost=self.used_cost if self.use_priced else None,
            idle_cost=self.idle_cost if self.use_priced else None,
            unknown_use_cost=self.unknown_use_cost if self.priced else None,
            charged_hours=self.charged_hours,
        )


class RateTally:
    """Hours of a node by source of its rate."""

    __slots__ = ("hours",)

    def __init__(self) -> None:
        self.hours: dict[str, HourTicks] = {}

    def add(self, line: NodeLine) -> None:
        if line.rate_e9 is not None:
            self.hours[line.rate_source] = self.hours.get(line.rate_source, 0) + line.alive_hours


class NodeTally:
    """Becomes a `RecordNode`."""

    __slots__ = ("alive_hours", "allocated", "cost", "host", "unallocated", "unobserved")

    def __init__(self) -> None:
        self.cost: int | None = None
        self.allocated = self.unobserved = self.host = self.alive_hours = 0
        self.unallocated: dict[str, int] = {}

    def add(self, line: NodeLine) -> None:
        self.cost = add_known(self.cost, None if line.rate_e9 is None else line.cost)
        self.allocated += line.allocated
        self.unobserved += line.unobserved
        self.host += line.host
        self.alive_hours += line.alive_hours
        for reason, cost in line.unallocated.items():
            self.unallocated[reason] = self.unallocated.get(reason, 0) + cost


class GroupTally:
    """Becomes a `RecordGroup`: the rows of one team in one namespace, window by window."""

    def __init__(self) -> None:
        self.windows = 0
        self.last_window_end: datetime
        self.rates = RateTally()
        self.notes: dict[tuple[str, str, str], Note] = {}
        self._figures = [0] * len(FIGURES)
        self._use_priced = False
        self._entries: dict[str, dict[str, ChargeTally]] = {name: {} for name in NAME_IN_LIST}
        self._nodes: dict[str, None] = {}
        self._subjects: set[str] = set()

    def open_window(self, end: datetime) -> None:
        self.windows += 1
        self.last_window_end = end
        self._nodes = {}
        self._subjects = set()

    def add(self, line: HolderLine) -> None:
        figures, priced = line.figures, line.figures.is_priced
        use_priced = priced and figures.is_use_seen
        self._figures = [sum(pair) for pair in zip(self._figures, _figures_of(figures), strict=True)]
        self._use_priced = self._use_priced or use_priced
        for name, name_of in NAME_IN_LIST.items():
            entries, entry = self._entries[name], name_of(line)
            if entry not in entries:
                entries[entry] = ChargeTally(self.windows)
            entries[entry].add(figures, priced=priced, use_priced=use_priced)
        self._nodes[line.node] = None
        self._subjects.update((line.node, f"{line.node}/{line.profile}", f"{line.namespace}/{line.pod}", line.uuid))

    def close_window(self, nodes: Mapping[str, Sequence[NodeLine]], notes: Iterable[Note]) -> None:
        """``nodes`` by name; ``notes`` of the window, of which those count that name something of the group."""
        for name in sorted(self._nodes):
            for line in nodes.get(name, ()):
                self.rates.add(line)
        for note in notes:
            if note.subject in self._subjects:
                self.notes.setdefault((note.type, note.reason, note.subject), note)

    def totals(self) -> Totals:
        return Totals(figures=Figures(**dict(zip(FIGURES, self._figures, strict=True))), use_priced=self._use_priced)

    def lists(self) -> dict[str, dict[str, Charge]]:
        """By list the entries by name, in order of first coming and then of name."""
        return {
            name: {
                entry: tally.charge()
                for entry, tally in sorted(entries.items(), key=lambda item: (item[1].first_window, item[0]))
            }
            for name, entries in self._entries.items()
        }

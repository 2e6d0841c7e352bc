"""How long the lists of a report may become, so that the object stays below 100 kB whatever its names are.

What does not fit is summed in `OTHER`. A list is full by its names alone, never by its amounts, so that it does not
matter how the windows were spread over records.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass

from gpucost.reports.resources.fields import MOST_ENTRIES

MOST_REPORT_BYTES = 100_000
"""Of a report as JSON, with what the API server adds to it."""

_ENTRY, _BILL, _SOURCE, _REASON = 170, 230, 60, 60
"""Bytes of one line beside its name, where amounts are below ten million."""


@dataclass(frozen=True, slots=True)
class Room:
    total: int
    """Bytes for all lines of a list but `OTHER`."""
    line: int
    """Bytes that each takes beside its name."""

    def needed_for(self, name: str) -> int:
        return self.line + len(json.dumps(name))  # quoted, and all that is not ASCII escaped: at most so long


class Filling:
    """A list that new names come to."""

    def __init__(self, room: Room, names: Collection[str]) -> None:
        self._room = room
        self._lines = len(names)
        self._taken = sum(map(room.needed_for, names))

    def take(self, name: str) -> bool:
        """Whether there is room for one more line; then the name has it."""
        taken = self._taken + self._room.needed_for(name)
        if self._lines >= MOST_ENTRIES or taken > self._room.total:
            return False
        self._lines, self._taken = self._lines + 1, taken
        return True


ROOM_OF_A_TEAM = {
    "by_product": Room(12_000, _ENTRY),
    "by_cost_centre": Room(8_000, _ENTRY),
    "by_environment": Room(5_000, _ENTRY),
    "by_workload": Room(14_000, _ENTRY),
    "by_workload_type": Room(1_000, _ENTRY),
    "by_device": Room(5_000, _ENTRY),
    "top_pods": Room(20_000, _ENTRY),
    "rates": Room(3_000, _SOURCE),
}
"""By the name of the list in the status."""
ROOM_OF_THE_CLUSTER = {
    "by_team": Room(18_000, _ENTRY),
    "by_namespace": Room(18_000, _ENTRY),
    "by_node_pool": Room(7_000, _BILL),
    "by_node": Room(22_000, _BILL),
    "unallocated_by_reason": Room(1_000, _REASON),
    "rates": Room(4_000, _SOURCE),
}

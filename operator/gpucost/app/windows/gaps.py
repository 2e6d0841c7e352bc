"""What reports say of windows that were closed without all of telemetry: the figures rest on it for good."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime

from gpucost.model.errors import IncompleteAnswer
from gpucost.model.holdings import Note
from gpucost.model.ledger import Ledger
from gpucost.model.time import Window, format_time

TELEMETRY_INCOMPLETE = "TelemetryIncomplete"
PARTIAL_ANSWER = "PartialAnswer"
QUERY_TOO_HEAVY = "QueryTooHeavy"
NO_SAMPLES = "NoSamples"
INCOMPLETE_REASONS = (PARTIAL_ANSWER, QUERY_TOO_HEAVY, NO_SAMPLES)

BEYOND_RETENTION = "BeyondRetention"
NOTHING_STORED = "NothingStored"
OLDER_THAN_BACKFILL = "OlderThanBackfillMaxAge"

GAPS = (TELEMETRY_INCOMPLETE, BEYOND_RETENTION)
"""The conditions that come of it."""

_WHAT_THEN = "reservations are charged, use is not known, and the rest of the bill is unobserved"


def with_incomplete(
    ledgers: Sequence[Ledger], windows: Sequence[Window], reason: str, error: IncompleteAnswer
) -> tuple[Ledger, ...]:
    """Told on every report that has a node of these windows."""
    since, until = format_time(windows[0].start), format_time(windows[-1].end)
    return _with_notes(
        ledgers,
        windows,
        lambda node: Note(
            TELEMETRY_INCOMPLETE,
            reason,
            node,
            f"Node {node}: what is known of its use from {since} to {until} may not be all, since no better answer came"
            f" in time: {error}",
        ),
    )


def with_nothing_stored(
    ledgers: Sequence[Ledger], windows: Sequence[Window], known_since: datetime
) -> tuple[Ledger, ...]:
    """``known_since``: about when what Prometheus has begins."""
    since, until = format_time(windows[0].start), format_time(known_since)
    return _with_notes(
        ledgers,
        windows,
        lambda node: Note(
            BEYOND_RETENTION,
            NOTHING_STORED,
            node,
            f"Node {node}: Prometheus has nothing from before about {until}, so from {since} until then {_WHAT_THEN}",
        ),
    )


def with_too_old(ledgers: Sequence[Ledger]) -> tuple[Ledger, ...]:
    windows = [ledger.window for ledger in ledgers]
    since, until = format_time(windows[0].start), format_time(windows[-1].end)
    return _with_notes(
        ledgers,
        windows,
        lambda node: Note(
            BEYOND_RETENTION,
            OLDER_THAN_BACKFILL,
            node,
            f"Node {node}: when the windows from {since} to {until}, and perhaps later ones, were computed they were"
            f" older than backfillMaxAge, so Prometheus was not asked: {_WHAT_THEN}",
        ),
    )


def _with_notes(
    ledgers: Sequence[Ledger], windows: Collection[Window], note: Callable[[str], Note]
) -> tuple[Ledger, ...]:
    """A note for each node of the ledgers of ``windows``."""
    return tuple(
        replace(ledger, notes=(*ledger.notes, *(note(name) for name in sorted({line.node for line in ledger.nodes}))))
        if ledger.window in windows
        else ledger
        for ledger in ledgers
    )

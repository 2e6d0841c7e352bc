"""Conditions of reports: what a person should know about the figures, each type and reason in one place.

A condition that came true in a period stays true until its end: the figures go on resting on it. What has been named
is read back from the message, for the status is the only memory of a report.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from gpucost.model.holdings import Note
from gpucost.model.ledger import Figures
from gpucost.model.money import format_e9
from gpucost.model.time import format_time
from gpucost.reports.resources.fields import Condition
from gpucost.reports.words import in_percent

RATE_MISSING = "RateMissing"
NODES_WITHOUT_RATE = "NodesWithoutRate"
ALL_NODES_PRICED = "AllNodesPriced"

TELEMETRY_COMPLETE = "TelemetryComplete"
ALL_SEEN = "AllSeen"
PARTLY_UNSEEN = "PartlyUnseen"
NEVER_SEEN = "NeverSeen"

RECONCILED = "Reconciled"
RESIDUAL_ZERO = "ResidualZero"
RESIDUAL_NOT_ZERO = "ResidualNotZero"

MOST_SUBJECTS = 10
_LONGEST_CAUSE = 4096
_LONGEST_SUBJECT = 253
_CONCERNED = re.compile(r"(?P<cause>.*) Concerned: (?P<names>.+?)(?P<more> and others)?\.", re.DOTALL)
_GENERATION = 1
"""The spec of a report cannot change, so its generation is always the first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A condition before it has a time."""

    type: str
    status: str
    reason: str
    message: str


def set_condition(existing: Sequence[Condition], new: Finding, now: datetime) -> tuple[Condition, ...]:
    """``existing`` with ``new`` in the place of its type; the time moves only when the status does."""
    old = next((condition for condition in existing if condition.type == new.type), None)
    since = old.last_transition_time if old and old.status == new.status else format_time(now)
    made = Condition(
        type=new.type,
        status=new.status,
        reason=new.reason,
        message=new.message,
        last_transition_time=since,
        observed_generation=_GENERATION,
    )
    if old is None:
        return (*existing, made)
    return tuple(made if condition is old else condition for condition in existing)


def update_conditions(
    existing: Sequence[Condition], findings: Iterable[Finding], now: datetime
) -> tuple[Condition, ...]:
    conditions = tuple(existing)
    for finding in findings:
        conditions = set_condition(conditions, finding, now)
    return conditions


def findings_of(existing: Sequence[Condition], notes: Iterable[Note], figures: Figures) -> list[Finding]:
    """What the notes of a record and the figures so far say, on top of what was already found in the period."""
    found = {RATE_MISSING: _rate_finding(existing), TELEMETRY_COMPLETE: telemetry_finding(figures)}
    by_type = attrgetter("type")
    for note_type, some in groupby(sorted(notes, key=by_type), key=by_type):
        found[note_type] = _noted(existing, list(some))
    return list(found.values())


def telemetry_finding(figures: Figures) -> Finding:
    held, seen = figures.held_hours, figures.seen_hours
    if seen == 0 and held > 0:
        message = "Use was never measured; check that Prometheus scrapes the DCGM exporter on these nodes."
        return Finding(TELEMETRY_COMPLETE, "Unknown", NEVER_SEEN, message)
    if seen < held:
        message = (
            f"Use was measured for {in_percent(seen, held)} of the held time; the charge of the rest is unknownUseCost."
        )
        return Finding(TELEMETRY_COMPLETE, "False", PARTLY_UNSEEN, message)
    return Finding(TELEMETRY_COMPLETE, "True", ALL_SEEN, "Use was measured for all of the held time.")


def residual_finding(residual: int) -> Finding:
    if residual == 0:
        return Finding(RECONCILED, "True", RESIDUAL_ZERO, "The parts add up to the node bill, to the last digit.")
    message = f"The parts miss {format_e9(residual)} of the node bill; this is a fault of gpucost, please report it."
    return Finding(RECONCILED, "False", RESIDUAL_NOT_ZERO, message)


def _rate_finding(existing: Sequence[Condition]) -> Finding:
    for old in existing:
        if old.type == RATE_MISSING and old.status == "True":
            return Finding(RATE_MISSING, "True", old.reason, old.message)
    return Finding(RATE_MISSING, "False", ALL_NODES_PRICED, "Every node in this report has a rate.")


def _noted(existing: Sequence[Condition], notes: Sequence[Note]) -> Finding:
    """One condition for notes of one type: the first cause in full, and the subjects of all."""
    first = notes[0]
    cause, reason = first.message.rstrip(".")[:_LONGEST_CAUSE] + ".", first.reason
    names: list[str] = []
    more = False
    for old in existing:
        match = _CONCERNED.fullmatch(old.message)
        if old.type == first.type and old.status == "True" and match:
            cause, reason = match["cause"], old.reason
            names, more = match["names"].split(", "), bool(match["more"])
    names = list(dict.fromkeys([*names, *(note.subject[:_LONGEST_SUBJECT] for note in notes)]))
    more = more or len(names) > MOST_SUBJECTS
    message = f"{cause} Concerned: {', '.join(names[:MOST_SUBJECTS])}{' and others' if more else ''}."
    return Finding(first.type, "True", reason, message)

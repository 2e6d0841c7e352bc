"""Conditions of reports: what a person should know about the figures, each type and reason in one place.

What once concerned a period does so until its end, since the figures go on resting on it. It is kept in the status as
a `Concern`, of which the condition is a rendering for people.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from gpucost.model.holdings import Note
from gpucost.model.ledger import Figures
from gpucost.model.money import format_e9
from gpucost.model.time import format_time
from gpucost.reports.resources.fields import (
    MOST_CAUSE_CHARACTERS,
    MOST_SUBJECT_CHARACTERS,
    MOST_SUBJECTS,
    Concern,
    Condition,
)
from gpucost.reports.words import in_percent

RATE_MISSING = "RateMissing"
NODES_WITHOUT_RATE = "NodesWithoutRate"
ALL_NODES_PRICED = "AllNodesPriced"

RATES_ESTIMATED = "RatesEstimated"
PRICE_STANDS_IN = "PriceStandsIn"
PRICE_IGNORED = "PriceIgnored"
PRICE_OUT_OF_BOUNDS = "PriceOutOfBounds"

TELEMETRY_COMPLETE = "TelemetryComplete"
ALL_SEEN = "AllSeen"
PARTLY_UNSEEN = "PartlyUnseen"
NEVER_SEEN = "NeverSeen"

RECONCILED = "Reconciled"
RESIDUAL_ZERO = "ResidualZero"
RESIDUAL_NOT_ZERO = "ResidualNotZero"

INTACT = "Intact"
FOREIGN_EDIT = "ForeignEdit"

RETENTION_APPLIED = "RetentionApplied"
TOTALS_EXCEEDED = "TotalsExceeded"
NOTHING_TO_REMOVE = "NothingToRemove"

_MOST_NAMED_CHARACTERS = 400
"""Of all subjects of a concern together, so that a report stays small."""
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


def add_concerns(concerns: Iterable[Concern], notes: Iterable[Note]) -> tuple[Concern, ...]:
    """What concerned the period so far, and what the notes say on top of it: one of each type."""
    by_type = {concern.type: concern for concern in concerns}
    for note in notes:
        known = by_type.get(note.type)
        by_type[note.type] = _with_subject(known, note.subject) if known else _first_of_its_type(note)
    return tuple(by_type.values())


def merge_concerns(concerns: Iterable[Concern], more: Iterable[Concern]) -> tuple[Concern, ...]:
    """What concerned a period so far, and what concerned a part of it that comes on top."""
    by_type = {concern.type: concern for concern in concerns}
    for each in more:
        known = by_type.get(each.type)
        by_type[each.type] = _merged(known, each) if known else each
    return tuple(by_type.values())


def _merged(concern: Concern, more: Concern) -> Concern:
    for subject in more.subjects:
        concern = _with_subject(concern, subject)
    return concern.model_copy(update={"others": True}) if more.others else concern


def _first_of_its_type(note: Note) -> Concern:
    cause = note.message[:MOST_CAUSE_CHARACTERS].rstrip(".")
    return Concern(type=note.type, reason=note.reason, cause=cause, subjects=(note.subject[:MOST_SUBJECT_CHARACTERS],))


def _with_subject(concern: Concern, subject: str) -> Concern:
    subject = subject[:MOST_SUBJECT_CHARACTERS]
    if subject in concern.subjects:
        return concern
    named = (*concern.subjects, subject)
    if len(named) > MOST_SUBJECTS or sum(map(len, named)) > _MOST_NAMED_CHARACTERS:
        return concern.model_copy(update={"others": True})
    return concern.model_copy(update={"subjects": named})


def findings_of(concerns: Iterable[Concern], figures: Figures) -> list[Finding]:
    """What the concerns of a period and its figures so far say."""
    found = {
        RATE_MISSING: Finding(RATE_MISSING, "False", ALL_NODES_PRICED, "Every node in this report has a rate."),
        TELEMETRY_COMPLETE: telemetry_finding(figures),
    }
    found |= {each.type: Finding(each.type, "True", each.reason, _told(each)) for each in concerns}
    return list(found.values())


def _told(concern: Concern) -> str:
    """The cause tells of the first subject; the others are named."""
    named = ", ".join(concern.subjects[1:]) + (" and others" if concern.others else "")
    return f"{concern.cause}. Also concerned: {named}." if named else f"{concern.cause}."


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

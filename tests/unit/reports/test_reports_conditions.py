from datetime import timedelta

import pytest

from gpucost.model.ledger import Figures
from gpucost.model.time import format_time
from gpucost.reports.conditions import (
    Finding,
    add_concerns,
    findings_of,
    set_condition,
    telemetry_finding,
    update_conditions,
)
from gpucost.reports.resources.fields import MOST_SUBJECTS, Concern, Condition
from tests.unit.reports.made_ledgers import HOUR, NOW, make_figures, make_note

LATER = NOW + timedelta(minutes=5)
ALL_SEEN = make_figures()


def make_conditions(*findings: Finding) -> tuple[Condition, ...]:
    return update_conditions((), findings, NOW)


def find(conditions: tuple[Condition, ...], kind: str) -> Condition:
    return next(condition for condition in conditions if condition.type == kind)


TRANSITIONS = {
    "another status moves the time": (Finding("Good", "False", "Broken", "It broke."), LATER),
    "another reason does not": (Finding("Good", "True", "Mended", "It works again."), NOW),
}


@pytest.mark.parametrize(("new", "since"), TRANSITIONS.values(), ids=TRANSITIONS)
def test_the_time_of_a_condition_moves_only_with_its_status(new: Finding, since: object) -> None:
    existing = make_conditions(Finding("Good", "True", "Works", "It works."), Finding("Foreign", "True", "Any", ""))
    changed = set_condition(existing, new, LATER)
    assert [condition.type for condition in changed] == ["Good", "Foreign"]
    assert (changed[0].reason, changed[0].message) == (new.reason, new.message)
    assert changed[0].last_transition_time == format_time(since)  # type: ignore[arg-type]
    assert changed[1] == existing[1]


TELEMETRY: dict[str, tuple[Figures, str, str, str]] = {
    "all seen": (ALL_SEEN, "True", "AllSeen", "all of the held time"),
    "partly": (make_figures(seen=0.9832), "False", "PartlyUnseen", "98.3% of the held time"),
    "a bit is missing": (Figures(held_hours=HOUR, seen_hours=HOUR - 1), "False", "PartlyUnseen", "99.9%"),
    "never": (make_figures(seen=0.0), "Unknown", "NeverSeen", "never measured"),
    "nothing was held": (Figures(), "True", "AllSeen", ""),
}


@pytest.mark.parametrize(("figures", "status", "reason", "words"), TELEMETRY.values(), ids=TELEMETRY)
def test_telemetry_is_complete_only_where_all_was_seen(figures: Figures, status: str, reason: str, words: str) -> None:
    finding = telemetry_finding(figures)
    assert (finding.status, finding.reason) == (status, reason)
    assert words in finding.message


def test_a_report_without_notes_says_that_all_is_priced() -> None:
    conditions = make_conditions(*findings_of((), ALL_SEEN))
    assert [(condition.type, condition.status, condition.reason) for condition in conditions] == [
        ("RateMissing", "False", "AllNodesPriced"),
        ("TelemetryComplete", "True", "AllSeen"),
    ]


def test_a_concern_names_its_subjects_as_they_come() -> None:
    concerns = add_concerns((), [make_note("n1")])
    concerns = add_concerns(concerns, [])
    concerns = add_concerns(concerns, [make_note("n2", "Node n2: there is no rate."), make_note("n1")])
    cause = "Node n1: there is no rate; annotate it"
    assert concerns == (
        Concern(type="RateMissing", reason="NodesWithoutRate", cause=cause, subjects=("n1", "n2"), others=False),
    )


def test_a_missing_rate_stays_for_the_period() -> None:
    conditions = make_conditions(*findings_of(add_concerns((), [make_note("n1")]), ALL_SEEN))
    assert find(conditions, "RateMissing").message == "Node n1: there is no rate; annotate it."
    later = findings_of(add_concerns((), [make_note("n1"), make_note("n2")]), ALL_SEEN)
    rate = find(update_conditions(conditions, later, LATER), "RateMissing")
    assert (rate.status, rate.reason, rate.last_transition_time) == ("True", "NodesWithoutRate", format_time(NOW))
    assert rate.message == "Node n1: there is no rate; annotate it. Also concerned: n2."


def test_a_rate_that_goes_missing_later_turns_the_condition_over() -> None:
    conditions = make_conditions(*findings_of((), ALL_SEEN))
    conditions = update_conditions(conditions, findings_of(add_concerns((), [make_note("n1")]), ALL_SEEN), LATER)
    assert find(conditions, "RateMissing").last_transition_time == format_time(LATER)


def test_at_most_ten_subjects_are_named() -> None:
    concerns = add_concerns((), [make_note(f"n{number}") for number in range(MOST_SUBJECTS)])
    assert not concerns[0].others
    concerns = add_concerns(concerns, [make_note("n10")])
    concerns = add_concerns(concerns, [make_note("n3")])
    assert (len(concerns[0].subjects), concerns[0].others) == (MOST_SUBJECTS, True)
    message = find(make_conditions(*findings_of(concerns, ALL_SEEN)), "RateMissing").message
    assert message.endswith(" Also concerned: n1, n2, n3, n4, n5, n6, n7, n8, n9 and others.")


def test_a_concern_survives_the_status_whatever_its_words() -> None:
    note = make_note("a, b and others. Also concerned: c" * 10, "Odd words. Also concerned: " * 400)
    concerns = add_concerns((), [note])
    again = tuple(Concern.model_validate_json(concern.model_dump_json(by_alias=True)) for concern in concerns)
    assert add_concerns(again, [note]) == concerns


def test_every_other_note_is_a_condition_of_its_own() -> None:
    notes = [
        make_note("GPU-1", "Profile 9g.1gb is not known on T4; it counts as a card", type="MigProfileUnknown"),
        make_note("telemetry", "Telemetry shows nodes (n8, n9) that are not ours.", type="UnknownNodes"),
        make_note("GPU-2", "Another text", type="MigProfileUnknown"),
    ]
    conditions = make_conditions(*findings_of(add_concerns((), notes), ALL_SEEN))
    assert find(conditions, "UnknownNodes").message == "Telemetry shows nodes (n8, n9) that are not ours."
    assert find(conditions, "MigProfileUnknown").message == (
        "Profile 9g.1gb is not known on T4; it counts as a card. Also concerned: GPU-2."
    )

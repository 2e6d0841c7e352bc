from datetime import timedelta

import pytest

from gpucost.model.ledger import Figures
from gpucost.model.time import format_time
from gpucost.reports.conditions import Finding, findings_of, set_condition, telemetry_finding, update_conditions
from gpucost.reports.resources.fields import Condition
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
    conditions = make_conditions(*findings_of((), [], ALL_SEEN))
    assert [(condition.type, condition.status, condition.reason) for condition in conditions] == [
        ("RateMissing", "False", "AllNodesPriced"),
        ("TelemetryComplete", "True", "AllSeen"),
    ]


def test_a_missing_rate_stays_for_the_period_and_names_the_nodes_as_they_come() -> None:
    conditions = make_conditions(*findings_of((), [make_note("n1")], ALL_SEEN))
    conditions = update_conditions(conditions, findings_of(conditions, [], ALL_SEEN), LATER)
    notes = [make_note("n1"), make_note("n2")]
    conditions = update_conditions(conditions, findings_of(conditions, notes, ALL_SEEN), LATER)
    rate = find(conditions, "RateMissing")
    assert (rate.status, rate.reason, rate.last_transition_time) == ("True", "NodesWithoutRate", format_time(NOW))
    assert rate.message == "Node n1: there is no rate; annotate it. Concerned: n1, n2."


def test_a_rate_that_goes_missing_later_turns_the_condition_over() -> None:
    conditions = make_conditions(*findings_of((), [], ALL_SEEN))
    conditions = update_conditions(conditions, findings_of(conditions, [make_note("n1")], ALL_SEEN), LATER)
    assert find(conditions, "RateMissing").last_transition_time == format_time(LATER)


def test_at_most_ten_nodes_are_named() -> None:
    conditions = make_conditions(*findings_of((), [make_note(f"n{number}") for number in range(11)], ALL_SEEN))
    conditions = update_conditions(conditions, findings_of(conditions, [make_note("n3")], ALL_SEEN), LATER)
    message = find(conditions, "RateMissing").message
    assert message.endswith("Concerned: n0, n1, n2, n3, n4, n5, n6, n7, n8, n9 and others.")


def test_a_dotted_name_is_read_back_whole() -> None:
    notes = [make_note("ip-10-0-0-1.ec2.internal")]
    conditions = make_conditions(*findings_of((), notes, ALL_SEEN))
    again = update_conditions(conditions, findings_of(conditions, notes, ALL_SEEN), LATER)
    assert again == conditions


def test_every_other_note_is_a_condition_of_its_own() -> None:
    notes = [
        make_note("GPU-1", "Profile 9g.1gb is not known on T4; it counts as a card", type="MigProfileUnknown"),
        make_note("n1", "Sources disagree about the cards of n1.", type="CardCountDisagrees", reason="SourcesDisagree"),
        make_note("GPU-2", "Another text", type="MigProfileUnknown"),
    ]
    conditions = make_conditions(*findings_of((), notes, ALL_SEEN))
    assert find(conditions, "CardCountDisagrees").message == "Sources disagree about the cards of n1. Concerned: n1."
    assert find(conditions, "MigProfileUnknown").message == (
        "Profile 9g.1gb is not known on T4; it counts as a card. Concerned: GPU-1, GPU-2."
    )

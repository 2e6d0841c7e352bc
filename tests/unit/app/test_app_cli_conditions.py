from typing import Any

from gpucost.app.cli.conditions import troubles_of

PRICED = ("RateMissing", "False", "Every node has a rate.")
UNPRICED = ("RateMissing", "True", "Node n1 has no rate; annotate it.")
SEEN = ("TelemetryComplete", "True", "Use was measured.")
UNSEEN = ("TelemetryComplete", "Unknown", "Use was never measured; check the exporter.")
RECONCILED = ("Reconciled", "True", "The parts add up.")
UNKNOWN_PROFILE = ("UnknownProfile", "True", "Node n1: the profile is not known.")


def make_report(name: str, *conditions: tuple[str, str, str], namespace: str | None = None) -> dict[str, Any]:
    return {
        "metadata": {"name": name} | ({"namespace": namespace} if namespace else {}),
        "status": {
            "conditions": [{"type": kind, "status": status, "message": message} for kind, status, message in conditions]
        },
    }


def test_good_conditions_are_no_trouble() -> None:
    assert troubles_of([make_report("day", PRICED, SEEN, RECONCILED)]) == []


def test_every_bad_condition_is_a_line() -> None:
    assert troubles_of([make_report("day", UNPRICED, UNSEEN, RECONCILED, UNKNOWN_PROFILE)]) == [
        "RateMissing: Node n1 has no rate; annotate it.",
        "TelemetryComplete: Use was never measured; check the exporter.",
        "UnknownProfile: Node n1: the profile is not known.",
    ]


def test_a_residual_is_a_trouble() -> None:
    assert troubles_of([make_report("day", ("Reconciled", "False", "0.1 is missing."))]) == [
        "Reconciled: 0.1 is missing."
    ]


def test_a_trouble_of_all_reports_is_one_line() -> None:
    assert len(troubles_of([make_report("d1", UNPRICED), make_report("d2", UNPRICED)])) == 1


def test_a_trouble_of_some_reports_names_them() -> None:
    reports = [make_report(f"t{number}", UNPRICED, namespace="ml") for number in range(5)]
    assert troubles_of([*reports, make_report("other", PRICED, namespace="ml")]) == [
        "RateMissing: Node n1 has no rate; annotate it. (ml/t0, ml/t1, ml/t2 and 2 more)"
    ]


def test_no_reports_have_no_trouble() -> None:
    assert troubles_of([]) == []

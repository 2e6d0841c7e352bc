import json

from gpucost.reports.findings import Finding, Health, findings_json, findings_table

FINDINGS = (
    Finding(health=Health.OK, subject="API server", found="it answers"),
    Finding(health=Health.FAILURE, subject="CRDs", found="they are not\nserved\x1b[2J", fix="install them"),
)


def test_a_finding_is_one_line_with_its_fix() -> None:
    _, first, second = findings_table(FINDINGS).splitlines()
    assert first == "ok        API server   it answers"
    assert second == "failure   CRDs         they are not served?[2J; install them"


def test_as_json_nothing_to_do_is_null() -> None:
    assert [(row["status"], row["fix"]) for row in json.loads(findings_json(FINDINGS))] == [
        ("ok", None),
        ("failure", "install them"),
    ]

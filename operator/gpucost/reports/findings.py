"""What an examination of an installation found, as text."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gpucost.reports.plain_text import plain
from gpucost.reports.text_table import text_table


class Health(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """It works, and a person should know."""
    FAILURE = "failure"
    """It does not work, or what it yields is wrong."""
    UNKNOWN = "unknown"
    """It could not be looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    health: Health
    subject: str
    """What was looked at, in a few words."""
    found: str
    """Without a full stop."""
    fix: str = ""
    """What to do; empty where nothing is to be done."""


def findings_json(findings: Sequence[Finding]) -> str:
    """A list; ``fix`` is null where nothing is to be done."""
    rows = [
        {"status": str(each.health), "subject": each.subject, "found": each.found, "fix": each.fix or None}
        for each in findings
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def findings_table(findings: Sequence[Finding]) -> str:
    """One line each."""
    return text_table(
        ["STATUS", "SUBJECT", "FOUND"],
        [[str(each.health), each.subject, plain("; ".join(filter(None, (each.found, each.fix))))] for each in findings],
    )

"""Names and labels of the resources: safe for the API server, and never the same for two different things."""

import hashlib
import re
from datetime import UTC, datetime

from gpucost.model.time import Period, PeriodKind, Window, period_of

TEAM_LABEL = "gpucost.io/team"
PERIOD_LABEL = "gpucost.io/period"
START_LABEL = "gpucost.io/start"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGER = "gpucost"
"""Value of `MANAGED_BY_LABEL`, and the field manager of everything that is written."""

MOST_TEAM_CHARACTERS = 63
"""Of a team in a name and in a label; Kubernetes allows as many for a label."""

_HASH_CHARACTERS = 8
_CONTENT_CHARACTERS = 16
_ODD_IN_NAME = re.compile(r"[^a-z0-9]+")
_ODD_IN_LABEL = re.compile(r"[^A-Za-z0-9_.-]+")
_LABEL_ENDS = "-_."
_DAY_NAME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTH_NAME = re.compile(r"[0-9]{4}-[0-9]{2}")
_ENDS_LIKE_A_HASH = re.compile(r"-[0-9a-f]{8}$")


def report_name(team: str, period: Period) -> str:
    """``research-2026-11-24`` or ``research-2026-11``."""
    return f"{_spell_team(team)}-{period.name}"


def name_elsewhere(report: str, origin: str) -> str:
    """``ml-prod.research-2026-11-24``: of a report that cannot live in its namespace, ``origin``.

    A dot stands in no namespace and in no `report_name`, so no two reports meet.
    """
    return f"{origin}.{report}"


def cluster_report_name(period: Period) -> str:
    """``2026-11-24`` or ``2026-11``."""
    return period.name


def period_named(name: str) -> Period | None:
    """Inverse of `cluster_report_name`; None: ours are not named so."""
    is_day = _DAY_NAME.fullmatch(name)
    if not is_day and not _MONTH_NAME.fullmatch(name):
        return None
    try:
        start = datetime.fromisoformat(name if is_day else f"{name}-01").replace(tzinfo=UTC)
    except ValueError:
        return None
    return period_of(Window(start, start), PeriodKind.DAY if is_day else PeriodKind.MONTH)


def record_name(start: datetime) -> str:
    """The record of what was decided from ``start`` on: ``2026-11-24t000500z``; sorts as the time does.

    Named after its start, not its end: whoever decides anything begins where the last record ended, so that two
    writers want the same name even where one of them takes more windows together.
    """
    return start.astimezone(UTC).strftime("%Y-%m-%dt%H%M%Sz")


def chunk_name(start: datetime, content: str, number: int) -> str:
    """A chunk of the record with that content: two writers share a name only where they write the same."""
    return f"{record_name(start)}-{_hash(content, _CONTENT_CHARACTERS)}-{number:04d}"


def report_labels(team: str, period: Period) -> dict[str, str]:
    return {TEAM_LABEL: label_value(team), **period_labels(period)}


def period_labels(period: Period) -> dict[str, str]:
    """What all reports of a period carry; enough to select them on the server."""
    return {
        MANAGED_BY_LABEL: MANAGER,
        PERIOD_LABEL: str(period.kind),
        START_LABEL: period.start.astimezone(UTC).strftime("%Y-%m-%d"),
    }


def label_value(text: str) -> str:
    """``text`` where it may stand in a label, else a spelling of it with a hash of the real one."""
    safe = _ODD_IN_LABEL.sub("-", text).strip(_LABEL_ENDS)
    if safe == text and len(text) <= MOST_TEAM_CHARACTERS:
        return text
    return _with_hash(safe, text, _LABEL_ENDS)


def _spell_team(team: str) -> str:
    """The team itself where it is safe in a name, else a spelling of it with a hash of the real one.

    A team whose name ends like such a hash gets one too: it could be the spelling of another.
    """
    safe = _ODD_IN_NAME.sub("-", team.lower()).strip("-")
    if safe == team and len(team) <= MOST_TEAM_CHARACTERS and not _ENDS_LIKE_A_HASH.search(team):
        return team
    return _with_hash(safe, team, "-")


def _with_hash(safe: str, real: str, ends: str) -> str:
    room = MOST_TEAM_CHARACTERS - _HASH_CHARACTERS - 1
    return f"{safe[:room].rstrip(ends) or 'x'}-{_hash(real)}"


def _hash(text: str, characters: int = _HASH_CHARACTERS) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:characters]

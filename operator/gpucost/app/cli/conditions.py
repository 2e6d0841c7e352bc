"""What a person should know about the figures, told beside them: conditions of reports that are not as they should."""

from collections.abc import Collection, Sequence

from gpucost.reports.build import Object
from gpucost.reports.conditions import RECONCILED, TELEMETRY_COMPLETE

_GOOD_WHEN_TRUE = frozenset({RECONCILED, TELEMETRY_COMPLETE})
"""All other types name a trouble, and are good when they are False."""
_MOST_NAMED = 3


def troubles_of(reports: Sequence[Object], types: Collection[str] = ()) -> list[str]:
    """A line for each distinct trouble: ``RateMissing: ...``; it names its reports where it is not that of all.

    ``types`` of conditions that are asked for; none: all.
    """
    names: dict[str, list[str]] = {}
    for report in reports:
        for condition in report["status"]["conditions"]:
            if types and condition["type"] not in types:
                continue
            if (condition["status"] == "True") != (condition["type"] in _GOOD_WHEN_TRUE):
                names.setdefault(f"{condition['type']}: {condition['message']}", []).append(_name_of(report))
    return [line if len(of) == len(reports) else f"{line} ({_named(of)})" for line, of in names.items()]


def _name_of(report: Object) -> str:
    metadata = report["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if "namespace" in metadata else str(metadata["name"])


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more}"

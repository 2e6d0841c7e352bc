"""Spans of time as people write them: ``90s``, ``5m``, ``1h30m``, ``7d``."""

import re
from datetime import timedelta

_PART = re.compile(r"(\d{1,9})(ms|s|m|h|d)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(text: str) -> timedelta:
    """Raises ValueError where ``text`` is no span of time."""
    if not _WHOLE.fullmatch(text):
        raise ValueError(f'"{text}" is no span of time; write it as 30s, 5m, 24h or 7d')
    return sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in _PART.findall(text)), timedelta())


def format_duration(span: timedelta) -> str:
    """Inverse of `parse_duration`, in the fewest parts."""
    rest = span // timedelta(milliseconds=1)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        number, rest = divmod(rest, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"

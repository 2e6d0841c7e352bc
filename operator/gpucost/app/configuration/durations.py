"""Spans of time as people write them: ``90s``, ``5m``, ``1h30m``, ``7d``."""

import re
from datetime import timedelta

LONGEST = timedelta(days=3650)
"""Ten years: a longer one is a slip of the pen, and times so far off do not exist for every clock."""

_PART = re.compile(r"(\d+)(ms|s|m|h|d)", re.ASCII)
_WHOLE = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)
_MOST_CHARACTERS = 40
_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def parse_duration(text: str) -> timedelta:
    """Raises ValueError where ``text`` is no span of time from 0s to `LONGEST`."""
    if len(text) > _MOST_CHARACTERS or not _WHOLE.fullmatch(text):
        raise ValueError(f'"{text[:_MOST_CHARACTERS]}" is no span of time; write it as 30s, 5m, 24h or 7d')
    milliseconds = sum(int(number) * _MILLISECONDS[unit] for number, unit in _PART.findall(text))
    if milliseconds > LONGEST // timedelta(milliseconds=1):
        raise ValueError(f'"{text}" is longer than {LONGEST.days}d; write a shorter span')
    return timedelta(milliseconds=milliseconds)

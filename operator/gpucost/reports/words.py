"""Figures for people: rounded, and never a 0 for what is unknown."""

from gpucost.model.money import format_rounded

UNKNOWN = "-"


def in_short(amount_e9: int | None) -> str:
    """With two decimals: ``12.34``."""
    return UNKNOWN if amount_e9 is None else format_rounded(amount_e9)


def in_percent(part: int, whole: int) -> str:
    """With one decimal, rounded down: ``37.5%``; ``100.0%`` says that nothing at all is missing."""
    if whole == 0:
        return UNKNOWN
    tenths = part * 1000 // whole
    percent, tenth = divmod(tenths, 10)
    return f"{percent}.{tenth}%"

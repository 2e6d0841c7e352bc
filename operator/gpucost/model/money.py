"""Exact amounts, money in units of 1e-9 of the currency and hours in ticks, and their decimal strings."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import TypeAlias

E9 = 1_000_000_000

HourTicks: TypeAlias = int
"""Hours as a count of 1/210 ms; the unit of every integer whose name ends in ``_hours``.

Windows of whole milliseconds, and a half, third, fifth or seventh of them (slices of a MIG card), are whole counts, so
that twelve windows of five minutes are one hour. A tick is longer than 1e-9 h: nine decimals give the count back.
"""
HOUR_TICKS = 756_000_000
_E9_OVER_TICKS = 250, 189
"""1e9 / 756e6 in lowest terms."""


def to_e9(amount: Decimal) -> int:
    """The amount in units of 1e-9, rounded half to even."""
    return int((amount * E9).to_integral_value(rounding=ROUND_HALF_EVEN))


def format_e9(amount_e9: int) -> str:
    """Exact decimal string with nine decimals, never an exponent: ``"-0.000000001"``."""
    sign = "-" if amount_e9 < 0 else ""
    whole, part = divmod(abs(amount_e9), E9)
    return f"{sign}{whole}.{part:09d}"


def parse_e9(text: str) -> int:
    """Inverse of `format_e9`; also takes fewer decimals.

    Raises ValueError where ``text`` is no plain decimal number.
    """
    sign = -1 if text.startswith("-") else 1
    whole, _, part = text.removeprefix("-").partition(".")
    if not whole.isdecimal() or (part and not part.isdecimal()) or len(part) > 9:
        raise ValueError(f'"{text}" is no decimal number with up to nine decimals')
    return sign * (int(whole) * E9 + int(part.ljust(9, "0")))


def hours_to_e9(ticks: HourTicks) -> int:
    """Hours in units of 1e-9 h, the nearest; `parse_hours` of them gives the count back."""
    times, by = _E9_OVER_TICKS
    return (2 * ticks * times + by) // (2 * by)


def format_hours(ticks: HourTicks) -> str:
    """Decimal string with nine decimals: ``"0.083333333"`` for five minutes."""
    return format_e9(hours_to_e9(ticks))


def parse_hours(text: str) -> HourTicks:
    """Inverse of `format_hours`: the nearest count.

    Raises ValueError where ``text`` is no plain decimal number.
    """
    by, times = _E9_OVER_TICKS
    return (2 * parse_e9(text) * times + by) // (2 * by)


def format_rounded(amount_e9: int) -> str:
    """For people: the amount with two decimals."""
    return format((Decimal(amount_e9) / E9).quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN), "f")


def format_ratio(part: int, whole: int) -> str | None:
    """``part / whole`` with six decimals; None where ``whole`` is 0 (nothing to be a ratio of)."""
    if whole == 0:
        return None
    scaled, rest = divmod(abs(part) * 1_000_000, abs(whole))
    scaled += 2 * rest >= abs(whole)
    sign = "-" if (part < 0) != (whole < 0) and scaled else ""
    return f"{sign}{scaled // 1_000_000}.{scaled % 1_000_000:06d}"

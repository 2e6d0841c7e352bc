"""Exact amounts: integers in units of 1e-9 (of the currency, or of an hour), and their decimal strings."""

from decimal import ROUND_HALF_EVEN, Decimal

E9 = 1_000_000_000


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

"""Amounts as they stand in the arithmetic that is shown to people."""

from decimal import Decimal

from gpucost.model.money import E9


def exact(amount_e9: int) -> Decimal:
    """The amount that a count of 1e-9 is."""
    return Decimal(amount_e9) / E9


def all_digits(number: Decimal) -> str:
    """Of a number that amounts are multiplied by, so that they can be retraced: ``1.08``, ``0.00003931245``."""
    return f"{number:f}"


def plain(amount: Decimal) -> str:
    """Up to nine decimals, no zero at their end, never an exponent: ``21.957642``."""
    text = f"{amount:.9f}"
    return text.rstrip("0").rstrip(".")

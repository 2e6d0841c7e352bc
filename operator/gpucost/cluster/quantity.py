"""Counts as Kubernetes writes them: ``8``, ``"8"``, ``"1k"``, ``"2e0"``."""

import re
from decimal import Decimal

_QUANTITY = re.compile(r"(?P<number>\d{1,18}(?:\.\d{0,18})?)(?P<suffix>[num]|k|[KMG]i|[MG]|[eE][+-]?\d)?", re.ASCII)
_FACTORS = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(1000),
    "M": Decimal(1000**2),
    "G": Decimal(1000**3),
    "Ki": Decimal(1024),
    "Mi": Decimal(1024**2),
    "Gi": Decimal(1024**3),
}
MOST = 1_000_000
"""More devices than any node has: beyond it the quantity is a mistake."""


def parse_count(quantity: str | int | float) -> int:
    """The whole number that ``quantity`` means.

    Raises ValueError where it is no whole number in [0, `MOST`].
    """
    match = _QUANTITY.fullmatch(str(quantity).strip())
    if match is None:
        raise ValueError(f'"{quantity}" is no quantity; a count is written as "8"')
    suffix = match["suffix"] or ""
    factor = Decimal(f"1{suffix}") if suffix[:1] in ("e", "E") else _FACTORS.get(suffix, Decimal(1))
    count = Decimal(match["number"]) * factor
    if count != count.to_integral_value() or count > MOST:
        raise ValueError(f'"{quantity}" is no whole number of devices up to {MOST}; a count is written as "8"')
    return int(count)

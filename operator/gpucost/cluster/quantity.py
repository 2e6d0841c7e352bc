"""Quantities as Kubernetes writes them: ``8``, ``"95500m"``, ``"1152Gi"``, ``"2e0"``."""

import re
from decimal import Decimal

_QUANTITY = re.compile(
    r"(?P<number>\d{1,18}(?:\.\d{0,18})?)(?P<suffix>[num]|k|[KMGTPE]i|[MGTPE]|[eE][+-]?\d{1,2})?", re.ASCII
)
_FACTORS = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(1000),
    **{suffix: Decimal(1000 ** (power + 2)) for power, suffix in enumerate("MGTPE")},
    **{f"{suffix}i": Decimal(1024 ** (power + 1)) for power, suffix in enumerate("KMGTPE")},
}
_GIB = 1024**3
_MOST_SHOWN = 40
MOST = 1_000_000
"""More devices, CPUs or GiB than any node has: beyond it the quantity is a mistake."""


def parse_count(quantity: str | int | float) -> int:
    """The whole number that ``quantity`` means.

    Raises ValueError where it is no whole number in [0, `MOST`].
    """
    count = _parse(quantity, 'a count is written as "8"')
    if count != count.to_integral_value() or count > MOST:
        raise ValueError(
            f'"{str(quantity)[:_MOST_SHOWN]}" is no whole number of devices up to {MOST}; a count is written as "8"'
        )
    return int(count)


def parse_cpus(quantity: str | int | float) -> float:
    """Raises ValueError where it is no number in [0, `MOST`]."""
    remedy = 'CPUs are written as "96" or "95500m"'
    return _bounded(_parse(quantity, remedy), quantity, f"no number of CPUs up to {MOST}; {remedy}")


def parse_gib(quantity: str | int | float) -> float:
    """Bytes, in GiB. Raises ValueError where it is no amount in [0, `MOST`] GiB."""
    remedy = 'memory is written as "1152Gi"'
    return _bounded(_parse(quantity, remedy) / _GIB, quantity, f"no memory of up to {MOST} GiB; {remedy}")


def _parse(quantity: str | int | float, remedy: str) -> Decimal:
    match = _QUANTITY.fullmatch(str(quantity).strip())
    if match is None:
        raise ValueError(f'"{str(quantity)[:_MOST_SHOWN]}" is no quantity; {remedy}')
    suffix = match["suffix"] or ""
    has_exponent = suffix[:1] in ("e", "E") and len(suffix) > 1 and suffix != "Ei"
    factor = Decimal(f"1{suffix}") if has_exponent else _FACTORS.get(suffix, Decimal(1))
    return Decimal(match["number"]) * factor


def _bounded(amount: Decimal, quantity: str | int | float, complaint: str) -> float:
    if amount > MOST:
        raise ValueError(f'"{str(quantity)[:_MOST_SHOWN]}" is {complaint}')
    return float(amount)

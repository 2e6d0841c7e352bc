"""Amounts and times as people write them in YAML, and what is wrong with them in one sentence."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from gpucost.model.time import parse_time

MOST_HOURLY = 1_000_000
MOST_NAMED = 3

_TIME_REMEDY = "is no time with a zone; write it as 2026-11-24T00:00:00Z"

_CAUSES = {
    "extra_forbidden": "is an unknown key; check its spelling",
    "missing": "is missing",
    "decimal_parsing": 'is not a number; write a decimal number such as "2.50"',
    "finite_number": 'is not a number; write a decimal number such as "2.50"',
}
"""pydantic's kinds of error, in words for people who do not know it."""


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError('is no number; write a decimal number such as "2.50"')
    return str(value) if isinstance(value, int | float) else value


def _nine_decimals(amount: Decimal) -> Decimal:
    if amount != round(amount, 9):
        raise ValueError("has more than nine decimals; round it")
    return amount


def _moment(value: object) -> datetime:
    """YAML turns an unquoted time into one of its own."""
    try:
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value.astimezone(UTC)
        if isinstance(value, str):
            return parse_time(value)
    except (ValueError, OverflowError) as error:
        raise ValueError(_TIME_REMEDY) from error
    raise ValueError(_TIME_REMEDY)


Hourly = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(ge=0, le=MOST_HOURLY, allow_inf_nan=False),
    AfterValidator(_nine_decimals),
]
"""Currency per hour."""
Percent = Annotated[Decimal, BeforeValidator(_number), Field(ge=0, le=100, allow_inf_nan=False)]
Fraction = Annotated[Decimal, BeforeValidator(_number), Field(ge=0, le=1, allow_inf_nan=False)]
Moment = Annotated[datetime, BeforeValidator(_moment)]


def complaint(error: ValidationError) -> str:
    """What pydantic found, in one line: field, value and cause of the first few."""
    found = error.errors(include_url=False, include_context=False)
    parts = []
    for entry in found[:MOST_NAMED]:
        place = ".".join(str(step) for step in entry["loc"])
        cause = _CAUSES.get(entry["type"]) or entry["msg"].removeprefix("Value error, ")
        shown = f'"{str(entry["input"])[:40]}"' if isinstance(entry["input"], str | int | float) else ""
        parts.append(" ".join(part for part in (place, shown, cause) if part))
    if len(found) > MOST_NAMED:
        parts.append(f"and {len(found) - MOST_NAMED} more")
    return "; ".join(parts)

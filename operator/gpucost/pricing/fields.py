"""Amounts and times as people write them in YAML, and what is wrong with them in one sentence."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from gpucost.model.time import parse_time
from gpucost.pricing.rules import FractionModel, GpuFraction

MOST_HOURLY = 1_000_000
MOST_NAMED = 3

_MOST_DECIMAL = 20
"""Characters of the longest amount that is taken: ``1000000000.000000000``."""
_MOST_SHOWN = 40
_MOST_PLACE = 120
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
"""What the API server takes for a time."""
_TIME_REMEDY = "is no time with a zone; write it as 2026-11-24T00:00:00Z"

_CAUSES = {
    "extra_forbidden": "is an unknown key; check its spelling",
    "missing": "is missing",
    "decimal_parsing": 'is not a number; write a decimal number such as "2.50"',
    "finite_number": 'is not a number; write a decimal number such as "2.50"',
    "string_type": "is no text; put it in quotes",
    "tuple_type": "is no list",
}
"""pydantic's kinds of error, in words for people who do not know it."""


@dataclass(frozen=True, slots=True)
class DecimalText:
    """Marks a type that is written as a plain decimal number: the API server and gpucost go by one pattern.

    The API server takes text only, since JSON's numbers do not keep decimals; a number of YAML is taken as it is
    written there.
    """

    pattern: str
    must_be: str
    """What follows ``is not``: ``a number from 0 to 1; write it such as "0.9"``."""
    parse: Callable[[str], object] = Decimal

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^({self.pattern})$", "maxLength": _MOST_DECIMAL}

    def _read(self, value: object) -> object:
        text = _as_written(value)
        if not re.fullmatch(self.pattern, text):
            raise ValueError(f"is not {self.must_be}")
        return self.parse(text)


def _as_written(value: object) -> str:
    """Empty where it is neither a text nor a number, or longer than any that is taken."""
    if isinstance(value, str):
        return value if len(value) <= _MOST_DECIMAL else ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if not abs(value) < 10**_MOST_DECIMAL:  # nor NaN; and an integer of a million digits is not spelt out
        return ""
    return format(Decimal(repr(value)), "f")


def _whole(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is no whole number; write it without quotes, such as 8760")
    return value


def _moment(value: object) -> datetime:
    """YAML turns an unquoted time into one of its own."""
    try:
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value.astimezone(UTC)
        if isinstance(value, str) and _TIME.fullmatch(value):
            return parse_time(value.upper())
    except (ValueError, OverflowError) as error:
        raise ValueError(_TIME_REMEDY) from error
    raise ValueError(_TIME_REMEDY)


def _fraction(text: str) -> GpuFraction:
    return FractionModel(text) if text in set(FractionModel) else Decimal(text)


_TO_ONE = r"0(\.[0-9]{1,9})?|1(\.0{1,9})?"

Hourly = Annotated[
    Decimal,
    DecimalText(
        r"[0-9]{1,6}(\.[0-9]{1,9})?|1000000(\.0{1,9})?",
        f'a number from 0 to {MOST_HOURLY} with at most nine decimals; write it such as "2.50"',
    ),
]
"""Currency per hour, or per kWh."""
Amount = Annotated[
    Decimal,
    DecimalText(
        r"[0-9]{1,9}(\.[0-9]{1,9})?|1000000000(\.0{1,9})?",
        'a number from 0 to 1000000000 with at most nine decimals; write it such as "420000"',
    ),
]
"""Currency, paid once."""
Percent = Annotated[
    Decimal,
    DecimalText(
        r"[0-9]{1,2}(\.[0-9]{1,9})?|100(\.0{1,9})?",
        'a number from 0 to 100 with at most nine decimals; write it such as "12.5"',
    ),
]
PowerFactor = Annotated[
    Decimal,
    DecimalText(
        r"[1-9](\.[0-9]{1,9})?|10(\.0{1,9})?",
        'a number from 1 to 10 with at most nine decimals; write it such as "1.4"',
    ),
]
"""What a site draws for each kWh that its machines do (PUE)."""
Fraction = Annotated[
    GpuFraction,
    DecimalText(
        "|".join([_TO_ONE, *FractionModel]),
        f'a number from 0 to 1 or one of {", ".join(FractionModel)}; write it such as "0.9"',
        _fraction,
    ),
]
Hours = Annotated[int, Field(ge=1, le=1_000_000), BeforeValidator(_whole)]
Priority = Annotated[int, Field(ge=-1_000_000, le=1_000_000), BeforeValidator(_whole)]
Moment = Annotated[datetime, BeforeValidator(_moment)]


def printable(text: str, most: int) -> str:
    """Text of anybody's on one line and cut short, without characters that would act on a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:most])


def complaint(error: ValidationError) -> str:
    """What pydantic found, in one line: field, value and cause of the first few."""
    found = error.errors(include_url=False, include_context=False)
    parts = []
    for entry in found[:MOST_NAMED]:
        place = printable(".".join(str(step) for step in entry["loc"]), _MOST_PLACE)
        cause = _CAUSES.get(entry["type"]) or entry["msg"].removeprefix("Value error, ")
        parts.append(" ".join(part for part in (place, _shown(entry["input"]), cause) if part))
    if len(found) > MOST_NAMED:
        parts.append(f"and {len(found) - MOST_NAMED} more")
    return "; ".join(parts)


def _shown(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 200:  # Python refuses to spell some of them out
        return "a number of many digits"
    return f'"{printable(str(value), _MOST_SHOWN)}"' if isinstance(value, str | int | float) else ""

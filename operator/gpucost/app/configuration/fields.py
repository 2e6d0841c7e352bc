"""Values of settings: each kind with what it must be, said with an example, in place of pydantic's words for it."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.alias_generators import to_camel

from gpucost.app.configuration.durations import parse_duration
from gpucost.model.errors import ConfigurationError
from gpucost.pricing.rules import FractionModel, GpuFraction
from gpucost.telemetry.queries import Matcher

MOST_ENTRIES = 20
"""Of a list."""
NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""An RFC 1123 label."""
A_NAMESPACE = "a namespace's name: up to 63 lower-case letters, digits and -, such as gpucost"

_ADDRESS = re.compile(r"\S*:(?P<port>[0-9]{1,5})")
_LAST_PORT = 65535
_HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
OUR_HEADERS = frozenset(
    {
        *("accept-encoding", "connection", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding"),
        *("authorization", "cookie", "upgrade", "user-agent"),
    }
)
"""That say who we are, or how a request is sent."""
_DECIMAL = re.compile(r"[0-9]{1,7}(\.[0-9]{1,9})?")


class Section(BaseModel):
    """Keys that belong together; one that nobody knows is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


def must_be(what: str) -> WrapValidator:
    """The last of a kind's validators: whatever those before it refuse is told this."""

    def check(value: object, handler: ValidatorFunctionWrapHandler) -> object:
        try:
            return handler(value)
        except (ValidationError, ConfigurationError) as error:
            raise ValueError(f"must be {what}") from error

    return WrapValidator(check)


def one_of(choices: type[StrEnum]) -> str:
    return f"one of {', '.join(choices)}"


def that(holds: Callable[[Any], object]) -> AfterValidator:
    def check(value: object) -> object:
        if not holds(value):
            raise ValueError
        return value

    return AfterValidator(check)


def list_of(what: str, *, least: int = 0) -> BeforeValidator:
    """Before the entries are looked at, so that each of them can have a complaint of its own."""

    def check(value: object) -> object:
        if not isinstance(value, Sequence) or isinstance(value, str) or not least <= len(value) <= MOST_ENTRIES:
            raise ValueError(f"must be a list of {least} to {MOST_ENTRIES} {what}")
        return value

    return BeforeValidator(check)


def _parse_span(value: object) -> timedelta:
    """A bare number has no unit: nobody can say whether seconds or minutes are meant."""
    if not isinstance(value, str):
        raise ValueError
    return parse_duration(value)


def _is_matcher(text: str) -> bool:
    try:
        Matcher.parse(text)
    except ConfigurationError:
        return False
    return True


def _is_address(text: str) -> bool:
    match = _ADDRESS.fullmatch(text)
    return match is not None and int(match["port"]) <= _LAST_PORT


def _is_free_header(name: str) -> bool:
    lowered = name.lower()
    is_ours = lowered in OUR_HEADERS or lowered.startswith(("content-", "proxy-"))
    return bool(_HEADER.fullmatch(name)) and not is_ours


def as_decimal(value: object) -> Decimal:
    """A number of YAML, as it is written there, or one in quotes."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError
    if isinstance(value, str) and not _DECIMAL.fullmatch(value):
        raise ValueError
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError
    return number


def _gpu_fraction(value: object) -> GpuFraction:
    if isinstance(value, str) and value in set(FractionModel):
        return FractionModel(value)
    part = as_decimal(value)
    if not 0 < part <= 1:
        raise ValueError
    return part


Span = Annotated[timedelta, BeforeValidator(_parse_span)]
Delay = Annotated[Span, must_be("a span of time from 0s to 3650d with its unit, such as 10s")]
LabelKeyList = Annotated[
    tuple[
        Annotated[
            str,
            Field(max_length=317, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$"),
            must_be("a label key, such as team or example.com/team"),
        ],
        ...,
    ],
    list_of("label keys, such as [team]", least=1),
]
MatcherList = Annotated[
    tuple[Annotated[str, that(_is_matcher), must_be('a label matcher, such as cluster="prod"')], ...],
    list_of("label matchers, such as ['cluster=\"prod\"']"),
]
MetricNameList = Annotated[
    tuple[
        Annotated[
            str,
            Field(max_length=200, pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$"),
            must_be("a metric name, such as DCGM_FI_DEV_FB_USED"),
        ],
        ...,
    ],
    list_of("metric names, such as [DCGM_FI_DEV_FB_USED]", least=1),
]
FilePath = Annotated[Path | None, must_be("the path of a file")]
HeaderFiles = Annotated[
    Mapping[Annotated[str, that(_is_free_header)], Path],
    Field(max_length=MOST_ENTRIES),
    that(lambda files: len({name.lower() for name in files}) == len(files)),
    must_be(
        f"up to {MOST_ENTRIES} names of headers, each once, with the path of the file that holds the value, such as"
        " {X-Scope-OrgID: /var/run/secrets/prometheus/tenant}; not Authorization, nor one that tells how the request is"
        " sent"
    ),
]
Namespace = Annotated[str, that(NAMESPACE.fullmatch), must_be(A_NAMESPACE)]
Address = Annotated[
    str,
    that(_is_address),
    must_be(
        f"host:port with a port from 0 to {_LAST_PORT}, such as 0.0.0.0:8080; an empty host means all of the machine's"
    ),
]
Currency = Annotated[
    str, Field(pattern=r"^[A-Z]{3}$"), must_be("a currency code of three capital letters, such as USD")
]
GpuPart = Annotated[
    GpuFraction,
    PlainValidator(_gpu_fraction),
    must_be(f"a number above 0 and at most 1, such as 0.9, or {one_of(FractionModel)}"),
]
ExchangeRates = Annotated[
    Mapping[
        Annotated[str, Field(pattern=r"^[A-Z]{3}$")],
        Annotated[Decimal, BeforeValidator(as_decimal), Field(ge=Decimal("1e-6"), le=1_000_000)],
    ],
    Field(max_length=MOST_ENTRIES),
    must_be(
        f"up to {MOST_ENTRIES} other currencies with what one unit of each is in the configured one, from 0.000001 to"
        " 1000000, such as {EUR: 1.08}"
    ),
]

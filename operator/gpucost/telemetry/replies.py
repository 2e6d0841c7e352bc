"""What Prometheus says when it does not simply answer: partial, too heavy, too busy, refused."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import msgspec
from requests import codes

from gpucost.model.errors import IncompleteAnswer, SourceUnavailable

MOST_RETRY_SECONDS = 300.0
"""Longest that a server may send us away for: it may be back much earlier than it thought."""

_MOST_WORDS = 300
_MOST_WARNINGS = 3
_TOO_HEAVY = ("too many samples", "timed out", "maximum resolution", "max-samples", "limit")
_SIGNS_OF_PARTS = (b'"warnings"', b'"isPartial"')
_SECONDS = re.compile(r"\d{1,9}", re.ASCII)


class QueryTooHeavy(IncompleteAnswer):
    """The answer is too large, or took the server too long: a shorter time range may do."""


class Overloaded(SourceUnavailable):
    """The server takes no more queries now, and may have said for how long."""

    def __init__(self, message: str, retry_seconds: float) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds
        """From 0 to `MOST_RETRY_SECONDS`; 0: not said."""


class NoAnswerInTime(SourceUnavailable):
    """Either the server is away or the query is too heavy: another query tells."""


class _Told(msgspec.Struct):
    """What an answer says of itself."""

    warnings: list[str] = msgspec.field(default_factory=list)
    is_partial: bool = msgspec.field(default=False, name="isPartial")
    """VictoriaMetrics' word for a part of its storage being away."""


class _Failure(msgspec.Struct):
    error: str = ""
    error_type: str = msgspec.field(default="", name="errorType")


def complaint_of(body: bytes, name: str) -> IncompleteAnswer | None:
    """None where the answer says nothing against itself, also where it is none that can be read."""
    if not any(sign in body for sign in _SIGNS_OF_PARTS):
        return None
    try:
        told = msgspec.json.decode(body, type=_Told)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not (told.warnings or told.is_partial):
        return None
    says = _short("; ".join(told.warnings[:_MOST_WARNINGS])) or "isPartial"
    return IncompleteAnswer(f"{name} says that its answer is partial: {says}; see which part of its storage is away")


def refusal_of(status: int, reason: str, retry_after: str, body: bytes, name: str) -> SourceUnavailable:
    """What an answer with an HTTP status from 400 on means; ``body`` as far as it was read."""
    if status in (codes.unauthorized, codes.forbidden):
        return SourceUnavailable(
            f"{name} refuses our account ({status}); set prometheus.tokenFile, or usernameFile and passwordFile, to an"
            " account that may query"
        )
    failure = _failure_in(body)
    told = _short(failure.error) or reason or "no reason given"
    if status == codes.too_many_requests:
        return _overloaded(status, told, retry_after, name)
    if status == codes.gateway_timeout:
        return NoAnswerInTime(
            f"{name} does not answer the proxy before it in time ({status}): {told}; see whether it is overloaded"
        )
    if failure.error_type == "timeout" or any(sign in failure.error for sign in _TOO_HEAVY):
        return QueryTooHeavy(
            f"{name} gave up on the query ({status}): {told}; give Prometheus more room or raise prometheus.timeout"
        )
    if status == codes.service_unavailable:
        return _overloaded(status, told, retry_after, name)
    fix = (
        "set prometheus.url to the base URL, without /api/v1"
        if status == codes.not_found
        else "look into the log of Prometheus"
    )
    return SourceUnavailable(f"{name} answers with an error ({status}): {told}; {fix}")


def redirected(status: int, location: str, name: str) -> SourceUnavailable:
    target = without_user(location)
    return SourceUnavailable(
        f"{name} redirects to {target or 'nowhere'} ({status}); set prometheus.url to where the API is"
    )


def without_user(url: str) -> str:
    """Without credentials, for messages."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an unreadable address"
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _overloaded(status: int, told: str, retry_after: str, name: str) -> Overloaded:
    return Overloaded(
        f"{name} takes no queries now ({status}): {told}; see whether it is starting or overloaded",
        _seconds_of(retry_after),
    )


def _failure_in(body: bytes) -> _Failure:
    try:
        return msgspec.json.decode(body, type=_Failure)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Failure()


def _seconds_of(retry_after: str) -> float:
    """What the header says, in seconds from now or as a date; 0 where it says nothing that can be read."""
    if _SECONDS.fullmatch(retry_after):
        return min(float(retry_after), MOST_RETRY_SECONDS)
    try:
        seconds = (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), MOST_RETRY_SECONDS)


def _short(text: str) -> str:
    return " ".join(text.split())[:_MOST_WORDS]

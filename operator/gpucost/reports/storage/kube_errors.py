"""What a refusal of the API server means, and what to do about it."""

from typing import NoReturn

import msgspec

from gpucost.model.errors import Conflict, Refused, SourceUnavailable

_MOST_MESSAGE_CHARACTERS = 500
_OUTDATED_SCHEMA = "field not declared in schema"
"""In the message of a 500: how server-side apply answers a field that the CRD does not have."""


class AlreadyExists(Conflict):
    """There is an object of that name."""


class Missing(Conflict):
    """There is no object of that name; where it was to be changed, somebody deleted it meanwhile."""


class _Cause(msgspec.Struct):
    reason: str = ""


class _Details(msgspec.Struct):
    kind: str = ""
    causes: list[_Cause] | None = None


class _Status(msgspec.Struct):
    kind: str = ""
    """Empty: the answer is no ``Status``, so it does not come from one of our kinds."""
    message: str = ""
    reason: str = ""
    details: _Details | None = None


def raise_for(status: int, body: bytes, subject: str, verb: str, host: str) -> NoReturn:
    """Raises what an HTTP status of 300 or more means; ``subject`` is what was to be read or written."""
    told = _read(body)
    message = _one_line(told.message) or f"HTTP {status}"
    server = f"The API server {host}"
    if status == 401:
        raise SourceUnavailable(
            f"{server} does not accept the credentials (401 for {verb} {subject});"
            " renew the token or the client certificate"
        )
    if status == 404 and told.kind and (told.details or _Details()).kind != "namespaces":
        raise Missing(f"{subject} is gone: {message}; read again what there is")
    if status == 409 and told.reason == "AlreadyExists":
        raise AlreadyExists(f"{subject} exists already: another writer was first; read it and go on from there")
    if status == 409:
        raise Conflict(f"{subject} was changed by another writer meanwhile: {message}; read it again")
    if _OUTDATED_SCHEMA in message:
        raise Refused(f"{server} refuses {subject}: {message}; update the CRDs to those of this version of gpucost")
    if status == 429 or status >= 500 or status < 400:
        raise SourceUnavailable(f"{server} answered {status} to {verb} {subject}: {message}; trying again may help")
    fix = _fix(status, told, verb)
    if verb in ("get", "list", "discover"):
        raise SourceUnavailable(f"{server} refuses to {verb} {subject} ({status}): {message}; {fix}")
    raise Refused(f"{server} refuses to {verb} {subject} ({status}): {message}; {fix}")


def _fix(status: int, told: _Status, verb: str) -> str:
    details = told.details or _Details()
    if any(cause.reason == "NamespaceTerminating" for cause in details.causes or ()):
        return "its namespace is being deleted"
    if status == 404:
        return "its namespace is gone" if details.kind == "namespaces" else "install the CRDs of gpucost.io"
    if status == 403 and "exceeded quota" in told.message:
        return "raise the quota of its namespace"
    if status == 403:
        return f'grant the verb "{verb}" on it to the operator\'s service account, or see what admission says'
    return "install the CRDs that belong to this version of gpucost, or see what admission says"


def _read(body: bytes) -> _Status:
    try:
        return msgspec.json.decode(body, type=_Status)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Status(message=body[:_MOST_MESSAGE_CHARACTERS].decode("utf-8", "replace"))


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_MOST_MESSAGE_CHARACTERS]

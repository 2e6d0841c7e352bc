"""What a proxy can do to a call, and how that looks on the wire."""

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from tests.integration.http_wire import Head, Wire

DELAY_SECONDS = 0.5
DRIP_SECONDS = 0.2
"""Between two bytes."""
_DRIP_BYTES = 100
"""After which a slow drip ends in the middle."""


class Mode(Enum):
    """What becomes of a call."""

    THROUGH = "through"
    REFUSE = "refused"
    """The connection is closed before the server hears of the call; with `FaultProxy.set` those that are open too."""
    LOST = "answer lost"
    """The server does what was asked; the connection is closed instead of an answer."""
    SILENT = "never answered"
    """The call is taken, and nothing comes."""
    DELAY = "late"
    CUT = "cut mid-body"
    DRIP = "slow drip"
    ANSWER_400 = "400"
    ANSWER_429 = "429"
    ANSWER_500 = "500"
    ANSWER_503 = "503"
    WRONG_JSON = "wrong JSON"
    HTML = "HTML"
    PARTIAL = "partial"
    """The answer, with Prometheus' warning that it is not whole."""


ANSWERS = {
    Mode.ANSWER_400: ("400 Bad Request", "application/json", '{"status":"error","errorType":"bad_data","error":"bad"}'),
    Mode.ANSWER_429: ("429 Too Many Requests", "text/plain", "slow down"),
    Mode.ANSWER_500: ("500 Internal Server Error", "text/plain", "oops"),
    Mode.ANSWER_503: ("503 Service Unavailable", "text/plain", "starting"),
    Mode.WRONG_JSON: ("200 OK", "application/json", '{"status":"success","data":{"resultType":"vec'),
    Mode.HTML: ("200 OK", "text/html; charset=utf-8", "<html><body>Please log in</body></html>"),
}
WHOLE_BODY = frozenset({Mode.CUT, Mode.DRIP, Mode.PARTIAL})


@dataclass(frozen=True, slots=True)
class Call:
    """One request, in the order in which they came."""

    number: int
    """From 1 on."""
    method: str
    target: str
    """Path and query."""
    agent: str

    @property
    def is_watch(self) -> bool:
        return "watch=true" in self.target

    @property
    def is_kopf(self) -> bool:
        """Of the thread that watches: when it calls depends on nothing that the window loop does."""
        return "kopf" in self.agent.lower() or "aiohttp" in self.agent.lower()


def never(_call: Call) -> Mode:
    return Mode.THROUGH


def made_up(mode: Mode) -> bytes:
    """An answer that the server knows nothing of, for a mode of `ANSWERS`."""
    status, kind, text = ANSWERS[mode]
    more = (("Retry-After", "1"),) if mode is Mode.ANSWER_429 else ()
    head = Head(f"HTTP/1.1 {status}", (("Content-Type", kind), ("Connection", "close"), *more))
    return head.with_length(len(text)).encoded() + text.encode()


def send_badly(client: Wire, mode: Mode, answer: Head, content: bytes) -> bool:
    """The server's answer, for a mode of `WHOLE_BODY`; whether the connection may take another call."""
    head = answer.with_length(len(content)).encoded()
    if mode is Mode.CUT:
        client.send(head + content[: len(content) // 2])
        return False
    if mode is Mode.DRIP:
        client.send(head)
        for byte in content[: min(_DRIP_BYTES, len(content) - 1)]:
            client.send(bytes([byte]))
            time.sleep(DRIP_SECONDS)
        return False
    with suppress(ValueError):
        document = json.loads(content)
        if isinstance(document, dict):
            content = json.dumps({**document, "warnings": ["a part of the storage is away"]}).encode()
    client.send(answer.with_length(len(content)).encoded() + content)
    return True

"""A web server on 127.0.0.1 that answers as a test says, whole or broken."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Asked:
    path: str
    form: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    body: bytes = b""
    length: int | None = None
    """Content-Length, where it shall not be the body's."""
    drip: bytes = b""
    """Sent again and again after the body, a moment apart, until the client goes."""
    hang: bool = False
    """Keep the connection open and send no more, until the client goes or the test ends."""


def json_reply(status: int = 200, **content: Any) -> Reply:
    return Reply(status=status, body=json.dumps(content).encode())


def answer(kind: str, *series: dict[str, Any], **envelope: Any) -> Reply:
    """As Prometheus answers a query."""
    body = {"status": "success", "data": {"resultType": kind, "result": series}} | envelope
    return Reply(body=json.dumps(body).encode())


Script = Callable[[Asked], Reply]


class ScriptedServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.asked: list[Asked] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ScriptedServer

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        asked = Asked(self.path, dict(parse_qsl(form)), dict(self.headers))
        self.server.asked.append(asked)
        reply = self.server.script(asked)
        length = len(reply.body) if reply.length is None else reply.length
        self.send_response(reply.status)
        for name, value in (reply.headers | {"Content-Length": str(length)}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)
        self.close_connection = length != len(reply.body)
        self._go_on(reply)

    def _go_on(self, reply: Reply) -> None:
        while reply.drip and not self.server.over.wait(0.02):
            try:
                self.wfile.write(reply.drip)
            except OSError:
                return
        if reply.hang:
            self.server.over.wait()

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: a test's output is for the test."""


@contextmanager
def serving(script: Script) -> Iterator[ScriptedServer]:
    server = ScriptedServer(script)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()

"""A proxy between the operator and a real server, which can be told to misbehave: always, or at chosen calls."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.integration.faults import ANSWERS, DELAY_SECONDS, WHOLE_BODY, Call, Mode, made_up, never, send_badly
from tests.integration.http_wire import Broken, Head, Wire

__all__ = ["Call", "Certificates", "FaultProxy", "Mode", "never"]


@dataclass(frozen=True, slots=True)
class Certificates:
    """To speak for a TLS server: PEM files."""

    ca: Path
    certificate: Path
    key: Path

    @classmethod
    def of_sandbox(cls, kubeconfig: Path) -> Self:
        """The API server's own, beside its kubeconfig; so a client that trusts it trusts the proxy."""
        folder = kubeconfig.with_name("pki")
        return cls(folder / "ca.crt", folder / "server.crt", folder / "server.key")


class FaultProxy:
    """A context manager; `url` is what to use instead of the real one's.

    Without ``certificates`` a TLS server is behind a tunnel, whose only faults are those of `set`.
    """

    def __init__(
        self,
        target: str,
        mode: Mode = Mode.THROUGH,
        *,
        certificates: Certificates | None = None,
        choose: Callable[[Call], Mode] = never,
        on_answer: Callable[[Call], None] = lambda _: None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        """``choose`` says for every call what becomes of it, before the server hears of it.

        ``on_answer`` is called when the server has answered, before anything of that is passed on. ``now``: at which
        time a Prometheus evaluates a query that names none.
        """
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 0)
        self._mode = mode
        self._choose = choose
        self._on_answer = on_answer
        self._now = now
        self._is_tunnel = parts.scheme == "https" and certificates is None
        self._server_side, self._client_side = _contexts(certificates)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"{parts.scheme}://127.0.0.1:{self._server.getsockname()[1]}"
        self.calls = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self.set(Mode.REFUSE)
        self._server.close()

    def set(self, mode: Mode) -> None:
        """From now on, for every call; THROUGH leaves it to ``choose`` again."""
        self._mode = mode
        if mode is not Mode.THROUGH:
            with self._lock:
                ends = list(self._open)
            for end in ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
                _send_at_once(client)
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError, ValueError):
            if self._mode is Mode.REFUSE:
                return
            with self._remembered(client):
                if self._is_tunnel and self._mode is Mode.SILENT:
                    Wire(client).wait_for_end()
                elif self._is_tunnel:
                    with socket.create_connection(self._target, timeout=5) as server, self._remembered(server):
                        _tunnel(client, server)
                else:
                    self._serve_calls(client)

    def _serve_calls(self, client: socket.socket) -> None:
        if self._server_side is not None:
            client.settimeout(10)
            client = self._server_side.wrap_socket(client, server_side=True)
            client.settimeout(None)
        with client, self._remembered(client):
            wire = Wire(client)
            with _Upstream(self._target, self._client_side) as upstream:
                while (head := wire.read_head()) is not None:
                    body = wire.read_body(head, of_answer=False)
                    head = head.with_length(len(body)) if head.is_chunked else head
                    if not self._serve_call(wire, upstream, head, body):
                        return

    def _serve_call(self, client: Wire, upstream: "_Upstream", head: Head, body: bytes) -> bool:
        """Whether the connection may take another one."""
        call = self._count(head)
        mode = self._mode if self._mode is not Mode.THROUGH else self._choose(call)
        if call.is_watch and mode in WHOLE_BODY:
            mode = Mode.REFUSE
        if mode is Mode.REFUSE:
            return False
        if mode is Mode.SILENT:
            client.wait_for_end()
            return False
        if mode in ANSWERS:
            client.send(made_up(mode))
            return False
        if mode is Mode.DELAY:
            time.sleep(DELAY_SECONDS)
        head, body = self._with_time(call, head, body)
        server = upstream.send(head.encoded() + body)
        answer = server.read_head()
        if answer is None:
            raise Broken("the server closed the connection")
        if mode is Mode.LOST:
            server.read_body(answer, of_answer=True)
            self._on_answer(call)
            return False
        if mode in WHOLE_BODY:
            content = b"".join(piece for _, piece in server.pieces(answer, of_answer=True))
            self._on_answer(call)
            return send_badly(client, mode, answer, content)
        self._on_answer(call)
        client.send(answer.encoded())
        for piece, _ in server.pieces(answer, of_answer=True):
            client.send(piece)
        return answer.is_chunked or bool(answer.get("content-length")) or answer.status in (204, 304)

    def _count(self, head: Head) -> Call:
        method, target, *_ = head.line.split()
        with self._lock:
            self.calls += 1
            return Call(self.calls, method, target, head.get("user-agent"))

    def _with_time(self, call: Call, head: Head, body: bytes) -> tuple[Head, bytes]:
        if self._now is None or not call.target.endswith("/api/v1/query"):
            return head, body
        form = {key: values[-1] for key, values in parse_qs(body.decode()).items()}
        form.setdefault("time", f"{self._now().timestamp():.3f}")
        body = urlencode(form).encode()
        return head.with_length(len(body)), body

    @contextmanager
    def _remembered(self, end: socket.socket) -> Iterator[None]:
        """Until the block ends, the connection is among those that can be closed from outside."""
        with self._lock:
            self._open.add(end)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(end)


class _Upstream:
    """The connection to the real server that belongs to one client's: made at its first call that needs it."""

    def __init__(self, target: tuple[str, int], context: ssl.SSLContext | None) -> None:
        self._target, self._context = target, context
        self._socket: socket.socket | None = None
        self._wire: Wire | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            self._socket.close()

    def send(self, message: bytes) -> Wire:
        if self._wire is None:
            end = socket.create_connection(self._target, timeout=5)
            _send_at_once(end)
            if self._context is not None:
                end = self._context.wrap_socket(end, server_hostname=self._target[0])
            end.settimeout(None)
            self._socket, self._wire = end, Wire(end)
        self._wire.send(message)
        return self._wire


def _send_at_once(end: socket.socket) -> None:
    """Else each message that goes out in two pieces takes 40 ms longer than without the proxy."""
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _contexts(certificates: Certificates | None) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    if certificates is None:
        return None, None
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificates.certificate, certificates.key)
    return server_side, ssl.create_default_context(cafile=str(certificates.ca))


def _tunnel(client: socket.socket, server: socket.socket) -> None:
    server.settimeout(None)
    back = threading.Thread(target=_copy, args=(server, client), daemon=True)
    back.start()
    _copy(client, server)
    back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)

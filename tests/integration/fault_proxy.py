"""A TCP proxy between the operator and a real server, which can be told to misbehave."""

import socket
import threading
from contextlib import suppress
from enum import Enum
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_ERROR = (
    b"HTTP/1.1 500 Internal Server Error\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops"
)


class Mode(Enum):
    THROUGH = "through"
    REFUSE = "refuse"
    """Connections are closed at once, those that are open too."""
    SILENT = "silent"
    """Requests are taken and never answered."""
    ANSWER_500 = "500"
    """To every request; for plain HTTP."""


class FaultProxy:
    """A context manager; `url` is what to use instead of the real one's."""

    def __init__(self, target: str, mode: Mode = Mode.THROUGH) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 0)
        self._mode = mode
        self._open: set[socket.socket] = set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"{parts.scheme}://127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self.set(Mode.REFUSE)
        self._server.close()

    def set(self, mode: Mode) -> None:
        self._mode = mode
        if mode is not Mode.THROUGH:
            for end in list(self._open):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if self._mode is Mode.REFUSE:
                return
            if self._mode is Mode.SILENT:
                self._open.add(client)
                while client.recv(65536):
                    pass
                return
            if self._mode is Mode.ANSWER_500:
                client.recv(65536)
                client.sendall(_ERROR)
                return
            with socket.create_connection(self._target, timeout=5) as server:
                server.settimeout(None)
                self._open |= {client, server}
                back = threading.Thread(target=_copy, args=(server, client), daemon=True)
                back.start()
                _copy(client, server)
                back.join()
                self._open -= {client, server}


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)

"""HTTP/1.1 messages on a socket, as far as a proxy between real clients and servers must understand them."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader

_MOST_HEAD_BYTES = 2**16
_PIECE_BYTES = 2**16


class Broken(OSError):
    """The other side closed the connection in the middle of a message, or speaks no HTTP."""


@dataclass(frozen=True, slots=True)
class Head:
    """First line and headers of a message, as they came."""

    line: str
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """Empty where there is no such header."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    def with_length(self, length: int) -> "Head":
        """The same for a body of ``length`` bytes in one piece."""
        kept = [
            (key, value) for key, value in self.headers if key.lower() not in ("content-length", "transfer-encoding")
        ]
        return Head(self.line, (*kept, ("Content-Length", str(length))))

    def encoded(self) -> bytes:
        lines = [self.line, *(f"{key}: {value}" for key, value in self.headers), "", ""]
        return "\r\n".join(lines).encode("latin-1")

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self.line.split()[1])

    @property
    def is_chunked(self) -> bool:
        return "chunked" in self.get("transfer-encoding").lower()


class Wire:
    """One end of a connection."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._reader: BufferedReader = end.makefile("rb")

    def send(self, data: bytes) -> None:
        self._end.sendall(data)

    def wait_for_end(self) -> None:
        """Until the other side lets go."""
        while self._end.recv(_PIECE_BYTES):
            pass

    def read_head(self) -> Head | None:
        """None: the other side has closed the connection."""
        lines: list[str] = []
        size = 0
        while (line := self._reader.readline(_MOST_HEAD_BYTES)) not in (b"\r\n", b""):
            size += len(line)
            if size > _MOST_HEAD_BYTES:
                raise Broken("a head without an end")
            lines.append(line.decode("latin-1").rstrip("\r\n"))
        if not line:
            if lines:
                raise Broken("closed in the middle of a head")
            return None
        pairs = (entry.partition(":") for entry in lines[1:])
        return Head(lines[0], tuple((key, value.strip()) for key, _, value in pairs))

    def read_body(self, head: Head, *, of_answer: bool) -> bytes:
        return b"".join(piece for _, piece in self.pieces(head, of_answer=of_answer))

    def pieces(self, head: Head, *, of_answer: bool) -> Iterator[tuple[bytes, bytes]]:
        """The body as it comes: each piece as it was on the wire, and what of it is content."""
        if head.is_chunked:
            yield from self._chunks()
        elif length := head.get("content-length"):
            left = int(length)
            while left:
                piece = self._some(min(left, _PIECE_BYTES))
                left -= len(piece)
                yield piece, piece
        elif of_answer and head.status not in (204, 304):
            while piece := self._reader.read1(_PIECE_BYTES):
                yield piece, piece

    def _chunks(self) -> Iterator[tuple[bytes, bytes]]:
        while True:
            line = self._reader.readline(_MOST_HEAD_BYTES)
            if not line.endswith(b"\n"):
                raise Broken("closed between two chunks")
            size = int(line.split(b";")[0], 16)
            content = self._whole(size)
            end = self._reader.readline(_MOST_HEAD_BYTES)
            yield line + content + end, content
            if not size:
                return

    def _some(self, most: int) -> bytes:
        piece = self._reader.read1(most)
        if not piece:
            raise Broken("closed in the middle of a body")
        return piece

    def _whole(self, size: int) -> bytes:
        data = self._reader.read(size)
        if len(data) != size:
            raise Broken("closed in the middle of a chunk")
        return data

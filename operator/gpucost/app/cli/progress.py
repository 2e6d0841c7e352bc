"""A progress bar on stderr where that is a terminal; nothing elsewhere."""

import sys
from types import TracebackType
from typing import Self, TextIO

_WIDTH = 30


class Progress:
    def __init__(self, what: str, total: int, stream: TextIO | None = None) -> None:
        self._what = what
        self._total = max(1, total)
        self._stream = stream or sys.stderr
        self._shown = self._stream.isatty()

    def __enter__(self) -> Self:
        self.show(0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def show(self, done: int) -> None:
        if not self._shown:
            return
        filled = _WIDTH * done // self._total
        bar = "#" * filled + "." * (_WIDTH - filled)
        self._stream.write(f"\r{self._what} [{bar}] {done}/{self._total}")
        self._stream.flush()

"""A progress bar on stderr where that is a terminal; nothing elsewhere."""

import sys
from types import TracebackType
from typing import Self

_WIDTH = 30


class Progress:
    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = max(1, total)
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> Self:
        self.show(0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def show(self, done: int) -> None:
        if not self._shown:
            return
        filled = _WIDTH * done // self._total
        bar = "#" * filled + "." * (_WIDTH - filled)
        print(f"\r{self._what} [{bar}] {done}/{self._total}", end="", file=sys.stderr, flush=True)

"""Waiting longer after each failure in a row, never in step with others."""

import random

FIRST_SECONDS = 1.0
MOST_SECONDS = 60.0


class Backoff:
    """Doubles from `FIRST_SECONDS` to `MOST_SECONDS`; each wait is drawn from the upper half."""

    def __init__(self, *, draw: random.Random | None = None) -> None:
        self._failures = 0
        self._draw = draw or random.Random()  # noqa: S311 - spreads load, guards nothing

    def failed(self, *, at_least: float = 0.0) -> float:
        """Seconds to wait before the next try, and no fewer than somebody asked for."""
        limit = min(MOST_SECONDS, FIRST_SECONDS * 2.0 ** min(self._failures, 16))
        self._failures += 1
        return max(at_least, limit * (0.5 + self._draw.random() / 2))

    def succeeded(self) -> None:
        self._failures = 0

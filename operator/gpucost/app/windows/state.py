"""What the window loop is doing, for probes and metrics: written by the loop's thread, read by others."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

ATTEMPT_LIMIT_SECONDS = 1800.0
"""Beyond it, without a sign of life, the loop is stuck.

Signs of life are the begin of an attempt or of a turn beside it, each report that is about to be written or was put
right, and each span of a day that is computed again. The longest that a sound loop can be without one is the reading of
one span, of 6 hours as of 5 minutes: usage, power and two kinds of prices, each for 120 s and one query more. That is
4 x 130 s where ``prometheus.timeout`` is as it comes, and 4 x 423 s where it is 5 minutes, the most that it may be.
Matching takes seconds, and so do the lists of an API server that answers; work beside the windows begins nothing after
10 s.
"""


@dataclass
class LoopState:
    """Single attributes are replaced whole, so a reader needs no lock."""

    committed_until: datetime | None = None
    """End of the last window that every report has."""
    windows_behind: int = 0
    """Windows that are over and not committed."""
    windows_committed: int = 0
    windows_incomplete: Mapping[str, int] = field(default_factory=dict)
    """Windows that were closed though Prometheus had no whole answer, by what was wrong with it."""
    reports_mended: Mapping[str, int] = field(default_factory=dict)
    """Reports that somebody deleted or edited and that were put right, by how."""
    failures: dict[str, int] = field(default_factory=dict)
    """By the kind of error."""
    last_error: str = ""
    """Why the last attempt failed; empty: it did not."""
    rate_cards: Mapping[str, int] = field(default_factory=dict)
    """How many stand how; empty: not known yet."""
    attempt_started: float | None = None
    """Monotonic; None: no attempt is in work."""
    has_succeeded: bool = False
    loop_ended: bool = False

    def begin(self) -> None:
        """Something is begun, or has got on."""
        self.attempt_started = time.monotonic()

    def rest(self) -> None:
        """What was begun is over, and was no attempt."""
        self.attempt_started = None

    def close_incomplete(self, reason: str, windows: int) -> None:
        known = self.windows_incomplete
        self.windows_incomplete = {**known, reason: known.get(reason, 0) + windows}

    def count_mended(self, how: str) -> None:
        """One report more; many slow ones are no sign of a loop that is stuck."""
        self.begin()
        known = self.reports_mended
        self.reports_mended = {**known, how: known.get(how, 0) + 1}

    def succeed(self) -> None:
        self.attempt_started = None
        self.last_error = ""
        self.has_succeeded = True

    def fail(self, error: Exception) -> None:
        kind = type(error).__name__
        self.failures = {**self.failures, kind: self.failures.get(kind, 0) + 1}
        self.attempt_started = None
        self.last_error = str(error)

    def stand_by(self) -> None:
        """Another replica does the work: nothing is known of how far it is. What was counted stays counted."""
        self.committed_until = None
        self.windows_behind = 0
        self.last_error = ""
        self.rate_cards = {}
        self.attempt_started = None
        self.has_succeeded = False

    def why_dead(self) -> str | None:
        """A sentence where only a restart helps; None while the loop lives."""
        if self.loop_ended:
            return "the window loop has ended"
        started = self.attempt_started
        if started is not None and time.monotonic() - started > ATTEMPT_LIMIT_SECONDS:
            return f"one attempt of the window loop takes longer than {ATTEMPT_LIMIT_SECONDS:g} s"
        return None

    def why_not_ready(self) -> str | None:
        """A sentence while the reports are not brought up to date; None where they are."""
        return self.why_dead() or self.last_error or (None if self.has_succeeded else "the first attempt is in work")

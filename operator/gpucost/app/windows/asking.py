"""Asking for windows until there is an answer that can be closed with; it may be less than everything."""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

from gpucost.app.computing.pipeline import Pipeline, Witness
from gpucost.app.plan import MOST_SPAN, Timing
from gpucost.app.windows.examining import EmptyAnswer, Examination, SignSource, reason_of
from gpucost.app.windows.gaps import with_incomplete, with_too_old
from gpucost.app.windows.patience import Patience
from gpucost.app.windows.state import LoopState
from gpucost.model.errors import IncompleteAnswer
from gpucost.model.ledger import Ledger
from gpucost.model.time import Window, format_time

logger = logging.getLogger(__name__)


class AnsweringTelemetry(SignSource, Protocol):
    """What the pipeline's telemetry can be asked beside windows."""

    def settling(self) -> AbstractContextManager[list[IncompleteAnswer]]:
        """Within it incomplete answers are taken, and what was wrong with them is in the list."""


class Asking:
    """Remembers what was asked in vain: an outage is waited for, less than a whole answer only for a while."""

    def __init__(
        self,
        pipeline: Pipeline,
        telemetry: AnsweringTelemetry,
        timing: Timing,
        state: LoopState,
        witness: Witness | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._telemetry = telemetry
        self._timing = timing
        self._state = state
        self._witness = witness
        self._patience = Patience(timing)
        self._told = ""
        """Why windows are being closed with what there is."""
        self.span = MOST_SPAN
        """How long a stretch of windows is worth asking for at once."""

    def compute(self, windows: Sequence[Window], now: datetime, *, blind: bool) -> Sequence[Ledger]:
        """The ledgers of windows that follow one another; ``blind``: telemetry is not asked.

        Raises SourceUnavailable in an outage, and IncompleteAnswer where a better answer may still come. Then fewer
        windows are to be asked for, so that one of which there is no whole answer spoils no other.
        """
        if blind:
            return with_too_old(self._pipeline.compute(windows, blind=True, witness=self._witness))
        is_patient = not self._patience.is_over(windows, now)
        try:
            return self._ask(windows, now, is_patient=is_patient)
        except IncompleteAnswer as error:
            self._patience.failed(windows, now)
            self.span = self._shorter(windows, error)
            raise

    def _ask(self, windows: Sequence[Window], now: datetime, *, is_patient: bool) -> Sequence[Ledger]:
        examination = Examination(self._telemetry, self._timing, now, self._witness, is_patient=is_patient)
        complaints: list[IncompleteAnswer] = []
        if is_patient or len(windows) > 1:
            ledgers = self._pipeline.compute(windows, witness=examination)
        else:
            with self._telemetry.settling() as complaints:
                ledgers = self._pipeline.compute(windows, witness=examination)
        if complaints:
            self._tell_closing(windows, complaints[0])
            return with_incomplete(ledgers, windows, reason_of(complaints[0]), complaints[0])
        if examination.missing:
            self._tell_closing(examination.missing, EmptyAnswer(examination.missing[0]))
        else:
            self._patience.renew()
            self._told = ""
        self.span = min(MOST_SPAN, 2 * self.span)
        return examination.noted(ledgers)

    def _tell_closing(self, windows: Sequence[Window], error: IncompleteAnswer) -> None:
        reason = reason_of(error)
        self._state.close_incomplete(reason, len(windows))
        if reason != self._told:
            self._told = reason
            logger.warning(
                "closing %d window%s from %s to %s with what there is, and those that follow where it stays so: %s",
                *(len(windows), "" if len(windows) == 1 else "s"),
                *(format_time(windows[0].start), format_time(windows[-1].end), error),
            )

    def _shorter(self, windows: Sequence[Window], error: IncompleteAnswer) -> timedelta:
        if not isinstance(error, EmptyAnswer):
            return max(self._timing.window, (windows[-1].end - windows[0].start) / 2)
        before_it = error.window.start - windows[0].start
        return before_it or self.span

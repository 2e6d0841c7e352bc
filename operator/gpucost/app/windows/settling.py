"""Windows computed at once with what there is: for whoever asks now and waits for no better answer."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gpucost.app.computing.pipeline import Pipeline, Witness
from gpucost.app.plan import Timing
from gpucost.app.windows.asking import AnsweringTelemetry
from gpucost.app.windows.examining import Examination, reason_of
from gpucost.app.windows.gaps import with_incomplete
from gpucost.model.errors import IncompleteAnswer
from gpucost.model.ledger import Ledger
from gpucost.model.time import Window

Compute = Callable[[Sequence[Window]], Sequence[Ledger]]
"""The ledgers of windows that follow one another without a gap."""


class Settling:
    """As the window loop closes windows whose lateness is over, and with the same notes in their ledgers."""

    def __init__(
        self,
        pipeline: Pipeline,
        telemetry: AnsweringTelemetry,
        timing: Timing,
        now: datetime,
        witness: Witness | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._telemetry = telemetry
        self._timing = replace(timing, settle_delay=timedelta(0), lateness=timedelta(0))
        self._now = now
        self._witness = witness

    def compute(self, windows: Sequence[Window]) -> Sequence[Ledger]:
        """Those of which there is no whole answer are found by halves, so that they spoil none of the others.

        Raises SourceUnavailable.
        """
        examination = self._examination()
        try:
            ledgers = self._pipeline.compute(windows, witness=examination)
        except IncompleteAnswer:
            middle = len(windows) // 2
            if middle == 0:
                return self._settle(windows)
            return (*self.compute(windows[:middle]), *self.compute(windows[middle:]))
        return examination.noted(ledgers)

    def _settle(self, windows: Sequence[Window]) -> Sequence[Ledger]:
        examination = self._examination()
        with self._telemetry.settling() as complaints:
            ledgers = self._pipeline.compute(windows, witness=examination)
        if complaints:
            return with_incomplete(ledgers, windows, reason_of(complaints[0]), complaints[0])
        return examination.noted(ledgers)

    def _examination(self) -> Examination:
        return Examination(self._telemetry, self._timing, self._now, self._witness, is_patient=False)

"""Whether an answer without samples can be believed: only where the cluster has no GPU node, it is complete.

An exporter that was never there must hold up no window, and one that was there before is not given up at once.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gpucost.app.computing.pipeline import Witness
from gpucost.app.plan import Timing, is_late
from gpucost.app.windows.gaps import (
    NO_SAMPLES,
    PARTIAL_ANSWER,
    QUERY_TOO_HEAVY,
    with_incomplete,
    with_nothing_stored,
)
from gpucost.model.attributed import Attribution
from gpucost.model.cards import shows_cards
from gpucost.model.errors import IncompleteAnswer
from gpucost.model.fleet import Cluster, Node, Pod
from gpucost.model.holdings import WindowHoldings
from gpucost.model.ledger import Ledger
from gpucost.model.source import RateSource
from gpucost.model.time import DAY, Window, format_time
from gpucost.model.usage import Usage
from gpucost.telemetry.replies import QueryTooHeavy
from gpucost.telemetry.signs import Signs


class SignSource(Protocol):
    def signs(self, since: datetime, until: datetime) -> Signs:
        """Raises SourceUnavailable, or IncompleteAnswer where the answer is partial."""


class EmptyAnswer(IncompleteAnswer):
    """There is no sample of any GPU in windows in which the cluster had some."""

    def __init__(self, window: Window) -> None:
        super().__init__(
            "Prometheus has no sample of any GPU between"
            f" {format_time(window.start)} and {format_time(window.end)}, though the cluster has GPU nodes; see whether"
            " dcgm-exporter runs and is scraped, and whether prometheus.matchers fit"
        )
        self.window = window
        """The first such."""


class Examination:
    """A `Witness` that lets nobody see an answer before it has been examined."""

    def __init__(
        self, source: SignSource, timing: Timing, now: datetime, witness: Witness | None, *, is_patient: bool
    ) -> None:
        """``is_patient`` False: what is empty is taken, if it has to be."""
        self._source = source
        self._timing = timing
        self._now = now
        self._witness = witness
        self._is_patient = is_patient
        self.missing: tuple[Window, ...] = ()
        """Taken, though there should have been samples."""
        self.beyond: tuple[Window, ...] = ()
        """Of which Prometheus has nothing at all any more."""
        self.known_since: datetime | None = None
        """Where ``beyond`` ends, to the hour or so."""

    def on_rates(self, rates: RateSource) -> None:
        if self._witness is not None:
            self._witness.on_rates(rates)

    def on_read(self, cluster: Cluster, usage: Usage, ended: Sequence[Pod]) -> None:
        """Raises EmptyAnswer where samples may still come."""
        empty = _without_samples(usage, [node for node in cluster.nodes if shows_cards(node)])
        if empty:
            self._examine(empty)
        if self._witness is not None:
            self._witness.on_read(cluster, usage, ended)

    def on_window(self, found: WindowHoldings, attribution: Attribution, ledger: Ledger) -> None:
        if self._witness is not None:
            self._witness.on_window(found, attribution, ledger)

    def noted(self, ledgers: Sequence[Ledger]) -> Sequence[Ledger]:
        """With what was taken though it is missing, and what is beyond what is stored, told in them."""
        if self.missing:
            error = EmptyAnswer(self.missing[0])
            ledgers = with_incomplete(ledgers, self.missing, reason_of(error), error)
        if self.beyond and self.known_since is not None:
            ledgers = with_nothing_stored(ledgers, self.beyond, self.known_since)
        return ledgers

    def _examine(self, empty: Sequence[Window]) -> None:
        young = next((window for window in empty if not is_late(window, self._now, self._timing)), None)
        signs = self._source.signs(empty[0].start - DAY, self._now) if empty[0] is not young else Signs()
        missing = tuple(window for window in empty if signs.had_gpus_by(window.start))
        if missing and self._is_patient:
            raise EmptyAnswer(missing[0])
        if young is not None:
            raise EmptyAnswer(young)
        self.missing = missing
        self.known_since = known_since = next(iter(signs.anything), None)
        if known_since is not None:
            self.beyond = tuple(window for window in empty if window.end <= known_since)


def reason_of(error: IncompleteAnswer) -> str:
    """Of the condition that tells it."""
    match error:
        case EmptyAnswer():
            return NO_SAMPLES
        case QueryTooHeavy():
            return QUERY_TOO_HEAVY
        case _:
            return PARTIAL_ANSWER


def _without_samples(usage: Usage, gpu_nodes: Sequence[Node]) -> tuple[Window, ...]:
    def is_empty(number: int) -> bool:
        rows = usage.rows_of(number)
        return bool(rows.start == rows.stop)

    return tuple(
        window
        for number, window in enumerate(usage.windows)
        if is_empty(number) and any(_was_there(node, window) for node in gpu_nodes)
    )


def _was_there(node: Node, window: Window) -> bool:
    return node.created < window.end and (node.ended is None or node.ended > window.start)

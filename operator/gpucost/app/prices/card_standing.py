"""Status and Events of every GpuRateCard: whether it is accepted, whose rates go first, how many nodes it reaches.

Best effort: no figure depends on it, so whatever fails is told once, tried again, and holds nothing up for long.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from threading import Event
from typing import Protocol

from gpucost.app.backoff import Backoff
from gpucost.app.prices.card_status import happenings, status_of, stored_status
from gpucost.app.windows.state import LoopState
from gpucost.model.errors import Conflict, GpuCostError, Refused
from gpucost.model.fleet import Node
from gpucost.pricing.assess import CardVerdict, assess
from gpucost.pricing.rules import PriceRules
from gpucost.reports.build import Object
from gpucost.reports.resources.gpu_rate_card import RateCardStatus
from gpucost.reports.storage.events import Happening
from gpucost.reports.storage.kube_errors import Missing

MOST_WRITES = 200
"""Cards whose status is written in one turn; the others wait for the next."""
MOST_SECONDS = 10.0
"""After which a turn writes no further card."""

ACCEPTED = "accepted"
REFUSED = "refused"
CONFLICTING = "conflicting"

logger = logging.getLogger(__name__)


class CardStore(Protocol):
    """What of the `ReportStore` is needed."""

    def read_rate_cards(self) -> Sequence[Object]: ...

    def write_rate_card_status(self, card: Object, status: RateCardStatus) -> None: ...

    def tell_of_rate_card(self, card: Object, happening: Happening, at: datetime) -> None: ...


class CardStanding:
    """Taken in turns by the loop's thread, whenever cards or nodes may have changed.

    A round goes over all cards by name, in as many turns as it needs. All that must be remembered from one to the next
    is in the statuses that were written, so a restart repeats nothing.
    """

    def __init__(
        self,
        store: CardStore,
        read_nodes: Callable[[], Sequence[Node]],
        *,
        rules: PriceRules,
        state: LoopState,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``read_nodes`` lists the GPU nodes that there are now."""
        self._store = store
        self._read_nodes = read_nodes
        self._rules = rules
        self._state = state
        self._clock = clock
        self._monotonic = monotonic
        self._due = Event()
        self._due.set()
        self._backoff = Backoff()
        self._not_before = 0.0
        self._last_written = ""
        """Name of the card after which the next turn goes on; empty: there is nothing left of the last round."""
        self._judged: Mapping[str, CardVerdict] = {}
        """What was found last, by uid of the card."""
        self._told: set[str] = set()
        """Troubles that are in the log and not over."""

    def mark(self) -> None:
        """Cards or nodes may have changed; from any thread."""
        self._due.set()

    def turn(self) -> None:
        """Bring the statuses up to date where that is due; no outage or refusal is raised."""
        is_due = self._due.is_set() or self._last_written
        if not is_due or self._monotonic() < self._not_before:
            return
        if not self._last_written:
            self._due.clear()
        try:
            self._take_turn()
        except GpuCostError as error:
            self._not_before = self._monotonic() + self._backoff.failed()
            self._due.set()
            self._tell_once("turn", error)
            return
        self._backoff.succeeded()
        self._told.discard("turn")

    def _take_turn(self) -> None:
        cards = {card["metadata"]["uid"]: card for card in self._store.read_rate_cards()}
        now = self._clock()
        verdicts = assess(cards.values(), self._read_nodes(), now, self._rules) if cards else ()
        self._state.rate_cards = _count(verdicts)
        self._log_what_is_new(verdicts)
        until = self._monotonic() + MOST_SECONDS
        written, refused = 0, False
        for verdict in sorted(verdicts, key=lambda verdict: verdict.name):
            if verdict.name <= self._last_written:
                continue
            card = cards[verdict.uid]
            stored = stored_status(card)
            status = status_of(card, verdict, self._rules, stored, now)
            if status == stored:
                continue
            if written and (written == MOST_WRITES or self._monotonic() > until):
                return
            refused |= not self._write(card, stored, status, now)
            self._last_written = verdict.name
            written += 1
        self._last_written = ""
        if not refused:
            self._told.discard("status")

    def _write(self, card: Object, stored: RateCardStatus | None, status: RateCardStatus, now: datetime) -> bool:
        """Whether it was not refused.

        Events go first: where the status does not get through after them, they come again under the same names.
        """
        try:
            for happening in happenings(stored, status):
                self._tell_event(card, happening, now)
            self._store.write_rate_card_status(card, status)
        except Missing:
            return True
        except Conflict:
            self._due.set()
        except Refused as refusal:
            self._tell_once("status", refusal)
            return False
        return True

    def _tell_event(self, card: Object, happening: Happening, now: datetime) -> None:
        try:
            self._store.tell_of_rate_card(card, happening, now)
            self._told.discard("event")
        except Refused as refusal:
            self._tell_once("event", refusal)

    def _log_what_is_new(self, verdicts: Sequence[CardVerdict]) -> None:
        """Not every change of a conflict: it says how many nodes there are."""
        before, self._judged = self._judged, {verdict.uid: verdict for verdict in verdicts}
        for verdict in verdicts:
            old = before.get(verdict.uid)
            known = old.problems if old else ()
            for sentence in (*verdict.problems, *(() if old and old.conflicts else verdict.conflicts)):
                if sentence not in known:
                    logger.warning("%s", sentence)

    def _tell_once(self, trouble: str, error: GpuCostError) -> None:
        if trouble not in self._told:
            self._told.add(trouble)
            logger.warning("what is told of GpuRateCards is not up to date: %s", error)


def _count(verdicts: Sequence[CardVerdict]) -> Mapping[str, int]:
    """Every card in one of them."""
    found = Counter(
        REFUSED if not verdict.accepted else CONFLICTING if verdict.conflicts else ACCEPTED for verdict in verdicts
    )
    return {state: found[state] for state in (ACCEPTED, REFUSED, CONFLICTING)}

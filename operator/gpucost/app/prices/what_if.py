"""The bill of an interval as it is, and as it would be with other GpuRateCards; nothing is written."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta

from gpucost.app.computing.pipeline import Pipeline
from gpucost.app.configuration.settings import Settings
from gpucost.app.plan import next_batch
from gpucost.app.told_once import Remark
from gpucost.model.ledger import Ledger
from gpucost.model.source import RateDesk
from gpucost.model.time import Window, format_time
from gpucost.pricing.card_schema import KIND
from gpucost.pricing.rate_cards import parse_rate_cards
from gpucost.reports.conditions import PRICE_IGNORED, RATE_MISSING, RATES_ESTIMATED

_OF_RATES = frozenset({RATE_MISSING, RATES_ESTIMATED, PRICE_IGNORED})
_FROM_THE_SERVER = ("creationTimestamp", "uid")
"""What an applied object has from the API server: of a card that was there, what it had."""


def applied(cards: Sequence[object], changed: Sequence[object]) -> tuple[object, ...]:
    """``cards`` as they were if ``changed`` had been applied to the cluster.

    A card of the same name replaces the one that is there and is as old as that; a new one is younger than all.
    """
    there = {_name_of(card): card for card in cards}
    new = {_name_of(card): _as_applied(card, there.get(_name_of(card))) for card in changed}
    kept = [new.pop(_name_of(card)) if _name_of(card) in new else card for card in cards]
    return (*kept, *new.values())


def out_of_time(changed: Sequence[object], interval: Window, settings: Settings) -> list[str]:
    """A sentence for each rate that does not count at any moment of the interval."""
    told = []
    for rate in parse_rate_cards(changed, settings.price_rules).rates:
        if rate.valid_from is not None and rate.valid_from >= interval.end:
            told.append(f"{KIND} {rate.name} counts from {format_time(rate.valid_from)} on, after this time")
        elif rate.valid_until is not None and rate.valid_until <= interval.start:
            told.append(f"{KIND} {rate.name} counted until {format_time(rate.valid_until)}, before this time")
    return [f"{sentence}; take its validity out to see what it would have come to" for sentence in told]


def compute_under_each(
    pipeline: Pipeline,
    interval: Window,
    length: timedelta,
    desks: Sequence[RateDesk],
    *,
    progress: Callable[[int], None],
) -> Iterator[tuple[tuple[Ledger, ...], ...]]:
    """Batch by batch the ledgers of each desk; ``progress`` is told how many windows are done.

    Raises as `Pipeline.compute_each`.
    """
    done, start = 0, interval.start
    while windows := next_batch(start, interval.end, length):
        ledgers = pipeline.compute_each(windows, desks)
        done, start = done + len(windows), windows[-1].end
        progress(done)
        yield ledgers


def remarks_on_ledgers(ledgers: Sequence[Ledger]) -> Iterator[Remark]:
    """What they say of rates."""
    for ledger in ledgers:
        for note in ledger.notes:
            if note.type in _OF_RATES:
                yield Remark(note.type, note.subject, note.message)


def _as_applied(card: object, before: object) -> object:
    if not isinstance(card, Mapping) or not isinstance(card.get("metadata"), Mapping):
        return card
    old = before.get("metadata") if isinstance(before, Mapping) else None
    kept = {key: old[key] for key in _FROM_THE_SERVER if key in old} if isinstance(old, Mapping) else {}
    own = {key: value for key, value in card["metadata"].items() if key not in _FROM_THE_SERVER}
    return {**card, "metadata": {**own, **kept}}


def _name_of(card: object) -> object:
    metadata = card.get("metadata") if isinstance(card, Mapping) else None
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return name if isinstance(name, str) else id(card)

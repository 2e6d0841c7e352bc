"""What is told of a GpuRateCard: its status, and what happened to it since the last one was written."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from pydantic import ValidationError

from gpucost.pricing.assess import CardVerdict
from gpucost.pricing.rules import PriceRules
from gpucost.reports.build import Object
from gpucost.reports.conditions import Finding, update_conditions
from gpucost.reports.resources.fields import Condition
from gpucost.reports.resources.gpu_rate_card import MOST_RATES, RateCardStatus, RateStatus
from gpucost.reports.storage.events import Happening

ACCEPTED = "Accepted"
ALL_RATES_ACCEPTED = "AllRatesAccepted"
CURRENCY_UNKNOWN = "CurrencyUnknown"
RATES_REFUSED = "RatesRefused"

CONFLICTING = "Conflicting"
OLDER_CARD_DECIDES = "OlderCardDecides"
NO_CONFLICT = "NoConflict"

MOST_MESSAGE_CHARACTERS = 4096

_GOOD = {ACCEPTED: "True", CONFLICTING: "False"}
"""Type to the status that nobody needs to hear of."""


def stored_status(card: Object) -> RateCardStatus | None:
    """What was written last; None: nothing yet, or nothing that can be understood, which is written anew.

    Conditions that others have put there are theirs.
    """
    try:
        status = RateCardStatus.model_validate(card.get("status"))
    except ValidationError:
        return None
    return status.model_copy(update={"conditions": tuple(each for each in status.conditions if each.type in _GOOD)})


def status_of(
    card: Object, verdict: CardVerdict, rules: PriceRules, stored: RateCardStatus | None, now: datetime
) -> RateCardStatus:
    """What is to be written of ``card``; a condition keeps the time of the ``stored`` one where its status is equal."""
    findings = (_accepted(verdict, _why_refused(card, rules)), _conflicting(verdict))
    conditions = update_conditions(stored.conditions if stored else (), findings, now)
    generation = {"observed_generation": verdict.generation}
    return RateCardStatus(
        observed_generation=verdict.generation,
        nodes_in_force=sum(rate.in_force for rate in verdict.rates),
        rates=tuple(
            RateStatus(name=rate.name, nodes=rate.matched, nodes_in_force=rate.in_force)
            for rate in verdict.rates[:MOST_RATES]
        ),
        conditions=tuple(condition.model_copy(update=generation) for condition in conditions),
    )


def happenings(stored: RateCardStatus | None, status: RateCardStatus) -> Iterator[Happening]:
    """One for each condition that turned bad, or good again; a card that begins well is nothing to tell."""
    before = _by_type(stored.conditions if stored else ())
    for condition in status.conditions:
        old = before.get(condition.type)
        is_good = condition.status == _GOOD[condition.type]
        if condition.status == (old.status if old else _GOOD[condition.type]):
            continue
        since = old.last_transition_time if old else ""
        yield Happening(
            type="Normal" if is_good else "Warning",
            reason=condition.reason,
            message=condition.message,
            key=f"{condition.type} {condition.status} {since}",
        )


def _accepted(verdict: CardVerdict, why_refused: str) -> Finding:
    if verdict.accepted:
        return Finding(ACCEPTED, "True", ALL_RATES_ACCEPTED, "All rates of this card can be used.")
    return Finding(ACCEPTED, "False", why_refused, _told(verdict.problems))


def _why_refused(card: Object, rules: PriceRules) -> str:
    is_known = rules.in_currency(Decimal(1), card["spec"].get("currency")) is not None
    return RATES_REFUSED if is_known else CURRENCY_UNKNOWN


def _conflicting(verdict: CardVerdict) -> Finding:
    if not verdict.conflicts:
        return Finding(CONFLICTING, "False", NO_CONFLICT, "No older card has an equal claim to the same nodes.")
    return Finding(CONFLICTING, "True", OLDER_CARD_DECIDES, _told(verdict.conflicts))


def _told(sentences: Sequence[str]) -> str:
    """As many as fit, and how many do not."""
    text = ""
    for number, sentence in enumerate(sentences):
        longer = f"{text}{' ' if text else ''}{sentence.rstrip('.')}."
        rest = f" And {len(sentences) - number} more."
        if len(longer) > MOST_MESSAGE_CHARACTERS - len(rest):
            return text + rest if text else f"{longer[: MOST_MESSAGE_CHARACTERS - len(rest) - 1]}…{rest}"
        text = longer
    return text


def _by_type(conditions: Sequence[Condition]) -> Mapping[str, Condition]:
    return {condition.type: condition for condition in conditions}

"""GpuRateCards as the API returns them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gpucost.model.time import format_time
from gpucost.simulation.identity import stable_uuid


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCardSpec:
    """Times are seconds from the start of the first window."""

    name: str
    rates: tuple[Mapping[str, Any], ...]
    """As they are written, with names of their own."""
    created: int
    valid_from: int | None = None
    valid_until: int | None = None
    terms: Mapping[str, Any] = field(default_factory=dict)
    """Other keys of the card: ``priority``, ``currency``, ``discountPercent`` ..."""


def rate_card_object(card: RateCardSpec, start: datetime) -> dict[str, Any]:
    def time(seconds: int) -> str:
        return format_time(start + timedelta(seconds=seconds))

    validity = {"validFrom": card.valid_from, "validUntil": card.valid_until}
    return {
        "apiVersion": "gpucost.io/v1alpha1",
        "kind": "GpuRateCard",
        "metadata": {
            "name": card.name,
            "uid": stable_uuid(0, "rate-card", card.name),
            "generation": 1,
            "creationTimestamp": time(card.created),
        },
        "spec": {
            "currency": "USD",
            **card.terms,
            **{key: time(seconds) for key, seconds in validity.items() if seconds is not None},
            "rates": [dict(rate) for rate in card.rates],
        },
    }

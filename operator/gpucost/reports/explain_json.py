"""An explanation for programs: every factor and every figure, money and ratios as decimal strings."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from gpucost.model.money import E9, format_e9, format_hours, format_ratio
from gpucost.model.policies import Policy
from gpucost.model.rates import MissingRate
from gpucost.model.time import format_time
from gpucost.reports.charges import Charge
from gpucost.reports.explain_words import meaning_of, slices_in_words
from gpucost.reports.explanation import Chain, DeviceBasis, Explanation
from gpucost.reports.statements import amount_or_none


def explanation_json(explanation: Explanation, *, by_window: bool) -> str:
    """``holders`` are rows of ``gpucost allocations``, with ``steps``: what each is made of."""
    told = {
        "namespace": explanation.namespace,
        "pod": explanation.pod,
        "start": format_time(explanation.start),
        "end": format_time(explanation.end),
        "windowSeconds": explanation.window // timedelta(seconds=1),
        "currency": explanation.currency,
        "policy": _policy(explanation.policy),
        **_amounts(explanation.charge),
        "holders": [
            {**holder.row, "steps": _chains(holder.by_window() if by_window else holder.by_factors())}
            for holder in explanation.holders
        ],
    }
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _policy(policy: Policy) -> dict[str, str]:
    return {
        "usedRatio": str(policy.used_ratio),
        "memoryWeight": _decimal(policy.memory_weight),
        "sliceBasis": str(policy.slice_basis),
        "unallocated": str(policy.unallocated),
    }


def _chains(chains: Sequence[Chain]) -> list[dict[str, Any]]:
    return [
        {
            "start": format_time(chain.start),
            "end": format_time(chain.end),
            "windows": len(chain.steps),
            "node": _node(chain),
            "device": _device(chain.first.device),
            "held": _held(chain),
            "use": _use(chain),
            "gpuHours": {
                "reserved": format_hours(chain.figures.reserved_hours),
                "used": format_hours(chain.figures.used_hours) if chain.figures.is_use_seen else None,
                "charged": format_hours(chain.figures.charged_hours),
            },
            **_amounts(chain.charge),
            "unallocatedShare": format_e9(chain.figures.unallocated_share),
            "flags": [{"flag": flag, "meaning": meaning_of(flag)} for flag in chain.flags],
        }
        for chain in chains
    ]


def _node(chain: Chain) -> dict[str, Any]:
    price = chain.first.price
    rate = price.rate
    known: dict[str, Any] = (
        {
            **dict.fromkeys(("rate", "rateOrigin", "rateSource", "rateDate", "rateTerms", "gpuFractionTerms")),
            "rateEstimated": False,
            "rateDoubts": [],
            "rateMissing": rate.reason,
        }
        if isinstance(rate, MissingRate)
        else {
            "rate": format_e9(rate.hourly_e9),
            "rateOrigin": str(rate.origin),
            "rateSource": rate.source,
            "rateDate": rate.as_of or None,
            "rateTerms": rate.terms or None,
            "gpuFractionTerms": rate.gpu_fraction_terms or None,
            "rateEstimated": rate.is_estimate,
            "rateDoubts": [{"flag": doubt.flag, "message": doubt.message} for doubt in rate.doubts],
            "rateMissing": None,
        }
    )
    is_priced = not isinstance(rate, MissingRate)
    return {
        "name": price.node,
        "uid": price.uid,
        "instanceType": price.instance_type or None,
        **known,
        "aliveHours": format_hours(chain.alive_hours),
        "nodeCost": format_e9(chain.bill_e9) if is_priced else None,
        "gpuFraction": _decimal(price.gpu_fraction),
        "gpuCost": format_e9(chain.gpu_bill_e9) if is_priced else None,
        "cards": price.cards.cards,
        "cardsCountedBy": [{"source": source, "cards": cards} for source, cards in price.cards.sources],
        "cardHourlyRate": None if chain.card_hour_e9 is None else format_e9(round(chain.card_hour_e9)),
    }


def _device(device: DeviceBasis) -> dict[str, Any]:
    slices = device.slices
    return {
        "uuid": device.uuid or None,
        "gpuInstanceId": device.gpu_instance_id,
        "profile": device.profile,
        "model": device.model or None,
        "sharing": device.sharing,
        "computeSlices": slices_in_words(slices.compute, device.card_slices[0]) if slices else None,
        "memorySlices": slices_in_words(slices.memory, device.card_slices[1]) if slices else None,
        "guessed": device.is_guess,
        "sliceBasis": str(device.basis),
        "ownShare": _decimal(device.own_share),
        "scaled": device.is_scaled,
        "pool": device.is_pool,
        "sliceShare": _decimal(device.share),
    }


def _held(chain: Chain) -> dict[str, Any]:
    figures, samples, life = chain.figures, chain.samples, chain.first.life
    return {
        "heldHours": format_hours(figures.held_hours),
        "measuredHours": format_hours(figures.seen_hours),
        "coverage": format_ratio(figures.seen_hours, figures.held_hours),
        "slotShare": _decimal(chain.first.slot_share),
        "timedBy": str(chain.first.timed_by) if chain.first.timed_by else None,
        "scrapes": _decimal(samples.scrapes) if samples else None,
        "deviceScrapes": _decimal(samples.device_scrapes) if samples else None,
        "scrapeIntervalSeconds": _decimal(samples.interval_seconds) if samples else None,
        "bound": _time(life.bound) if life else None,
        "ended": _time(life.ended) if life else None,
    }


def _use(chain: Chain) -> dict[str, Any]:
    figures = chain.figures
    return {
        "memoryRatio": format_ratio(figures.memory_used_hours, figures.memory_hours),
        "computeRatio": format_ratio(figures.compute_used_hours, figures.compute_hours),
        "computeMetrics": list(chain.compute_metrics),
        "usedRatio": None if chain.used_ratio is None else _decimal(chain.used_ratio),
        "windowsDecidedBy": dict(sorted(chain.decided_by.items())),
    }


def _amounts(charge: Charge) -> dict[str, str | None]:
    return {
        "cost": amount_or_none(charge.cost),
        "usedCost": amount_or_none(charge.used_cost),
        "idleCost": amount_or_none(charge.idle_cost),
        "unknownUseCost": amount_or_none(charge.unknown_use_cost),
    }


def _time(moment: datetime | None) -> str | None:
    return format_time(moment) if moment else None


def _decimal(number: float | Fraction) -> str:
    return format_e9(round(number * E9))

"""An explanation for people: words, factors and products, line by line; each product can be checked by hand."""

from collections.abc import Iterator
from datetime import datetime

from gpucost.model.money import E9, HourTicks, format_e9, format_hours, format_ratio
from gpucost.model.policies import Policy
from gpucost.model.rates import MissingRate
from gpucost.model.time import format_time
from gpucost.reports.allocations import Row
from gpucost.reports.charges import Charge
from gpucost.reports.explain_words import (
    basis_in_words,
    meaning_of,
    ratio_in_words,
    slices_in_words,
)
from gpucost.reports.explanation import ROUNDING, Chain, Explanation, Life, TimedBy
from gpucost.reports.statements import amount_or_none
from gpucost.reports.words import UNKNOWN, in_percent

_COLUMN = 12

Line = tuple[str, str]
"""What a line is about, and what it says."""


def explanation_text(explanation: Explanation, *, by_window: bool) -> str:
    """Holder by holder, and window by window or as few lines as can be multiplied up."""
    belongs = list(dict.fromkeys(_dimensions(holder.row) for holder in explanation.holders))
    lines = [
        f"Pod {explanation.namespace}/{explanation.pod} in {_span(explanation.start, explanation.end)},"
        f" windows of {explanation.window.total_seconds() / 60:g} min",
        *(f"  {dimensions}" for dimensions in belongs if len(belongs) == 1),
    ]
    for holder in explanation.holders:
        lines += ["", _title(holder.row)]
        if len(belongs) > 1:  # it was relabelled
            lines.append(f"  {_dimensions(holder.row)}")
        for chain in holder.by_window() if by_window else holder.by_factors():
            lines.append(f"  {_span(chain.start, chain.end)}, {_count(len(chain.steps), 'window')}")
            lines += [f"    {about:<{_COLUMN}}{words}" for about, words in _chain(chain, explanation)]
    charge = explanation.charge
    lines += ["", f"The pod costs {_money(charge.cost)} {explanation.currency}{_parts(charge)}."]
    return "\n".join(lines) + "\n"


def _dimensions(row: Row) -> str:
    return (
        f"{row['workload']} ({row['workloadType']}); team {row['team']}, product {row['product']},"
        f" cost centre {row['costCentre']}, environment {row['environment']}"
    )


def _title(row: Row) -> str:
    uid = f" (pod UID {row['podUid']})" if row["podUid"] else ""
    instance = f" instance {row['gpuInstanceId']}" if row["gpuInstanceId"] else ""
    device = f"{row['uuid']}{instance}" if row["uuid"] else "a device that nobody names"
    return f"Container {row['container'] or UNKNOWN}{uid} on {device} of node {row['node']}"


def _chain(chain: Chain, explanation: Explanation) -> Iterator[Line]:
    yield from _price(chain, explanation.currency)
    yield from _device(chain)
    yield from _holding(chain)
    yield from _use(chain, explanation.policy)
    yield from _charged(chain, explanation.currency)
    if chain.figures.unallocated_share:
        yield (
            "unallocated",
            f"{format_e9(chain.figures.unallocated_share)} {explanation.currency} of what nobody held on the node,"
            f" by the policy {explanation.policy.unallocated}; never inside the cost",
        )
    for flag in chain.flags:
        yield "note", f"{flag}: {meaning}" if (meaning := meaning_of(flag)) else flag


def _price(chain: Chain, currency: str) -> Iterator[Line]:
    price, rate = chain.first.price, chain.first.price.rate
    node = f"{price.node} ({price.instance_type})" if price.instance_type else price.node
    if isinstance(rate, MissingRate):
        yield "rate", f"none for node {node}, so there is no cost: {rate.reason}"
    else:
        dated = f" ({rate.as_of})" if rate.as_of and rate.as_of not in rate.source else ""
        yield "rate", f"{format_e9(rate.hourly_e9)} {currency} an hour for node {node}, from {rate.source}{dated}"
        if rate.terms:
            yield "terms", f"{rate.terms} = {format_e9(rate.hourly_e9)} {currency} an hour"
        for doubt in rate.doubts:
            yield "doubt", f"{doubt.flag}: {doubt.message}"
        yield (
            "node bill",
            f"{format_e9(rate.hourly_e9)} x {format_hours(chain.alive_hours)} h = {format_e9(chain.bill_e9)} {currency}"
            f"{', each window rounded once' if len(chain.steps) > 1 else ''}",
        )
        fraction = ""
        if price.gpu_fraction < 1:
            fraction = f" x {_decimal(price.gpu_fraction)}"
            terms = f"; {rate.gpu_fraction_terms}" if rate.gpu_fraction_terms else ""
            yield (
                "GPU part",
                f"{format_e9(chain.bill_e9)}{fraction} = {format_e9(chain.gpu_bill_e9)} {currency}{terms}",
            )
    yield "cards", _cards(chain)
    if not isinstance(rate, MissingRate) and chain.card_hour_e9 is not None:
        yield (
            "card-hour",
            f"{format_e9(rate.hourly_e9)}{fraction} / {price.cards.cards} ="
            f" {format_e9(round(chain.card_hour_e9))} {currency}",
        )


def _cards(chain: Chain) -> str:
    cards = chain.first.price.cards
    if cards.is_estimate:
        return f"{cards.cards} physical, as the node's capacity suggests: nobody counts them"
    counted = ", ".join(f"{source} {count}" for source, count in cards.sources)
    return f"{cards.cards} physical, the most that anybody counts: {counted}"


def _device(chain: Chain) -> Iterator[Line]:
    device = chain.first.device
    model = device.model or "unknown model"
    if device.is_guess:
        yield (
            "device",
            f"MIG {device.profile or UNKNOWN} of {model}, {device.sharing}: its slices are not known, so its share is"
            f" an estimate: {_decimal(device.own_share)} of its card",
        )
    elif device.slices is None:
        yield "device", f"whole card ({model}), {device.sharing}: {_decimal(device.own_share)} of a card"
    else:
        compute = slices_in_words(device.slices.compute, device.card_slices[0])
        memory = slices_in_words(device.slices.memory, device.card_slices[1])
        yield (
            "device",
            f"MIG {device.profile or UNKNOWN} of {model}, {device.sharing}: compute {compute}, memory {memory};"
            f" {basis_in_words(device.basis)}: {_decimal(device.own_share)} of its card",
        )
    if device.is_scaled:
        yield "scaled", f"to {_decimal(device.share)}, since the instances of its card add up to more than the card"
    if device.is_pool:
        yield "pool", f"which of such devices it was is not known: together they are {_decimal(device.share)} cards"


def _holding(chain: Chain) -> Iterator[Line]:
    figures, first = chain.figures, chain.first
    timed = _timed(chain)
    yield "held", f"{format_hours(figures.held_hours)} h{f': {timed}' if timed else ''}"
    if first.life is not None and first.timed_by is not TimedBy.API:
        yield "by the API", _life(first.life)
    if abs(first.slot_share - 1) > ROUNDING:
        whole = "pool" if first.device.is_pool else "device"
        yield "slots", f"{_decimal(first.slot_share)} of the slots of the {whole}"
    yield (
        "measured",
        f"{format_hours(figures.seen_hours)} h, {in_percent(figures.seen_hours, figures.held_hours)} of the held time",
    )


def _timed(chain: Chain) -> str:
    """What the hours rest on; empty: it is not at hand."""
    samples, life = chain.samples, chain.first.life
    match chain.first.timed_by:
        case None:
            return ""
        case TimedBy.API:
            if life is None or life.bound is None:
                return "timed by the API, since no series names it"
            ended = f" to {format_time(life.ended)}" if life.ended else ", has not ended"
            return f"timed by the API: bound {format_time(life.bound)}{ended}"
        case TimedBy.TELEMETRY:
            if samples is None:
                return "timed by the scrapes that name it, on devices of which nobody knows which it was"
            return (
                f"{samples.scrapes:g} of {samples.device_scrapes:g} scrapes of the device name it,"
                f" {samples.interval_seconds:g} s apart"
            )


def _life(life: Life) -> str:
    ended = f"ended {format_time(life.ended)}" if life.ended else "has not ended"
    if life.bound is None:
        return f"when it was bound is forgotten, so telemetry tells since when it held the device; {ended}"
    return f"bound {format_time(life.bound)}, {ended}; it holds nothing outside of that"


def _use(chain: Chain, policy: Policy) -> Iterator[Line]:
    figures, ratio = chain.figures, chain.used_ratio
    memory = format_ratio(figures.memory_used_hours, figures.memory_hours) or "not measured"
    compute = format_ratio(figures.compute_used_hours, figures.compute_hours) or "not measured"
    measured = f" (measured by {' or '.join(chain.compute_metrics)})" if chain.compute_metrics else ""
    yield "ratios", f"memory {memory}, compute {compute}{measured}, in the mean while held"
    if ratio is None:
        yield "used ratio", "unknown: use was not measured, which is not zero"
        return
    deciding = chain.decided_by
    decided = " and ".join(f"{who} in {_count(deciding[who], 'window')}" for who in sorted(deciding))
    yield "used ratio", f"{_decimal(ratio)}: {ratio_in_words(policy)} ({policy.used_ratio}), decided by {decided}"


def _charged(chain: Chain, currency: str) -> Iterator[Line]:
    figures, charge, first = chain.figures, chain.charge, chain.first
    slots = f" x {_decimal(first.slot_share)}" if abs(first.slot_share - 1) > ROUNDING else ""
    share = _decimal(first.device.share)
    yield "reserved", _product(f"{share} x {format_hours(figures.held_hours)} h{slots}", figures.reserved_hours)
    if chain.is_capped:
        yield "used", f"{format_hours(figures.used_hours)} card-hours, where it fits"
    elif chain.used_ratio is not None:
        used = f"{share} x {format_hours(figures.seen_hours)} h x {_decimal(chain.used_ratio)}"
        yield "used", _product(used, figures.used_hours)
    yield "charged", f"{format_hours(figures.charged_hours)} card-hours: {_why_charged(chain)}"
    if charge.cost is None or chain.card_hour_e9 is None:
        return
    hour = format_e9(round(chain.card_hour_e9))
    yield "cost", f"{format_hours(figures.charged_hours)} x {hour} = {_money(charge.cost)} {currency}{_parts(charge)}"


def _product(factors: str, ticks: HourTicks) -> str:
    return f"{factors} = {format_hours(ticks)} card-hours"


def _why_charged(chain: Chain) -> str:
    if chain.is_capped:
        return "the larger of reserved and used, cut to what fits"
    if chain.used_ratio is None:
        return "what is reserved"
    if chain.figures.seen_hours < chain.figures.held_hours:
        return "the larger of reserved and used while measured, what is reserved for the rest"
    return "the larger of reserved and used"


def _parts(charge: Charge) -> str:
    if charge.cost is None:
        return ""
    return (
        f": used {_money(charge.used_cost)}, idle {_money(charge.idle_cost)},"
        f" of unknown use {_money(charge.unknown_use_cost)}"
    )


def _money(amount_e9: int | None) -> str:
    return amount_or_none(amount_e9) or "an unknown amount of"


def _span(start: datetime, end: datetime) -> str:
    return f"{format_time(start)} - {format_time(end)}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _decimal(number: float) -> str:
    return format_e9(round(number * E9))

"""One rate for a window in which several count, each for as long as it does."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from gpucost.model.fleet import Node
from gpucost.model.rates import MissingRate, NodeRate
from gpucost.model.time import Window
from gpucost.pricing.terms import exact, plain

_LEAST = timedelta(milliseconds=1)
"""What is shorter does not count: lives of nodes are known in whole milliseconds."""
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a window in which one rate counts."""

    start: datetime
    end: datetime
    rate: NodeRate | MissingRate

    @property
    def span(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class _Priced:
    end: datetime
    us: int
    """Microseconds for which it counts: whole ones, as any two moments are apart."""
    rate: NodeRate


def living_part(node: Node, window: Window) -> tuple[datetime, datetime]:
    """From when until when the node lived in the window; the whole window where it did not."""
    start = max(window.start, node.created)
    end = window.end if node.ended is None else min(window.end, node.ended)
    return (start, end) if start < end else (window.start, window.end)


def blend(segments: Sequence[Segment]) -> NodeRate | MissingRate:
    """The mean of the segments' rates by their time, rounded once; none where one of them has none.

    ``segments`` follow one another, and there is at least one.
    """
    different = _joined(segments)
    if len(different) == 1:
        return different[0].rate
    priced: list[_Priced] = []
    for segment in different:
        if isinstance(segment.rate, MissingRate):
            return _missing(segment, segment.rate)
        priced.append(_Priced(segment.end, segment.span // _TICK, segment.rate))
    return _mean(priced)


def _joined(segments: Sequence[Segment]) -> list[Segment]:
    """Neighbours with the same rate as one; without those that are too short to count, unless all are."""
    joined: list[Segment] = []
    for segment in [segment for segment in segments if segment.span >= _LEAST] or segments[:1]:
        if joined and joined[-1].rate == segment.rate:
            joined[-1] = Segment(joined[-1].start, segment.end, segment.rate)
        else:
            joined.append(segment)
    return joined


def _missing(segment: Segment, rate: MissingRate) -> MissingRate:
    reason = rate.reason.removeprefix(f"Node {rate.node}: ")
    span = f"from {_clock(segment.start)} to {_clock(segment.end)}"
    return MissingRate(node=rate.node, reason=f"Node {rate.node}, {span}: {reason}")


def _mean(parts: Sequence[_Priced]) -> NodeRate:
    rates = [part.rate for part in parts]
    longest = max(parts, key=lambda part: part.us).rate
    hourly_e9, card_hourly_e9 = _hourly(rates, [part.us for part in parts])
    fraction, fraction_terms = _gpu_fraction(parts)
    return NodeRate(
        node=longest.node,
        hourly_e9=hourly_e9,
        origin=longest.origin,
        source=_in_turn((part.rate.source, part.end) for part in parts),
        as_of=min((rate.as_of for rate in rates if rate.as_of), default=""),
        terms=_terms(parts),
        doubts=tuple(dict.fromkeys(chain.from_iterable(rate.doubts for rate in rates))),
        cards=longest.cards,
        card_hourly_e9=card_hourly_e9,
        gpu_fraction=fraction,
        gpu_fraction_terms=fraction_terms,
    )


def _hourly(rates: Sequence[NodeRate], weights: Sequence[int]) -> tuple[int, int | None]:
    """Of the node and, where each rate is a price of a card x the node's cards, of a card: so is the mean."""
    of_cards = [rate.card_hourly_e9 for rate in rates if rate.card_hourly_e9 is not None]
    if len(of_cards) < len(rates):
        return _weighted([rate.hourly_e9 for rate in rates], weights), None
    card_hourly_e9 = _weighted(of_cards, weights)
    cards = max((rate.hourly_e9 // rate.card_hourly_e9 for rate in rates if rate.card_hourly_e9), default=0)
    return card_hourly_e9 * cards, card_hourly_e9


def _weighted(amounts_e9: Sequence[int], weights: Sequence[int]) -> int:
    """Rounded half up."""
    total = sum(weights)
    return (2 * sum(amount * weight for amount, weight in zip(amounts_e9, weights, strict=True)) + total) // (2 * total)


def _gpu_fraction(parts: Sequence[_Priced]) -> tuple[float, str]:
    """What goes to the GPUs in all, of what all costs."""
    first = parts[0].rate
    if all(part.rate.gpu_fraction == first.gpu_fraction for part in parts):
        return first.gpu_fraction, first.gpu_fraction_terms
    costs = [part.rate.hourly_e9 * part.us for part in parts]
    total = sum(costs)
    if not total:
        return first.gpu_fraction, first.gpu_fraction_terms
    of_gpus = sum(part.rate.gpu_fraction * cost for part, cost in zip(parts, costs, strict=True))
    told = ((part.rate.gpu_fraction_terms or f"{part.rate.gpu_fraction:g}", part.end) for part in parts)
    return min(of_gpus / total, 1.0), f"{_in_turn(told)}; in the mean of what each costs {of_gpus / total:.6f}"


def _terms(parts: Sequence[_Priced]) -> str:
    amounts = " + ".join(f"{plain(exact(part.rate.hourly_e9))} x {_seconds(part.us)} s" for part in parts)
    return f"({amounts}) / {_seconds(sum(part.us for part in parts))} s"


def _in_turn(told: Iterable[tuple[str, datetime]]) -> str:
    """``GpuRateCard a/x until 12:02:30Z, then GpuRateCard b/x``."""
    *turns, (last, _) = told
    return ", then ".join([*(f"{words} until {_clock(end)}" for words, end in turns), last])


def _seconds(us: int) -> str:
    return plain(exact(us * 1000))


def _clock(moment: datetime) -> str:
    return moment.strftime("%H:%M:%SZ")

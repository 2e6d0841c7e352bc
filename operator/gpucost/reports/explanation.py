"""The arithmetic of one pod, from what telemetry and the API say to what it costs: facts, without words.

A `Step` is one holder of the pod in one window; a `Chain` is one or more of them with the same factors, summed.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property

from gpucost.model.ledger import Figures, HolderLine
from gpucost.model.mig import Slices
from gpucost.model.money import HourTicks
from gpucost.model.policies import Policy, SliceBasis
from gpucost.model.rates import MissingRate, NodeRate
from gpucost.model.time import Window
from gpucost.reports.allocations import Row
from gpucost.reports.charges import Charge, Totals, totals_of_row
from gpucost.reports.ledger import CAPPED

ROUNDING = 1e-9  # closer shares are equal


@dataclass(frozen=True, slots=True, kw_only=True)
class CardBasis:
    """Why the bill of a node is divided by so many cards."""

    cards: int
    sources: tuple[tuple[str, int], ...]
    """Source and how many cards it counts."""

    @property
    def is_estimate(self) -> bool:
        return not self.sources


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBasis:
    """What a card of the node costs, but for how long the node lived."""

    node: str
    uid: str
    instance_type: str
    rate: NodeRate | MissingRate
    gpu_fraction: float
    cards: CardBasis


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceBasis:
    """What part of a card a device is."""

    uuid: str
    gpu_instance_id: str
    profile: str
    model: str
    sharing: str
    slices: Slices | None
    """None: it is no MIG instance, or what its profile has on that model is not known."""
    card_slices: tuple[int, int]
    """Compute and memory slices of a whole card of that model."""
    is_guess: bool
    """It is a MIG instance whose slices are not known, so its share is an estimate."""
    basis: SliceBasis
    own_share: float
    """Of one device, before it is scaled, where the instances of its card would add up to more than the card."""
    share: float
    """Of its card; of a pool, of all its cards together."""

    @property
    def is_scaled(self) -> bool:
        return self.own_share - self.share > ROUNDING

    @property
    def is_pool(self) -> bool:
        """It stands for several devices, of which nobody knows which one was held."""
        return not self.uuid and self.share - self.own_share > ROUNDING


class TimedBy(StrEnum):
    """What says for how long a holder held its device."""

    TELEMETRY = "telemetry"
    API = "api"


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """What the times of holding rest on in one window, where telemetry tells them."""

    scrapes: float
    """Scrape times at which the device named this holder."""
    device_scrapes: float
    """Scrape times at which the device was seen at all."""
    interval_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Of the pod, by the API; None: not known, or not yet."""

    bound: datetime | None = None
    ended: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row of one window."""

    window: Window
    price: PriceBasis
    alive_hours: HourTicks
    bill_e9: int
    gpu_bill_e9: int
    device: DeviceBasis
    slot_share: float
    timed_by: TimedBy | None
    """None: what was read is not at hand."""
    samples: Samples | None
    """None: telemetry does not time the holder, names it on devices of which nobody knows which it was, or is not at
    hand."""
    life: Life | None
    memory_ratio: float | None
    compute_ratio: float | None
    compute_metrics: tuple[str, ...]
    """Names of the metrics that compute use was read from; empty: it was not measured, or they are not at hand."""
    used_ratio: float | None
    """By the policy; None: use was not measured."""
    decided_by: str
    """``memory``, ``compute``, ``both``; empty where use was not measured."""
    line: HolderLine

    @property
    def factors(self) -> tuple[object, ...]:
        """Steps that agree in these can be summed and still be multiplied up."""
        slots, is_unseen = round(self.slot_share / ROUNDING), self.used_ratio is None
        return self.price, self.device, slots, self.timed_by, self.life, is_unseen


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Steps with the same factors, at least one, in the order of time."""

    steps: tuple[Step, ...]

    @property
    def first(self) -> Step:
        return self.steps[0]

    @property
    def start(self) -> datetime:
        return self.first.window.start

    @property
    def end(self) -> datetime:
        return self.steps[-1].window.end

    @property
    def alive_hours(self) -> HourTicks:
        return sum(step.alive_hours for step in self.steps)

    @property
    def bill_e9(self) -> int:
        return sum(step.bill_e9 for step in self.steps)

    @property
    def gpu_bill_e9(self) -> int:
        return sum(step.gpu_bill_e9 for step in self.steps)

    @cached_property
    def totals(self) -> Totals:
        return sum((totals_of_row(step.line.figures) for step in self.steps), Totals())

    @property
    def figures(self) -> Figures:
        return self.totals.figures

    @property
    def charge(self) -> Charge:
        return self.totals.charge

    @property
    def card_hour_e9(self) -> float | None:
        """Price of one card for one hour; None: no rate."""
        price = self.first.price
        if isinstance(price.rate, MissingRate):
            return None
        return price.rate.hourly_e9 * price.gpu_fraction / price.cards.cards

    @property
    def used_ratio(self) -> float | None:
        """Mean, weighted by the time for which use was measured; None: it never was."""
        weighted = [(step.used_ratio, step.line.figures.seen_hours) for step in self.steps]
        measured = [(ratio, hours) for ratio, hours in weighted if ratio is not None]
        total = sum(hours for _, hours in measured)
        return sum(ratio * hours for ratio, hours in measured) / total if total else None

    @property
    def decided_by(self) -> Counter[str]:
        """In how many windows which ratio decided."""
        return Counter(step.decided_by for step in self.steps if step.decided_by)

    @property
    def samples(self) -> Samples | None:
        """Scrapes add up; the interval is the last one."""
        known = [step.samples for step in self.steps if step.samples is not None]
        if not known:
            return None
        return Samples(
            scrapes=sum(samples.scrapes for samples in known),
            device_scrapes=sum(samples.device_scrapes for samples in known),
            interval_seconds=known[-1].interval_seconds,
        )

    @property
    def compute_metrics(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for step in self.steps for name in step.compute_metrics))

    @property
    def is_capped(self) -> bool:
        return CAPPED in self.flags

    @property
    def flags(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(flag for step in self.steps for flag in step.line.flags))


@dataclass(frozen=True, kw_only=True)
class HolderExplanation:
    """One row of ``gpucost allocations``, and what it is made of."""

    row: Row
    steps: tuple[Step, ...]

    def by_window(self) -> tuple[Chain, ...]:
        return tuple(Chain(steps=(step,)) for step in self.steps)

    def by_factors(self) -> tuple[Chain, ...]:
        """As few as can be multiplied up."""
        alike: dict[tuple[object, ...], list[Step]] = {}
        for step in self.steps:
            alike.setdefault(step.factors, []).append(step)
        return tuple(Chain(steps=tuple(steps)) for steps in alike.values())


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Of one pod's name over an interval of whole windows."""

    namespace: str
    pod: str
    start: datetime
    end: datetime
    window: timedelta
    currency: str
    policy: Policy
    holders: tuple[HolderExplanation, ...]
    """At least one."""

    @property
    def charge(self) -> Charge:
        totals = (totals_of_row(step.line.figures) for holder in self.holders for step in holder.steps)
        return sum(totals, Totals()).charge


def same_row(line: HolderLine) -> HolderLine:
    """What all windows of one row of ``gpucost allocations`` have in common."""
    return replace(line, figures=Figures(), flags=(), slice_share=0.0, model="")


def by_row(steps: Iterable[Step]) -> tuple[tuple[Step, ...], ...]:
    """The steps of each row, rows in the order of pod, container and device."""
    rows: dict[HolderLine, list[Step]] = {}
    for step in steps:
        rows.setdefault(same_row(step.line), []).append(step)
    return tuple(tuple(rows[key]) for key in sorted(rows, key=_order))


def _order(line: HolderLine) -> tuple[str, ...]:
    return line.namespace, line.pod, line.pod_uid, line.container, line.node, line.uuid, line.gpu_instance_id, line.team

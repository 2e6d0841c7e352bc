"""Sums in which unknown is not zero."""

from dataclasses import dataclass, field
from typing import Self

from gpucost.model.ledger import Figures
from gpucost.model.money import HourTicks


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What somebody pays, money in units of 1e-9; None is unknown: nothing was priced, or use was never seen.

    ``cost = used_cost + idle_cost + unknown_use_cost``, with None as 0.
    """

    cost: int | None = None
    used_cost: int | None = None
    idle_cost: int | None = None
    unknown_use_cost: int | None = None
    charged_hours: HourTicks = 0

    def __add__(self, other: "Charge") -> "Charge":
        return Charge(
            cost=add_known(self.cost, other.cost),
            used_cost=add_known(self.used_cost, other.used_cost),
            idle_cost=add_known(self.idle_cost, other.idle_cost),
            unknown_use_cost=add_known(self.unknown_use_cost, other.unknown_use_cost),
            charged_hours=self.charged_hours + other.charged_hours,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Figures, and whether any of them is a priced use.

    The flag is not in the figures: use that was seen without a price beside a price without a use seen is no used cost.
    """

    figures: Figures = field(default_factory=Figures)
    use_priced: bool = False

    def __add__(self, other: Self) -> "Totals":
        return Totals(figures=self.figures + other.figures, use_priced=self.use_priced or other.use_priced)

    @property
    def charge(self) -> Charge:
        figures, priced = self.figures, self.figures.is_priced
        return Charge(
            cost=figures.cost if priced else None,
            used_cost=figures.used_cost if self.use_priced else None,
            idle_cost=figures.idle_cost if self.use_priced else None,
            unknown_use_cost=figures.unknown_use_cost if priced else None,
            charged_hours=figures.charged_hours,
        )


def totals_of_row(figures: Figures) -> Totals:
    """``figures`` are of one row of a ledger: one node, one rate."""
    return Totals(figures=figures, use_priced=figures.is_priced and figures.is_use_seen)


def add_known(one: int | None, other: int | None) -> int | None:
    """The sum of what is known; None where neither is."""
    if one is None or other is None:
        return other if one is None else one
    return one + other

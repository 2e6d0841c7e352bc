"""What the price of a rate comes to an hour, with its arithmetic in one line."""

from dataclasses import dataclass
from decimal import Decimal

from gpucost.pricing.card_schema import Commitment, Owned, Rate
from gpucost.pricing.fields import MOST_HOURLY


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """An exact amount per hour."""

    amount: Decimal
    terms: str
    """How it comes about: ``100000 / 8760 h + 9.10``."""
    is_written: bool = False
    """It is just what somebody wrote."""
    is_sum: bool = False
    """Needs brackets where it is multiplied."""

    @property
    def is_too_high(self) -> bool:
        """Beyond what any node costs."""
        return self.amount > MOST_HOURLY

    def plus(self, other: "Sum") -> "Sum":
        if not other.amount:
            return self
        return Sum(amount=self.amount + other.amount, terms=f"{self.terms} + {other.terms}", is_sum=True)

    def less(self, percent: Decimal) -> "Sum":
        if not percent:
            return self
        return Sum(amount=self.amount * (1 - percent / 100), terms=f"{self._bracketed} - {percent:f} %", is_sum=True)

    def times(self, factor: Decimal, unit: str = "") -> "Sum":
        """``unit`` follows the factor: `` GPUs``."""
        return Sum(amount=self.amount * factor, terms=f"{self._bracketed} x {factor:f}{unit}")

    @property
    def _bracketed(self) -> str:
        return f"({self.terms})" if self.is_sum else self.terms


def written(amount: Decimal) -> Sum:
    return Sum(amount=amount, terms=f"{amount:f}", is_written=True)


def unit_price(rate: Rate, discount_percent: Decimal) -> Sum:
    """In the card's currency: of a node, or with gpuHourly of one of its cards; without the energy of owned hardware.

    The discount is not for owned hardware.
    """
    if rate.owned is not None:
        return _spread(rate.owned.purchase, rate.owned.lifetime_hours).plus(written(rate.owned.hourly_fixed))
    if rate.commitment is not None:
        return _committed(rate.commitment).less(discount_percent)
    price = rate.gpu_hourly if rate.node_hourly is None else rate.node_hourly
    return written(price or Decimal(0)).less(discount_percent)


def energy_price(owned: Owned, kilowatts: Decimal) -> Sum:
    """Of the power that the node's cards draw, as much as the site draws for it."""
    shown = f"{kilowatts:.6f}".rstrip("0").rstrip(".")
    drawn = Sum(amount=kilowatts, terms=f"{shown} kW").times(owned.power_price_per_kwh)
    return drawn if owned.pue == 1 else drawn.times(owned.pue)


def _committed(commitment: Commitment) -> Sum:
    return _spread(commitment.upfront, commitment.term_hours).plus(written(commitment.hourly))


def _spread(paid: Decimal, hours: int) -> Sum:
    return Sum(amount=paid / hours, terms=f"{paid:f} / {hours} h")

"""What a cluster may choose in how prices are made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

USD = "USD"
"""What Karpenter and OpenCost publish prices in, and fraction models have theirs in."""


class FractionModel(StrEnum):
    """Ways to say what part of a node's price its GPUs stand for (docs/rates.md)."""

    ALL = "all"
    AWS_SPLIT = "aws-split"
    OPENCOST_RATIO = "opencost-ratio"
    RESIDUAL = "residual"


GpuFraction = FractionModel | Decimal
"""A model, or the part itself, in [0, 1]."""


class PublishedPrices(StrEnum):
    """Programs that publish prices in Prometheus."""

    KARPENTER = "karpenter"
    OPENCOST = "opencost"


@dataclass(frozen=True, kw_only=True)
class PriceRules:
    currency: str = USD
    exchange_rates: Mapping[str, Decimal] = field(default_factory=dict)
    """Other currencies: what one unit of them is in ``currency``."""
    published: tuple[PublishedPrices, ...] = ()
    """Which are asked, the first that has an answer counts."""
    list_prices: bool = True
    """Whether bundled list prices, and prices by GPU model, may stand in."""
    spot_ratio: Decimal = Decimal("0.4")
    """What a spot node is taken to cost, of its list price."""
    gpu_fraction: GpuFraction = FractionModel.ALL
    """Where a rate card does not say."""

    def in_currency(self, amount: Decimal, currency: str | None) -> Decimal | None:
        """``amount`` of ``currency`` (None: the configured one) in the configured one; None: no rate is declared."""
        if currency in (None, self.currency):
            return amount
        rate = self.exchange_rates.get(currency)
        return None if rate is None else amount * rate

"""What of the configuration decides the figures, and when."""

from dataclasses import dataclass

from gpucost.app.plan import Timing
from gpucost.app.settings import Settings
from gpucost.model.tenancy import LabelKeys


@dataclass(frozen=True, kw_only=True)
class Rules:
    currency: str
    keys: LabelKeys
    gpu_fraction: float


def rules_of(settings: Settings) -> Rules:
    return Rules(currency=settings.currency, keys=settings.labels.keys(), gpu_fraction=settings.gpu_fraction)


def timing_of(settings: Settings) -> Timing:
    return Timing(
        window=settings.window,
        settle_delay=settings.settle_delay,
        lateness=settings.lateness,
        backfill_max_age=settings.backfill_max_age,
    )

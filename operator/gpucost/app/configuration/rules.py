"""What of the configuration decides the figures, and when."""

from dataclasses import dataclass, field

from gpucost.app.configuration.settings import Settings
from gpucost.app.plan import Timing
from gpucost.model.policies import Policy
from gpucost.model.tenancy import LabelKeys


@dataclass(frozen=True, kw_only=True)
class Rules:
    currency: str
    keys: LabelKeys
    policy: Policy = field(default_factory=Policy)


def rules_of(settings: Settings) -> Rules:
    return Rules(currency=settings.currency, keys=settings.labels.keys(), policy=settings.policy)


def timing_of(settings: Settings) -> Timing:
    return Timing(
        window=settings.window,
        settle_delay=settings.settle_delay,
        lateness=settings.lateness,
        backfill_max_age=settings.backfill_max_age,
    )

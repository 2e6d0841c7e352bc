"""From rate cards and settings to the rate of every node: one way for the operator, the command line and the demo."""

from gpucost.app.settings import Settings
from gpucost.pricing.catalog import bundled_catalog
from gpucost.pricing.rate_cards import RateCards
from gpucost.pricing.resolve import RateResolver


def resolver_of(cards: RateCards, settings: Settings) -> RateResolver:
    """The nodes' annotations, then ``cards``, then list prices where the settings let them stand in."""
    catalog = bundled_catalog() if settings.list_prices else None
    return RateResolver(cards, catalog, currency=settings.currency)

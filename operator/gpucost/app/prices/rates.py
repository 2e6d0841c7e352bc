"""From rate cards and settings to the rate of every node: one way for the operator, the command line and the demo."""

from collections.abc import Callable, Iterable, Sequence

from gpucost.app.configuration.settings import Settings
from gpucost.model.metered import Metered
from gpucost.model.source import MeteredSource
from gpucost.model.time import Window
from gpucost.pricing.catalog import bundled_catalog
from gpucost.pricing.rate_cards import RateCards, parse_rate_cards
from gpucost.pricing.resolve import RateResolver
from gpucost.pricing.rules import PublishedPrices


class Prices:
    """A `RateDesk`: the nodes' annotations, then rate cards, then prices in Prometheus, then list prices."""

    def __init__(
        self, settings: Settings, read_cards: Callable[[], Iterable[object]], metered: MeteredSource | None = None
    ) -> None:
        """``read_cards``: the cards as they are now. ``metered`` None: there is no Prometheus to ask."""
        self._settings = settings
        self._read_cards = read_cards
        self._metered = metered

    def read(self, windows: Sequence[Window], *, blind: bool = False) -> RateResolver:
        """Prometheus is asked for nothing that no rate of these windows can rest on.

        Raises SourceUnavailable or IncompleteAnswer where it, or whoever keeps the cards, does not answer.
        """
        cards = parse_rate_cards(self._read_cards(), self._settings.price_rules)
        asked = None if blind or self._metered is None else self._ask(self._metered, windows, cards)
        return resolver_of(cards, self._settings, asked)

    def _ask(self, source: MeteredSource, windows: Sequence[Window], cards: RateCards) -> Metered:
        published = self._settings.price_rules.published
        return Metered(
            power=source.read_power(windows) if cards.needs_power else {},
            offerings=source.read_offerings(windows) if PublishedPrices.KARPENTER in published else {},
            node_prices=source.read_node_prices(windows) if PublishedPrices.OPENCOST in published else {},
        )


def resolver_of(cards: RateCards, settings: Settings, metered: Metered | None = None) -> RateResolver:
    """``metered`` None: nothing was read."""
    return RateResolver(cards, bundled_catalog(), settings.price_rules, metered)

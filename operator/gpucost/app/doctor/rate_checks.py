"""Prices: whether the rate cards count, every GPU node has a rate, and how old the prices are."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from gpucost.app.configuration.settings import Settings
from gpucost.app.doctor.reading import failure, ok, warning
from gpucost.app.prices.rate_listing import reason_of, remarks_on_cards, remarks_on_rates
from gpucost.app.told_once import Remark, named, one_of_each
from gpucost.model.fleet import Node
from gpucost.model.rates import CARDS_ESTIMATED, MissingRate, RateOrigin
from gpucost.model.time import format_time
from gpucost.pricing.card_prices import POWER_MISSING, POWER_PARTIAL
from gpucost.pricing.card_rates import CardRate
from gpucost.pricing.card_schema import KIND
from gpucost.pricing.catalog import Catalog
from gpucost.pricing.gpu_fraction import NEGATIVE, UNKNOWN
from gpucost.pricing.published import IGNORED, UNCHECKED
from gpucost.pricing.rate_cards import parse_rate_cards
from gpucost.reports.findings import Finding, Health
from gpucost.reports.rate_table import RatedNode, age_in_days

CARDS, RATES, DOUBTS, AGES, LIST = "rate cards", "node rates", "doubtful rates", "age of prices", "bundled list"
MOST_DAYS = 180

_STAND_INS = frozenset({RateOrigin.LIST_PRICE, RateOrigin.GPU_MODEL})
_WRITE_A_CARD = f"write a {KIND} with what the nodes really cost (docs/rates.md)"
_CHECK_PRICES = "see what the program publishes, or take it out of prometheus.prices"
_SCRAPE_POWER = "let dcgm-exporter export DCGM_FI_DEV_POWER_USAGE, or name its metric in prometheus.metrics.power"
_FIXES = {
    POWER_MISSING.flag: _SCRAPE_POWER,
    POWER_PARTIAL: _SCRAPE_POWER,
    CARDS_ESTIMATED: "run GPU feature discovery, which counts GPUs",
    IGNORED: _CHECK_PRICES,
    UNCHECKED: _CHECK_PRICES,
    UNKNOWN: "choose gpuFraction as a number, or see that the node tells its CPUs and memory",
    NEGATIVE: "choose another gpuFraction",
}
"""By flag, where no card would help."""


def check_cards(cards: Sequence[object], nodes: Sequence[Node], now: datetime, settings: Settings) -> Iterator[Finding]:
    parsed = parse_rate_cards(cards, settings.price_rules)
    found = [failure(CARDS, problem) for problem in parsed.problems]
    found += [failure(CARDS, remark, Health.WARNING) for remark in remarks_on_cards(cards, nodes, now, settings)]
    expired = one_of_each(_expired(parsed.rates, now))
    found += [warning(CARDS, told, "extend its validUntil, or remove it") for _, told in expired]
    yield from found or [ok(CARDS, _all_is_well(len(cards), len(parsed.rates)))]


def check_rates(nodes: Sequence[RatedNode]) -> Iterator[Finding]:
    missing: dict[str, list[MissingRate]] = {}
    for node in nodes:
        if isinstance(node.rate, MissingRate):
            missing.setdefault(reason_of(node.rate), []).append(node.rate)
    for rates in missing.values():
        yield failure(RATES, f"{len(rates)} of {len(nodes)} GPU nodes have no rate: {rates[0].reason}")
    if not missing:
        yield ok(RATES, f"all {len(nodes)} GPU nodes have a rate" if nodes else "there is no GPU node to be priced")


def check_doubts(nodes: Sequence[RatedNode]) -> Iterator[Finding]:
    """Rates that stand in for others, rest on an estimate, or were preferred to one that cannot be right."""
    told = one_of_each(remarks_on_rates(node for node in nodes if not isinstance(node.rate, MissingRate)))
    for flag, sentence in told:
        yield warning(DOUBTS, f"{flag}: {sentence}", _FIXES.get(flag, _WRITE_A_CARD))
    if not told:
        yield ok(DOUBTS, "no rate is an estimate")


def check_ages(nodes: Sequence[RatedNode]) -> Iterator[Finding]:
    old = [node for node in nodes if node.age_days is not None and node.age_days > MOST_DAYS]
    for told, listed in (("the list prices", True), ("the prices", False)):
        some = [node for node in old if _is_stand_in(node) is listed]
        if some:
            oldest = max(node.age_days or 0 for node in some)
            yield warning(
                AGES,
                f"{told} of {named([node.name for node in some])} are more than {MOST_DAYS} days old (up to {oldest})",
                _WRITE_A_CARD if listed else "check them against the contract, and renew validFrom of the rate",
            )
    undated = sum(node.age_days is None and not isinstance(node.rate, MissingRate) for node in nodes)
    if not old:
        more = f"; {undated} of {len(nodes)} have no date" if undated else ""
        yield ok(AGES, f"no price that has a date is older than {MOST_DAYS} days{more}")


def check_list(catalog: Catalog, today: date, *, used: bool) -> Iterator[Finding]:
    if not used:
        yield ok(LIST, "it is switched off (listPrices: false)")
        return
    oldest = min([price.date for price in catalog.prices] + [model.date for model in catalog.models])
    age = age_in_days(oldest, today) or 0
    found = f"its oldest price is of {oldest}, {age} days ago"
    yield warning(LIST, found, f"update gpucost, or {_WRITE_A_CARD}") if age > MOST_DAYS else ok(LIST, found)


def _expired(rates: Sequence[CardRate], now: datetime) -> Iterator[Remark]:
    """Of one kind are those of one card, since a price sheet ends as a whole."""
    for rate in rates:
        if rate.valid_until is not None and rate.valid_until <= now:
            until = format_time(rate.valid_until)
            yield Remark(rate.card.name, rate.name, f"{KIND} {rate.name} has expired ({until})", cause=until)


def _is_stand_in(node: RatedNode) -> bool:
    return not isinstance(node.rate, MissingRate) and node.rate.origin in _STAND_INS


def _all_is_well(cards: int, rates: int) -> str:
    return f"{_counted(cards, 'card')} with {_counted(rates, 'rate')} can be used" if cards else f"there is no {KIND}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"

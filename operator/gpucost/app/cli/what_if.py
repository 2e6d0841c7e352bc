"""``gpucost rates --what-if FILE``: the bill of a time as it is priced, and as it would be with other GpuRateCards."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime

from gpucost.app.cli.arguments import Interval, interval_of, naming_the_option, settings_of
from gpucost.app.cli.messages import tell
from gpucost.app.cli.progress import Progress
from gpucost.app.cli.sources import Sources
from gpucost.app.configuration.settings import Settings
from gpucost.app.prices.rate_listing import remarks_on_cards
from gpucost.app.prices.what_if import applied, compute_under_each, out_of_time, remarks_on_ledgers
from gpucost.app.told_once import Remark, told_once
from gpucost.model.fleet import Node
from gpucost.model.time import Window
from gpucost.pricing.card_schema import load_rate_cards
from gpucost.pricing.rate_cards import parse_rate_cards
from gpucost.reports.bill_difference import (
    Bill,
    BillDifference,
    bill_difference,
    difference_csv,
    difference_json,
    difference_table,
    difference_yaml,
)
from gpucost.reports.plain_text import plain


def what_if(options: argparse.Namespace) -> str:
    """The difference in the form that was asked for; what is doubtful about either bill is told on stderr.

    Raises GpuCostError where a source cannot be used.
    """
    settings = settings_of(options)
    interval = interval_of(options, settings, datetime.now(UTC))
    changed = load_rate_cards(options.what_if)
    with naming_the_option(options):
        sources = Sources(options, settings, seen_at=interval.end)
        cards = applied(sources.cards, changed)
        difference, remarks = _compute(sources, cards, interval, settings)
        nodes = sources.cluster.read().nodes
    for problem in sources.problems:
        tell(plain(problem))
    for sentence in _on_change(sources.cards, cards, nodes, interval.end - settings.window, settings):
        tell(plain(f"{options.what_if}: {sentence}"))
    for sentence in out_of_time(changed, Window(interval.start, interval.end), settings):
        tell(plain(f"{options.what_if}: {sentence}"))
    _tell_of_both(*remarks, str(options.what_if))
    return _text(difference, options.output)


def _on_change(
    now: Sequence[object], then: Sequence[object], nodes: Sequence[Node], at: datetime, settings: Settings
) -> list[str]:
    """What is wrong with the cards then, and not now."""
    before, after = (
        (*parse_rate_cards(cards, settings.price_rules).problems, *remarks_on_cards(cards, nodes, at, settings))
        for cards in (now, then)
    )
    return [sentence for sentence in after if sentence not in before]


def _compute(
    sources: Sources, cards: Sequence[object], interval: Interval, settings: Settings
) -> tuple[BillDifference, tuple[list[str], list[str]]]:
    bills: tuple[Bill, Bill] = Bill(), Bill()
    remarks: tuple[dict[Remark, None], dict[Remark, None]] = {}, {}
    desks = [sources.desk(sources.cards), sources.desk(cards)]
    with Progress("windows", (interval.end - interval.start) // settings.window) as progress:
        for both in compute_under_each(
            sources.pipeline, Window(interval.start, interval.end), settings.window, desks, progress=progress.show
        ):
            for bill, kept, ledgers in zip(bills, remarks, both, strict=True):
                bill.add(ledgers)
                kept.update(dict.fromkeys(remarks_on_ledgers(ledgers)))
    now, then = bills
    return (
        bill_difference(now, then, start=interval.start, end=interval.end, currency=settings.currency),
        (told_once(remarks[0]), told_once(remarks[1])),
    )


def _tell_of_both(now: Sequence[str], then: Sequence[str], name: str) -> None:
    """What is doubtful about one bill only names which."""
    for line in now:
        tell(line if line in then else f"As it is priced now: {line}")
    for line in then:
        if line not in now:
            tell(f"With {name}: {line}")


def _text(difference: BillDifference, output: str) -> str:
    match output:
        case "json":
            return difference_json(difference)
        case "yaml":
            return difference_yaml(difference)
        case "csv":
            return difference_csv(difference)
        case _:
            return difference_table(difference)

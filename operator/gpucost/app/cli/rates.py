"""``gpucost rates``: what every GPU node costs and where that figure comes from; the bundled list; what would be."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from gpucost.app.cli.arguments import (
    add_interval,
    add_output,
    add_sources,
    configuration_of,
    last_settled_window,
    naming_the_option,
)
from gpucost.app.cli.messages import tell, write
from gpucost.app.prices.rate_listing import (
    is_unmatched,
    rated_nodes,
    remarks_on_cards,
    remarks_on_rates,
    without_prometheus,
)
from gpucost.app.told_once import told_once
from gpucost.pricing.catalog import ListPrice, ModelPrice, bundled_catalog
from gpucost.reports.catalog_table import Listed, catalog_csv, catalog_json, catalog_table, catalog_yaml
from gpucost.reports.plain_text import plain
from gpucost.reports.rate_table import RatedNode, rates_csv, rates_json, rates_table, rates_yaml


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "rates",
        help="what every GPU node costs, and where that figure comes from",
        description="One row per GPU node: its rate, what a GPU-hour comes to, where the price comes from and how old"
        " it is. Prometheus is asked only where a price rests on it.",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--unmatched", action="store_true", help="only nodes that neither an annotation nor a rate card prices"
    )
    what.add_argument("--catalog", action="store_true", help="the bundled list prices instead; needs no cluster")
    what.add_argument(
        "--what-if",
        type=Path,
        metavar="FILE",
        help="instead: the bill of a time as it is, and with the GpuRateCards of FILE applied; nothing is written",
    )
    add_interval(parser)
    add_output(parser)
    add_sources(parser)
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    if not options.what_if and (options.start or options.last or options.end):
        options.refuse("--from, --last and --to go with --what-if FILE; rates are those of now")
    if options.catalog:
        write(_catalog(options.output))
    elif options.what_if:
        from gpucost.app.cli.what_if import what_if  # noqa: PLC0415 - as below

        write(what_if(options))
    else:
        write(_rates(options))
    return 0


def _rates(options: argparse.Namespace) -> str:
    from gpucost.app.cli.sources import Sources  # noqa: PLC0415 - kopf and kubernetes take a second to import

    now = datetime.now(UTC)
    settings = configuration_of(options)
    window = last_settled_window(settings, now)
    with naming_the_option(options):
        sources = Sources(options, settings, seen_at=now)
        found = sources.read_nodes()
        rates = sources.desk(sources.cards).read([window])
    listed = rated_nodes(found.objects, rates, window, now.date())
    shown = [node for node in listed if is_unmatched(node)] if options.unmatched else listed
    for sentence in (
        *found.problems,
        *sources.problems,
        *(() if settings.prometheus.url else without_prometheus(listed, settings)),
        *remarks_on_cards(sources.cards, found.objects, window.start, settings),
        *told_once(remarks_on_rates(shown)),
        *(() if shown else [_why_nothing_is_shown(listed)]),
    ):
        tell(plain(sentence))
    return _text(shown, settings.currency, options.output)


def _why_nothing_is_shown(listed: list[RatedNode]) -> str:
    if listed:
        return "An annotation or a GpuRateCard prices every GPU node."
    return "There is no GPU node; where there should be one, run the NVIDIA device plugin and GPU feature discovery."


def _text(nodes: list[RatedNode], currency: str, output: str) -> str:
    match output:
        case "json":
            return rates_json(nodes, currency)
        case "yaml":
            return rates_yaml(nodes, currency)
        case "csv":
            return rates_csv(nodes, currency)
        case _:
            return rates_table(nodes, currency, wide=output == "wide")


def _catalog(output: str) -> str:
    catalog = bundled_catalog()
    prices = [*map(_instance, catalog.prices), *map(_model, catalog.models)]
    match output:
        case "json":
            return catalog_json(prices, catalog.currency)
        case "yaml":
            return catalog_yaml(prices, catalog.currency)
        case "csv":
            return catalog_csv(prices, catalog.currency)
        case _:
            return catalog_table(prices, catalog.currency)


def _instance(price: ListPrice) -> Listed:
    return Listed(
        cloud=price.cloud,
        instance=price.instance,
        gpus=price.gpus,
        gpu=price.gpu,
        hourly_e9=price.hourly_e9,
        region=price.region,
        source=price.source,
        date=price.date,
    )


def _model(price: ModelPrice) -> Listed:
    return Listed(
        gpu=price.gpu, products=price.products, hourly_e9=price.hourly_e9, source=price.source, date=price.date
    )

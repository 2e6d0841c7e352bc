"""The recipes of docs/rates.md are run: what the page says a node costs is what it costs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpucost.model.fleet import Node
from gpucost.model.metered import Metered, NodePower
from gpucost.model.money import format_e9
from gpucost.model.rates import NodeRate
from gpucost.model.time import Window
from gpucost.pricing.catalog import bundled_catalog
from gpucost.pricing.gpu_fraction import fraction_of
from gpucost.pricing.rate_cards import parse_rate_cards
from gpucost.pricing.resolve import RateResolver
from gpucost.pricing.rules import FractionModel, PriceRules

PAGE = (Path(__file__).parents[3] / "docs" / "rates.md").read_text()
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
WINDOW = Window(NOON, NOON + timedelta(minutes=5))
RULES = PriceRules(exchange_rates={"EUR": Decimal("1.08")})


@dataclass(frozen=True)
class Recipe:
    title: str
    card: dict[str, Any]
    nodes: tuple[tuple[str, str], ...]
    """What a node shows, and what the page says that it costs."""


def recipes() -> Iterator[Recipe]:
    for section in PAGE[PAGE.index("## Recipes") :].split("\n### ")[1:]:
        (block,) = re.findall(r"^```yaml\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
        rows = re.findall(r"^\| (.*=.*) \| (.*) \|$", section, re.MULTILINE)
        yield Recipe(section.splitlines()[0], yaml.safe_load(block), tuple(rows))


RECIPES = tuple(recipes())
NODES = [(recipe, *row) for recipe in RECIPES for row in recipe.nodes]


def test_there_is_a_recipe_for_each_cloud_and_for_owned_hardware() -> None:
    titles = " ".join(recipe.title for recipe in RECIPES)
    assert all(name in titles for name in ("AWS", "Google", "Azure", "CoreWeave", "you own"))
    assert all(recipe.nodes for recipe in RECIPES)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
def test_the_card_of_a_recipe_is_accepted_whole(recipe: Recipe) -> None:
    cards = parse_rate_cards([recipe.card], RULES)
    assert cards.problems == ()
    assert len(cards.rates) == len(recipe.card["spec"]["rates"])


@pytest.mark.parametrize(("recipe", "shows", "costs"), NODES, ids=[f"{row[0].title}: {row[1]}" for row in NODES])
def test_a_node_costs_what_the_recipe_says(recipe: Recipe, shows: str, costs: str) -> None:
    node, metered = node_that(shows)
    resolver = RateResolver(parse_rate_cards([recipe.card], RULES), bundled_catalog(), RULES, metered)
    (rate,) = resolver.rates_of([node], WINDOW)
    assert isinstance(rate, NodeRate), rate
    doubts = ", ".join(doubt.flag for doubt in rate.doubts)
    told = format_e9(rate.hourly_e9).rstrip("0").rstrip(".")
    assert (f"{told} ({doubts})" if doubts else told) == costs


def node_that(shows: str) -> tuple[Node, Metered]:
    told = dict(part.split("=", 1) for part in shows.split(", "))
    watts = told.pop("watts", None)
    capacity = {key.removeprefix("capacity:"): int(told.pop(key)) for key in list(told) if key.startswith("capacity:")}
    node = Node(name="n1", uid="1", created=NOON - timedelta(days=9), labels=told, capacity=capacity)
    power = {"n1": NodePower(watts_per_card=float(watts), cards=8)} if watts else {}
    return node, Metered(power={WINDOW: power})


@dataclass(frozen=True)
class Share:
    instance: str
    node: Node
    cards: int
    model: FractionModel
    percent: str


def shares() -> Iterator[Share]:
    rows = re.findall(r"^\| (\S+) \| (\d+) \| (\d+) \| (\d+) \| (.*?) % \| (.*?) % \| (.*?) % \|$", PAGE, re.MULTILINE)
    for name, cpus, memory, cards, *parts in rows:
        node = Node(name="n1", uid="1", created=NOON, cpus=float(cpus), memory_gib=float(memory))
        for model, percent in zip(list(FractionModel)[1:], parts, strict=True):
            yield Share(name, node, int(cards), model, percent)


SHARES = list(shares())


@pytest.mark.parametrize("share", SHARES, ids=lambda share: f"{share.instance} by {share.model}")
def test_the_shares_of_the_page_are_those_of_the_models(share: Share) -> None:
    listed = bundled_catalog().find([share.instance])
    assert listed is not None
    hourly = Decimal(listed.hourly_e9) / 10**9
    got = fraction_of(share.model, share.node, cards=share.cards, hourly=hourly, rules=PriceRules())
    assert f"{got.fraction * 100:.1f}" == share.percent


def test_every_model_has_shares_on_the_page() -> None:
    assert {share.model for share in SHARES} == set(FractionModel) - {FractionModel.ALL}
    assert len({share.instance for share in SHARES}) == 4

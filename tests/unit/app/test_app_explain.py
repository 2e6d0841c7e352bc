"""The figures of an explanation are those of ``gpucost allocations``, and its factors multiply up to them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from gpucost.app.computing.pipeline import Pipeline
from gpucost.app.computing.simulated import SimulatedCluster, SimulatedTelemetry
from gpucost.app.configuration.rules import rules_of
from gpucost.app.configuration.settings import Settings
from gpucost.app.explaining.explain import Explainer
from gpucost.app.prices.rates import Prices
from gpucost.model.attributed import Attribution
from gpucost.model.fleet import Cluster, Pod
from gpucost.model.holdings import WindowHoldings
from gpucost.model.ledger import Ledger
from gpucost.model.policies import Policy
from gpucost.model.source import RateSource
from gpucost.model.usage import Usage
from gpucost.reports.allocations import allocation_rows, allocation_rows_by_window
from gpucost.reports.explain_text import explanation_text
from gpucost.reports.explanation import Explanation
from gpucost.simulation.fleet import make_fleet
from tests.unit.app.explained_pods import MORNING, START, UNIT, products_of, told_of, wrong_products_of

AMOUNTS = ("cost", "usedCost", "idleCost", "unknownUseCost")


class Told:
    """An `Explainer` for every pod of the simulated morning."""

    def __init__(self) -> None:
        fleet = make_fleet(seed=1, start=START, end=MORNING[-1].end)
        self.explainers = {
            (pod.namespace, pod.name): Explainer(pod.name, pod.namespace, Policy()) for pod in fleet.pods
        }
        pipeline = Pipeline(
            cluster=SimulatedCluster(fleet, MORNING[-1].end),
            telemetry=SimulatedTelemetry(fleet),
            rates=Prices(Settings(), tuple),
            rules=rules_of(Settings()),
        )
        self.ledgers = pipeline.compute(MORNING, witness=self)

    def on_rates(self, rates: RateSource) -> None:
        for explainer in self.explainers.values():
            explainer.on_rates(rates)

    def on_read(self, cluster: Cluster, usage: Usage, ended: Sequence[Pod]) -> None:
        for explainer in self.explainers.values():
            explainer.on_read(cluster, usage, ended)

    def on_window(self, found: WindowHoldings, attribution: Attribution, ledger: Ledger) -> None:
        for explainer in self.explainers.values():
            explainer.on_window(found, attribution, ledger)

    def explanations(self) -> list[Explanation]:
        held = {(line.namespace, line.pod) for ledger in self.ledgers for line in ledger.holders}
        return [self.explainers[name].explanation() for name in sorted(held)]


@pytest.fixture(scope="module")
def morning() -> Told:
    return Told()


def test_the_figures_are_those_of_allocations_to_the_last_digit(morning: Told) -> None:
    rows = [row for row in allocation_rows(morning.ledgers) if row["kind"] == "holder"]
    told = [told_of(explanation) for explanation in morning.explanations()]
    holders = [{**holder, "steps": None} for pod in told for holder in pod["holders"]]
    assert len(holders) > 20
    assert sorted(holders, key=str) == sorted(({**row, "steps": None} for row in rows), key=str)


def test_the_figures_of_each_window_are_those_of_allocations_by_window(morning: Told) -> None:
    rows = [row for row in allocation_rows_by_window(morning.ledgers) if row["kind"] == "holder"]
    told = [told_of(explanation, by_window=True) for explanation in morning.explanations()]
    steps = [(holder, step) for pod in told for holder in pod["holders"] for step in holder["steps"]]
    found = [(step["start"], holder["podUid"], holder["uuid"], *map(step.get, AMOUNTS)) for holder, step in steps]
    wanted = [(row["start"], row["podUid"], row["uuid"], *map(row.get, AMOUNTS)) for row in rows]
    assert sorted(found, key=str) == sorted(wanted, key=str)


@pytest.mark.parametrize("by_window", [True, False])
def test_the_steps_add_up_to_the_holder_and_the_holders_to_the_pod(morning: Told, by_window: bool) -> None:
    for explanation in morning.explanations():
        told = told_of(explanation, by_window=by_window)
        for amount in AMOUNTS:
            of_holders = [Decimal(holder[amount]) for holder in told["holders"]]
            of_steps = [Decimal(step[amount]) for holder in told["holders"] for step in holder["steps"]]
            assert sum(of_holders) == sum(of_steps) == Decimal(told[amount])


def near(left: Fraction, right: str, within: Fraction) -> bool:
    return abs(left - Fraction(right)) <= within


def multiplies_up(step: Mapping[str, Any]) -> bool:
    """Within the last printed digit of every factor."""
    held, use, hours = step["held"], step["use"], step["gpuHours"]
    node = step["node"]
    price = Fraction(node["rate"]) * Fraction(node["gpuFraction"]) / node["cards"]
    share, slots = Fraction(step["device"]["sliceShare"]), Fraction(held["slotShare"])
    within = 4 * UNIT * step["windows"]
    reserved = share * slots * Fraction(held["heldHours"])
    used = share * Fraction(held["measuredHours"]) * Fraction(use["usedRatio"] or 0)
    return (
        near(price, node["cardHourlyRate"], UNIT)
        and near(reserved, hours["reserved"], within)
        and near(used, hours["used"] or "0", within)
        and near(Fraction(hours["charged"]) * price, step["cost"], within * (1 + price))
        and near(Fraction(hours["used"] or 0) * price, step["usedCost"] or "0", within * (1 + price))
    )


@pytest.mark.parametrize("by_window", [True, False])
def test_the_factors_multiply_up_to_the_figures(morning: Told, by_window: bool) -> None:
    told = [told_of(explanation, by_window=by_window) for explanation in morning.explanations()]
    steps = [step for pod in told for holder in pod["holders"] for step in holder["steps"]]
    assert [step for step in steps if not multiplies_up(step)] == []


def test_every_product_in_the_text_is_right(morning: Told) -> None:
    texts = [explanation_text(explanation, by_window=True) for explanation in morning.explanations()]
    assert sum(len(products_of(text)) for text in texts) > 5 * 12 * 20
    assert [product for text in texts for product in wrong_products_of(text)] == []

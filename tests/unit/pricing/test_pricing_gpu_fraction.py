from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucost.model.fleet import Node
from gpucost.model.rates import NodeRate, RateOrigin
from gpucost.pricing.gpu_fraction import fraction_of, with_gpu_part
from gpucost.pricing.rules import FractionModel, GpuFraction, PriceRules
from tests.unit.pricing.priced_nodes import make_node

AWS, OPENCOST, RESIDUAL = FractionModel.AWS_SPLIT, FractionModel.OPENCOST_RATIO, FractionModel.RESIDUAL

INSTANCES: dict[str, tuple[float, float, int, str, dict[FractionModel, float]]] = {
    "p5.48xlarge": (192, 2048, 8, "55.04", {AWS: 16.0, OPENCOST: 34.0, RESIDUAL: 73.2}),
    "p4d.24xlarge": (96, 1152, 8, "21.957642", {AWS: 26.3, OPENCOST: 49.0, RESIDUAL: 64.0}),
    "p6-b200.48xlarge": (192, 2048, 8, "113.9328", {AWS: 16.0, OPENCOST: 34.0, RESIDUAL: 87.1}),
    "g6e.12xlarge": (48, 384, 4, "10.49264", {AWS: 30.6, OPENCOST: 54.7, RESIDUAL: 70.0}),
    "g5.xlarge": (4, 16, 1, "1.006", {AWS: 63.4, OPENCOST: 83.0, RESIDUAL: 80.7}),
    "ND96isr_H100_v5": (96, 1900, 8, "98.32", {AWS: 20.7, OPENCOST: 40.7, RESIDUAL: 88.7}),
}
"""vCPUs, GiB, GPUs, USD per hour, and the percentages that were computed elsewhere."""


def make_sized(cpus: float = 96, gib: float = 1152) -> Node:
    return replace(make_node("p4d.24xlarge"), cpus=cpus, memory_gib=gib)


@pytest.mark.parametrize("model", [AWS, OPENCOST, RESIDUAL])
@pytest.mark.parametrize("instance", INSTANCES)
def test_the_named_models(instance: str, model: FractionModel) -> None:
    cpus, gib, cards, hourly, expected = INSTANCES[instance]
    part = fraction_of(model, make_sized(cpus, gib), cards=cards, hourly=Decimal(hourly), rules=PriceRules())
    assert round(100 * part.fraction, 1) == expected[model]
    assert part.doubts == ()


TERMS = {
    AWS: "aws-split: 9 x 8 / (9 x 8 + 0.9 x 96 vCPU + 0.1 x 1152 GiB) = 0.263158",
    OPENCOST: "opencost-ratio: 0.95 x 8 / (0.95 x 8 + 0.031611 x 96 vCPU + 0.004237 x 1152 GiB) = 0.489827",
    RESIDUAL: "residual: (21.957642 - (0.031611 x 96 vCPU + 0.004237 x 1152 GiB)) / 21.957642 = 0.639502",
}


@pytest.mark.parametrize(("model", "terms"), TERMS.items(), ids=TERMS)
def test_the_arithmetic_is_told(model: FractionModel, terms: str) -> None:
    part = fraction_of(model, make_sized(), cards=8, hourly=Decimal("21.957642"), rules=PriceRules())
    assert part.terms == terms


PLAIN: dict[str, tuple[GpuFraction, float]] = {
    "all": (FractionModel.ALL, 1.0),
    "a number": (Decimal("0.75"), 0.75),
    "nothing": (Decimal(0), 0.0),
    "all as a number": (Decimal(1), 1.0),
}


@pytest.mark.parametrize(("rule", "fraction"), PLAIN.values(), ids=PLAIN)
def test_what_needs_no_arithmetic_tells_none_and_asks_for_nothing(rule: GpuFraction, fraction: float) -> None:
    part = fraction_of(rule, make_node(), cards=0, hourly=Decimal(1), rules=PriceRules())
    assert (part.fraction, part.terms, part.doubts) == (fraction, "", ())


UNTOLD: dict[str, tuple[FractionModel, float, float, int, str]] = {
    "no CPUs": (AWS, 0, 1152, 8, "aws-split needs its CPUs, which"),
    "no memory": (OPENCOST, 96, 0, 8, "opencost-ratio needs its memory, which"),
    "no cards": (AWS, 96, 1152, 0, "aws-split needs its cards, which"),
    "nothing": (AWS, 0, 0, 0, "aws-split needs its cards, CPUs, memory, which"),
    "neither, but residual does not ask for cards": (RESIDUAL, 0, 0, 0, "residual needs its CPUs, memory, which"),
}


@pytest.mark.parametrize(("model", "cpus", "gib", "cards", "words"), UNTOLD.values(), ids=UNTOLD)
def test_what_a_model_is_not_told_leaves_all_to_the_gpus_and_says_so(
    model: FractionModel, cpus: float, gib: float, cards: int, words: str
) -> None:
    part = fraction_of(model, make_sized(cpus, gib), cards=cards, hourly=Decimal(20), rules=PriceRules())
    (doubt,) = part.doubts
    assert (part.fraction, part.terms, doubt.flag, doubt.is_estimate) == (1.0, "", "gpu-fraction-unknown", True)
    assert doubt.message.startswith(f"all of its price goes to its GPUs, since {words}")


def test_the_residual_of_a_node_without_known_cards() -> None:
    part = fraction_of(RESIDUAL, make_sized(), cards=0, hourly=Decimal("21.957642"), rules=PriceRules())
    assert part.fraction == pytest.approx(0.639502, abs=1e-6)


def test_the_residual_is_never_negative() -> None:
    part = fraction_of(RESIDUAL, make_sized(), cards=8, hourly=Decimal(5), rules=PriceRules())
    (doubt,) = part.doubts
    assert (part.fraction, doubt.flag) == (0.0, "residual-negative")
    assert doubt.message.startswith("its CPUs and memory alone would cost 7.91568 of its 5:")


def test_the_residual_of_a_node_that_costs_nothing_is_all() -> None:
    assert fraction_of(RESIDUAL, make_sized(), cards=8, hourly=Decimal(0), rules=PriceRules()).fraction == 1.0


def test_the_residual_in_another_currency_is_converted() -> None:
    rules = PriceRules(currency="EUR", exchange_rates={"USD": Decimal("0.9")})
    part = fraction_of(RESIDUAL, make_sized(), cards=8, hourly=Decimal("21.957642") * Decimal("0.9"), rules=rules)
    assert part.fraction == pytest.approx(0.639502, abs=5e-6)
    assert "- (0.031611 x 96 vCPU + 0.004237 x 1152 GiB) x 0.9)" in part.terms


def test_the_residual_without_an_exchange_rate_is_not_known() -> None:
    part = fraction_of(RESIDUAL, make_sized(), cards=8, hourly=Decimal(20), rules=PriceRules(currency="EUR"))
    (doubt,) = part.doubts
    assert (part.fraction, doubt.flag) == (1.0, "gpu-fraction-unknown")
    assert "residual has prices in USD and exchangeRates does not have it" in doubt.message


def test_a_rate_gets_the_configured_part_by_the_cards_that_are_told() -> None:
    rate = NodeRate(node="n1", hourly_e9=21_957_642_000, origin=RateOrigin.LIST_PRICE, source="list", cards=8)
    found = with_gpu_part(rate, make_sized(), PriceRules(gpu_fraction=AWS))
    assert found == replace(rate, gpu_fraction=found.gpu_fraction, gpu_fraction_terms=TERMS[AWS])
    assert found.gpu_fraction == pytest.approx(0.263158, abs=1e-6)


@given(
    st.sampled_from(FractionModel),
    st.floats(0, 1e6),
    st.floats(0, 1e6),
    st.integers(0, 128),
    st.decimals(0, 1_000_000, places=9),
)
def test_the_part_of_the_gpus_is_a_part(
    model: FractionModel, cpus: float, gib: float, cards: int, hourly: Decimal
) -> None:
    part = fraction_of(model, make_sized(cpus, gib), cards=cards, hourly=hourly, rules=PriceRules())
    assert 0.0 <= part.fraction <= 1.0

"""What part of a node's price its GPUs stand for; the rest is the host line (docs/rates.md)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from gpucost.model.cards import told_cards
from gpucost.model.fleet import Node
from gpucost.model.rates import Doubt, NodeRate
from gpucost.pricing.rules import USD, FractionModel, GpuFraction, PriceRules
from gpucost.pricing.terms import all_digits, exact, plain

CPU_HOURLY = Decimal("0.031611")
"""USD for a vCPU, as the next for a GiB of memory and for a GPU: OpenCost's defaults."""
GIB_HOURLY = Decimal("0.004237")
GPU_HOURLY = Decimal("0.95")

UNKNOWN = "gpu-fraction-unknown"
NEGATIVE = "residual-negative"


@dataclass(frozen=True, slots=True)
class GpuPart:
    fraction: float
    """In [0, 1]."""
    terms: str = ""
    """How it comes about, where a model computes it."""
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Priced:
    """What the models compute with."""

    cards: int
    cpus: Decimal
    gib: Decimal
    hourly: Decimal
    rules: PriceRules


def fraction_of(rule: GpuFraction, node: Node, *, cards: int, hourly: Decimal, rules: PriceRules) -> GpuPart:
    """``cards``: physical cards that are told of the node, 0: none are; ``hourly``: its price.

    All of the price goes to the GPUs where a model lacks what it computes with: a doubt says so.
    """
    if isinstance(rule, Decimal):
        return GpuPart(float(rule))
    if rule is FractionModel.ALL:
        return GpuPart(1.0)
    told = {"cards": cards or rule is FractionModel.RESIDUAL, "CPUs": node.cpus, "memory": node.memory_gib}
    missing = [name for name, count in told.items() if not count]
    if missing:
        return _unknown(f"{rule} needs its {', '.join(missing)}, which nothing tells")
    priced = _Priced(cards=cards, cpus=_decimal(node.cpus), gib=_decimal(node.memory_gib), hourly=hourly, rules=rules)
    return _MODELS[rule](priced)


def with_gpu_part(rate: NodeRate, node: Node, rules: PriceRules) -> NodeRate:
    """The rate with the configured part for the GPUs."""
    if rules.gpu_fraction is FractionModel.ALL:
        return rate
    cards = told_cards(node, rate.cards).cards
    part = fraction_of(rules.gpu_fraction, node, cards=cards, hourly=exact(rate.hourly_e9), rules=rules)
    return replace(rate, gpu_fraction=part.fraction, gpu_fraction_terms=part.terms, doubts=(*rate.doubts, *part.doubts))


def _aws_split(priced: _Priced) -> GpuPart:
    gpu, host = 9 * priced.cards, Decimal("0.9") * priced.cpus + Decimal("0.1") * priced.gib
    of_cards = f"9 x {priced.cards}"
    terms = f"{of_cards} / ({of_cards} + 0.9 x {plain(priced.cpus)} vCPU + 0.1 x {plain(priced.gib)} GiB)"
    return _computed(FractionModel.AWS_SPLIT, gpu / (gpu + host), terms)


def _opencost_ratio(priced: _Priced) -> GpuPart:
    gpu, host = GPU_HOURLY * priced.cards, _host_usd(priced)
    of_cards = f"{GPU_HOURLY} x {priced.cards}"
    return _computed(
        FractionModel.OPENCOST_RATIO, gpu / (gpu + host), f"{of_cards} / ({of_cards} + {_host_terms(priced)})"
    )


def _residual(priced: _Priced) -> GpuPart:
    host, hourly = priced.rules.in_currency(_host_usd(priced), USD), priced.hourly
    if host is None:
        return _unknown(f"residual has prices in {USD} and exchangeRates does not have it")
    if not hourly:
        return GpuPart(1.0)
    rate = "" if priced.rules.currency == USD else f" x {all_digits(priced.rules.exchange_rates[USD])}"
    taken = f"({_host_terms(priced)}){rate}"
    terms = f"({plain(hourly)} - {taken}) / {plain(hourly)}"
    part = _computed(FractionModel.RESIDUAL, max((hourly - host) / hourly, Decimal(0)), terms)
    if host <= hourly:
        return part
    message = f"its CPUs and memory alone would cost {plain(host)} of its {plain(hourly)}: nothing is left for its GPUs"
    return replace(part, doubts=(Doubt(flag=NEGATIVE, message=message),))


_MODELS: dict[FractionModel, Callable[[_Priced], GpuPart]] = {
    FractionModel.AWS_SPLIT: _aws_split,
    FractionModel.OPENCOST_RATIO: _opencost_ratio,
    FractionModel.RESIDUAL: _residual,
}


def _computed(model: FractionModel, fraction: Decimal, terms: str) -> GpuPart:
    return GpuPart(float(fraction), f"{model}: {terms} = {fraction:.6f}")


def _unknown(why: str) -> GpuPart:
    return GpuPart(1.0, doubts=(Doubt(flag=UNKNOWN, message=f"all of its price goes to its GPUs, since {why}"),))


def _host_usd(priced: _Priced) -> Decimal:
    return CPU_HOURLY * priced.cpus + GIB_HOURLY * priced.gib


def _host_terms(priced: _Priced) -> str:
    return f"{CPU_HOURLY} x {plain(priced.cpus)} vCPU + {GIB_HOURLY} x {plain(priced.gib)} GiB"


def _decimal(count: float) -> Decimal:
    """As it is printed: a count has no more digits than somebody wrote."""
    return Decimal(repr(count))

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gpucost.model.attributed import Attribution
from gpucost.model.fleet import Node
from gpucost.model.holdings import Holder, Holdings, NodeBills, NodeFacts, Note, WindowHoldings
from gpucost.model.money import E9, HOUR_TICKS
from gpucost.model.policies import UnallocatedPolicy
from gpucost.model.rates import Doubt, MissingRate, NodeRate, RateOrigin
from gpucost.model.tenancy import Tenant
from gpucost.model.usage import Device
from gpucost.reports.ledger import ledger_of
from tests.unit.reports.made_ledgers import DAY_START, make_note, make_window

CARD_COST = 12 * E9
CARDS = 8
RATE = NodeRate(node="n1", hourly_e9=32 * E9, origin=RateOrigin.RATE_CARD, source="list price", as_of="2026-11-01")
TENANT = Tenant(
    team="search",
    product="ranker",
    cost_centre="4711",
    environment="prod",
    workload="StatefulSet/llm",
    workload_type="serving",
)


def make_facts(
    rate: NodeRate | MissingRate = RATE, uncut_share: float = 0.0, *, state_known: bool = True, **node: Any
) -> NodeFacts:
    made = Node(name="n1", uid="uid-n1", created=DAY_START, **node)
    return NodeFacts(node=made, rate=rate, uncut_share=uncut_share, state_known=state_known)


def make_holder(**names: Any) -> Holder:
    device = Device("n1", "GPU-1", "", "", "NVIDIA A100-SXM4-40GB")
    defaults: dict[str, Any] = {
        "namespace": "ml-prod",
        "pod": "llm-0",
        "pod_uid": "u",
        "container": "server",
        "sharing": "exclusive",
    }
    return Holder(**defaults | {"device": device, "tenant": TENANT} | names)


def make_window_holdings(
    holders: Sequence[Holder] = (),
    facts: NodeFacts | None = None,
    *,
    estimated: bool = False,
    priced: bool = True,
    observed: bool = True,
    notes: tuple[Note, ...] = (),
) -> WindowHoldings:
    """One node of eight cards with as many holders of one card each."""
    count = len(holders)
    ones, cost = np.ones(count), np.array([CARDS * CARD_COST if priced else 0])
    bills = NodeBills(
        cost_e9=cost + (5 if priced else 0),
        gpu_cost_e9=cost,
        priced=np.array([priced]),
        cards=np.array([CARDS]),
        alive_hours=np.array([1 / 12]),
        observed=np.array([observed]),
    )
    holdings = Holdings(
        bills=bills,
        device_node=np.zeros(count, dtype=np.intp),
        slice_share=ones,
        device=np.arange(count),
        held_ratio=ones,
        slot_share=ones,
        seen_ratio=ones,
        memory_ratio=ones / 4,
        compute_ratio=ones / 4,
        estimated=np.full(count, estimated),
    )
    return WindowHoldings(
        window=make_window(),
        holdings=holdings,
        holders=tuple(holders),
        nodes=(facts or make_facts(),),
        notes=notes,
    )


def make_attribution(window: WindowHoldings, *, capped: bool = False) -> Attribution:
    """Every holder pays its card, a quarter of it used."""
    count = len(window.holders)
    bills = window.holdings.bills
    cost = np.full(count, bills.gpu_cost_e9[0] // CARDS)
    hours = np.full(count, HOUR_TICKS // 12)
    return Attribution(
        cost=cost,
        used_cost=cost // 4,
        idle_cost=cost - cost // 4,
        unknown_use_cost=cost * 0,
        reserved_hours=hours,
        used_hours=hours // 4,
        charged_hours=hours,
        held_hours=hours,
        seen_hours=hours,
        memory_hours=hours,
        memory_used_hours=hours // 4,
        compute_hours=hours,
        compute_used_hours=hours // 4,
        capped=np.full(count, capped),
        allocated_cost=np.array([cost.sum()]),
        unallocated_cost=bills.gpu_cost_e9 - cost.sum(),
        unallocated_hours=np.array([(CARDS - count) * (HOUR_TICKS // 12)]),
        host_cost=bills.cost_e9 - bills.gpu_cost_e9,
    )


REASONS: dict[str, tuple[NodeFacts, dict[str, int]]] = {
    "free": (make_facts(), {"free": 7 * CARD_COST}),
    "uncut slices": (make_facts(uncut_share=0.5), {"free": 7 * CARD_COST - CARD_COST // 2, "sliver": CARD_COST // 2}),
    "slivers are never more than what nobody held": (make_facts(uncut_share=7.5), {"sliver": 7 * CARD_COST}),
    "cordoned is the reason of all of it": (
        make_facts(uncut_share=0.5, schedulable=False),
        {"cordoned": 7 * CARD_COST},
    ),
    "not ready comes before cordoned": (make_facts(ready=False, schedulable=False), {"notReady": 7 * CARD_COST}),
    "cordoned later is no reason": (make_facts(schedulable=False, state_known=False), {"free": 7 * CARD_COST}),
    "not ready later is no reason": (
        make_facts(uncut_share=0.5, ready=False, state_known=False),
        {"free": 7 * CARD_COST - CARD_COST // 2, "sliver": CARD_COST // 2},
    ),
}


@pytest.mark.parametrize(("facts", "expected"), REASONS.values(), ids=REASONS)
def test_a_node_says_why_its_cards_were_not_held(facts: NodeFacts, expected: dict[str, int]) -> None:
    window = make_window_holdings([make_holder()], facts)
    (node,) = ledger_of(window, make_attribution(window), "USD").nodes
    assert node.unallocated == expected
    assert (node.cost, node.allocated, node.host, node.residual) == (CARDS * CARD_COST + 5, CARD_COST, 5, 0)
    assert (node.unallocated_hours, node.unobserved, node.unobserved_hours) == (7 * (HOUR_TICKS // 12), 0, 0)


def test_where_nobody_can_say_the_rest_is_unobserved_and_not_free() -> None:
    window = make_window_holdings([make_holder()], observed=False)
    (node,) = ledger_of(window, make_attribution(window), "USD").nodes
    assert (node.unallocated, node.unallocated_hours) == ({}, 0)
    assert (node.unobserved, node.unobserved_hours, node.residual) == (7 * CARD_COST, 7 * (HOUR_TICKS // 12), 0)


SHOWN: dict[str, tuple[UnallocatedPolicy, bool, list[int]]] = {
    "to nobody": (UnallocatedPolicy.SEPARATE, True, [0, 0, 0]),
    "by cost": (UnallocatedPolicy.PROPORTIONAL, True, [5 * CARD_COST // 3] * 3),
    "by pod": (UnallocatedPolicy.EVEN, True, [5 * CARD_COST // 2, 5 * CARD_COST // 4, 5 * CARD_COST // 4]),
    "not where nobody can say who held it": (UnallocatedPolicy.EVEN, False, [0, 0, 0]),
}


@pytest.mark.parametrize(("policy", "observed", "expected"), SHOWN.values(), ids=SHOWN)
def test_what_nobody_held_is_shown_beside_the_cost(
    policy: UnallocatedPolicy, observed: bool, expected: list[int]
) -> None:
    holders = [make_holder(), make_holder(pod="llm-1", pod_uid="v"), make_holder(pod="llm-1", pod_uid="v")]
    window = make_window_holdings(holders, observed=observed)
    ledger = ledger_of(window, make_attribution(window), "USD", policy)
    assert [line.figures.unallocated_share for line in ledger.holders] == expected
    assert [line.figures.cost for line in ledger.holders] == [CARD_COST] * 3
    assert (sum(ledger.nodes[0].unallocated.values()), ledger.nodes[0].residual) == (5 * CARD_COST * observed, 0)


def test_a_full_node_has_no_reasons() -> None:
    window = make_window_holdings([make_holder()] * CARDS)
    (node,) = ledger_of(window, make_attribution(window), "USD").nodes
    assert (node.unallocated, node.residual) == ({}, 0)


def test_a_row_carries_its_names_and_figures() -> None:
    window = make_window_holdings([make_holder()])
    ledger = ledger_of(window, make_attribution(window), "USD")
    (line,) = ledger.holders
    assert (line.namespace, line.pod, line.node, line.uuid, line.team) == ("ml-prod", "llm-0", "n1", "GPU-1", "search")
    figures = line.figures
    assert (figures.cost, figures.used_cost, figures.idle_cost) == (CARD_COST, CARD_COST // 4, CARD_COST * 3 // 4)
    assert (figures.estimated_cost, figures.unpriced_hours, line.flags) == (0, 0, ())
    assert type(figures.cost) is int
    assert ledger.nodes[0].rate_source == "list price (2026-11-01)"


def test_an_estimated_or_capped_row_is_flagged_once() -> None:
    window = make_window_holdings([make_holder(flags=("reconstructed", "capped"))], estimated=True)
    (line,) = ledger_of(window, make_attribution(window, capped=True), "USD").holders
    assert line.flags == ("reconstructed", "capped", "estimated")
    assert line.figures.estimated_cost == line.figures.cost == CARD_COST


DOUBT = Doubt(flag="spot-ratio", message="a spot node is taken to cost 0.4 of its list price")
IGNORED = Doubt(flag="price-ignored", message="OpenCost has another price", is_estimate=False)


def test_what_is_doubtful_about_a_rate_becomes_a_condition() -> None:
    window = make_window_holdings([make_holder()], make_facts(replace(RATE, doubts=(DOUBT, IGNORED))))
    told = [
        (note.type, note.subject, note.message) for note in ledger_of(window, make_attribution(window), "USD").notes
    ]
    assert told == [
        ("RatesEstimated", "n1", f"Node n1: {DOUBT.message}"),
        ("PriceIgnored", "n1", f"Node n1: {IGNORED.message}"),
    ]


def test_a_price_that_was_ignored_makes_no_estimate() -> None:
    window = make_window_holdings([make_holder()], make_facts(replace(RATE, doubts=(IGNORED,))))
    (line,) = ledger_of(window, make_attribution(window), "USD").holders
    assert (line.flags, line.figures.estimated_cost) == ((), 0)


DOUBTS: dict[str, tuple[bool, bool, tuple[str, ...], int]] = {
    "nothing is estimated": (False, False, (), 0),
    "the split": (True, False, ("estimated",), CARD_COST),
    "the rate": (False, True, ("rate-estimated",), CARD_COST),
    "both, and no cost counts twice": (True, True, ("estimated", "rate-estimated"), CARD_COST),
}


@pytest.mark.parametrize(("split", "rate", "flags", "cost"), DOUBTS.values(), ids=DOUBTS)
def test_cost_on_an_estimated_split_or_rate_is_estimated_cost(
    split: bool, rate: bool, flags: tuple[str, ...], cost: int
) -> None:
    window = make_window_holdings(
        [make_holder(), make_holder()], make_facts(replace(RATE, doubts=(DOUBT,) if rate else ())), estimated=split
    )
    for line in ledger_of(window, make_attribution(window), "USD").holders:
        assert (line.flags, line.figures.estimated_cost) == (flags, cost)


def test_a_node_is_pooled_by_the_type_that_its_price_was_found_by() -> None:
    window = make_window_holdings(facts=make_facts(labels={"beta.kubernetes.io/instance-type": "p4d.24xlarge"}))
    assert ledger_of(window, make_attribution(window), "USD").nodes[0].pool == "p4d.24xlarge"


def test_a_node_without_a_rate_has_hours_and_a_note() -> None:
    missing = MissingRate(node="n1", reason="Node n1: no GpuRateCard matches it; add one")
    window = make_window_holdings([make_holder()], make_facts(missing), priced=False, notes=(make_note("GPU-1"),))
    ledger = ledger_of(window, make_attribution(window), "USD")
    assert ledger.holders[0].figures.unpriced_hours == ledger.holders[0].figures.charged_hours == HOUR_TICKS // 12
    assert (ledger.nodes[0].rate_e9, ledger.nodes[0].rate_source, ledger.nodes[0].pool) == (None, "", "unknown")
    assert [(note.subject, note.message) for note in ledger.notes][1:] == [("n1", missing.reason)]

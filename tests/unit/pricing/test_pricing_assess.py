"""What becomes of each card."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from gpucost.model.fleet import Node
from gpucost.pricing.assess import CardVerdict, RateVerdict, assess
from gpucost.pricing.rules import PriceRules
from tests.unit.pricing.priced_nodes import AT, REGION, make_card, make_node

OLD, NEW = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
EAST, WEST = make_node("p4d.24xlarge", {REGION: "us-east-1"}), make_node("p5.48xlarge", {REGION: "us-west-2"})
NODES = [EAST, WEST, replace(WEST, name="n2")]
Rate = dict[str, Any]


def verdicts(*cards: object, nodes: list[Node] = NODES, rules: PriceRules | None = None) -> tuple[CardVerdict, ...]:
    return assess(cards, nodes, AT, rules or PriceRules())


def counts(verdict: CardVerdict) -> dict[str, tuple[int, int]]:
    return {rate.name: (rate.matched, rate.in_force) for rate in verdict.rates}


def price(amount: str = "1", **rate: Any) -> Rate:
    return {"nodeHourly": amount, **rate}


def test_a_verdict_names_the_card_and_counts_the_nodes_of_each_rate() -> None:
    card = make_card("c", price(name="east", match={"region": "us-east-1"}), price(name="rest"), created=OLD)
    card["metadata"] |= {"uid": "u1", "generation": 3}
    assert verdicts(card) == (
        CardVerdict(
            name="c",
            uid="u1",
            generation=3,
            problems=(),
            conflicts=(),
            rates=(RateVerdict("east", 1, 1), RateVerdict("rest", 3, 2)),
        ),
    )
    (verdict,) = verdicts(card, nodes=[])
    assert (verdict.accepted, counts(verdict)) == (True, {"east": (0, 0), "rest": (0, 0)})


NOT_IN_FORCE: dict[str, tuple[Rate, list[Node], tuple[int, int]]] = {
    "of a node with an annotation": (price(), [make_node(rate="9.5")], (1, 0)),
    "of a node with a broken annotation": (price(), [make_node(rate="cheap")], (1, 0)),
    "that is not valid yet": (price(validFrom="2026-11-24T12:00:01Z"), NODES, (0, 0)),
    "that is over": (price(validUntil="2026-11-24T12:00:00Z"), NODES, (0, 0)),
    "for which another goes": (price(priority=-1), NODES, (3, 0)),
    "that matches nothing": (price(match={"region": "mars"}), NODES, (0, 0)),
}


@pytest.mark.parametrize(("rate", "nodes", "expected"), NOT_IN_FORCE.values(), ids=NOT_IN_FORCE)
def test_a_rate_decides_no_node(rate: Rate, nodes: list[Node], expected: tuple[int, int]) -> None:
    older, newer = make_card("c", price(name="r") | rate, created=OLD), make_card("other", price(), created=NEW)
    verdict, _ = verdicts(older, newer, nodes=nodes)
    assert counts(verdict) == {"r": expected}


def test_a_bad_card_or_rate_is_not_accepted_and_the_others_are() -> None:
    broken = {"metadata": {"name": "broken", "uid": "u", "generation": 2}, "spec": {"rates": "x"}}
    partly = make_card("partly", price(name="good"), {"name": "bad", "nodeHourly": "abc"}, created=OLD)
    foreign = make_card("foreign", price(), currency="EUR")
    first, second, third = verdicts(broken, partly, foreign)
    assert (first.name, first.uid, first.generation, first.accepted, first.rates) == ("broken", "u", 2, False, ())
    assert first.problems == ('GpuRateCard broken is not used: spec.rates "x" is no list',)
    assert (second.accepted, counts(second)) == (False, {"good": (3, 3)})
    (problem,) = second.problems
    assert problem.startswith('GpuRateCard partly/bad is not used: nodeHourly "abc" is not a number')
    assert (third.accepted, third.rates) == (False, ())
    (euros,) = verdicts(foreign, rules=PriceRules(exchange_rates={"EUR": Decimal("1.08")}))
    assert euros.accepted


def test_of_two_cards_that_tie_the_newer_conflicts_and_the_older_stays_in_force() -> None:
    old, new = make_card("z-old", price(), created=OLD), make_card("a-new", price("2"), created=NEW)
    newer, older = verdicts(new, old)
    assert newer.conflicts == (
        "GpuRateCard a-new/r0 ties with z-old/r0 of an older card on 3 nodes, and the older stays in force;"
        " give one of them another priority, match or validity",
    )
    assert (newer.accepted, counts(newer)) == (True, {"r0": (3, 0)})
    assert (older.conflicts, counts(older)) == ((), {"r0": (3, 3)})


TIES: dict[str, tuple[Rate, Rate, str]] = {
    "different keys, as many of them, that match one node": (
        price(match={"region": "us-east-1"}),
        price(match={"instanceType": "p4d.24xlarge"}),
        "on 1 node,",
    ),
    "patterns that match one node": (
        price(match={"region": "us-*"}),
        price(match={"instanceType": "p*"}),
        "on 3 nodes,",
    ),
    "the same match that no node fits": (
        price(match={"region": "mars", "nodeLabels": {"a": "1", "b": "2"}}),
        price(match={"nodeLabels": {"b": "2", "a": "1"}, "region": "Mars"}),
        "with the same match,",
    ),
    "the same match at a later time": (
        price(validFrom="2027-01-01T00:00:00Z"),
        price(validFrom="2027-06-01T00:00:00Z"),
        "with the same match,",
    ),
}


@pytest.mark.parametrize(("older", "newer", "where"), TIES.values(), ids=TIES)
def test_rates_of_two_cards_tie(older: Rate, newer: Rate, where: str) -> None:
    first, second = verdicts(make_card("old", older, created=OLD), make_card("new", newer, created=NEW))
    assert first.conflicts == ()
    (conflict,) = second.conflicts
    assert conflict.startswith(f"GpuRateCard new/r0 ties with old/r0 of an older card {where}")


NO_TIES: dict[str, tuple[Rate, Rate]] = {
    "another priority": (price(), price(priority=1)),
    "more keys": (price(), price(match={"region": "us-*"})),
    "an exact key beside a pattern": (price(match={"region": "us-*"}), price(match={"region": "us-east-1"})),
    "as many keys that no node has together": (
        price(match={"region": "us-east-1"}),
        price(match={"instanceType": "p5.48xlarge"}),
    ),
    "one after the other": (
        price(validUntil="2026-12-01T00:00:00Z"),
        price(validFrom="2026-12-01T00:00:00Z"),
    ),
    "together only in the past": (price(validUntil="2026-11-24T12:00:00Z"), price()),
    "labels with other values": (
        price(match={"nodeLabels": {"a": "1"}}),
        price(match={"nodeLabels": {"a": "2"}}),
    ),
}


@pytest.mark.parametrize(("older", "newer"), NO_TIES.values(), ids=NO_TIES)
def test_rates_of_two_cards_do_not_tie(older: Rate, newer: Rate) -> None:
    cards = verdicts(make_card("old", older, created=OLD), make_card("new", newer, created=NEW))
    assert [card.conflicts for card in cards] == [(), ()]


def test_within_a_card_the_first_listed_counts_and_nothing_conflicts() -> None:
    (verdict,) = verdicts(make_card("c", price(name="a"), price(name="b")))
    assert (verdict.conflicts, counts(verdict)) == ((), {"a": (3, 3), "b": (3, 0)})


def test_only_the_rates_that_tie_yield() -> None:
    old = make_card("old", price(match={"region": "us-east-1"}), created=OLD)
    new = make_card(
        "new",
        price(name="tied", match={"region": "us-east-1"}),
        price(name="own", match={"region": "us-west-2"}),
        created=NEW,
    )
    _, newer = verdicts(old, new)
    assert len(newer.conflicts) == 1
    assert counts(newer) == {"tied": (1, 0), "own": (2, 2)}


def test_of_three_that_tie_both_newer_ones_yield_to_the_oldest() -> None:
    cards = verdicts(*(make_card(name, price(), created=when) for name, when in (("c", NEW), ("b", NEW), ("a", OLD))))
    assert [[text.split(" of an")[0] for text in card.conflicts] for card in cards] == [
        ["GpuRateCard c/r0 ties with a/r0"],
        ["GpuRateCard b/r0 ties with a/r0"],
        [],
    ]


def test_cards_of_a_file_that_tie_go_by_their_names() -> None:
    second, first = verdicts(make_card("b", price()), make_card("a", price()))
    assert (len(second.conflicts), first.conflicts) == (1, ())

"""Nodes that were deleted: how long they lived, and what was held on them; and nodes that took the name of another."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matched_windows import (
    NOBODY,
    Shown,
    card,
    held,
    lines,
    make_node,
    make_pod,
    make_rate,
    make_usage,
    match,
    minutes,
    named,
    note_types,
)

from gpucost.matching.match import Matcher
from gpucost.model.fleet import Cluster, Node, Pod
from gpucost.model.tenancy import LabelKeys

ENDED: dict[str, tuple[Node, list[Shown], float | None]] = {
    "a node lived until its last sample": (make_node(last_seen=1, ended=7), [(card(), NOBODY, 4.0)], 2.0),
    "and at least until the last look that listed it": (
        make_node(last_seen=3, ended=7),
        [(card(), NOBODY, 4.0)],
        3.0,
    ),
    "but not beyond the look that missed it": (make_node(last_seen=1, ended=3), [(card(), NOBODY, 8.0)], 3.0),
    "without samples it lived until the look that missed it": (make_node(last_seen=1, ended=3), [], 3.0),
    "without samples it lived as long as nobody missed it": (make_node(last_seen=1, ended=7), [], 5.0),
    "a node whose last look is not known lived until its last sample": (
        make_node(ended=7),
        [(card(), NOBODY, 4.0)],
        2.0,
    ),
    "a node that was listed after the window lived all of it, whatever scrapes were missed": (
        make_node(last_seen=5, ended=10),
        [(card(), NOBODY, 4.0)],
        5.0,
    ),
    "a node that came and went lived from its creation to its last sample": (
        make_node(created=1, last_seen=1.5, ended=7),
        [(card(), NOBODY, 4.0)],
        2.0,
    ),
    "a node that was registered again within the window and missed much later": (
        make_node(created=4, last_seen=20, ended=25),
        [(card(), NOBODY, 6.0)],
        3.0,
    ),
    "a node that was gone before the window has no line": (make_node(last_seen=-6, ended=-1), [], None),
    "a node that was gone before the window has no line, though its exporter still speaks": (
        make_node(last_seen=-6, ended=-1),
        [(card(), named(), 4.0)],
        None,
    ),
}


@pytest.mark.parametrize(("node", "shown", "expected"), ENDED.values(), ids=ENDED)
def test_life_of_a_node_that_was_deleted(node: Node, shown: list[Shown], expected: float | None) -> None:
    got = match(*shown, nodes=[node])
    assert lines(got) == ({} if expected is None else {"uid-n1": expected})
    assert "UnknownNodes" not in note_types(got)
    if expected is not None:
        assert got.holdings.bills.cost_e9.tolist() == [round(8_000_000_000 * expected / 60)]


def test_a_node_without_look_or_sample_in_the_window_was_gone_where_telemetry_shows_others() -> None:
    nodes = [make_node(last_seen=-4, ended=1), make_node("n2")]
    assert lines(match((card(node="n2"), NOBODY, 10), nodes=nodes)) == {"uid-n2": 5.0}
    assert lines(match(nodes=nodes)) == {"uid-n1": 1.0, "uid-n2": 5.0}


def test_a_pod_ends_with_its_node() -> None:
    shown: list[Shown] = [(card("GPU-a"), named(), 4), (card("GPU-b"), NOBODY, 4)]
    got = match(*shown, nodes=[make_node(last_seen=1, ended=7)], pods=[make_pod(), make_pod("silent")])
    assert minutes(got) == {"uid-n1 GPU-a train-0": 2.0, "uid-n1 GPU-b silent": 2.0}
    assert got.holdings.seen_ratio.tolist() == [1.0, 0.0]


def make_replaced(*, ended: float = 3, created: float = 3) -> list[Node]:
    return [make_node(uid="old", last_seen=1, ended=ended), make_node(uid="new", created=created)]


def both(uuid: str, *holders: str, scrapes: float) -> list[Shown]:
    """Two cards, of which those with a name are held."""
    names = [named(holder) for holder in holders] + [NOBODY] * (2 - len(holders))
    return [(card(f"{uuid}{number}"), name, scrapes) for number, name in enumerate(names)]


ONE_MACHINE = [(card("a"), named("p"), 10.0), (card("b"), NOBODY, 10.0)]

REPLACED: dict[str, tuple[list[Node], Sequence[Shown], list[Pod], dict[str, float], dict[str, float]]] = {
    "another machine under the same name: each has the cards and the pods of its time": (
        make_replaced(),
        [*both("a", "p", scrapes=4), *both("b", "q", scrapes=4)],
        [make_pod("p", ended=3), make_pod("q", bound=3)],
        {"old": 2.0, "new": 2.0},
        {"old a0 p": 2.0, "new b0 q": 2.0},
    ),
    "the same machine, registered anew: a pod that went on was on both": (
        make_replaced(ended=4, created=4),
        ONE_MACHINE,
        [make_pod("p")],
        {"old": 4.0, "new": 1.0},
        {"old a p": 4.0, "new a p": 1.0},
    ),
    "the same machine, registered anew: a pod that was gone by then was on the old": (
        make_replaced(ended=4, created=4),
        ONE_MACHINE,
        [make_pod("p", ended=4)],
        {"old": 4.0, "new": 1.0},
        {"old a p": 4.0},
    ),
    "samples between the look that missed the old and the registration are the new one's": (
        make_replaced(ended=2, created=4),
        ONE_MACHINE,
        [],
        {"old": 2.0, "new": 3.0},
        {"old a p": 2.0, "new a p": 3.0},
    ),
    "no more samples than the old one may have had: the new one is as young as the API says": (
        make_replaced(ended=3, created=4),
        [(card("a"), named("p"), 6.0), (card("b"), NOBODY, 6.0)],
        [make_pod("p")],
        {"old": 2.0, "new": 1.0},
        {"old a p": 2.0, "new a p": 1.0},
    ),
    "a scrape more than fits into the life of the new one is no sign of the old": (
        [make_node(uid="old", last_seen=-4, ended=1), make_node(uid="new", created=3.1)],
        both("b", scrapes=4),
        [],
        {"new": 1.9},
        {},
    ),
    "without telemetry the looks say who lived when": (
        make_replaced(),
        [],
        [make_pod("p", ended=3), make_pod("q", bound=3.5)],
        {"old": 3.0, "new": 2.0},
        {"old ? p": 3.0, "new ? q": 1.5},
    ),
    "a pod that nobody knows any more was on each while it lived": (
        make_replaced(ended=4, created=4),
        ONE_MACHINE,
        [],
        {"old": 4.0, "new": 1.0},
        {"old a p": 4.0, "new a p": 1.0},
    ),
    "the same machine, registered anew only after the window": (
        make_replaced(ended=3, created=8),
        ONE_MACHINE,
        [make_pod("p")],
        {"old": 3.0, "new": 2.0},
        {"old a p": 3.0, "new a p": 2.0},
    ),
    "clocks that differ: the new one was there before the old one was missed": (
        make_replaced(ended=4, created=3),
        [],
        [],
        {"old": 3.0, "new": 2.0},
        {},
    ),
    "another machine, and nobody knows the pods: each held for as long as its card was there": (
        make_replaced(),
        [*both("a", "p", scrapes=4), *both("b", "q", scrapes=4)],
        [],
        {"old": 2.0, "new": 2.0},
        {"old a0 p": 1.0, "old b0 q": 1.0, "new a0 p": 1.0, "new b0 q": 1.0},
    ),
    "a pod of the old one does not make the new one older": (
        make_replaced(created=4),
        [],
        [make_pod("p", ended=3)],
        {"old": 3.0, "new": 1.0},
        {"old ? p": 3.0},
    ),
}


@pytest.mark.parametrize(("nodes", "shown", "pods", "alive", "holders"), REPLACED.values(), ids=REPLACED)
def test_two_nodes_of_one_name(
    nodes: list[Node], shown: Sequence[Shown], pods: list[Pod], alive: dict[str, float], holders: dict[str, float]
) -> None:
    got = match(*shown, nodes=nodes, pods=pods)
    assert lines(got) == alive
    assert minutes(got) == holders
    assert got.holdings.bills.cards.tolist() == [2] * len(alive)
    assert note_types(got) == []


def test_without_a_price_list_capacity_tells_that_another_machine_came() -> None:
    unlisted = [make_rate(cards=None), make_rate(cards=None)]
    got = match(*both("a", scrapes=4), *both("b", scrapes=4), nodes=make_replaced(), rates=unlisted)
    assert (lines(got), got.holdings.bills.cards.tolist()) == ({"old": 2.0, "new": 2.0}, [2, 2])


def test_more_cards_than_anybody_told_of_are_held_no_less() -> None:
    rates = [make_rate(cards=1), make_rate(cards=1)]
    got = match(*ONE_MACHINE, nodes=make_replaced(), rates=rates, pods=[make_pod("p")])
    assert minutes(got) == {"old a p": 3.0, "new a p": 2.0}
    assert got.holdings.bills.cards.tolist() == [2, 2]


def test_nodes_of_one_name_have_their_own_rates_and_windows() -> None:
    nodes = (make_node(uid="new", created=8), make_node(uid="old", last_seen=4, ended=8))
    usage = make_usage([(card("a"), named("p"), 10)], [(card("a"), named("p"), 10)], [(card("a"), named("p"), 10)])
    cluster = Cluster(seen_at=usage.windows[-1].end, nodes=nodes, pods=(make_pod("p"),), namespaces={})
    matcher = Matcher(cluster=cluster, ended=(), keys=LabelKeys())
    rates = [make_rate(hourly_e9=60, source="new"), make_rate(hourly_e9=120, source="old")]
    got = [matcher.match(usage, number, rates) for number in range(3)]
    assert [lines(window) for window in got] == [{"old": 5.0}, {"old": 3.0, "new": 2.0}, {"new": 5.0}]
    assert [window.holdings.bills.cost_e9.tolist() for window in got] == [[10], [6, 2], [5]]
    assert [held(window) for window in got] == [{"a p": 1.0}, {"a p": 1.0}, {"a p": 1.0}]


MINUTES = st.integers(-20, 30).map(lambda quarters: quarters / 4)


@st.composite
def generations(draw: st.DrawFn) -> list[Node]:
    """Up to three nodes of one name, one after the other, the last of which may be there."""
    edges = sorted(draw(st.lists(MINUTES, min_size=6, max_size=6)))
    nodes = [
        make_node(uid=f"u{number}", created=created, last_seen=created, ended=ended)
        for number, (created, ended) in enumerate(zip(edges[::2], edges[1::2], strict=True))
    ]
    return [*nodes[:-1], replace(nodes[-1], last_seen=None, ended=None)] if draw(st.booleans()) else nodes


@settings(deadline=None)
@given(generations(), st.lists(st.integers(1, 10), max_size=4), st.lists(st.tuples(MINUTES, MINUTES), max_size=3))
def test_nodes_of_one_name_never_live_or_hold_more_than_the_window(
    nodes: list[Node], scrapes: list[int], pods: list[tuple[float, float]]
) -> None:
    shown: list[Shown] = [
        (card(f"GPU-{number}"), named(f"p{number}") if number % 2 else NOBODY, count)
        for number, count in enumerate(scrapes)
    ]
    got = match(
        *shown,
        nodes=nodes,
        pods=[make_pod(f"p{number}", bound=min(life), ended=max(life)) for number, life in enumerate(pods)],
    )
    assert 0 <= sum(lines(got).values()) <= 5
    assert got.holdings.bills.alive_hours.min(initial=1) > 0
    assert np.all((got.holdings.held_ratio > 0) & (got.holdings.held_ratio <= 1 + 1e-9))
    assert np.all((got.holdings.seen_ratio >= 0) & (got.holdings.seen_ratio <= 1))
    on_line = got.holdings.device_node[got.holdings.device]
    assert np.all(np.diff(on_line) >= 0)
    assert [got.nodes[line].node.name for line in on_line] == [holder.device.node for holder in got.holders]

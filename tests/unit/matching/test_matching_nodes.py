"""Nodes: which are billed, for which part of the window, divided by how many cards."""

from dataclasses import replace

import pytest
from matched_windows import (
    GPU_HOUR_E9,
    NOBODY,
    Shared,
    Shown,
    card,
    held,
    instance,
    make_node,
    make_pod,
    make_rate,
    make_usage,
    match,
    named,
    note,
    note_types,
)

from gpucost.matching.match import Matcher
from gpucost.model.fleet import Cluster, Node, Pod
from gpucost.model.rates import CARDS_ESTIMATED, Doubt, MissingRate, NodeRate
from gpucost.model.tenancy import LabelKeys

NO_CARDS = make_rate(cards=None)
GPU_NODE = {
    "it has GPU capacity": (make_node(gpus=2), NO_CARDS, []),
    "its instance type has cards": (make_node(gpus=0), make_rate(cards=2), []),
    "GPU feature discovery labelled it": (make_node(gpus=0, labels={"nvidia.com/gpu.present": "true"}), NO_CARDS, []),
    "telemetry shows a card of it": (make_node(gpus=0), NO_CARDS, [(card(), NOBODY, 10.0)]),
}


@pytest.mark.parametrize(("node", "rate", "shown"), GPU_NODE.values(), ids=GPU_NODE)
def test_a_node_is_billed_where(node: Node, rate: NodeRate, shown: list[Shown]) -> None:
    got = match(*shown, nodes=[node, make_node("cpu", gpus=0)], rates=[rate, make_rate("cpu", cards=None)])
    assert [facts.node.name for facts in got.nodes] == ["n1"]
    assert got.holdings.bills.cost_e9.tolist() == [666_666_667]


ALIVE = {
    "a node that was there before lives all the time": (make_node(), [], [], 5.0),
    "a node that came within the window lives from then": (make_node(created=2), [], [], 3.0),
    "a node that came after the window did not live": (make_node(created=7), [], [], None),
    "samples from before its registration show that the machine is older": (
        make_node(created=4),
        [(card(), NOBODY, 6.0)],
        [],
        3.0,
    ),
    "a node is not younger than the API says because its exporter came late": (
        make_node(created=1),
        [(card(), NOBODY, 2.0)],
        [],
        4.0,
    ),
    "a node that was registered again later lived in a window with samples": (
        make_node(created=60),
        [(card(), NOBODY, 2.0)],
        [],
        5.0,
    ),
    "a pod that was bound before its registration shows that the machine is older": (
        make_node(created=60),
        [],
        [make_pod(bound=1)],
        4.0,
    ),
    "a pod that is not known to have been bound shows nothing": (
        make_node(created=60),
        [],
        [make_pod(bound=None)],
        None,
    ),
}


def test_the_life_of_a_node_is_told_by_the_interval_at_which_it_is_scraped() -> None:
    got = match((card(), NOBODY, 12), nodes=[make_node(created=4)], intervals={card(): 15.0})
    assert got.holdings.bills.alive_hours.tolist() == pytest.approx([3 / 60])


@pytest.mark.parametrize(("node", "shown", "pods", "minutes"), ALIVE.values(), ids=ALIVE)
def test_life_of_a_node(node: Node, shown: list[Shown], pods: list[Pod], minutes: float | None) -> None:
    got = match(*shown, nodes=[node], pods=pods)
    assert got.holdings.bills.alive_hours.tolist() == ([] if minutes is None else [pytest.approx(minutes / 60)])
    if minutes is not None:
        assert got.holdings.bills.cost_e9.tolist() == [round(8_000_000_000 * minutes / 60)]


def test_held_time_is_a_part_of_the_life_of_the_node() -> None:
    got = match((card(), named(), 4), nodes=[make_node(created=3)], pods=[make_pod(bound=4)])
    assert held(got) == {"GPU-a train-0": 0.5}


CARDS = {
    "telemetry shows more than anybody says": (make_node(), make_rate(cards=1), 2, ["CardCountDisagrees"]),
    "the instance type has more than telemetry shows": (make_node(), make_rate(cards=8), 8, ["CardCountDisagrees"]),
    "all agree": (make_node(labels={"nvidia.com/gpu.count": "2"}), make_rate(cards=2), 2, []),
    "the label knows more": (
        make_node(labels={"nvidia.com/gpu.count": "4", "nvidia.com/gpu.product": "NVIDIA-L4"}),
        NO_CARDS,
        4,
        ["CardCountDisagrees"],
    ),
    "the label counts instances": (
        make_node(labels={"nvidia.com/gpu.count": "8", "nvidia.com/gpu.product": "NVIDIA-A30-MIG-1g.6gb"}),
        NO_CARDS,
        2,
        [],
    ),
    "the label is no number": (make_node(labels={"nvidia.com/gpu.count": "many"}), NO_CARDS, 2, []),
}


@pytest.mark.parametrize(("node", "rate", "cards", "notes"), CARDS.values(), ids=CARDS)
def test_cards_by_which_the_bill_is_divided(node: Node, rate: NodeRate, cards: int, notes: list[str]) -> None:
    got = match((card("GPU-a"), NOBODY, 10), (card("GPU-b"), NOBODY, 10), nodes=[node], rates=[rate])
    assert got.holdings.bills.cards.tolist() == [cards]
    assert note_types(got) == notes


def test_a_disagreement_names_the_sources() -> None:
    got = match((card(), NOBODY, 10))
    message = note(got, "CardCountDisagrees").message
    assert message.startswith("Node n1: sources disagree about its number of GPUs (telemetry 1, price list 2)")


def test_a_card_that_takes_the_place_of_another_is_not_one_more() -> None:
    got = match((card("GPU-a"), NOBODY, 10), (card("GPU-old"), NOBODY, 4), (card("GPU-new"), NOBODY, 6))
    assert got.holdings.bills.cards.tolist() == [2]


def test_cards_that_are_scraped_at_different_intervals_are_there_at_one_time() -> None:
    shown: list[Shown] = [(card(f"GPU-{number}"), NOBODY, 20 if number < 4 else 10) for number in range(8)]
    got = match(*shown, rates=[NO_CARDS], intervals={card(f"GPU-{number}"): 15.0 for number in range(4)})
    assert got.holdings.bills.cards.tolist() == [8]


def test_instances_of_one_card_are_one_card() -> None:
    got = match(*((instance(n), NOBODY, 10) for n in range(7)), rates=[NO_CARDS])
    assert got.holdings.bills.cards.tolist() == [1]


def test_a_node_of_which_nothing_is_known_has_as_many_cards_as_capacity() -> None:
    got = match(nodes=[make_node(gpus=8)], rates=[NO_CARDS])
    assert got.holdings.bills.cards.tolist() == [8]
    assert "divided by 8" in note(got, "CardCountEstimated").message


BY_CAPACITY: dict[str, tuple[Node, list[Shown], list[Pod], int, bool]] = {
    "whole cards are more than telemetry shows": (make_node(), [(card(), NOBODY, 10)], [], 2, True),
    "telemetry shows all of them": (make_node(gpus=1), [(card(), NOBODY, 10)], [], 1, False),
    "telemetry shows more": (make_node(gpus=1), [(card(), NOBODY, 10), (card("GPU-b"), NOBODY, 10)], [], 2, False),
    "telemetry shows slots": (make_node(gpus=4), [Shared(card(), named(), 10, slots=1)], [], 1, False),
    "pods ask for slots": (
        make_node(gpus=4),
        [(card(), NOBODY, 10)],
        [make_pod(requests={"main:.shared": 1})],
        1,
        False,
    ),
    "a label says that cards are shared": (
        make_node(gpus=4, labels={"nvidia.com/gpu.sharing-strategy": "mps"}),
        [(card(), NOBODY, 10)],
        [],
        1,
        False,
    ),
    "labels tell how many cards the slots need": (
        make_node(gpus=8, labels={"nvidia.com/gpu.replicas": "4"}),
        [(card(), NOBODY, 10)],
        [],
        1,
        True,
    ),
    "telemetry shows instances alone": (make_node(gpus=2), [(instance(1), NOBODY, 10)], [], 1, False),
    "whole cards beside instances": (
        make_node(
            capacity={"nvidia.com/gpu": 3, "nvidia.com/mig-1g.5gb": 7}, labels={"nvidia.com/gpu.product": "A100"}
        ),
        [(card("GPU-b"), NOBODY, 10), (instance(1), NOBODY, 10)],
        [],
        3,
        True,
    ),
}


@pytest.mark.parametrize(("node", "shown", "pods", "cards", "is_told"), BY_CAPACITY.values(), ids=BY_CAPACITY)
def test_capacity_counts_cards_where_neither_label_nor_list_does_and(
    node: Node, shown: list[Shown], pods: list[Pod], cards: int, is_told: bool
) -> None:
    got = match(*shown, nodes=[node], pods=pods, rates=[NO_CARDS])
    assert got.holdings.bills.cards.tolist() == [cards]
    assert ("CardCountEstimated" in note_types(got)) is is_told
    assert "CardCountDisagrees" not in note_types(got)


def test_a_card_that_telemetry_misses_is_not_charged_to_the_holder_of_the_other() -> None:
    got = match((card(), named("p0"), 10), pods=[make_pod("p0"), make_pod("p1")], rates=[NO_CARDS])
    assert held(got) == {"GPU-a p0": 1.0, "? p1": 1.0}
    assert got.holdings.bills.cards.tolist() == [2]
    message = note(got, "CardCountEstimated").message
    assert message.startswith("Node n1: by its capacity it has 2 GPUs and telemetry shows 1,")


FRACTIONS = {
    "all of it by default": (make_rate(), 666_666_667),
    "the rate's part": (make_rate(gpu_fraction=0.3), 200_000_000),
    "none of it": (make_rate(gpu_fraction=0.0), 0),
}


@pytest.mark.parametrize(("rate", "expected"), FRACTIONS.values(), ids=FRACTIONS)
def test_part_of_the_bill_that_goes_to_the_cards(rate: NodeRate, expected: int) -> None:
    bills = match(rates=[rate]).holdings.bills
    assert bills.cost_e9.tolist() == [666_666_667]
    assert bills.gpu_cost_e9.tolist() == [expected]


PER_CARD: dict[str, tuple[NodeRate, list[Shown], int, int]] = {
    "as many as are told": (make_rate(card_hourly_e9=GPU_HOUR_E9), [], 2, 2 * GPU_HOUR_E9),
    "telemetry shows more than are told": (
        make_rate(card_hourly_e9=GPU_HOUR_E9),
        [(card(name), NOBODY, 10) for name in ("GPU-a", "GPU-b", "GPU-c")],
        3,
        3 * GPU_HOUR_E9,
    ),
    "a price of the node is not multiplied": (
        make_rate(),
        [(card(name), NOBODY, 10) for name in ("GPU-a", "GPU-b", "GPU-c")],
        3,
        2 * GPU_HOUR_E9,
    ),
}


@pytest.mark.parametrize(("rate", "shown", "cards", "hourly_e9"), PER_CARD.values(), ids=PER_CARD)
def test_a_price_per_card_is_multiplied_by_the_cards_that_the_bill_is_divided_by(
    rate: NodeRate, shown: list[Shown], cards: int, hourly_e9: int
) -> None:
    got = match(*shown, rates=[rate])
    (facts,) = got.nodes
    assert isinstance(facts.rate, NodeRate)
    assert facts.rate.terms == ("" if hourly_e9 == rate.hourly_e9 else "4.000000000 x 3 GPUs")
    assert (got.holdings.bills.cards.tolist(), facts.rate.hourly_e9) == ([cards], hourly_e9)
    assert got.holdings.bills.cost_e9.tolist() == [round(hourly_e9 / 12)]


COUNTED: dict[str, tuple[list[Shown], bool]] = {
    "telemetry counts them": ([(card(name), NOBODY, 10) for name in ("GPU-a", "GPU-b")], False),
    "nobody does": ([], True),
}


@pytest.mark.parametrize(("shown", "doubtful"), COUNTED.values(), ids=COUNTED)
def test_a_price_per_card_is_doubtful_only_where_nobody_counts_the_cards(shown: list[Shown], doubtful: bool) -> None:
    doubt = Doubt(flag=CARDS_ESTIMATED, message="the count of its GPUs is an estimate")
    node = make_node(labels={}, capacity={"nvidia.com/gpu": 2})
    rate = make_rate(card_hourly_e9=GPU_HOUR_E9, cards=None, doubts=(doubt,))
    (facts,) = match(*shown, nodes=[node], rates=[rate]).nodes
    assert isinstance(facts.rate, NodeRate)
    assert (facts.rate.doubts == (doubt,)) is doubtful


def test_a_node_without_rate_has_no_bill_but_hours_and_holders() -> None:
    missing = MissingRate(node="n1", reason="no price")
    got = match((card(), named(), 10), pods=[make_pod()], rates=[missing])
    assert got.holdings.bills.priced.tolist() == [False]
    assert got.holdings.bills.cost_e9.tolist() == [0]
    assert got.holdings.bills.alive_hours.tolist() == pytest.approx([1 / 12])
    assert got.nodes[0].rate is missing
    assert held(got) == {"GPU-a train-0": 1.0}


OBSERVED = {
    "telemetry": ([(card(), NOBODY, 10.0)], 600, True),
    "no telemetry, but the API lists all pods of so recent a window": ([], 60, True),
    "neither": ([], 66, False),
}


@pytest.mark.parametrize(("shown", "seen_at", "expected"), OBSERVED.values(), ids=OBSERVED)
def test_what_is_left_of_a_node_is_observed_with(shown: list[Shown], seen_at: float, expected: bool) -> None:
    assert match(*shown, seen_at=seen_at).holdings.bills.observed.tolist() == [expected]


STATE_KNOWN = {
    "a recent look": (make_node(), 60, True),
    "a look long after the window": (make_node(), 66, False),
    "the last look that had the node, long before it was missed": (make_node(last_seen=10, ended=600), 600, True),
}


@pytest.mark.parametrize(("node", "seen_at", "expected"), STATE_KNOWN.values(), ids=STATE_KNOWN)
def test_the_state_of_a_node_in_the_window_is_known_from(node: Node, seen_at: float, expected: bool) -> None:
    assert [facts.state_known for facts in match(nodes=[node], seen_at=seen_at).nodes] == [expected]


def test_windows_of_one_usage_do_not_touch_each_other() -> None:
    usage = make_usage([(card(), named(), 10)], [], [(card(node="n2"), NOBODY, 10)])
    nodes = (make_node("n1"), make_node("n2", gpus=0), make_node("n3", gpus=0))
    cluster = Cluster(seen_at=usage.windows[-1].end, nodes=nodes, pods=(make_pod(),), namespaces={})
    matcher = Matcher(cluster=cluster, ended=(), keys=LabelKeys())
    rates = [make_rate("n1"), make_rate("n2", cards=None), make_rate("n3", cards=None)]
    got = [matcher.match(usage, number, rates) for number in range(3)]
    assert [held(window) for window in got] == [{"GPU-a train-0": 1.0}, {"? train-0": 1.0}, {"? train-0": 1.0}]
    assert [[facts.node.name for facts in window.nodes] for window in got] == [["n1"], ["n1"], ["n1", "n2"]]
    assert got[2].holdings.device_node[got[2].holdings.device].tolist() == [0]


def test_a_matcher_takes_a_new_usage_and_new_rates() -> None:
    cluster = Cluster(seen_at=make_usage([]).windows[0].end, nodes=(make_node(),), pods=(make_pod(),), namespaces={})
    matcher = Matcher(cluster=cluster, ended=(), keys=LabelKeys())
    first = matcher.match(make_usage([(card(), named(), 10)]), 0, [make_rate()])
    second = matcher.match(make_usage([(card("GPU-b"), named(), 10)]), 0, [make_rate(hourly_e9=12)])
    assert (held(first), held(second)) == ({"GPU-a train-0": 1.0}, {"GPU-b train-0": 1.0})
    assert second.holdings.bills.cost_e9.tolist() == [1]


def test_a_cluster_without_nodes_has_no_lines() -> None:
    got = match(nodes=[], rates=[], pods=[make_pod()])
    assert (got.nodes, got.holders, got.notes) == ((), (), ())


def test_pods_of_a_node_that_shows_no_card_hold_nothing() -> None:
    got = match(nodes=[replace(make_node(), capacity={})], rates=[NO_CARDS], pods=[make_pod()])
    assert (got.nodes, got.holders) == ((), ())

"""Into how many slots a device is divided, and how many cards there are, where labels do not say or sources differ."""

from math import nan

import pytest
from matched_windows import (
    NOBODY,
    Shared,
    Shown,
    card,
    figures,
    make_node,
    make_pod,
    make_rate,
    match,
    note,
    note_types,
)
from sliced_nodes import GPU, ONE_CARD, POD_A, POD_B, T4, A, B, sliced

from gpucost.model.fleet import Node, Pod
from gpucost.model.rates import NodeRate

GUESSED: dict[str, tuple[Node, NodeRate, list[Pod], float]] = {
    "capacity is a multiple of the cards": (
        make_node(labels={f"{GPU}.count": "1"}, capacity={GPU: 4}),
        ONE_CARD,
        [POD_A],
        1 / 4,
    ),
    "capacity of renamed slots over the cards": (
        make_node(capacity={f"{GPU}.shared": 5}),
        ONE_CARD,
        [make_pod("a", requests={"main:.shared": 1})],
        1 / 5,
    ),
    "the most slots that are asked for at one time": (
        make_node(labels={f"{GPU}.product": "Tesla-T4-SHARED"}, capacity={}),
        ONE_CARD,
        [POD_A, make_pod("b", requests={"main": 2}), make_pod("c", bound=4), make_pod("d", ended=3)],
        1 / 4,
    ),
    "slots that telemetry tells": (
        make_node(labels={f"{GPU}.product": "Tesla-T4-SHARED"}, capacity={}),
        ONE_CARD,
        [make_pod("a", requests={"main": 3})],
        3 / 3,
    ),
}


@pytest.mark.parametrize(("node", "rate", "pods", "share"), GUESSED.values(), ids=GUESSED)
def test_slots_that_no_label_tells_are_estimated_and_told(
    node: Node, rate: NodeRate, pods: list[Pod], share: float
) -> None:
    got = match((T4, A, 10, nan, 0.8), pods=pods, nodes=[node], rates=[rate])
    (row,) = (row for row, holder in enumerate(got.holders) if holder.pod == "a")
    assert got.holdings.slot_share[row] == pytest.approx(share)
    assert got.holdings.estimated.all()
    assert note(got, "SlotsEstimated").subject == "n1"


UNLABELLED: dict[str, tuple[list[Shown], list[Pod]]] = {
    "a request for a slot": (
        [(T4, A, 10, nan, 0.8)],
        [make_pod("a", requests={"main:.shared": 1}), make_pod("b", requests={"main:.shared": 1})],
    ),
    "slots in telemetry": (
        [Shared(T4, A, 10, nan, 0.8, slots=1), Shared(T4, B, 10, nan, 0.8, slots=1)],
        [POD_A, POD_B],
    ),
}


@pytest.mark.parametrize(("shown", "pods"), UNLABELLED.values(), ids=UNLABELLED)
def test_of_a_node_that_tells_nothing_cards_are_shared_by(shown: list[Shown], pods: list[Pod]) -> None:
    got = match(*shown, pods=pods, nodes=[make_node(gpus=0)], rates=[ONE_CARD])
    assert figures(got) == {"GPU-a a": (0.5, 0.4), "GPU-a b": (0.5, 0.4)}
    assert note_types(got) == ["SlotsEstimated"]


EXCLUSIVE: dict[str, tuple[Node, NodeRate]] = {
    "as many cards as capacity": (make_node(gpus=1), ONE_CARD),
    "a label says that they are not shared": (
        make_node(labels={f"{GPU}.sharing-strategy": "none", f"{GPU}.replicas": "1"}, gpus=2),
        ONE_CARD,
    ),
    "capacity is no multiple of the cards": (make_node(gpus=3), make_rate(cards=2)),
}


@pytest.mark.parametrize(("node", "rate"), EXCLUSIVE.values(), ids=EXCLUSIVE)
def test_cards_that_are_not_shared(node: Node, rate: NodeRate) -> None:
    got = match((T4, A, 10), pods=[POD_A], nodes=[node], rates=[rate])
    assert [holder.sharing for holder in got.holders] == ["exclusive"]
    assert got.holdings.slot_share.tolist() == [1.0]


CARDS: dict[str, tuple[Node, int | None, int, list[str]]] = {
    "capacity counts slots and the label counts cards": (sliced(cards=2), None, 2, []),
    "the price list agrees": (sliced(cards=2), 2, 2, []),
    "the price list disagrees": (sliced(cards=2), 4, 4, ["CardCountDisagrees"]),
    "the label disagrees with telemetry": (sliced(cards=3), None, 3, ["CardCountDisagrees"]),
    "nothing but slots": (
        make_node(labels={f"{GPU}.replicas": "4"}, capacity={f"{GPU}.shared": 8}),
        None,
        2,
        [],
    ),
}


@pytest.mark.parametrize(("node", "listed", "cards", "notes"), CARDS.values(), ids=CARDS)
def test_cards_of_a_node_with_shared_ones(node: Node, listed: int | None, cards: int, notes: list[str]) -> None:
    shown: list[Shown] = [(card(uuid, model="Tesla T4"), NOBODY, 10) for uuid in ("GPU-a", "GPU-b")]
    got = match(*shown, nodes=[node], rates=[make_rate(cards=listed)])
    assert got.holdings.bills.cards.tolist() == [cards]
    assert note_types(got) == notes


def test_without_telemetry_slots_need_as_many_cards_as_their_replicas_say() -> None:
    node = make_node(labels={f"{GPU}.replicas": "4"}, capacity={f"{GPU}.shared": 8})
    got = match(nodes=[node], rates=[make_rate(cards=None)], pods=[make_pod(requests={"main:.shared": 2})])
    assert got.holdings.bills.cards.tolist() == [2]
    assert figures(got) == {"? train-0": (0.5, None)}
    assert note_types(got) == ["CardCountEstimated"]

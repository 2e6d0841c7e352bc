"""Time-slicing and MPS: who shares which devices, how many slots each holds, and what each used."""

from collections.abc import Mapping
from math import nan

import pytest
from matched_windows import (
    NOBODY,
    Shared,
    Shown,
    card,
    figures,
    held,
    instance,
    make_node,
    make_pod,
    make_rate,
    match,
    named,
    note,
    note_types,
)

from gpucost.matching.lacking import NOT_IN_TELEMETRY
from gpucost.model.fleet import Node, Pod
from gpucost.model.rates import NodeRate

ONE_CARD = make_rate(cards=1)
GPU, MIG = "nvidia.com/gpu", "nvidia.com/mig-1g.5gb"


def sliced(
    replicas: int = 4, *, cards: int = 1, strategy: str = "time-slicing", capacity: Mapping[str, int] | None = None
) -> Node:
    """A node of T4 cards as the device plugin and GPU feature discovery describe it, without renaming."""
    labels = {
        f"{GPU}.product": "Tesla-T4-SHARED",
        f"{GPU}.count": str(cards),
        f"{GPU}.replicas": str(replicas),
        f"{GPU}.sharing-strategy": strategy,
    }
    return make_node(labels=labels, capacity={GPU: replicas * cards} if capacity is None else capacity)


A, B = named("a"), named("b")
T4 = card(model="Tesla T4")
POD_A, POD_B = make_pod("a"), make_pod("b")

KNOWN_BY_SLOTS: dict[str, tuple[list[Shown], list[Pod], dict[str, tuple[float, float | None]]]] = {
    "holders of one slot each share what the device did": (
        [Shared(T4, A, 10, 0.6, 0.8, slots=1), Shared(T4, B, 10, 0.6, 0.8, slots=1)],
        [POD_A, POD_B],
        {"GPU-a a": (0.25, 0.4), "GPU-a b": (0.25, 0.4)},
    ),
    "who holds more slots did more of it": (
        [Shared(T4, A, 10, 0.6, 0.8, slots=3), Shared(T4, B, 10, 0.6, 0.8, slots=1)],
        [make_pod("a", requests={"main": 3}), POD_B],
        {"GPU-a a": (0.75, 0.6), "GPU-a b": (0.25, 0.2)},
    ),
    "a lone holder of one slot may have used the whole device": (
        [Shared(T4, A, 10, 0.6, 0.8, slots=1)],
        [POD_A],
        {"GPU-a a": (0.25, 0.8)},
    ),
    "what a device did while a pod was alone on it is that pod's": (
        [Shared(T4, A, 10, nan, 0.54, slots=1), Shared(T4, B, 6, nan, 0.7, slots=1)],
        [POD_A, make_pod("b", bound=2)],
        {"GPU-a a": (0.25, 0.3471), "GPU-a b": (0.15, 0.1929)},
    ),
    "holders that follow each other do not share": (
        [Shared(T4, A, 4, nan, 0.9, slots=1), Shared(T4, B, 6, nan, 0.2, slots=1)],
        [make_pod("a", ended=2), make_pod("b", bound=2)],
        {"GPU-a a": (0.1, 0.36), "GPU-a b": (0.15, 0.12)},
    ),
    "of pods without times the samples say whether they were there together": (
        [Shared(T4, A, 4, nan, 0.9, slots=1), Shared(T4, B, 6, nan, 0.2, slots=1)],
        [],
        {"GPU-a a": (0.1, 0.36), "GPU-a b": (0.15, 0.12)},
    ),
    "a pod without times was there beside the one that was there all the time": (
        [Shared(T4, A, 10, nan, 0.6, slots=1), Shared(T4, B, 5, nan, 0.6, slots=1)],
        [POD_A],
        {"GPU-a a": (0.25, 0.45), "GPU-a b": (0.125, 0.15)},
    ),
    "with the device's total beside them, too": (
        [
            Shared(T4, A, 4, nan, 0.9, slots=1),
            Shared(T4, B, 6, nan, 0.2, slots=1),
            Shared(T4, NOBODY, 10, nan, 0.48, beside=True),
        ],
        [],
        {"GPU-a a": (0.1, 0.36), "GPU-a b": (0.15, 0.12)},
    ),
    "time with nobody is no time together": (
        [Shared(T4, A, 5, nan, 0.8, slots=1), Shared(T4, B, 5, nan, 0.8, slots=1), Shared(T4, NOBODY, 5, nan, 0.0)],
        [],
        {"GPU-a a": (0.125, 0.2), "GPU-a b": (0.125, 0.2)},
    ),
    "a pod that the API has ended holds no more than it says": (
        [Shared(T4, A, 10, nan, 0.8, slots=1), Shared(T4, B, 10, nan, 0.8, slots=1)],
        [POD_A, make_pod("b", ended=-1)],
        {"GPU-a a": (0.25, 0.8)},
    ),
    "one metric may be measured and the other copied": (
        [
            Shared(T4, A, 10, 0.3, 0.8, slots=1, own="memory"),
            Shared(T4, B, 10, 0.1, 0.8, slots=1, own="memory"),
            Shared(T4, NOBODY, 10, 0.45, nan, beside=True),
        ],
        [POD_A, POD_B],
        {"GPU-a a": (0.25, 0.4), "GPU-a b": (0.25, 0.4)},
    ),
    "measurements of the holders' own beat what the device did": (
        [
            Shared(T4, A, 10, 0.7, 0.2, slots=1, own="memory compute"),
            Shared(T4, B, 10, 0.4, 0.1, slots=1, own="memory compute"),
            Shared(T4, NOBODY, 10, 0.9, 0.3, beside=True),
        ],
        [POD_A, POD_B],
        {"GPU-a a": (0.25, 0.7), "GPU-a b": (0.25, 0.4)},
    ),
    "the device's total beside its holders is no time without one": (
        [
            Shared(T4, A, 5, 0.3, 0.2, slots=1, own="memory compute"),
            Shared(T4, NOBODY, 10, 0.15, 0.1, beside=True),
        ],
        [make_pod("a", bound=2.5)],
        {"GPU-a a": (0.125, 0.15)},
    ),
    "where slots are not told, those that are asked for lie on the devices that name the pod": (
        [
            Shared(T4, A, 10, 0.3, nan, own="memory"),
            Shared(card("GPU-b", model="Tesla T4"), A, 10, 0.5, nan, own="memory"),
        ],
        [make_pod("a", requests={"main": 4})],
        {"GPU-a a": (0.5, 0.3), "GPU-b a": (0.5, 0.5)},
    ),
}


@pytest.mark.parametrize(("shown", "pods", "expected"), KNOWN_BY_SLOTS.values(), ids=KNOWN_BY_SLOTS)
def test_a_device_that_shows_all_its_holders(
    shown: list[Shown], pods: list[Pod], expected: dict[str, tuple[float, float | None]]
) -> None:
    node = sliced(cards=len({series[0] for series in shown}))
    got = match(*shown, pods=pods, nodes=[node], rates=[make_rate(cards=None)])
    assert figures(got) == expected
    assert {holder.sharing for holder in got.holders} == {"time-slicing"}
    assert got.notes == ()


ESTIMATED: dict[str, tuple[str, bool]] = {
    "both ratios are copies": ("", True),
    "one ratio is a copy": ("memory", True),
    "both ratios are measured": ("memory compute", False),
}


@pytest.mark.parametrize(("own", "expected"), ESTIMATED.values(), ids=ESTIMATED)
def test_a_split_of_copies_is_an_estimate(own: str, expected: bool) -> None:
    shown = Shared(T4, A, 10, 0.6, 0.8, slots=1, own=own)
    got = match(shown, pods=[POD_A], nodes=[sliced()], rates=[ONE_CARD])
    assert got.holdings.estimated.tolist() == [expected]


def test_a_measurement_of_a_pod_is_not_counted_again_for_each_of_its_containers() -> None:
    shown = [
        Shared(T4, named("a", container), scrapes, 0.8, nan, slots=1, own="memory")
        for container, scrapes in (("encode", 10), ("decode", 5))
    ]
    pod = make_pod("a", requests={"encode": 1, "decode": 1})
    got = match(*shown, pods=[pod], nodes=[sliced()], rates=[ONE_CARD])
    used = got.holdings.held_ratio * got.holdings.memory_ratio
    assert used.sum() == pytest.approx(0.8)
    assert used.tolist() == pytest.approx([0.8 / 3, 1.6 / 3])


POOLED: dict[str, tuple[list[Shown], list[Pod], int, dict[str, tuple[float, float | None]]]] = {
    "whom a device names is arbitrary, so all share it by their slots": (
        [(T4, A, 10, 0.2, 0.9)],
        [POD_A, make_pod("b", requests={"main": 2})],
        1,
        {"GPU-a a": (0.25, 0.3), "GPU-a b": (0.5, 0.6)},
    ),
    "on several cards nobody knows which": (
        [(T4, A, 10, nan, 0.9), (card("GPU-b", model="Tesla T4"), NOBODY, 10, nan, 0.1)],
        [POD_A, POD_B],
        2,
        {"? a": (0.25, 0.5), "? b": (0.25, 0.5)},
    ),
    "who was there alone did what was done then": (
        [(T4, A, 10, nan, 0.8)],
        [POD_A, make_pod("b", bound=2.5)],
        1,
        {"GPU-a a": (0.25, 0.6), "GPU-a b": (0.125, 0.2)},
    ),
    "what the device did was done while somebody held it": (
        [(T4, A, 5, nan, 0.8), (T4, NOBODY, 5, nan, 0.0)],
        [make_pod("a", ended=2.5)],
        1,
        {"GPU-a a": (0.125, 0.4)},
    ),
    "a pod that the API has forgotten holds for as long as it is named": (
        [(T4, A, 4, nan, 0.5), (T4, B, 6, nan, 0.5)],
        [POD_B],
        1,
        {"GPU-a a": (0.1, 0.1429), "GPU-a b": (0.25, 0.3571)},
    ),
    "an ended pod without times counts with the slots that it asked for": (
        [(T4, A, 10, nan, 0.5)],
        [make_pod("a", bound=None, requests={"main": 2})],
        1,
        {"GPU-a a": (0.5, 0.5)},
    ),
    "without telemetry the use is unknown": ([], [POD_A], 1, {"? a": (0.25, None)}),
}


@pytest.mark.parametrize(("shown", "pods", "cards", "expected"), POOLED.values(), ids=POOLED)
def test_devices_that_name_an_arbitrary_holder(
    shown: list[Shown], pods: list[Pod], cards: int, expected: dict[str, tuple[float, float | None]]
) -> None:
    got = match(*shown, pods=pods, nodes=[sliced(cards=cards)], rates=[make_rate(cards=cards)])
    assert figures(got) == expected
    assert got.holdings.estimated.tolist() == [bool(shown)] * len(expected)
    assert {holder.flags for holder in got.holders} - {("labels-unknown",)} <= {() if shown else (NOT_IN_TELEMETRY,)}
    assert got.notes == ()


def test_a_pod_that_vanished_held_its_slot_until_it_was_missed_since_no_series_had_to_name_it() -> None:
    pods = [POD_A, make_pod("b", last_seen=-4, ended=1)]
    got = match((T4, A, 10, nan, 0.5), pods=pods, nodes=[sliced()], rates=[ONE_CARD])
    assert held(got) == {"GPU-a a": 1.0, "GPU-a b": 0.2}


def test_a_pool_is_one_device_as_large_as_all_of_its_cards() -> None:
    shown: list[Shown] = [(card(f"GPU-{n}", model="Tesla T4"), A, 10, nan, 0.3) for n in range(3)]
    got = match(*shown, pods=[POD_A, POD_B], nodes=[sliced(cards=3)], rates=[make_rate(cards=3)])
    assert got.holdings.slice_share.tolist() == [3.0]
    assert got.holdings.slot_share.tolist() == pytest.approx([1 / 12, 1 / 12])
    assert [(holder.device.uuid, holder.device.model) for holder in got.holders] == [("", "Tesla T4")] * 2


def test_a_device_that_is_not_seen_is_in_the_pool_and_not_in_what_was_measured() -> None:
    got = match((T4, A, 10, nan, 0.9), pods=[POD_A], nodes=[sliced(cards=2)], rates=[make_rate(cards=2)])
    assert figures(got) == {"? a": (0.25, 0.9)}
    assert got.holdings.seen_ratio.tolist() == [0.5]
    assert note_types(got) == ["CardCountDisagrees"]


UNNAMED: dict[str, tuple[list[Pod], dict[str, tuple[float, float | None]]]] = {
    "a pod that is never named holds slots, and its use is unknown": (
        [POD_A, POD_B],
        {"GPU-a a": (0.25, 0.8), "GPU-a b": (0.25, None)},
    ),
    "a pod that is named for a part of its time is timed by that": (
        [make_pod("a", bound=-20)],
        {"GPU-a a": (0.25, 0.8)},
    ),
    "a pod that vanished unseen was gone before": (
        [POD_A, make_pod("b", last_seen=-4, ended=1)],
        {"GPU-a a": (0.25, 0.8)},
    ),
}


@pytest.mark.parametrize(("pods", "expected"), UNNAMED.values(), ids=UNNAMED)
def test_pods_that_a_device_which_shows_all_its_holders_does_not_name(
    pods: list[Pod], expected: dict[str, tuple[float, float | None]]
) -> None:
    got = match(Shared(T4, A, 10, nan, 0.8, slots=1), pods=pods, nodes=[sliced()], rates=[ONE_CARD])
    assert figures(got) == expected
    flags = {holder.pod: holder.flags for holder in got.holders}
    assert flags.get("b", (NOT_IN_TELEMETRY,)) == (NOT_IN_TELEMETRY,)


def test_slots_that_a_pod_asks_for_and_is_not_named_with_are_held_too() -> None:
    pod = make_pod("a", requests={"main": 3})
    got = match(Shared(T4, A, 10, nan, 0.8, slots=1), pods=[pod], nodes=[sliced()], rates=[ONE_CARD])
    assert got.holdings.slot_share.tolist() == [0.25, 0.5]
    assert got.holdings.seen_ratio.tolist() == [1.0, 0.0]


def test_of_a_pod_with_two_containers_the_one_that_no_series_names_has_the_slot_that_is_left() -> None:
    pod = make_pod("a", requests={"main": 1, "side": 1})
    got = match(Shared(T4, A, 10, nan, 0.8, slots=1), pods=[pod], nodes=[sliced()], rates=[ONE_CARD])
    assert [(holder.container, holder.flags) for holder in got.holders] == [("main", ()), ("side", (NOT_IN_TELEMETRY,))]


RENAMED = {f"{GPU}.product": "Tesla-T4", f"{GPU}.count": "1", f"{GPU}.replicas": "4"}
TOLD: dict[str, tuple[Node, Pod, str]] = {
    "time-slicing": (sliced(), POD_A, "time-slicing"),
    "MPS": (sliced(strategy="mps"), POD_A, "mps"),
    "time-slicing, renamed": (
        make_node(labels={**RENAMED, f"{GPU}.sharing-strategy": "time-slicing"}, capacity={f"{GPU}.shared": 4}),
        make_pod("a", requests={"main:.shared": 1}),
        "time-slicing",
    ),
    "MPS, renamed": (
        make_node(labels={**RENAMED, f"{GPU}.sharing-strategy": "mps"}, capacity={f"{GPU}.shared": 4}),
        make_pod("a", requests={"main:.shared": 1}),
        "mps",
    ),
    "an older discovery that labels no strategy": (make_node(labels=RENAMED, capacity={GPU: 4}), POD_A, "time-slicing"),
    "an older discovery with MPS": (
        make_node(labels={**RENAMED, "nvidia.com/mps.capable": "true"}, capacity={GPU: 4}),
        POD_A,
        "mps",
    ),
}


@pytest.mark.parametrize(("node", "pod", "sharing"), TOLD.values(), ids=TOLD)
def test_labels_tell_how_cards_are_shared(node: Node, pod: Pod, sharing: str) -> None:
    got = match((T4, A, 10, nan, 0.8), pods=[pod], nodes=[node], rates=[ONE_CARD])
    assert figures(got) == {"GPU-a a": (0.25, 0.8)}
    assert [holder.sharing for holder in got.holders] == [sharing]
    assert got.notes == ()


ON_INSTANCES: dict[str, tuple[Node, str]] = {
    "mixed": (
        make_node(
            labels={
                f"{GPU}.product": "NVIDIA-A100-SXM4-40GB",
                f"{GPU}.count": "1",
                "nvidia.com/mig.strategy": "mixed",
                f"{MIG}.replicas": "2",
                f"{MIG}.sharing-strategy": "time-slicing",
                f"{MIG}.count": "2",
            },
            capacity={MIG: 4},
        ),
        "main:1g.5gb",
    ),
    "mixed, renamed": (
        make_node(
            labels={
                f"{GPU}.product": "NVIDIA-A100-SXM4-40GB",
                f"{GPU}.count": "1",
                "nvidia.com/mig.strategy": "mixed",
                f"{MIG}.replicas": "2",
                f"{MIG}.sharing-strategy": "time-slicing",
                f"{MIG}.count": "2",
            },
            capacity={f"{MIG}.shared": 4},
        ),
        "main:1g.5gb.shared",
    ),
    "single": (
        make_node(
            labels={
                f"{GPU}.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb-SHARED",
                f"{GPU}.count": "2",
                f"{GPU}.replicas": "2",
                f"{GPU}.sharing-strategy": "time-slicing",
                "nvidia.com/mig.strategy": "single",
            },
            capacity={GPU: 4},
        ),
        "main",
    ),
}


@pytest.mark.parametrize(("node", "request_"), ON_INSTANCES.values(), ids=ON_INSTANCES)
def test_slots_of_mig_instances(node: Node, request_: str) -> None:
    pods = [make_pod("a", requests={request_: 1}), make_pod("b", requests={request_: 2})]
    shown: list[Shown] = [(instance(1), A, 10, nan, 0.9), (instance(2), NOBODY, 10, nan, 0.3)]
    got = match(*shown, pods=pods, nodes=[node], rates=[ONE_CARD])
    assert figures(got) == {"? a": (0.0714, 0.0571), "? b": (0.1429, 0.1143)}
    assert {(holder.sharing, holder.device.profile) for holder in got.holders} == {("time-slicing", "1g.5gb")}
    assert got.holdings.slice_share.tolist() == pytest.approx([2 / 7])
    told: list[Shown] = [
        Shared(instance(1), A, 10, nan, 0.9, slots=1),
        Shared(instance(1), B, 10, nan, 0.9, slots=1),
        Shared(instance(2), B, 10, nan, 0.3, slots=1),
    ]
    assert figures(match(*told, pods=pods, nodes=[node], rates=[ONE_CARD])) == {
        "GPU-a/1 a": (0.0714, 0.0643),
        "GPU-a/1 b": (0.0714, 0.0643),
        "GPU-a/2 b": (0.0714, 0.0429),
    }


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


def test_compute_instances_of_one_gpu_instance_share_it_by_their_slices() -> None:
    node = make_node(
        labels={"nvidia.com/mig.strategy": "mixed", f"{GPU}.product": "NVIDIA-A100-SXM4-40GB", f"{GPU}.count": "1"}
    )
    pods = [make_pod("a", requests={"main:1c.3g.20gb": 1}), make_pod("b", requests={"main:2c.3g.20gb": 1})]
    got = match((instance(1, "3g.20gb"), A, 10, nan, 0.9), pods=pods, nodes=[node], rates=[ONE_CARD])
    assert figures(got) == {"GPU-a/1 a": (0.1667, 0.15), "GPU-a/1 b": (0.3333, 0.3)}
    assert {holder.sharing for holder in got.holders} == {"mig"}
    assert held(got) == {"GPU-a/1 a": 1.0, "GPU-a/1 b": 1.0}

"""What part of its card a MIG instance is: by the chosen basis, and where profile and model are not known together."""

import pytest
from matched_windows import A100, NOBODY, card, instance, make_node, make_pod, make_rate, match, named, shares

from gpucost.matching.slices import share_of
from gpucost.model.policies import Policy, SliceBasis
from gpucost.model.usage import Device

LABELS = {"nvidia.com/gpu.product": "NVIDIA-Z900-80GB", "nvidia.com/gpu.memory": "81920"}
Z900 = "NVIDIA Z900 80GB"

BASES = {
    "dominant: memory is more of a card than compute": (SliceBasis.DOMINANT, ["3g.20gb"], [1 / 2], 1 / 2),
    "compute": (SliceBasis.COMPUTE, ["3g.20gb"], [3 / 7], 4 / 7),
    "memory": (SliceBasis.MEMORY, ["1g.5gb"], [1 / 8], 7 / 8),
    "a full card has a sliver that is not of that kind": (SliceBasis.COMPUTE, ["3g.20gb"] * 2, [3 / 7] * 2, 1 / 7),
    "dominant: more than a card is scaled to it": (SliceBasis.DOMINANT, ["4g.20gb", "3g.20gb"], [8 / 15, 7 / 15], 0),
    "compute: the same card is full and no more": (SliceBasis.COMPUTE, ["4g.20gb", "3g.20gb"], [4 / 7, 3 / 7], 0),
    "memory: three double profiles and two of three slices": (
        SliceBasis.MEMORY,
        ["1g.10gb"] * 3 + ["3g.20gb"],
        [1 / 4 / 1.25] * 3 + [1 / 2 / 1.25],
        0,
    ),
}


@pytest.mark.parametrize(("basis", "profiles", "expected", "uncut"), BASES.values(), ids=BASES)
def test_slice_basis(basis: SliceBasis, profiles: list[str], expected: list[float], uncut: float) -> None:
    devices = [instance(number, profile) for number, profile in enumerate(profiles)]
    got = match(
        *((device, named(f"p{number}"), 10) for number, device in enumerate(devices)),
        nodes=[make_node(gpus=0, labels={"nvidia.com/mig.strategy": "mixed"})],
        rates=[make_rate(cards=1)],
        policy=Policy(slice_basis=basis),
    )
    assert list(shares(got).values()) == pytest.approx(expected)
    assert got.nodes[0].uncut_share == pytest.approx(uncut)


ESTIMATES = {
    "the compute slices in the name, where nothing else tells": ("3g.40gb", Z900, {}, 3 / 7),
    "memory of the instance as labelled, rounded up to eighths": (
        "3g.40gb",
        Z900,
        {**LABELS, "nvidia.com/mig-3g.40gb.memory": "40192"},
        1 / 2,
    ),
    "memory in the name over the card's": ("1g.20gb", Z900, LABELS, 2 / 8),
    "memory in the name that is rounded": ("1g.10gb", Z900, {**LABELS, "nvidia.com/gpu.memory": "81559"}, 1 / 7),
    "never more than the card": ("7g.160gb", Z900, LABELS, 1.0),
    "labels of another model tell nothing": ("1g.20gb", "NVIDIA Y900", LABELS, 1 / 7),
    "labels of instances tell nothing of the card": (
        "1g.20gb",
        Z900,
        {**LABELS, "nvidia.com/gpu.product": "NVIDIA-Z900-80GB-MIG-1g.20gb", "nvidia.com/gpu.memory": "20096"},
        1 / 7,
    ),
    "a memory that is no number": ("1g.20gb", Z900, {**LABELS, "nvidia.com/gpu.memory": "lots"}, 1 / 7),
}


@pytest.mark.parametrize(("profile", "model", "labels", "expected"), ESTIMATES.values(), ids=ESTIMATES)
def test_what_is_not_known_is_estimated(profile: str, model: str, labels: dict[str, str], expected: float) -> None:
    share = share_of(profile, model, make_node(labels=labels), SliceBasis.DOMINANT)
    assert share.part == pytest.approx(expected)
    assert not share.known


def test_what_is_known_is_not_asked_of_labels() -> None:
    labels = {"nvidia.com/gpu.product": A100.replace(" ", "-"), "nvidia.com/gpu.memory": "10"}
    share = share_of("1g.5gb", A100, make_node(labels=labels), SliceBasis.DOMINANT)
    assert (share.part, share.known) == (1 / 7, True)


def test_a_whole_card_is_a_share_of_one() -> None:
    assert share_of("", A100, make_node(), SliceBasis.MEMORY).part == 1.0


TWO_MODELS = make_node(
    gpus=1,
    labels={"nvidia.com/gpu.product": "Tesla-T4", "nvidia.com/gpu.count": "1", "nvidia.com/mig.strategy": "mixed"},
)


def test_cards_of_two_models_have_the_slices_of_their_own_model_and_one_price() -> None:
    a30 = Device("n1", "GPU-b", "1", "2g.12gb", "NVIDIA A30")
    pods = [make_pod("a"), make_pod("b", requests={"main:2g.12gb": 1})]
    got = match(
        (card(model="Tesla T4"), named("a"), 10),
        (a30, named("b"), 10),
        pods=pods,
        nodes=[TWO_MODELS],
        rates=[make_rate(cards=2)],
    )
    assert shares(got) == {"GPU-a a": 1.0, "GPU-b/1 b": 0.5}
    assert [holder.device.model for holder in got.holders] == ["Tesla T4", "NVIDIA A30"]
    assert got.holdings.bills.cards.tolist() == [2]


def test_a_device_that_is_not_seen_has_the_model_of_its_kind_where_that_is_seen() -> None:
    a30 = Device("n1", "GPU-b", "1", "2g.12gb", "NVIDIA A30")
    pods = [make_pod(name, requests={"main:2g.12gb": 1}) for name in ("a", "b")]
    got = match(
        (card(model="Tesla T4"), NOBODY, 10),
        (a30, named("a"), 10),
        pods=pods,
        nodes=[TWO_MODELS],
        rates=[make_rate(cards=2)],
    )
    assert shares(got) == {"GPU-b/1 a": 0.5, "? b": 0.5}

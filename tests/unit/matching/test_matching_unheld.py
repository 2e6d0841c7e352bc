"""Use of devices that nobody holds: told, and billed to nobody."""

from math import nan

import pytest
from matched_windows import (
    A100,
    NOBODY,
    Shared,
    Shown,
    card,
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

from gpucost.model.fleet import Node, Pod

USED: dict[str, tuple[list[Shown], str]] = {
    "it computes": ([(card("GPU-b"), NOBODY, 10, 0.0, 0.05)], "n1/GPU-b"),
    "it holds memory": ([(card("GPU-b"), NOBODY, 10, 0.10, 0.0)], "n1/GPU-b"),
    "only compute is measured": ([(card("GPU-b"), NOBODY, 10, nan, 0.5)], "n1/GPU-b"),
    "a MIG instance": ([(instance(3, uuid="GPU-b"), NOBODY, 10, 0.5, 0.0)], "n1/GPU-b/3"),
}


@pytest.mark.parametrize(("shown", "subject"), USED.values(), ids=USED)
def test_a_device_is_in_use_without_a_holder_where(shown: list[Shown], subject: str) -> None:
    got = match((card(), named(), 10), *shown, pods=[make_pod()])
    assert held(got) == {"GPU-a train-0": 1.0}
    found = note(got, "UseWithoutHolder")
    assert found.subject == subject
    assert "n1" in found.message
    assert subject.removeprefix("n1/") in found.message


def test_a_device_that_goes_on_naming_a_pod_which_has_ended_is_held_by_nobody() -> None:
    got = match((card(), named(), 10, 0.5, 0.5), pods=[make_pod(ended=-1)])
    assert held(got) == {}
    assert note(got, "UseWithoutHolder").subject == "n1/GPU-a"


def test_a_pod_that_no_series_names_is_most_likely_on_a_device_that_is_in_use() -> None:
    idle, used = (card("GPU-a"), NOBODY, 10, 0.0, 0.0), (card("GPU-b"), NOBODY, 10, 0.5, 0.5)
    got = match(idle, used, pods=[make_pod()])
    assert held(got) == {"GPU-b train-0": 1.0}
    assert note_types(got) == []


CUT = make_node(gpus=1, labels={"nvidia.com/gpu.product": A100.replace(" ", "-"), "nvidia.com/gpu.count": "2"})
SLICED = make_node(
    gpus=8, labels={"nvidia.com/gpu.count": "2", "nvidia.com/gpu.replicas": "4", "nvidia.com/gpu.product": "X-SHARED"}
)
NOT_USED: dict[str, tuple[list[Shown], list[Pod], Node]] = {
    "it idles as an instance does": ([(instance(1), NOBODY, 10, 0.031, 0.0)], [], make_node()),
    "a health check ran": ([(card(), NOBODY, 10, 0.0, 0.049)], [], make_node()),
    "nothing is measured": ([(card(), NOBODY, 10, nan, nan)], [], make_node()),
    "a pod holds it for a part of the window": (
        [(card(), named(), 4), (card(), NOBODY, 6, 0.5, 0.5)],
        [make_pod(ended=2)],
        make_node(),
    ),
    "a pod that no series names is put on it": ([(card(), NOBODY, 10, 0.5, 0.5)], [make_pod()], make_node()),
    "a card that is handed out whole, however it is cut, may be the user of its instances": (
        [(instance(1), NOBODY, 10, 0.5, 0.5)],
        [make_pod()],
        CUT,
    ),
    "it is in a pool that has holders": (
        [(card("GPU-a"), named(), 10, 0.5, 0.5), (card("GPU-b"), NOBODY, 10, 0.5, 0.5)],
        [make_pod()],
        SLICED,
    ),
    "a cut card is printed beside its instances": (
        [(card(), NOBODY, 10, 0.5, 0.5), (instance(1), named(), 10)],
        [make_pod(requests={"main:1g.5gb": 1})],
        make_node(),
    ),
    "the total is printed beside a holder": (
        [
            Shared(card(), named(), 10, 0.5, 0.5, slots=1, own="memory"),
            Shared(card(), NOBODY, 10, 0.6, nan, beside=True),
            (card("GPU-b"), NOBODY, 10, 0.0, 0.0),
        ],
        [make_pod()],
        SLICED,
    ),
}


@pytest.mark.parametrize(("shown", "pods", "node"), NOT_USED.values(), ids=NOT_USED)
def test_nothing_is_told_where(shown: list[Shown], pods: list[Pod], node: Node) -> None:
    got = match(*shown, pods=pods, nodes=[node], rates=[make_rate(cards=None)])
    assert "UseWithoutHolder" not in note_types(got)

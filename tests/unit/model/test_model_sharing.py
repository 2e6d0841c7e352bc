from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from gpucost.model.fleet import Node
from gpucost.model.sharing import ToldSharing, told_sharing

GPU, MIG = "nvidia.com/gpu", "nvidia.com/mig-1g.5gb"


def make_node(labels: Mapping[str, str], capacity: Mapping[str, int]) -> Node:
    return Node(
        name="n1", uid="u", created=datetime(2026, 11, 24, tzinfo=UTC), labels=dict(labels), capacity=dict(capacity)
    )


TOLD: dict[str, tuple[dict[str, str], dict[str, int], ToldSharing]] = {
    "whole cards": (
        {f"{GPU}.count": "8", f"{GPU}.replicas": "1", f"{GPU}.sharing-strategy": "none"},
        {GPU: 8},
        ToldSharing(denied=True, handed_out=8, devices=8),
    ),
    "time-slicing": (
        {f"{GPU}.count": "2", f"{GPU}.replicas": "4", f"{GPU}.sharing-strategy": "time-slicing"},
        {GPU: 8},
        ToldSharing(strategy="time-slicing", replicas=4, handed_out=8, devices=2),
    ),
    "renamed by an older discovery": (
        {f"{GPU}.replicas": "4"},
        {f"{GPU}.shared": 8, GPU: 0},
        ToldSharing(strategy="time-slicing", replicas=4, handed_out=8),
    ),
    "MPS, told by the product and the capability": (
        {f"{GPU}.product": "Tesla-T4-SHARED", "nvidia.com/mps.capable": "true"},
        {},
        ToldSharing(strategy="mps"),
    ),
    "cards with MIG on": ({f"{GPU}.replicas": "0", f"{GPU}.count": "1"}, {}, ToldSharing(devices=1)),
    "counts that are no counts": ({f"{GPU}.replicas": "four", f"{GPU}.count": "-1"}, {}, ToldSharing()),
    "nothing": ({}, {}, ToldSharing()),
}


@pytest.mark.parametrize(("labels", "capacity", "expected"), TOLD.values(), ids=TOLD)
def test_what_a_node_tells_of_its_cards(
    labels: dict[str, str], capacity: dict[str, int], expected: ToldSharing
) -> None:
    assert told_sharing(make_node(labels, capacity))[GPU] == expected


def test_every_profile_is_told_apart() -> None:
    labels = {
        f"{MIG}.count": "2",
        f"{MIG}.replicas": "3",
        f"{MIG}.sharing-strategy": "time-slicing",
        "nvidia.com/mig-2g.10gb.count": "1",
        "nvidia.com/mig.strategy": "mixed",
    }
    told = told_sharing(
        make_node(labels, {f"{MIG}.shared": 6, "nvidia.com/mig-3g.20gb": 1, "nvidia.com/mig-4g.20gb": 0})
    )
    assert told == {
        GPU: ToldSharing(),
        MIG: ToldSharing(strategy="time-slicing", replicas=3, handed_out=6, devices=2),
        "nvidia.com/mig-2g.10gb": ToldSharing(devices=1),
        "nvidia.com/mig-3g.20gb": ToldSharing(handed_out=1),
    }

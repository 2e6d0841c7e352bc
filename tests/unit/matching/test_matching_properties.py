"""What holds of any fleet, whatever its regimes."""

from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matched_windows import NOBODY, Shared, make_usage
from random_fleets import (
    OWN_MEMORY,
    PER_WINDOW,
    SCRAPES,
    Figures,
    Fleet,
    Hold,
    by_pod,
    costs,
    fleets,
    is_pooled,
    matched,
    regime_of,
    whole,
)

from gpucost.attribution.engine import attribute
from gpucost.model.holdings import WindowHoldings
from gpucost.model.usage import Device

Value = TypeVar("Value")
MANY = settings(max_examples=500, deadline=None)


def two_windows(fleet: Fleet, *, copies: bool = False) -> list[WindowHoldings]:
    return matched(fleet, make_usage(*fleet.windows(copies=copies)))


def alike(one: Mapping[str, Figures], other: Mapping[str, Figures]) -> bool:
    return one.keys() == other.keys() and all(one[pod] == pytest.approx(other[pod], abs=1e-9) for pod in one)


def same_but_in_pools(fleet: Fleet, one: Mapping[str, Figures], other: Mapping[str, Figures]) -> None:
    """Who used how much of a pool depends on when more of its devices were busy, and on who is known to be on which."""
    pooled = {hold.pod for hold in fleet.holds if is_pooled(hold.device)}
    assert alike(without(one, pooled), without(other, pooled))
    for pod in pooled:
        assert one[pod].reserved == pytest.approx(other[pod].reserved)


def cost_alike(one: Mapping[str, tuple[int, int]], other: Mapping[str, tuple[int, int]]) -> bool:
    """Within one unit for each row that was rounded."""
    return one.keys() == other.keys() and all(
        abs(one[pod][0] - other[pod][0]) <= max(one[pod][1], other[pod][1]) for pod in one
    )


def reserved(hold: Hold) -> float:
    return regime_of(hold.device).part * hold.slots * (hold.last - hold.first) / 2


def adds_up(fleet: Fleet, got: Mapping[str, Figures]) -> None:
    """By node, since a pod may be on several of its devices, and nobody can tell who is on which of a pool."""
    for node in fleet.nodes:
        devices = [device for device in fleet.devices if device.node == node.name]
        memory = compute = 0.0
        for device in devices:
            share = 0.5 if device.profile else 1.0
            held = share * len(fleet.held_scrapes(device)) / 2
            memory += fleet.doing[device].memory * held
            compute += fleet.doing[device].compute * held
        holds = fleet.holds_of(*devices)
        if regime_of(devices[0]).names == "own":
            memory = sum(OWN_MEMORY * hold.slots * (hold.last - hold.first) / 2 for hold in holds)
        pods = {hold.pod for hold in holds}
        assert sum(got[pod].memory for pod in pods) == pytest.approx(memory)
        assert sum(got[pod].compute for pod in pods) == pytest.approx(compute)


@MANY
@given(fleets())
def test_every_pod_holds_what_it_asks_for_for_as_long_as_it_is_bound(fleet: Fleet) -> None:
    got = by_pod(two_windows(fleet))
    for pod in got:
        assert got[pod].reserved == pytest.approx(sum(reserved(hold) for hold in fleet.holds if hold.pod == pod))
    assert got.keys() == {hold.pod for hold in fleet.holds}


@MANY
@given(fleets())
def test_what_the_holders_of_a_device_used_adds_up_to_what_it_did(fleet: Fleet) -> None:
    adds_up(fleet, by_pod(two_windows(fleet)))


@MANY
@given(fleets())
def test_so_it_does_where_the_api_has_forgotten_all_pods(fleet: Fleet) -> None:
    adds_up(fleet, by_pod(matched(fleet, make_usage(*fleet.windows(copies=True)), pods=[])))


@MANY
@given(fleets(), st.randoms(use_true_random=False))
def test_the_order_of_rows_pods_and_nodes_does_not_matter(fleet: Fleet, random: object) -> None:
    shuffle = random.shuffle  # type: ignore[attr-defined]
    forward = two_windows(fleet)
    windows, pods, nodes = fleet.windows(), fleet.pods(), list(fleet.nodes)
    for shuffled in (pods, nodes, *windows):
        shuffle(shuffled)
    backward = matched(replace(fleet, nodes=tuple(nodes)), make_usage(*windows), pods)
    for one, other in zip(forward, backward, strict=True):
        assert one.holders == other.holders
        assert one.notes == other.notes
        assert np.abs(attribute(one.holdings).cost - attribute(other.holdings).cost).max(initial=0) <= 1
        for field in fields(one.holdings):
            if field.name != "bills":
                values = getattr(one.holdings, field.name), getattr(other.holdings, field.name)
                assert np.allclose(*values, rtol=0, atol=1e-12, equal_nan=True), field.name


@MANY
@given(fleets())
def test_the_copies_that_virtual_gpus_print_change_nothing(fleet: Fleet) -> None:
    same_but_in_pools(fleet, by_pod(two_windows(fleet)), by_pod(two_windows(fleet, copies=True)))


@MANY
@given(fleets())
def test_a_total_that_is_printed_beside_the_holders_changes_nothing(fleet: Fleet) -> None:
    windows = []
    for rows in fleet.windows(copies=True):
        shared = {row.device for row in rows if row.slots}
        beside = [_total(rows, device) for device in sorted(shared)]
        kept = [row for row in rows if row.device not in shared or row.holder != NOBODY]
        windows.append(kept + beside)
    got = by_pod(matched(fleet, make_usage(*windows)))
    assert alike(got, by_pod(two_windows(fleet, copies=True)))


def _total(rows: list[Shared], device: Device) -> Shared:
    idle = sum(row.scrapes for row in rows if row.device == device and row.holder == NOBODY)
    held = (PER_WINDOW - idle) / PER_WINDOW
    memory, compute = (
        held * max(getattr(row, ratio) for row in rows if row.device == device and row.holder != NOBODY)
        for ratio in ("memory", "compute")
    )
    return Shared(device, NOBODY, PER_WINDOW, memory, compute, of=PER_WINDOW, beside=True)


@MANY
@given(fleets())
def test_two_windows_together_are_their_union(fleet: Fleet) -> None:
    same_but_in_pools(fleet, by_pod(two_windows(fleet)), by_pod(matched(fleet, whole(fleet.rows(0, SCRAPES)))))


@MANY
@given(fleets(steady=True))
def test_two_windows_in_which_nothing_changes_cost_what_their_union_does(fleet: Fleet) -> None:
    assert cost_alike(costs(two_windows(fleet)), costs(matched(fleet, whole(fleet.rows(0, SCRAPES)))))


@MANY
@given(fleets(), st.data())
def test_without_the_telemetry_of_one_device_the_others_are_as_they_were(fleet: Fleet, data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from(fleet.devices))
    windows = ([row for row in rows if row.device != lost] for rows in fleet.windows())
    before, after = two_windows(fleet), matched(fleet, make_usage(*windows))
    touched = [device for device in fleet.devices if device == lost or (is_pooled(lost) and device.node == lost.node)]
    there = {hold.pod for hold in fleet.holds_of(*touched)}
    got, had = by_pod(after), by_pod(before)
    assert alike(without(got, there), without(had, there))
    assert cost_alike(without(costs(after), there), without(costs(before), there))
    elsewhere = {hold.pod for hold in fleet.holds if hold.device != lost}
    for pod in there:
        assert got[pod].reserved == pytest.approx(had[pod].reserved)
        if pod not in elsewhere and not is_pooled(lost):
            assert got[pod][1:] == (0.0, 0.0)


def without(figures: Mapping[str, Value], pods: Collection[str]) -> dict[str, Value]:
    return {pod: value for pod, value in figures.items() if pod not in pods}

"""What holds of any fleet, whatever its regimes."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matched_windows import NOBODY, Shared
from random_fleets import PER_WINDOW, SCRAPES, Fleet, by_pod, fleets, matched, usage_of, whole

from gpucost.model.holdings import WindowHoldings

MANY = settings(max_examples=150, deadline=None)


def two_windows(fleet: Fleet, *, copies: bool = False) -> list[WindowHoldings]:
    first, second = (fleet.rows(start, start + PER_WINDOW, copies=copies) for start in (0, PER_WINDOW))
    return matched(fleet, usage_of(first, second))


def alike(one: dict[str, tuple[float, float]], other: dict[str, tuple[float, float]]) -> bool:
    return one.keys() == other.keys() and all(one[pod] == pytest.approx(other[pod], abs=1e-9) for pod in one)


@MANY
@given(fleets())
def test_every_pod_holds_what_it_asks_for_for_as_long_as_it_is_bound(fleet: Fleet) -> None:
    got = by_pod(two_windows(fleet))
    part = {"mig": 0.5, "slots": 0.25, "exclusive": 1.0}
    for hold in fleet.holds:
        share = part[hold.device.node.split("-")[0]] * hold.slots
        assert got[hold.pod][0] == pytest.approx(share * (hold.last - hold.first) / 2)
    assert len(got) == len(fleet.holds)


@MANY
@given(fleets())
def test_what_the_holders_of_a_device_used_adds_up_to_what_it_did(fleet: Fleet) -> None:
    got = by_pod(two_windows(fleet))
    for device, doing in zip(fleet.devices, fleet.doing, strict=True):
        holds = [hold for hold in fleet.holds if hold.device == device]
        held = {scrape for hold in holds for scrape in range(hold.first, hold.last)}
        share = 0.5 if device.profile else 1.0
        assert sum(got[hold.pod][1] for hold in holds) == pytest.approx(share * doing * len(held) / 2)


@MANY
@given(fleets())
def test_so_it_does_where_the_api_has_forgotten_all_pods(fleet: Fleet) -> None:
    windows = [fleet.rows(start, start + PER_WINDOW, copies=True) for start in (0, PER_WINDOW)]
    got = by_pod(matched(fleet, usage_of(*windows), pods=[]))
    for device, doing in zip(fleet.devices, fleet.doing, strict=True):
        holds = [hold for hold in fleet.holds if hold.device == device]
        held = {scrape for hold in holds for scrape in range(hold.first, hold.last)}
        share = 0.5 if device.profile else 1.0
        assert sum(got[hold.pod][1] for hold in holds) == pytest.approx(share * doing * len(held) / 2)


@MANY
@given(fleets(), st.randoms(use_true_random=False))
def test_the_order_of_rows_pods_and_nodes_does_not_matter(fleet: Fleet, random: object) -> None:
    shuffle = random.shuffle  # type: ignore[attr-defined]
    windows = [fleet.rows(start, start + PER_WINDOW) for start in (0, PER_WINDOW)]
    forward = matched(fleet, usage_of(*windows))
    pods, nodes = fleet.pods(), list(fleet.nodes)
    for shuffled in (pods, nodes, *windows):
        shuffle(shuffled)
    backward = matched(replace(fleet, nodes=tuple(nodes)), usage_of(*windows), pods)
    for one, other in zip(forward, backward, strict=True):
        assert one.holders == other.holders
        assert one.notes == other.notes
        for field in fields(one.holdings):
            if field.name != "bills":
                values = getattr(one.holdings, field.name), getattr(other.holdings, field.name)
                assert np.allclose(*values, rtol=0, atol=1e-12, equal_nan=True), field.name


@MANY
@given(fleets())
def test_the_copies_that_virtual_gpus_print_change_nothing(fleet: Fleet) -> None:
    assert alike(by_pod(two_windows(fleet)), by_pod(two_windows(fleet, copies=True)))


@MANY
@given(fleets())
def test_a_total_that_is_printed_beside_the_holders_changes_nothing(fleet: Fleet) -> None:
    windows = []
    for start in (0, PER_WINDOW):
        rows = fleet.rows(start, start + PER_WINDOW, copies=True)
        shared = {row.device for row in rows if row.slots}
        beside = [
            Shared(device, NOBODY, PER_WINDOW, compute=_mean_of(rows, device), of=PER_WINDOW, beside=True)
            for device in sorted(shared)
        ]
        kept = [row for row in rows if row.device not in shared or row.holder != NOBODY]
        windows.append(kept + beside)
    got = by_pod(matched(fleet, usage_of(*windows)))
    assert alike(got, by_pod(two_windows(fleet, copies=True)))


def _mean_of(rows: list[Shared], device: object) -> float:
    idle = sum(row.scrapes for row in rows if row.device == device and row.holder == NOBODY)
    doing = max(row.compute for row in rows if row.device == device and row.holder != NOBODY)
    return doing * (PER_WINDOW - idle) / PER_WINDOW


@MANY
@given(fleets())
def test_two_windows_together_are_their_union(fleet: Fleet) -> None:
    assert alike(by_pod(two_windows(fleet)), by_pod(matched(fleet, whole(fleet.rows(0, SCRAPES)))))


@MANY
@given(fleets(), st.data())
def test_without_the_telemetry_of_one_device_the_others_are_as_they_were(fleet: Fleet, data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from(fleet.devices))
    windows = [fleet.rows(start, start + PER_WINDOW) for start in (0, PER_WINDOW)]
    got = by_pod(matched(fleet, usage_of(*([row for row in rows if row.device != lost] for rows in windows))))
    before = by_pod(two_windows(fleet))
    there = {hold.pod for hold in fleet.holds if hold.device == lost}
    assert alike({pod: got[pod] for pod in got.keys() - there}, {pod: before[pod] for pod in before.keys() - there})
    for pod in there:
        assert got[pod] == pytest.approx((before[pod][0], 0.0))

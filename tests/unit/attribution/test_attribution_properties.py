"""What holds for any fleet whatever: drawn by the hundred, with every sharing, gap and policy mixed."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from priced_holdings import NAN, Bill, Device, Row, make_holdings

from gpucost.attribution import blocks
from gpucost.attribution.engine import attribute
from gpucost.model.attributed import Attribution
from gpucost.model.holdings import Holdings
from gpucost.model.money import HOUR_TICKS
from gpucost.model.policies import Policy, UsedRatio

MANY = settings(max_examples=400, deadline=None)
SHARE = st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 0.9, 1.0]) | st.floats(0, 1)
RATIO = SHARE | st.just(NAN)
SLICE = st.sampled_from([1.0, 4 / 7, 3 / 7, 2 / 7, 1 / 7, 1 / 8, 0.25, 3.0])
"""The last is a pool of three cards."""
COST = st.integers(0, 10**13)
Fleet = tuple[list[Row], list[Device], list[Bill]]

POLICIES = st.builds(Policy, used_ratio=st.sampled_from(UsedRatio), memory_weight=SHARE)


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    bills = draw(
        st.lists(st.tuples(COST, st.sampled_from([1.0, 0.8, 0.0]), st.integers(1, 16)), min_size=1, max_size=4)
    )
    devices = draw(st.lists(st.tuples(st.integers(0, len(bills) - 1), SLICE), min_size=1, max_size=8))
    row = st.tuples(st.integers(0, len(devices) - 1), SHARE, SHARE, SHARE, RATIO, RATIO)
    return draw(st.lists(row, max_size=20)), devices, bills


def by_node(amount: NDArray[np.int64], holdings: Holdings) -> list[int]:
    sums = [0] * holdings.bills.cards.size
    for value, node in zip(amount.tolist(), holdings.device_node[holdings.device].tolist(), strict=True):
        sums[node] += value
    return sums


def figures(got: Attribution, rows: Sequence[int] | slice = slice(None)) -> list[list[int]]:
    return [column[rows].tolist() for name, column in vars(got).items() if name not in NODE_FIGURES]


NODE_FIGURES = ("allocated_cost", "unallocated_cost", "unallocated_hours", "host_cost")


@MANY
@given(fleets(), POLICIES)
def test_whatever_the_policy_every_bill_is_accounted_for_and_nothing_is_negative(fleet: Fleet, policy: Policy) -> None:
    holdings = make_holdings(*fleet)
    got = attribute(holdings, policy)
    parts = zip(by_node(got.cost, holdings), got.unallocated_cost.tolist(), got.host_cost.tolist(), strict=True)
    assert [sum(part) for part in parts] == holdings.bills.cost_e9.tolist()
    assert (got.used_cost + got.idle_cost + got.unknown_use_cost).tolist() == got.cost.tolist()
    assert all(column.min(initial=0) >= 0 for column in vars(got).values())


@MANY
@given(fleets(), POLICIES)
def test_nobody_is_charged_less_than_they_used_nor_seen_longer_than_they_held(fleet: Fleet, policy: Policy) -> None:
    got = attribute(make_holdings(*fleet), policy)
    assert np.all(got.used_cost <= got.cost)
    assert np.all(got.used_hours <= got.charged_hours)
    assert np.all(got.seen_hours <= got.held_hours)
    assert np.all(got.memory_used_hours <= got.memory_hours)
    assert np.all(got.compute_used_hours <= got.compute_hours)


@MANY
@given(fleets(), st.permutations(range(20)))
def test_the_order_of_rows_moves_no_figure_by_more_than_a_unit(fleet: Fleet, order: list[int]) -> None:
    rows, devices, bills = fleet
    straight = sorted(range(len(rows)), key=lambda row: devices[rows[row][0]][0])
    turned = sorted((row for row in order if row < len(rows)), key=lambda row: devices[rows[row][0]][0])
    first = attribute(make_holdings(rows, devices, bills))
    second = attribute(make_holdings([rows[row] for row in turned], devices, bills))
    place = [turned.index(row) for row in straight]
    for name in ("cost", "used_cost", "unknown_use_cost", "charged_hours", "used_hours", "held_hours"):
        one, other = getattr(first, name), getattr(second, name)[place]
        assert other.tolist() == pytest.approx(one.tolist(), abs=1), name
    assert second.unallocated_cost.tolist() == pytest.approx(first.unallocated_cost.tolist(), abs=1)


@MANY
@given(fleets(), st.permutations(range(8)))
def test_the_order_of_devices_changes_nothing(fleet: Fleet, order: list[int]) -> None:
    rows, devices, bills = fleet
    turned = [device for device in order if device < len(devices)]
    place = {device: index for index, device in enumerate(turned)}
    renamed = [(place[row[0]], *row[1:]) for row in rows]
    first = attribute(make_holdings(rows, devices, bills))
    second = attribute(make_holdings(renamed, [devices[device] for device in turned], bills))
    assert figures(second) == figures(first)
    assert second.unallocated_cost.tolist() == first.unallocated_cost.tolist()


@MANY
@given(fleets(), st.integers(1, 30))
def test_no_figure_depends_on_another_node_nor_on_how_nodes_are_cut_into_blocks(fleet: Fleet, size: int) -> None:
    """Each node alone, several nodes a block and all nodes in one give the same to the last digit."""
    rows, devices, bills = fleet
    holdings = make_holdings(rows, devices, bills)
    together = attribute(holdings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_ROWS", size)
        cut = attribute(holdings)
    assert figures(cut) == figures(together)
    node_of_row = holdings.device_node[holdings.device]
    for node in range(len(bills)):
        own = [row for row in rows if devices[row[0]][0] == node]
        elsewhere = [bill if number == node else (7, 1.0, 1) for number, bill in enumerate(bills)]
        alone = attribute(make_holdings(own, devices, elsewhere))
        assert figures(alone) == figures(together, np.flatnonzero(node_of_row == node).tolist())
        assert alone.unallocated_cost[node] == together.unallocated_cost[node] == cut.unallocated_cost[node]
        assert alone.unallocated_hours[node] == together.unallocated_hours[node]


@MANY
@given(fleets(), POLICIES)
def test_two_windows_of_the_same_are_one_of_twice_the_length(fleet: Fleet, policy: Policy) -> None:
    short = make_holdings(*fleet)
    bills = short.bills
    twice = replace(
        bills, cost_e9=2 * bills.cost_e9, gpu_cost_e9=2 * bills.gpu_cost_e9, alive_hours=2 * bills.alive_hours
    )
    one, long = attribute(short, policy), attribute(replace(short, bills=twice), policy)
    for name in ("cost", "used_cost", "idle_cost", "unknown_use_cost", "charged_hours", "used_hours", "held_hours"):
        assert getattr(long, name).tolist() == pytest.approx((2 * getattr(one, name)).tolist(), abs=6), name
    assert long.allocated_cost.tolist() == pytest.approx((2 * one.allocated_cost).tolist(), abs=2)


@MANY
@given(fleets(), st.integers(2, 50), POLICIES)
def test_a_rate_n_times_higher_costs_n_times_more_and_leaves_the_hours(
    fleet: Fleet, times: int, policy: Policy
) -> None:
    rows, devices, bills = fleet
    whole = [(cost, float(part == 1.0), cards) for cost, part, cards in bills]
    dearer = [(cost * times, part, cards) for cost, part, cards in whole]
    one = attribute(make_holdings(rows, devices, whole), policy)
    many = attribute(make_holdings(rows, devices, dearer), policy)
    assert many.cost.tolist() == pytest.approx((one.cost * times).tolist(), abs=times + 1)
    assert many.charged_hours.tolist() == one.charged_hours.tolist()


@MANY
@given(fleets(), POLICIES)
def test_what_was_never_measured_is_unknown_and_not_0(fleet: Fleet, policy: Policy) -> None:
    holdings = make_holdings(*fleet)
    blank = replace(holdings, memory_ratio=holdings.memory_ratio * NAN, compute_ratio=holdings.compute_ratio * NAN)
    got = attribute(blank, policy)
    assert got.unknown_use_cost.tolist() == got.cost.tolist()
    assert not got.seen_hours.any()


@pytest.mark.parametrize("slots", [1, 2, 4])
@pytest.mark.parametrize("slices", [1, 2, 3, 4, 7, 8])
@pytest.mark.parametrize("windows", [1, 4, 6, 12, 60])
def test_the_windows_of_an_hour_are_an_hour(windows: int, slices: int, slots: int) -> None:
    holdings = make_holdings([(0, 1.0, 1 / slots, 1.0, 0.0, NAN)], [(0, 1 / slices)])
    alive = np.full(1, 1 / windows)
    got = attribute(replace(holdings, bills=replace(holdings.bills, alive_hours=alive)))
    assert windows * got.held_hours[0] == HOUR_TICKS
    assert windows * got.charged_hours[0] * slices * slots == HOUR_TICKS

"""Money: exact to the unit, whatever the holdings are."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from priced_holdings import ANY_SPEED, DEVICES, Bill, Row, bills, holdings, make_holdings, make_row, rows

from gpucost.attribution.engine import DEFAULT_POLICY, attribute
from gpucost.attribution.rounding import round_running
from gpucost.attribution.shares import compute_shares
from gpucost.model.holdings import Holdings
from gpucost.model.money import HOUR_TICKS
from gpucost.model.policies import Policy, UsedRatio

CASES = {
    "a full card is paid in full": ([make_row(memory=1)], 1_000, 1_000, 0, 0),
    "what is held and not used is idle": ([make_row(memory=0.25)], 1_000, 250, 750, 0),
    "what was never seen has no idle cost": ([make_row(0.3333)], 333, 0, 0, 333),
    "of what was seen in part the rest is unknown": ([make_row(seen=0.5, memory=0.25)], 1_000, 125, 375, 500),
    "use is not rounded above the cost": ([make_row(0.0006, memory=1), make_row(0.0006, memory=1)], 1, 1, 0, 0),
}


@pytest.mark.parametrize(("rows", "cost", "used", "idle", "unknown"), CASES.values(), ids=CASES)
def test_costs_of_a_card_of_1000_units(rows: list[Row], cost: int, used: int, idle: int, unknown: int) -> None:
    got = attribute(make_holdings(rows))
    sums = [int(part.sum()) for part in (got.cost, got.used_cost, got.idle_cost, got.unknown_use_cost)]
    assert sums == [cost, used, idle, unknown]


def test_thirds_add_up_to_the_whole() -> None:
    got = attribute(make_holdings([make_row(1 / 3, memory=0.5)] * 3, bills=[(100, 1.0, 1)]))
    assert got.cost.tolist() == [33, 34, 33]
    assert got.unallocated_cost.tolist() == [0]


def test_the_host_line_is_what_does_not_go_to_the_cards() -> None:
    got = attribute(make_holdings([make_row(0.5)], bills=[(1_000, 0.75, 1)]))
    assert (got.allocated_cost.tolist(), got.unallocated_cost.tolist(), got.host_cost.tolist()) == ([375], [375], [250])


def test_each_node_pays_for_its_own_rows() -> None:
    got = attribute(
        make_holdings(
            [make_row(0.5), make_row(0.25, device=1)],
            [(0, 1.0), (2, 0.5)],
            [(1_000, 1.0, 1), (7, 1.0, 2), (800, 1.0, 2)],
        )
    )
    assert got.cost.tolist() == [500, 50]
    assert got.unallocated_cost.tolist() == [500, 7, 750]
    assert got.unallocated_hours.tolist() == [HOUR_TICKS // 2, HOUR_TICKS * 2, HOUR_TICKS * 15 // 8]


def test_without_a_rate_hours_remain() -> None:
    got = attribute(make_holdings([make_row(0.5, memory=0.5)], bills=[(0, 1.0, 1)]))
    assert got.cost.tolist() == [0]
    assert got.reserved_hours.tolist() == got.charged_hours.tolist() == [HOUR_TICKS // 2]
    assert got.used_hours.tolist() == [HOUR_TICKS // 4]


def test_hours_of_a_slice_that_was_seen_for_a_part() -> None:
    got = attribute(make_holdings([(0, 0.5, 1, 0.8, 0.25, float("nan"))], [(0, 0.5)]))
    assert (got.held_hours.tolist(), got.seen_hours.tolist()) == ([HOUR_TICKS // 2], [HOUR_TICKS * 2 // 5])
    assert (got.memory_hours.tolist(), got.memory_used_hours.tolist()) == ([HOUR_TICKS // 5], [HOUR_TICKS // 20])
    assert (got.compute_hours.tolist(), got.compute_used_hours.tolist()) == ([0], [0])


def test_samples_without_a_measure_are_not_seen() -> None:
    assert attribute(make_holdings([make_row(seen=1)])).seen_hours.tolist() == [0]


def test_hours_are_seen_where_the_ratio_that_counts_is_known_and_both_raw_ratios_are_told() -> None:
    got = attribute(make_holdings([(0, 0.5, 1, 1, float("nan"), 0.25)]), Policy(used_ratio=UsedRatio.MEMORY))
    assert (got.seen_hours.tolist(), got.used_hours.tolist()) == ([0], [0])
    assert (got.compute_hours.tolist(), got.compute_used_hours.tolist()) == ([HOUR_TICKS // 2], [HOUR_TICKS // 8])
    assert got.unknown_use_cost.tolist() == got.cost.tolist() == [500]


def test_devices_may_come_in_any_order() -> None:
    rows, bills = [make_row(0.5, device=1), make_row(0.25, device=0)], [(1_000, 1.0, 1), (800, 1.0, 2)]
    got = attribute(make_holdings(rows, [(1, 0.5), (0, 1.0)], bills))
    assert (got.cost.tolist(), got.unallocated_cost.tolist()) == ([500, 50], [500, 750])


def by_node(amount: np.ndarray[tuple[int], np.dtype[np.int64]], holdings: Holdings) -> list[int]:
    """Sums in Python's integers, which neither round nor overflow."""
    sums = [0] * holdings.bills.cards.size
    for value, node in zip(amount.tolist(), holdings.device_node[holdings.device].tolist(), strict=True):
        sums[node] += value
    return sums


@ANY_SPEED
@given(holdings)
def test_every_bill_is_accounted_for_to_the_unit(holdings: Holdings) -> None:
    got = attribute(holdings)
    parts = zip(by_node(got.cost, holdings), got.unallocated_cost.tolist(), got.host_cost.tolist(), strict=True)
    assert [sum(part) for part in parts] == holdings.bills.cost_e9.tolist()
    assert (got.used_cost + got.idle_cost + got.unknown_use_cost).tolist() == got.cost.tolist()
    assert got.allocated_cost.tolist() == by_node(got.cost, holdings)


@ANY_SPEED
@given(holdings)
def test_nothing_is_negative(holdings: Holdings) -> None:
    for name, amounts in vars(attribute(holdings)).items():
        assert amounts.min(initial=0) >= 0, name


@ANY_SPEED
@given(holdings)
def test_use_is_known_only_where_it_was_measured(holdings: Holdings) -> None:
    got = attribute(holdings)
    measured = ~np.isnan(np.fmax(holdings.memory_ratio, holdings.compute_ratio)) & (holdings.seen_ratio > 0)
    assert got.unknown_use_cost[~measured].tolist() == got.cost[~measured].tolist()
    always = measured & (holdings.seen_ratio == 1.0) & (got.cost > 0)
    assert not got.unknown_use_cost[always].any()


moderate_bills = st.tuples(*[st.tuples(st.integers(0, 10**12), st.just(1.0), st.integers(1, 16))] * 3)


@ANY_SPEED
@given(rows, moderate_bills)
def test_each_row_is_within_one_unit_of_its_real_cost(rows: list[Row], bills: list[Bill]) -> None:
    holdings = make_holdings(rows, DEVICES, bills)
    got, shares = attribute(holdings), compute_shares(holdings, DEFAULT_POLICY)
    node = holdings.device_node[holdings.device]
    for row, place in enumerate(node.tolist()):
        card = Fraction(int(holdings.bills.gpu_cost_e9[place]), int(holdings.bills.cards[place]))
        assert abs(int(got.cost[row]) - Fraction(float(shares.charged[row])) * card) <= 1.01
        assert abs(int(got.used_cost[row]) - Fraction(float(shares.used[row])) * card) <= 1.01
        assert abs(int(got.idle_cost[row]) - Fraction(float(shares.idle[row])) * card) <= 2.01


@ANY_SPEED
@given(rows, moderate_bills, st.randoms(use_true_random=False))
def test_the_order_of_rows_moves_no_more_than_a_unit(rows: list[Row], bills: list[Bill], random: Random) -> None:
    order = list(range(len(rows)))
    random.shuffle(order)
    order.sort(key=lambda row: DEVICES[rows[row][0]][0])
    straight = sorted(range(len(rows)), key=lambda row: DEVICES[rows[row][0]][0])
    first = attribute(make_holdings(rows, DEVICES, bills))
    second = attribute(make_holdings([rows[row] for row in order], DEVICES, bills))
    by_row = dict(zip(order, second.cost.tolist(), strict=True))
    assert [by_row[row] for row in straight] == pytest.approx(first.cost.tolist(), abs=1)
    assert second.allocated_cost.tolist() == pytest.approx(first.allocated_cost.tolist(), abs=1)


@ANY_SPEED
@given(rows, moderate_bills, st.integers(2, 50))
def test_a_rate_that_is_n_times_higher_costs_n_times_more(rows: list[Row], bills: list[Bill], times: int) -> None:
    holdings = make_holdings(rows, DEVICES, bills)
    dearer = make_holdings(rows, DEVICES, [(cost * times, part, cards) for cost, part, cards in bills])
    assert attribute(dearer).cost.tolist() == pytest.approx((attribute(holdings).cost * times).tolist(), abs=times + 1)


@ANY_SPEED
@given(rows, bills)
def test_hours_do_not_depend_on_the_rate(rows: list[Row], bills: list[Bill]) -> None:
    priced = make_holdings(rows, DEVICES, bills)
    nothing = np.zeros(len(bills), dtype=np.int64)
    free = replace(priced, bills=replace(priced.bills, cost_e9=nothing, gpu_cost_e9=nothing))
    for name in ("reserved_hours", "used_hours", "charged_hours", "held_hours", "seen_hours", "unallocated_hours"):
        assert getattr(attribute(priced), name).tolist() == getattr(attribute(free), name).tolist()


def rounded(amount: NDArray[np.float64], ends: Sequence[int], limit: Sequence[int]) -> NDArray[np.int64]:
    out = np.empty(amount.size, dtype=np.int64)
    round_running(amount, np.array(ends, dtype=np.intp), np.array(limit), out)
    return out


def test_what_noise_puts_above_the_limit_is_taken_from_the_last_rows_of_the_group() -> None:
    assert rounded(np.array([2.0, 1.0, 1.0, 4.6]), [3, 3, 4], [3, 0, 9]).tolist() == [2, 1, 0, 5]


def test_a_large_fleet_costs_no_precision() -> None:
    amount = np.full(200_000, 10**11 + 0.25)
    got = rounded(amount, range(4, 200_001, 4), [10**13] * 50_000)
    assert np.all(np.add.reduceat(got, np.arange(0, 200_000, 4)) == 4 * 10**11 + 1)

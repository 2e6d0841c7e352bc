from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucost.model.holdings import Holder
from gpucost.model.policies import UnallocatedPolicy
from gpucost.model.tenancy import Tenant
from gpucost.model.usage import Device
from gpucost.reports.unallocated import split_exactly, unallocated_shares

TENANT = Tenant(team="search", product="-", cost_centre="-", environment="-", workload="Pod/p", workload_type="serving")
Row = tuple[int, str, int, int]
"""Index of the node, pod, cost, charged hours."""


def make_holder(pod: str, uid: str = "") -> Holder:
    device = Device("n1", "GPU-1", "", "", "")
    return Holder(
        namespace="dev",
        pod=pod,
        pod_uid=uid or f"uid-{pod}",
        container="main",
        device=device,
        sharing="exclusive",
        tenant=TENANT,
    )


def shares(policy: UnallocatedPolicy, rest: Sequence[int], rows: Sequence[Row]) -> list[int]:
    return unallocated_shares(
        policy,
        rest,
        [node for node, _, _, _ in rows],
        [make_holder(pod) for _, pod, _, _ in rows],
        [(cost, hours) for _, _, cost, hours in rows],
    )


SEPARATE, PROPORTIONAL, EVEN = UnallocatedPolicy
CASES: dict[str, tuple[UnallocatedPolicy, list[Row], list[int]]] = {
    "separate shows it to nobody": (SEPARATE, [(0, "a", 30, 1)], [0]),
    "proportional follows the cost": (PROPORTIONAL, [(0, "a", 30, 1), (0, "b", 10, 9)], [75, 25]),
    "proportional follows hours where nothing costs anything": (
        PROPORTIONAL,
        [(0, "a", 0, 1), (0, "b", 0, 4)],
        [20, 80],
    ),
    "proportional is even where nobody is charged": (PROPORTIONAL, [(0, "a", 0, 0), (0, "b", 0, 0)], [50, 50]),
    "the last unit goes to the largest remainder": (PROPORTIONAL, [(0, "a", 1, 0), (0, "b", 5, 0)], [17, 83]),
    "even takes pods, however much they pay": (EVEN, [(0, "a", 30, 1), (0, "b", 10, 9)], [50, 50]),
    "even takes pods, however many devices they hold": (
        EVEN,
        [(0, "a", 30, 1), (0, "b", 10, 9), (0, "a", 1, 1)],
        [25, 50, 25],
    ),
    "what nobody held on a node without holders stays with nobody": (EVEN, [(1, "a", 30, 1)], [7]),
    "a node is split among its own holders": (PROPORTIONAL, [(0, "a", 3, 1), (1, "b", 900, 1)], [100, 7]),
}


@pytest.mark.parametrize(("policy", "rows", "expected"), CASES.values(), ids=CASES)
def test_of_100_units_that_nobody_held(policy: UnallocatedPolicy, rows: list[Row], expected: list[int]) -> None:
    assert shares(policy, [100, 7], rows) == expected


def test_two_pods_of_one_name_are_two_holders() -> None:
    holders = [make_holder("a", "first"), make_holder("a", "second"), make_holder("b")]
    assert unallocated_shares(EVEN, [9], [0, 0, 0], holders, [(1, 1)] * 3) == [3, 3, 3]


AMOUNT = st.integers(0, 2**60)
ROWS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abcd"), AMOUNT | st.just(0), AMOUNT), max_size=12)


@given(st.sampled_from([PROPORTIONAL, EVEN]), st.tuples(AMOUNT, AMOUNT, AMOUNT), ROWS)
def test_the_parts_of_a_node_with_holders_add_up_to_all_that_nobody_held(
    policy: UnallocatedPolicy, rest: tuple[int, int, int], rows: list[Row]
) -> None:
    parts = shares(policy, rest, rows)
    assert min(parts, default=0) >= 0
    for node in {node for node, _, _, _ in rows}:
        assert sum(part for part, row in zip(parts, rows, strict=True) if row[0] == node) == rest[node]


@given(AMOUNT, st.lists(AMOUNT, min_size=1, max_size=12))
def test_every_part_is_within_one_unit_of_its_real_value(amount: int, weights: list[int]) -> None:
    total = sum(weights)
    for part, weight in zip(split_exactly(amount, weights), weights, strict=True):
        assert total == 0 or abs(part * total - amount * weight) < total

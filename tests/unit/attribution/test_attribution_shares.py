import numpy as np
import pytest
from hypothesis import given
from priced_holdings import ANY_SPEED, NAN, Row, holdings, make_holdings, make_row

from gpucost.attribution.engine import DEFAULT_POLICY
from gpucost.attribution.shares import compute_shares
from gpucost.model.holdings import Holdings
from gpucost.model.policies import Policy, UsedRatio

HALF_CARD = ((0, 0.5),)
CASES = {
    "idle is charged": ([make_row(memory=0.2)], [0.1], [0.4], [0.0]),
    "use that was never measured is unknown": ([make_row()], [0.0], [0.0], [0.5]),
    "use is known for the part that was seen": ([make_row(seen=0.5, memory=0.2)], [0.05], [0.2], [0.25]),
    "only the held time counts": ([make_row(0.5, memory=0.2)], [0.05], [0.2], [0.0]),
    "a slot that used more than it reserved is charged its use": (
        [make_row(slots=0.25, memory=0.8)],
        [0.4],
        [0.0],
        [0.0],
    ),
    "more use than reserved while seen does not pay for what was not seen": (
        [make_row(slots=0.25, seen=0.5, memory=0.8)],
        [0.2],
        [0.0],
        [0.0625],
    ),
    "idle gives way to use": (
        [make_row(slots=0.5, memory=0.9), make_row(slots=0.5, memory=0)],
        [0.45, 0.0],
        [0.0, 0.05],
        [0.0, 0.0],
    ),
    "what is unknown gives way to use": (
        [make_row(slots=0.5, memory=0.9), make_row(slots=0.5)],
        [0.45, 0.0],
        [0.0, 0.0],
        [0.0, 0.05],
    ),
    "use alone that is more than the device is scaled to it": (
        [make_row(slots=0.5, memory=0.9), make_row(slots=0.5, memory=0.6)],
        [0.3, 0.2],
        [0.0, 0.0],
        [0.0, 0.0],
    ),
    "nothing is held": ([], [], [], []),
}


@pytest.mark.parametrize(("rows", "used", "idle", "unknown"), CASES.values(), ids=CASES)
def test_shares_of_half_a_card(rows: list[Row], used: list[float], idle: list[float], unknown: list[float]) -> None:
    got = compute_shares(make_holdings(rows, HALF_CARD), DEFAULT_POLICY)
    assert got.used == pytest.approx(used)
    assert got.idle == pytest.approx(idle)
    assert got.unknown == pytest.approx(unknown)


RATIOS: dict[str, tuple[Policy, float, float, float]] = {
    "by default the larger of two": (DEFAULT_POLICY, 0.3, 0.7, 0.7),
    "by default memory where compute is unknown": (DEFAULT_POLICY, 0.3, NAN, 0.3),
    "by default compute where memory is unknown": (DEFAULT_POLICY, NAN, 0.7, 0.7),
    "memory, although compute is larger": (Policy(used_ratio=UsedRatio.MEMORY), 0.3, 0.7, 0.3),
    "unknown where only memory counts and is unknown": (Policy(used_ratio=UsedRatio.MEMORY), NAN, 0.7, NAN),
    "compute, although memory is larger": (Policy(used_ratio=UsedRatio.COMPUTE), 0.7, 0.3, 0.3),
    "unknown where only compute counts and is unknown": (Policy(used_ratio=UsedRatio.COMPUTE), 0.7, NAN, NAN),
    "the mean": (Policy(used_ratio=UsedRatio.MEAN, memory_weight=0.9), 0.2, 0.8, 0.5),
    "memory alone where there is no mean": (Policy(used_ratio=UsedRatio.MEAN), 0.2, NAN, 0.2),
    "compute alone where there is no mean": (Policy(used_ratio=UsedRatio.MEAN), NAN, 0.8, 0.8),
    "weighted": (Policy(used_ratio=UsedRatio.WEIGHTED, memory_weight=0.75), 0.2, 0.8, 0.35),
    "memory alone where compute has no weight to bring": (
        Policy(used_ratio=UsedRatio.WEIGHTED, memory_weight=0.75),
        0.2,
        NAN,
        0.2,
    ),
    "compute alone even where memory has all the weight": (
        Policy(used_ratio=UsedRatio.WEIGHTED, memory_weight=1.0),
        NAN,
        0.8,
        0.8,
    ),
    "unknown where nothing was measured": (Policy(used_ratio=UsedRatio.WEIGHTED), NAN, NAN, NAN),
}


@pytest.mark.parametrize(("policy", "memory", "compute", "used"), RATIOS.values(), ids=RATIOS)
def test_used_ratio_is(policy: Policy, memory: float, compute: float, used: float) -> None:
    got = compute_shares(make_holdings([(0, 1, 1, 1, memory, compute)]), policy)
    known = not np.isnan(used)
    assert got.used == pytest.approx([used if known else 0])
    assert got.unknown.tolist() == [0.0 if known else 1.0]
    assert got.seen_ratio.tolist() == [1.0 if known else 0.0]


def test_claims_on_more_cards_than_the_node_has_are_scaled_to_them() -> None:
    three = ((0, 1.0),) * 3
    got = compute_shares(
        make_holdings([make_row(device=d, memory=0.5) for d in range(3)], three, [(900, 1.0, 2)]), DEFAULT_POLICY
    )
    assert got.used == pytest.approx([0.5, 0.5, 0.5])
    assert got.charged == pytest.approx([2 / 3] * 3)
    assert got.capped.all()


@ANY_SPEED
@given(holdings)
def test_no_device_and_no_node_is_sold_twice(holdings: Holdings) -> None:
    got = compute_shares(holdings, DEFAULT_POLICY)
    device, node = holdings.device, holdings.device_node[holdings.device]
    cards = holdings.bills.cards
    assert np.all(np.bincount(device, got.charged, holdings.slice_share.size) <= holdings.slice_share + 1e-9)
    assert np.all(np.bincount(node, got.charged, cards.size) <= cards + 1e-9)


@ANY_SPEED
@given(holdings)
def test_a_row_that_fits_is_charged_the_larger_of_reserved_and_used(holdings: Holdings) -> None:
    got = compute_shares(holdings, DEFAULT_POLICY)
    fits, seen = ~got.capped, holdings.seen_ratio == 1.0
    assert np.all(got.charged[fits] >= got.reserved[fits] - 2e-9)
    whole = fits & seen & ~np.isnan(np.fmax(holdings.memory_ratio, holdings.compute_ratio))
    assert got.charged[whole] == pytest.approx(np.maximum(got.reserved, got.used)[whole], abs=2e-9)
    assert min(part.min(initial=0.0) for part in (got.used, got.idle, got.unknown)) >= 0.0


@ANY_SPEED
@given(holdings)
def test_a_window_that_is_split_in_two_charges_the_same(holdings: Holdings) -> None:
    """A row that was seen for a part of its time is worth a row that was seen and one that was not."""
    rows = np.arange(holdings.device.size)
    both = np.repeat(rows, 2)
    is_seen = np.tile([True, False], rows.size)
    seen = holdings.seen_ratio[both]
    split = Holdings(
        bills=holdings.bills,
        device_node=holdings.device_node,
        slice_share=holdings.slice_share,
        device=holdings.device[both],
        held_ratio=holdings.held_ratio[both] * np.where(is_seen, seen, 1.0 - seen),
        slot_share=holdings.slot_share[both],
        seen_ratio=np.where(is_seen, 1.0, 0.0),
        memory_ratio=holdings.memory_ratio[both],
        compute_ratio=holdings.compute_ratio[both],
        estimated=holdings.estimated[both],
    )
    whole, parts = compute_shares(holdings, DEFAULT_POLICY), compute_shares(split, DEFAULT_POLICY)
    assert parts.charged.reshape(-1, 2).sum(axis=1) == pytest.approx(whole.charged, abs=1e-9)

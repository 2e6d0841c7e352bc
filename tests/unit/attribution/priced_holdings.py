"""Builders of holdings: rows of (device, held, slots, seen, memory, compute) on nodes with a bill."""

from collections.abc import Sequence

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from gpucost.model.bills import part_e9
from gpucost.model.holdings import Holdings, NodeBills

ANY_SPEED = settings(deadline=None)
"""A slow machine is no failure."""
NAN = float("nan")
Row = tuple[int, float, float, float, float, float]
"""Index of the device; held ratio, slot share, seen ratio; memory and compute ratio."""
Device = tuple[int, float]
"""Index of the node; slice share."""
Bill = tuple[int, float, int]
"""Cost in 1e-9, part of it that goes to the cards, number of cards."""


def make_row(held: float = 1, *, device: int = 0, slots: float = 1, seen: float = 1, memory: float = NAN) -> Row:
    return device, held, slots, seen, memory, NAN


def make_holdings(
    rows: Sequence[Row], devices: Sequence[Device] = ((0, 1.0),), bills: Sequence[Bill] = ((1_000, 1.0, 1),)
) -> Holdings:
    """Rows are brought into the order of the nodes; every node lived for one hour."""
    ordered = sorted(rows, key=lambda row: devices[row[0]][0])
    device, held, slots, seen, memory, compute = np.array(ordered, dtype=np.float64).reshape(-1, 6).T
    cost = np.array([cost for cost, _, _ in bills], dtype=np.int64)
    return Holdings(
        bills=NodeBills(
            cost_e9=cost,
            gpu_cost_e9=part_e9(cost, np.array([part for _, part, _ in bills], dtype=np.float64)),
            priced=cost > 0,
            cards=np.array([cards for _, _, cards in bills], dtype=np.int64),
            alive_hours=np.ones(cost.size),
            observed=np.ones(cost.size, dtype=np.bool_),
        ),
        device_node=np.array([node for node, _ in devices], dtype=np.intp),
        slice_share=np.array([share for _, share in devices], dtype=np.float64),
        device=device.astype(np.intp),
        held_ratio=held,
        slot_share=slots,
        seen_ratio=seen,
        memory_ratio=memory,
        compute_ratio=compute,
        estimated=np.zeros(device.size, dtype=np.bool_),
    )


SHARE = st.floats(0, 1)
RATIO = SHARE | st.just(NAN)
NODES = 3
DEVICES: tuple[Device, ...] = ((0, 1.0), (0, 3 / 7), (0, 0.5), (1, 1 / 7), (1, 1 / 7), (2, 1.0), (2, 1.0))

rows = st.lists(st.tuples(st.integers(0, len(DEVICES) - 1), SHARE, SHARE, SHARE, RATIO, RATIO), max_size=30)
bills = st.tuples(*[st.tuples(st.integers(0, 2**53), SHARE, st.integers(1, 16))] * NODES)
holdings = st.builds(make_holdings, rows, st.just(DEVICES), bills)

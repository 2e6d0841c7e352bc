"""A fleet of any number of rows: MIG cards, two holders a device, some of them never measured."""

import numpy as np

from gpucost.model.holdings import Holdings, NodeBills

_HOLDERS = 2
"""Of a device."""
_DEVICES = 56
"""Of a node: eight cards of seven instances."""


def make_holdings(rows: int, seed: int = 1) -> Holdings:
    random = np.random.default_rng(seed)
    devices = -(-rows // _HOLDERS)
    nodes = -(-devices // _DEVICES)
    cost = random.integers(10**9, 10**12, nodes)
    memory_ratio = random.random(rows)
    memory_ratio[random.random(rows) < 0.1] = np.nan
    return Holdings(
        bills=NodeBills(
            cost_e9=cost,
            gpu_cost_e9=cost,
            priced=np.ones(nodes, dtype=np.bool_),
            cards=np.full(nodes, 8),
            alive_hours=np.full(nodes, 1 / 12),
            observed=np.ones(nodes, dtype=np.bool_),
        ),
        device_node=np.arange(devices) // _DEVICES,
        slice_share=np.full(devices, 1 / 7),
        device=np.arange(rows) // _HOLDERS,
        held_ratio=random.random(rows),
        slot_share=np.full(rows, 1 / _HOLDERS),
        seen_ratio=random.random(rows),
        memory_ratio=memory_ratio,
        compute_ratio=random.random(rows),
        estimated=np.zeros(rows, dtype=np.bool_),
    )

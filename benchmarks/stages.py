"""The stages of the engine beside copying the bytes that they read and write.

The measure of a stage is ``np.copyto`` of as many bytes, read and written once, as the stage itself reads and writes at
the least: its inputs and its results. A ratio of 1 could not be beaten; what is above is arithmetic and lost locality.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.fleet import make_holdings
from benchmarks.timing import medians
from gpucost.attribution.blocks import blocks_of
from gpucost.attribution.engine import DEFAULT_POLICY, attribute
from gpucost.attribution.rounding import round_running
from gpucost.attribution.shares import compute_shares, sum_by
from gpucost.model.holdings import Holdings

_ROWS_PER_POD = 4
_PODS_PER_GROUP = 25
_REPEATS = {100_000: 21, 1_000_000: 9, 10_000_000: 5}


@dataclass(frozen=True, kw_only=True)
class Stage:
    name: str
    goal: int
    bytes_per_row: int
    """Read and written."""
    run: Callable[[], object]


def print_stages(rows: int) -> None:
    """One line a stage: nanoseconds a row, and the ratio."""
    stages = stages_of(make_holdings(rows))
    runs: dict[str, Callable[[], object]] = {stage.name: stage.run for stage in stages}
    runs |= {f"copy {size}": _copy(rows * size) for size in {stage.bytes_per_row for stage in stages}}
    seconds = medians(runs, _REPEATS.get(rows, 5))
    for stage in stages:
        took, copy = seconds[stage.name], seconds[f"copy {stage.bytes_per_row}"]
        print(
            f"{rows:>10,} rows  {stage.name:<36} {took / rows * 1e9:7.1f} ns/row"
            f"  copy {copy / rows * 1e9:6.2f} ns/row  ratio {took / copy:5.1f}  (goal {stage.goal})"
        )


def stages_of(holdings: Holdings) -> tuple[Stage, ...]:
    return (
        Stage(name="grouping: rows to pods to groups", goal=4, bytes_per_row=16, run=_grouping(holdings)),
        Stage(
            name="kernel: shares, charge, cost, hours",
            goal=25,
            bytes_per_row=_kernel_bytes(holdings),
            run=lambda: attribute(holdings),
        ),
        Stage(name="rounding: running sums to integers", goal=10, bytes_per_row=16, run=_rounding(holdings)),
    )


def _grouping(holdings: Holdings) -> Callable[[], object]:
    rows = holdings.device.size
    amount = holdings.held_ratio
    pods = -(-rows // _ROWS_PER_POD)
    groups = -(-pods // _PODS_PER_GROUP)
    pod = np.arange(rows) // _ROWS_PER_POD
    group = np.random.default_rng(2).integers(0, groups, pods)
    return lambda: sum_by(sum_by(amount, pod, pods), group, groups)


def _rounding(holdings: Holdings) -> Callable[[], object]:
    """Block by block, as the engine does it."""
    costs = [
        (compute_shares(block.holdings, DEFAULT_POLICY).charged * 1e9, block.row_ends, block.holdings.bills.gpu_cost_e9)
        for block in blocks_of(holdings)
    ]
    results = [np.empty(amount.size, dtype=np.int64) for amount, _, _ in costs]

    def run() -> None:
        for (amount, ends, limit), result in zip(costs, results, strict=True):
            round_running(amount, ends, limit, result)

    return run


def _kernel_bytes(holdings: Holdings) -> int:
    rows = holdings.device.size
    results = vars(attribute(holdings)).values()
    inputs = (
        holdings.device,
        holdings.held_ratio,
        holdings.slot_share,
        holdings.seen_ratio,
        holdings.memory_ratio,
        holdings.compute_ratio,
    )
    return sum(column.itemsize for column in (*inputs, *results) if column.size == rows)


def _copy(size: int) -> Callable[[], object]:
    """Reads and writes ``size`` bytes in all."""
    source = np.ones(size // 2, dtype=np.uint8)
    target = np.zeros_like(source)
    return lambda: np.copyto(target, source)

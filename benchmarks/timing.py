"""Medians of runs that take turns, so that a noisy machine is noisy for all of them."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping

WARM_UPS = 2
"""Runs that do not count: the first touch of memory is slow."""
Stage = Callable[[], object]


def medians(stages: Mapping[str, Stage], repeats: int) -> dict[str, float]:
    """Seconds of each stage, the median of ``repeats`` runs after `WARM_UPS`."""
    seconds: dict[str, list[float]] = {name: [] for name in stages}
    gc.collect()
    gc.disable()
    try:
        for run in range(-WARM_UPS, repeats):
            for name, stage in stages.items():
                begin = time.perf_counter()
                stage()
                took = time.perf_counter() - begin
                if run >= 0:
                    seconds[name].append(took)
    finally:
        gc.enable()
    return {name: statistics.median(runs) for name, runs in seconds.items()}

"""One process, window after window: it must not grow."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from time import sleep, time

import numpy as np

from tests.chaos.operators import Operator, Usage
from tests.chaos.quiet import FIRST_SETTINGS, wait_until
from tests.chaos.world import World
from tests.integration.operator_process import Pace

Say = Callable[[str], None]

WINDOW = timedelta(minutes=1)
_HASTE = 500
_AHEAD = 3 * WINDOW
"""So far time may be ahead of the last window: then they come one by one, not in batches."""
_EVERY = 20
_MB = 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    windows: int
    usage: Usage


@dataclass(frozen=True, slots=True)
class Growth:
    """After a warm-up, which is the first third."""

    samples: Sequence[Sample]

    @property
    def _warm(self) -> Sequence[Sample]:
        return self.samples[len(self.samples) // 3 :]

    @property
    def megabytes_per_1000(self) -> float:
        """Slope of the resident memory per 1,000 windows."""
        windows = [sample.windows for sample in self._warm]
        megabytes = [sample.usage.resident_bytes / _MB for sample in self._warm]
        return float(np.polyfit(windows, megabytes, 1)[0]) * 1000

    @property
    def descriptors(self) -> tuple[int, int]:
        """Most in the first and in the second half."""
        return self._most(lambda usage: usage.descriptors)

    @property
    def threads(self) -> tuple[int, int]:
        return self._most(lambda usage: usage.threads)

    def _most(self, count: Callable[[Usage], int]) -> tuple[int, int]:
        counts = [count(sample.usage) for sample in self._warm]
        half = len(counts) // 2
        return max(counts[:half]), max(counts[half:])

    def lines(self) -> Iterator[str]:
        last = self.samples[-1]
        yield f"{last.windows} windows in one process"
        yield f"{last.usage.resident_bytes / _MB:.1f} MB resident, {self.megabytes_per_1000:+.2f} MB per 1,000 windows"
        yield f"file descriptors: {self.descriptors[0]}, later {self.descriptors[1]}"
        yield f"threads: {self.threads[0]}, later {self.threads[1]}"


def soak(world: World, windows: int, say: Say) -> Growth:
    """So many windows of `WINDOW`, from the start of the world's time on; the reports are taken away."""
    world = replace(world, window=WINDOW)
    samples: list[Sample] = []
    with Operator(world, "soaked", haste=_HASTE) as operator:
        operator.go_by(Pace.still(world.span.start + 2 * WINDOW))
        operator.start(**FIRST_SETTINGS)
        wait_until(lambda: world.committed_until() is not None, operator)
        done = 0
        while done < windows:
            committed = world.committed_until()
            assert committed is not None
            assert operator.is_running
            assert operator.pace is not None
            operator.go_by(Pace(operator.pace.now(), time(), _HASTE, committed + _AHEAD + WINDOW))
            done = (committed - world.span.start) // WINDOW
            if not samples or done >= samples[-1].windows + _EVERY:
                samples.append(Sample(done, operator.usage()))
                if len(samples) % 10 == 0:
                    say(f"{done} of {windows} windows, {samples[-1].usage.resident_bytes / _MB:.1f} MB")
            sleep(0.05)
        assert operator.stop() == 0
    world.clear()
    return Growth(samples)

"""Short forms of `make chaos`, `make restarts` and `make soak`: an operator that is given no peace, and one that is."""

import pytest

from tests.chaos.chaos import Chaos, Plan
from tests.chaos.quiet import undisturbed
from tests.chaos.restarts import Restarts
from tests.chaos.soak import soak
from tests.chaos.world import World, differences

pytestmark = pytest.mark.cluster

SEED = 7
"""Of what goes wrong; ``make chaos`` draws another each time."""
EVERY = 7
"""So many calls are between two that a process is killed at; ``make restarts`` takes each."""
WINDOWS = 150
MOST_MEGABYTES = 50
"""Per 1,000 windows: so few tell no smaller growth. ``make soak`` takes 2,000 windows, and 1 MB is the most there."""


def test_no_cent_is_lost_or_doubled_through_kills_and_faults(world: World) -> None:
    expected = undisturbed(world)
    summary = Chaos(world, Plan(seed=SEED, kills=15, faults=60), print).run()
    print("\n".join(summary.lines()))
    try:
        assert differences(world.snapshot(), expected) == []
        world.assert_true()
    finally:
        world.clear()
    assert summary.ended_by_itself == []


def test_a_process_that_is_killed_at_a_call_changes_no_figure(world: World) -> None:
    assert list(Restarts(world).run(EVERY, print)) == []


def test_a_process_does_not_grow(world: World) -> None:
    growth = soak(world, WINDOWS, print)
    print("\n".join(growth.lines()))
    assert growth.megabytes_per_1000 < MOST_MEGABYTES
    for count in (growth.descriptors, growth.threads):
        assert count[1] <= count[0]

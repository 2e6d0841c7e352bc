"""The short form of ``make chaos``: a real API server and a real Prometheus, an operator that is given no peace."""

import pytest

from tests.chaos.chaos import Chaos, Plan
from tests.chaos.quiet import undisturbed
from tests.chaos.world import World, differences

pytestmark = pytest.mark.cluster

SEED = 7
"""Of what goes wrong; ``make chaos`` draws another each time."""


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

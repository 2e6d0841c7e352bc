"""The short forms of ``make chaos``: a real API server and a real Prometheus, an operator that is given no peace."""

import time

import pytest

from tests.chaos.chaos import Chaos, Plan
from tests.chaos.quiet import undisturbed
from tests.chaos.restarts import Restarts
from tests.chaos.soak import soak
from tests.chaos.world import World, differences

pytestmark = pytest.mark.cluster

EVERY = 7
"""Coprime to the calls of one report, so that a sample meets every kind of call."""


def test_no_cent_is_lost_or_doubled_through_kills_and_faults(world: World) -> None:
    expected = undisturbed(world)
    plan = Plan(seed=int(time.time()), kills=15, faults=60)
    print(f"seed {plan.seed}")
    summary = Chaos(world, plan, print).run()
    print("\n".join(summary.lines()))
    try:
        assert differences(world.snapshot(), expected) == []
        world.assert_true()
    finally:
        world.clear()
    assert summary.ended_by_itself == []


def test_a_kill_before_or_after_any_call_changes_no_report(world: World) -> None:
    assert list(Restarts(world).run(EVERY, print)) == []


def test_a_process_does_not_grow_with_the_windows_that_it_has_done(world: World) -> None:
    growth = soak(world, 200, print)
    print("\n".join(growth.lines()))
    assert growth.descriptors[1] <= growth.descriptors[0]
    assert growth.threads[1] <= growth.threads[0]
    assert growth.megabytes_per_1000 < 50

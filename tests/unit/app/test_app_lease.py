"""Leadership in simulated time: at most one, taken over in time, whatever calls, clocks and people do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import chain, repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lease_world import START, TIMING, Candidate, Server, Way, World

from gpucost.app.leading.lease import MOST_DURATION, LeaseRecord, LeaseTiming, new_identity
from gpucost.model.errors import ConfigurationError

D = TIMING.duration
LOST = Way(arrives=False)


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        yield world


def make_record(holder: str = "stranger", **fields: object) -> LeaseRecord:
    told = {"duration": D, "acquired": "2026-11-23T00:00:00.000000Z", "renewed": "2026-11-23T00:00:01.000000Z"}
    return LeaseRecord(**{"holder": holder, "transitions": 3, **told, **fields})  # type: ignore[arg-type]


def record_of(world: World) -> LeaseRecord:
    assert world.server.stored is not None
    return world.server.stored.record


def led(world: World) -> bool:
    return bool(world.leaders())


# --- what is written -------------------------------------------------------------------------------------------------


def test_the_first_creates_it(world: World) -> None:
    world.join("pod-a")
    assert world.run_until(lambda: led(world)) < 1
    now = "2026-11-24T00:00:00.020000Z"
    assert record_of(world) == LeaseRecord("pod-a", D, now, now, transitions=0)


def test_a_renewal_changes_when_it_was_renewed_and_nothing_else(world: World) -> None:
    world.join("pod-a")
    world.run(0.1)
    first = record_of(world)
    world.run(D)
    assert record_of(world).renewed > first.renewed
    assert replace(record_of(world), renewed=first.renewed) == first


def test_a_takeover_counts_and_begins_a_new_time(world: World) -> None:
    world.server.put(make_record(holder=""))
    world.join("pod-a")
    world.run_until(lambda: led(world))
    now = "2026-11-24T00:00:00.020000Z"
    assert record_of(world) == LeaseRecord("pod-a", D, now, now, transitions=4)


WALL_CLOCKS: dict[str, Callable[[float], float]] = {
    "stands still": lambda _: 0.0,
    "steps back": lambda now: -now,
    "jumps to and fro": lambda now: 1e6 * (int(now) % 2),
}


@pytest.mark.parametrize("shift", WALL_CLOCKS.values(), ids=WALL_CLOCKS)
def test_a_holder_whose_wall_clock_is_wrong_keeps_it(world: World, shift: Callable[[float], float]) -> None:
    holder = world.join("pod-a", wall_clock=lambda: START + timedelta(seconds=shift(world.now)))
    world.run(1)
    world.join("pod-b")
    world.after_each_event = lambda: check(world.leaders() == ["pod-a"])
    world.run(10 * D)
    assert record_of(world).holder == holder.name


def check(holds: bool) -> None:
    assert holds


# --- what is found ---------------------------------------------------------------------------------------------------

FOUND: dict[str, tuple[LeaseRecord, float]] = {
    "nobody's is taken at once": (make_record(holder=""), 0),
    "our own is taken at once": (make_record(holder="pod-a"), 0),
    "a stranger's once it did not change for its duration": (make_record(), D),
    "a strange holder's too": (make_record(holder="\x1b[31m\n" * 1000), D),
    "one that was never renewed": (make_record(renewed="", acquired=""), D),
    "one that was renewed in the far future": (make_record(renewed="9999-12-31T23:59:59.999999Z"), D),
    "one without a duration after ours": (make_record(duration=None), D),
    "one with a negative duration after ours": (make_record(duration=-5), D),
    "one with a shorter duration after ours": (make_record(duration=1), D),
    "one with a longer duration after that": (make_record(duration=40), 40),
    "one with an absurd duration after the longest that we use": (make_record(duration=10**9), MOST_DURATION),
    "one with too many transitions": (make_record(transitions=2**31 - 1), D),
}


@pytest.mark.parametrize(("found", "seconds"), FOUND.values(), ids=FOUND)
def test_a_lease_that_is_found(world: World, found: LeaseRecord, seconds: float) -> None:
    world.server.put(found)
    world.join("pod-a")
    assert seconds <= world.run_until(lambda: led(world)) <= seconds + TIMING.retry + 0.1
    assert record_of(world).duration == D
    assert record_of(world).transitions < 2**31


def test_a_lease_that_somebody_writes_a_label_to_is_kept(world: World) -> None:
    world.join("pod-a")
    world.run(0.1)
    world.join("pod-b")
    for second in range(1, 60):
        world.at(second, world.server.touch)
    world.after_each_event = lambda: check(world.leaders() == ["pod-a"])
    world.run(60)


def test_a_holder_that_finds_another_in_it_leads_no_more(world: World) -> None:
    holder = world.join("pod-a")
    world.run(0.1)
    world.server.put(make_record())
    world.run(TIMING.renew + 0.1)
    assert not holder.is_held()
    assert holder.lease.holder == "stranger"


# --- who comes after -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fall:
    """What happens to the leader, and when its rival must and may lead, in seconds after it."""

    happens: Callable[[Candidate, Server], None]
    not_before: float
    at_latest: float


def pause(candidate: Candidate, _: Server) -> None:
    candidate.ways = chain([Way(pause_before=10 * D)], candidate.ways)


def cut_off(candidate: Candidate, _: Server) -> None:
    candidate.ways = repeat(LOST)


def cut_off_from_answers(candidate: Candidate, _: Server) -> None:
    """Its last renewal arrives without it knowing."""
    candidate.ways = chain([Way(), Way(returns=False)], repeat(LOST))


def kill_and_delete(candidate: Candidate, server: Server) -> None:
    candidate.die()
    server.delete()


SOONEST = D - TIMING.renew
FALLS = {
    "killed": Fall(lambda leader, _: leader.die(), SOONEST, 2 * D),
    "killed, and its Lease deleted": Fall(kill_and_delete, D, 2 * D),
    "stopped": Fall(lambda leader, _: leader.stop(), 0, TIMING.renew + TIMING.retry + 0.1),
    "paused": Fall(pause, SOONEST, 2 * D),
    "cut off": Fall(cut_off, SOONEST, 2 * D),
    "cut off from answers": Fall(cut_off_from_answers, D, 2 * D + TIMING.renew),
}


@pytest.mark.parametrize("fall", FALLS.values(), ids=FALLS)
def test_a_rival_takes_over(world: World, fall: Fall) -> None:
    leader = world.join("pod-a")
    world.run(0.1)
    world.join("pod-b")
    world.after_each_event = lambda: check(len(world.leaders()) <= 1)
    world.run(50)
    assert world.leaders() == ["pod-a"]
    fall.happens(leader, world.server)
    took = world.run_until(lambda: world.leaders() == ["pod-b"]) - 50
    assert fall.not_before <= took <= fall.at_latest
    world.run(50 + 20 * D)
    assert world.leaders() == ["pod-b"]


def test_two_that_begin_at_the_same_time_are_one_leader(world: World) -> None:
    world.join("pod-a")
    world.join("pod-b")
    world.after_each_event = lambda: check(len(world.leaders()) <= 1)
    world.run(10 * D)
    assert len(world.leaders()) == 1


def test_a_leader_whose_lease_was_deleted_creates_it_anew(world: World) -> None:
    world.join("pod-a")
    world.run(0.1)
    world.join("pod-b")
    world.run(20)
    world.server.delete()
    world.after_each_event = lambda: check(world.leaders() == ["pod-a"])
    world.run(60)
    assert record_of(world).holder == "pod-a"


def test_a_deleted_lease_is_not_created_while_its_holder_may_lead_on(world: World) -> None:
    holder = world.join("pod-a", duration=3 * D)
    world.run(0.1)
    world.join("pod-b")
    world.run(10 * D)
    pause(holder, world.server)
    world.server.delete()
    world.after_each_event = lambda: check(len(world.leaders()) <= 1)
    world.run_until(lambda: world.leaders() == ["pod-b"])
    assert world.now > 12 * D


def test_who_was_paused_knows_without_a_call_that_it_does_not_lead(world: World) -> None:
    holder = world.join("pod-a")
    world.run(0.1)
    assert holder.is_held()
    pause(holder, world.server)
    world.run(D + 0.1)
    assert not holder.is_held()


def test_an_outage_is_led_through_while_it_is_shorter_than_the_lease(world: World) -> None:
    holder = world.join("pod-a", ways=chain(repeat(Way(), 2), [LOST], repeat(Way())))
    world.run(0.1)
    world.after_each_event = lambda: check(world.leaders() == ["pod-a"])
    world.run_until(lambda: bool(holder.lease.problem))
    world.run_until(lambda: not holder.lease.problem)
    world.run(world.now + D)


def test_after_an_outage_it_leads_again(world: World) -> None:
    holder = world.join("pod-a", ways=chain(repeat(Way(), 2), repeat(LOST, 30), repeat(Way())))
    world.run(0.1)
    lost = world.run_until(lambda: not holder.is_held())
    assert D - TIMING.margin <= lost <= D
    assert holder.lease.problem == "no answer in time"
    world.run_until(holder.is_held)
    assert holder.lease.problem == ""


def test_a_renewal_that_took_too_long_holds_nothing(world: World) -> None:
    holder = world.join("pod-a", ways=chain([Way(), Way(pause_after=D)], repeat(Way())))
    world.after_each_event = lambda: check(not led(world) or world.now > D)
    world.run(2 * D)
    assert holder.is_held()


# --- any interleaving ------------------------------------------------------------------------------------------------

SHORT = st.sampled_from([0.001, 0.01, 0.5, 2.0])
WAYS = st.builds(
    Way,
    there=st.sampled_from([0.001, 0.01, 0.5, 3.0, 4.5, 10.0, 30.0]),
    back=SHORT,
    arrives=st.sampled_from([True, True, True, False]),
    returns=st.sampled_from([True, True, True, False]),
    pause_before=st.sampled_from([0.0, 0.0, 0.0, 1.0, 13.0, 17.0, 40.0]),
    pause_after=st.sampled_from([0.0, 0.0, 0.0, 1.0, 13.0, 17.0, 40.0]),
)


@dataclass(frozen=True)
class Traits:
    """Of a candidate."""

    begins: float
    rate: float
    duration: int
    clock_step: float
    ways: list[Way] = field(default_factory=list)


TRAITS = st.builds(
    Traits,
    begins=st.sampled_from([0.0, 0.0, 5.0, 40.0]),
    rate=st.sampled_from([0.95, 1.0, 1.05]),
    duration=st.sampled_from([D, D, D // 2, 2 * D]),
    clock_step=st.sampled_from([1.0, 0.0, -1.0]),
    ways=st.lists(WAYS, max_size=30),
)
DEEDS: dict[str, Callable[[World, Candidate], None]] = {
    "label": lambda world, _: world.server.touch(),
    "delete": lambda world, _: delete(world),
    "shorten": lambda world, _: edit(world, duration=1),
    "lengthen": lambda world, _: edit(world, duration=10**6),
    "stranger": lambda world, _: edit(world, holder="stranger"),
    "kill": lambda _, candidate: candidate.die(),
    "stop": lambda _, candidate: candidate.stop(),
}


def delete(world: World) -> None:
    """Not while a candidate starts, when two may lead for a moment, as the module says; nor while durations differ."""
    has_started = all(each.has_seen and not each.creating for each in world.candidates)
    if has_started and len({each.duration for each in world.candidates}) == 1:
        world.server.delete()


Deed = tuple[float, str, int]


def edit(world: World, **fields: object) -> None:
    if world.server.stored is not None:
        world.server.put(replace(world.server.stored.record, **fields))  # type: ignore[arg-type]


@settings(max_examples=400, deadline=None)
@given(
    st.lists(TRAITS, min_size=2, max_size=3),
    st.lists(st.tuples(st.floats(0, 150), st.sampled_from(sorted(DEEDS)), st.integers(0, 2)), max_size=6),
)
def test_never_do_two_lead_at_the_same_time(candidates: list[Traits], deeds: list[Deed]) -> None:
    with World() as world:
        world.after_each_event = lambda: check(len(world.leaders()) <= 1)
        for number, traits in enumerate(candidates):
            world.at(traits.begins, partial(join, world, number, traits))
        all_began = max(traits.begins for traits in candidates) + 0.1
        for moment, deed, number in deeds:
            world.at(max(moment, all_began) if deed == "delete" else moment, partial(do, world, deed, number))
        world.run(150)


def join(world: World, number: int, traits: Traits) -> None:
    world.join(
        f"pod-{number}",
        ways=chain(traits.ways, repeat(Way())),
        rate=traits.rate,
        duration=traits.duration,
        wall_clock=lambda: START + timedelta(seconds=traits.clock_step * world.now),
    )


def do(world: World, deed: str, number: int) -> None:
    if number < len(world.candidates):
        DEEDS[deed](world, world.candidates[number])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(WAYS, max_size=8), min_size=2, max_size=3))
def test_once_calls_go_through_again_somebody_leads(ways: list[list[Way]]) -> None:
    with World() as world:
        for number, each in enumerate(ways):
            world.join(f"pod-{number}", ways=chain(each, repeat(Way())))
        world.run(8 * 100.0)
        assert len(world.leaders()) == 1


# --- the small print -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("duration", [0, -1, MOST_DURATION + 1])
def test_a_duration_out_of_range_is_refused(duration: int) -> None:
    with pytest.raises(ConfigurationError, match=f"{duration} s, is out of range; set it from 1 s"):
        LeaseTiming(duration)


def test_a_process_that_is_started_anew_is_another_candidate() -> None:
    assert new_identity() != new_identity()

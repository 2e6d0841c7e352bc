"""What the loop does with what Prometheus answers: which windows wait, which are closed with what, and what is told."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event
from typing import Any, cast

import pytest
from loop_world import (
    FLEET,
    HOUR,
    LATENESS,
    LENGTH,
    MINUTE,
    SETTLE,
    START,
    TIMING,
    ScriptedTelemetry,
    World,
    window,
    windows,
)

from gpucost.app.computing.computed import compute_ledgers
from gpucost.app.windows.gaps import (
    BEYOND_RETENTION,
    NO_SAMPLES,
    NOTHING_STORED,
    OLDER_THAN_BACKFILL,
    PARTIAL_ANSWER,
    QUERY_TOO_HEAVY,
    TELEMETRY_INCOMPLETE,
)
from gpucost.app.windows.loop import IDLE_SECONDS
from gpucost.app.windows.patience import LEAST_TRIES
from gpucost.model.errors import IncompleteAnswer, NotLeading, SourceUnavailable
from gpucost.model.fleet import Cluster
from gpucost.model.ledger import Ledger
from gpucost.model.time import DAY
from gpucost.reports.record import WindowRecord, record_of
from gpucost.telemetry.replies import Overloaded
from gpucost.telemetry.signs import Signs

HEARD = Signs(gpus=(START, START + HOUR), anything=(START, START + HOUR))


def make_world(at: datetime = START + 8 * HOUR, since: int = 0, **faults: Any) -> World:
    """At that time, with the windows before number ``since`` committed."""
    world = World(telemetry=ScriptedTelemetry(**faults), now=at)
    world.committed.until = START + since * LENGTH
    return world


def just_over(number: int) -> datetime:
    return window(number).end + SETTLE


def true_record(first: int, last: int) -> WindowRecord:
    return record_of(World().pipeline().compute(windows(first, last)))


def as_it_should_be(record: WindowRecord) -> WindowRecord:
    """Of the same windows, by answers that were whole."""
    return true_record(*((moment - START) // LENGTH for moment in (record.start, record.end)))


def covered(record: WindowRecord) -> tuple[bool, bool]:
    """Whether any use is known, and whether anything is unobserved."""
    seen = sum(group.totals.figures.seen_hours for group in record.groups)
    return seen > 0, sum(node.unobserved for node in record.nodes) > 0


def test_the_first_day_is_computed_whole_oldest_first_in_batches_of_one_day() -> None:
    world = World(timing=replace(TIMING, backfill_max_age=DAY))
    world.run_to(95)
    spans = [(record.start - START, record.end - START) for record in world.committed.records]
    assert spans == [(timedelta(0), 6 * HOUR), (6 * HOUR, 8 * HOUR - LENGTH)]
    assert world.failures == []


def test_what_is_to_be_closed_comes_before_the_next_window() -> None:
    world = make_world()
    world.told.to_close = 2
    assert [world.step(), world.step()] == [True, True]
    assert world.committed.records == []
    assert world.step()
    assert len(world.committed.records) == 1


@pytest.mark.parametrize("backfill", [DAY, HOUR], ids=["asked for", "too old to be asked for"])
def test_what_teams_are_further_than_the_cluster_is_computed_apart_on_whatever_edge_it_ends(
    backfill: timedelta,
) -> None:
    """As where windows had another length when it was decided."""
    world = make_world(since=12)
    world.timing = replace(TIMING, backfill_max_age=backfill)
    world.loop = world.make_loop()
    stop = START + HOUR + 7 * MINUTE
    world.committed.next_stop = lambda start: stop if start < stop else None  # type: ignore[assignment, method-assign]
    world.run_to(15)
    spans = [((record.start - START) / MINUTE, (record.end - START) / MINUTE) for record in world.committed.records]
    assert spans[:3] == [(60, 65), (65, 67), (67, 70)]
    assert world.failures == []


def test_an_outage_is_waited_for_however_long_it_is_and_costs_no_figure() -> None:
    world = make_world(since=60, is_down=True)
    for _ in range(24):
        assert not world.step()
        world.now += 5 * MINUTE
    assert {type(error) for error in world.failures} == {SourceUnavailable}
    world.telemetry.is_down = False
    world.run_to(72)
    (record,) = world.committed.records
    assert record == as_it_should_be(record)
    assert world.state.windows_incomplete == {}


def test_after_an_outage_longer_than_the_backfill_the_rest_is_closed_without_prometheus_and_told() -> None:
    world = make_world(since=60, is_down=True, at=START + DAY + 5 * HOUR + LENGTH)
    world.run_to(61)
    (note,) = world.notes(BEYOND_RETENTION).values()
    assert (note.reason, world.telemetry.asked) == (OLDER_THAN_BACKFILL, [])
    assert "2025-03-04T05:00:00Z to 2025-03-04T05:05:00Z" in note.message
    assert covered(world.committed.records[0]) == (False, True)


INCOMPLETE = {
    "a partial answer": ("partial", PARTIAL_ANSWER, True),
    "a query that is too heavy for one window": ("heavy", QUERY_TOO_HEAVY, False),
}


@pytest.mark.parametrize(("fault", "reason", "is_seen"), INCOMPLETE.values(), ids=INCOMPLETE)
def test_a_live_window_without_a_whole_answer_waits_for_its_lateness_and_is_closed_with_what_there_is(
    fault: str, reason: str, *, is_seen: bool
) -> None:
    world = make_world(just_over(70), since=70, **{fault: [window(70)]})
    world.run_to(71)
    assert world.now >= window(70).end + SETTLE + LATENESS
    assert world.now <= window(70).end + SETTLE + LATENESS + MINUTE
    assert covered(world.committed.records[0])[0] == is_seen
    (note,) = world.notes(TELEMETRY_INCOMPLETE).values()
    assert note.reason == reason
    assert note.subject in note.message
    assert world.state.windows_incomplete == {reason: 1}
    assert all(isinstance(error, IncompleteAnswer) for error in world.failures)


@pytest.mark.parametrize("fault", ["partial", "heavy", "silent"])
def test_a_live_window_whose_answer_becomes_whole_in_time_is_as_if_nothing_had_been(fault: str) -> None:
    world = make_world(just_over(70), since=70, seen=HEARD, **{fault: [window(70)]})
    world.run(lambda: world.now >= window(70).end + SETTLE + LATENESS - MINUTE)
    assert world.committed.records == []
    setattr(world.telemetry, fault, ())
    world.run_to(71)
    (record,) = world.committed.records
    assert record == as_it_should_be(record)
    assert world.state.windows_incomplete == {}


@pytest.mark.parametrize("fault", ["partial", "heavy"])
def test_one_old_window_without_a_whole_answer_spoils_none_of_its_neighbours(fault: str) -> None:
    world = make_world(**{fault: [window(10)]})
    world.run_to(72)
    assert set(world.notes(TELEMETRY_INCOMPLETE)) == {window(10).end}
    spoilt = next(record for record in world.committed.records if record.end == window(10).end)
    assert spoilt.windows == 1
    assert world.state.windows_incomplete.keys() == {PARTIAL_ANSWER if fault == "partial" else QUERY_TOO_HEAVY}
    assert sum(record.windows for record in world.committed.records) >= 72
    assert all(record == as_it_should_be(record) for record in world.committed.records if record is not spoilt)


def test_an_old_window_is_asked_for_three_times_and_for_the_lateness_since_the_first_partial_answer() -> None:
    world = make_world(since=10, partial=windows(10, 14))
    began = world.now
    world.run_to(11)
    assert world.now - began >= LATENESS
    first_done = world.now
    world.run_to(14)
    assert world.now - first_done < 3 * 4 * timedelta(seconds=1)
    asked = [each for each in world.telemetry.asked if each == (window(12),)]
    assert len(asked) == LEAST_TRIES
    assert world.state.windows_incomplete == {PARTIAL_ANSWER: 4}


def test_where_answers_are_partial_all_the_time_each_live_window_waits_for_its_own_lateness() -> None:
    world = make_world(just_over(70), since=70, partial=windows(70, 80))
    for number in (70, 71, 72):
        world.run_to(number + 1)
        assert timedelta(0) <= world.now - (window(number).end + SETTLE + LATENESS) <= MINUTE


def test_after_a_whole_answer_a_partial_one_is_waited_for_anew() -> None:
    world = make_world(since=10, partial=[window(10), window(20)])
    world.run_to(11)
    between = world.now
    world.run_to(21)
    assert world.now - between >= LATENESS


def test_partial_answers_after_an_outage_are_waited_for_anew() -> None:
    world = make_world(since=10, partial=windows(10, 96))
    world.run_to(11)
    world.telemetry.is_down = True
    outage_ends = world.now + HOUR
    world.run(lambda: world.now >= outage_ends)
    world.telemetry.is_down = False
    world.run_to(12)
    assert world.now - outage_ends >= LATENESS


def test_windows_that_are_closed_for_one_reason_are_told_in_the_log_once(caplog: pytest.LogCaptureFixture) -> None:
    world = make_world(since=10, partial=windows(10, 20))
    world.run_to(20)
    assert [record.levelname for record in caplog.records if "with what there is" in record.message] == ["WARNING"]


def test_windows_in_which_an_exporter_that_was_heard_before_is_silent_wait_and_are_closed_together() -> None:
    world = make_world(since=24, silent=windows(30, 40), seen=HEARD)
    began = world.now
    world.run_to(84)
    assert world.now - began >= LATENESS
    before, with_gap, *_ = world.committed.records
    assert before == true_record(24, 30), "what lies before the gap does not wait for it"
    assert (with_gap.start, with_gap.end) == (window(30).start, window(41).end), "twice as long a span as before it"
    (note, *_) = world.notes(TELEMETRY_INCOMPLETE).values()
    assert note.reason == NO_SAMPLES
    assert "no sample of any GPU" in note.message
    assert world.state.windows_incomplete == {NO_SAMPLES: 10}


NEVER_HEARD = {
    "nothing was ever heard of it": Signs(anything=(START - HOUR, START, START + 8 * HOUR)),
    "it was heard only later": Signs(gpus=(START + 8 * HOUR,), anything=(START - HOUR, START + 8 * HOUR)),
    "it was heard two days before": Signs(gpus=(START - 2 * DAY,), anything=(START - HOUR,)),
    "Prometheus scrapes nothing": Signs(),
}


@pytest.mark.parametrize("seen", NEVER_HEARD.values(), ids=NEVER_HEARD)
def test_an_exporter_that_was_never_there_holds_up_no_old_window(seen: Signs) -> None:
    world = make_world(silent=windows(0, 72), seen=seen)
    assert world.step()
    (record,) = world.committed.records
    assert record.windows == 72
    assert covered(record)[0] is False
    assert world.notes(TELEMETRY_INCOMPLETE) == world.notes(BEYOND_RETENTION) == {}
    assert world.state.windows_incomplete == {}


def test_an_exporter_that_was_never_there_holds_up_a_live_window_for_its_lateness() -> None:
    world = make_world(just_over(70), since=70, silent=[window(70)], seen=Signs(anything=(START,)))
    world.run_to(71)
    assert timedelta(0) <= world.now - (window(70).end + SETTLE + LATENESS) <= MINUTE
    assert world.state.windows_incomplete == {}


def test_windows_before_anything_that_prometheus_has_are_told_until_when() -> None:
    known_since = START + 3 * HOUR
    seen = Signs(gpus=(known_since + HOUR,), anything=(known_since, known_since + HOUR))
    world = make_world(silent=windows(0, 40), seen=seen)
    assert world.step()
    note = world.notes(BEYOND_RETENTION)[START + 6 * HOUR]
    assert note.reason == NOTHING_STORED
    assert "from 2025-03-04T00:00:00Z until then" in note.message
    assert "2025-03-04T03:00:00Z" in note.message
    assert covered(world.committed.records[0]) == (True, True)


class NoGpuNodes:
    """A `ClusterSource` of nodes without GPUs."""

    problems = ()

    def read(self) -> Cluster:
        return Cluster(seen_at=FLEET.end, nodes=(), pods=(), namespaces={})


def test_an_empty_answer_of_a_cluster_without_gpu_nodes_is_complete_at_once() -> None:
    world = World(telemetry=ScriptedTelemetry(silent=[window(70)], seen=HEARD), now=just_over(70), cluster=NoGpuNodes())
    world.committed.until = window(70).start
    assert world.step()
    assert world.failures == []


def test_a_prometheus_that_cannot_tell_its_newest_sample_makes_a_window_wait_for_its_lateness() -> None:
    world = make_world(just_over(70), since=70)

    def newest() -> datetime:
        raise IncompleteAnswer("partial")

    world.telemetry.newest_sample = newest  # type: ignore[method-assign]
    world.run_to(71)
    assert world.now == window(70).end + SETTLE + LATENESS
    assert world.committed.records[0] == true_record(70, 71)


def test_whoever_is_far_behind_tells_how_far_the_backfill_is_and_when_it_is_done() -> None:
    world = World()
    world.run(lambda: world.told.errors)
    assert world.told.progress == [(72, 95, START + 6 * HOUR)]
    assert world.told.errors == [None]


def test_an_outage_before_the_first_window_is_told_where_the_first_window_will_be() -> None:
    world = World(
        telemetry=ScriptedTelemetry(is_down=True),
        now=START + 3 * HOUR,
        timing=replace(TIMING, backfill_max_age=2 * DAY),
    )
    run_for(world, waits=1)
    assert world.told.starts == [START - DAY]


class CountedStop(Event):
    """Set after so many waits, none of which takes any time."""

    def __init__(self, waits: int) -> None:
        super().__init__()
        self.left = waits
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0.0)
        if len(self.waited) >= self.left:
            self.set()
        return self.is_set()


def run_for(world: World, waits: int) -> list[float]:
    """The loop itself; how long it waited each time."""
    world.stop = stop = CountedStop(waits)
    world.make_loop().run()
    return stop.waited


def test_a_server_that_says_when_to_come_again_is_left_alone_until_then() -> None:
    world = World()

    def busy() -> datetime:
        raise Overloaded("Prometheus takes no queries now", 60.0)

    world.telemetry.server_time = busy  # type: ignore[method-assign]
    waited = run_for(world, waits=12)
    assert sum(waited) >= 60.0 - IDLE_SECONDS
    assert len(world.told.errors) == 1


class NoLead:
    def step(self, _now: datetime) -> bool:
        raise NotLeading("another replica leads")


def test_who_does_not_lead_any_more_ends_at_once() -> None:
    world = World()
    world.told = cast("Any", NoLead())
    with pytest.raises(NotLeading):
        world.make_loop().run()


class StuckWork:
    """As side work: what the loop's state says meanwhile."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.verdicts: list[bool] = []

    def mark(self) -> None: ...

    def turn(self) -> None:
        self.verdicts.append(self.world.state.attempt_started is not None)


def test_work_beside_the_windows_counts_as_an_attempt_that_may_be_stuck() -> None:
    world = World()
    world.stop = CountedStop(1)
    work = StuckWork(world)
    world.make_loop(side_work=work).run()
    assert set(work.verdicts) == {True}
    assert world.state.attempt_started is None


SPLITS = {"one by one": 1, "by twos": 2, "by the hour": 12, "all at once": 36}


def without_uids(ledgers: Iterable[Ledger]) -> list[Ledger]:
    """Which of two pods of one name it was is known better before the second came."""
    return [replace(ledger, holders=tuple(replace(line, pod_uid="") for line in ledger.holders)) for ledger in ledgers]


@pytest.mark.parametrize("size", SPLITS.values(), ids=SPLITS)
def test_a_window_has_the_same_ledger_in_whatever_batch_it_is_computed(size: int) -> None:
    pipeline = World().pipeline()
    parts = [ledger for first in range(0, 36, size) for ledger in pipeline.compute(windows(first, first + size))]
    assert without_uids(parts) == without_uids(pipeline.compute(windows(0, 36)))


def test_a_window_has_the_same_ledger_by_a_command() -> None:
    pipeline = World().pipeline()
    batches = compute_ledgers(pipeline.compute, START, START + 8 * HOUR, LENGTH, progress=lambda _: None)
    together = [ledger for batch in batches for ledger in batch]
    live = [pipeline.compute([each])[0] for each in windows(56, 72)]
    assert without_uids(together[56:72]) == without_uids(live)


def test_windows_have_the_same_figures_live_and_in_backfill() -> None:
    live, later = make_world(just_over(60), since=60), make_world(just_over(71), since=60)
    live.run_to(72)
    later.run_to(72)
    assert [len(world.committed.records) for world in (live, later)] == [12, 1]
    assert sum_of(live.committed.records) == sum_of(later.committed.records)


def sum_of(records: Iterable[WindowRecord]) -> dict[tuple[str, str], tuple[int, int, int]]:
    sums: dict[tuple[str, str], tuple[int, int, int]] = {}
    for record in records:
        for group in record.groups:
            figures = group.totals.figures
            cost, used, idle = sums.get(group.group, (0, 0, 0))
            sums[group.group] = cost + figures.cost, used + figures.used_cost, idle + figures.idle_cost
    return sums

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gpucost.app.backoff import MOST_SECONDS, Backoff
from gpucost.app.plan import Timing, blind_until, count_windows, first_start, is_late, next_batch, over_until
from gpucost.app.windows.state import ATTEMPT_LIMIT_SECONDS, LoopState
from gpucost.model.errors import SourceUnavailable
from gpucost.model.time import Window

TIMING = Timing(
    window=timedelta(minutes=5),
    settle_delay=timedelta(seconds=60),
    lateness=timedelta(minutes=10),
    backfill_max_age=timedelta(days=7),
)


def at(text: str, day: int = 24) -> datetime:
    return datetime.fromisoformat(f"2026-11-{day:02d}T{text}").replace(tzinfo=UTC)


OVER = {
    "a window is over after the settle delay": ("10:06:00", "10:05:30", "10:05:00"),
    "before it, it is not": ("10:05:59", "10:05:30", "10:00:00"),
    "without a sample after its end it waits": ("10:06:00", "10:04:59", "10:00:00"),
    "but no longer than the lateness": ("10:16:00", "10:04:59", "10:05:00"),
    "no sample at all waits as long": ("10:15:59", None, "10:00:00"),
    "a sample from the future hastens nothing": ("10:06:00", "23:00:00", "10:05:00"),
}


@pytest.mark.parametrize(("now", "newest", "until"), OVER.values(), ids=OVER)
def test_over_until(now: str, newest: str | None, until: str) -> None:
    assert over_until(at(now), at(newest) if newest else None, TIMING) == at(until)


FIRST_STARTS = {
    "the first whole day of those that are backfilled": (timedelta(days=7), "10:06:00", at("00:00:00", day=18)),
    "a day that begins with them is whole": (timedelta(days=7), "00:00:00", at("00:00:00", day=17)),
    "today, where less than a day is backfilled": (timedelta(hours=5), "10:06:00", at("00:00:00")),
    "today, though less of it is backfilled than it is old": (timedelta(hours=1), "23:00:00", at("00:00:00")),
    "today, where a day is backfilled": (timedelta(days=1), "10:06:00", at("00:00:00")),
}


@pytest.mark.parametrize(("age", "now", "start"), FIRST_STARTS.values(), ids=FIRST_STARTS)
def test_the_first_start_ever(age: timedelta, now: str, start: datetime) -> None:
    assert first_start(None, at(now), replace(TIMING, backfill_max_age=age)) == start


def test_after_a_restart_it_goes_on_where_the_reports_stand_even_across_midnight() -> None:
    assert first_start(at("23:50:00", day=23), at("00:06:00"), TIMING) == at("23:50:00", day=23)


def test_a_window_is_late_when_neither_samples_nor_answers_are_waited_for_any_longer() -> None:
    window = Window(at("10:00:00"), at("10:05:00"))
    assert not is_late(window, at("10:15:59"), TIMING)
    assert is_late(window, at("10:16:00"), TIMING)
    assert over_until(at("10:16:00"), None, TIMING) == window.end


def test_what_is_too_old_is_not_asked_of_prometheus() -> None:
    assert blind_until(at("10:06:00"), TIMING) == at("10:05:00", day=17)


def test_a_change_of_the_window_length_begins_with_a_stub_to_the_next_edge() -> None:
    hour = timedelta(hours=1)
    assert next_batch(at("12:05:00"), at("15:00:00"), hour) == (Window(at("12:05:00"), at("13:00:00")),)
    assert next_batch(at("12:05:00"), at("12:55:00"), hour) == ()
    assert count_windows(at("12:05:00"), at("15:00:00"), hour) == 3
    assert count_windows(at("12:05:00"), at("12:00:00"), hour) == 0


def test_a_batch_ends_with_the_day() -> None:
    windows = next_batch(at("22:00:00", day=23), at("10:00:00"), TIMING.window)
    assert (windows[0].start, windows[-1].end) == (at("22:00:00", day=23), at("00:00:00"))


def test_a_batch_spans_six_hours_at_most() -> None:
    assert len(next_batch(at("00:00:00"), at("20:00:00"), TIMING.window)) == 72


def test_nothing_over_is_no_batch() -> None:
    assert next_batch(at("10:00:00"), at("10:00:00"), TIMING.window) == ()


def test_waits_grow_to_a_limit_and_start_over() -> None:
    backoff = Backoff()
    waits = [backoff.failed() for _ in range(12)]
    assert waits[0] <= 1.0
    assert MOST_SECONDS / 2 <= waits[-1] <= MOST_SECONDS
    backoff.succeeded()
    assert backoff.failed() <= 1.0


def test_a_wait_is_never_shorter_than_asked_for() -> None:
    backoff = Backoff()
    assert backoff.failed(at_least=17.0) == 17.0
    assert backoff.failed(at_least=0.5) >= 1.0


def test_an_outage_makes_the_operator_unready_but_not_dead() -> None:
    state = LoopState()
    assert state.why_not_ready()
    state.begin()
    state.fail(SourceUnavailable("Prometheus is away"))
    assert (state.why_dead(), state.why_not_ready()) == (None, "Prometheus is away")
    state.begin()
    state.succeed()
    assert state.why_not_ready() is None
    assert state.failures == {"SourceUnavailable": 1}


def test_a_stuck_attempt_or_an_ended_loop_is_death(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("gpucost.app.windows.state.time.monotonic", lambda: now)
    state = LoopState()
    state.begin()
    now += ATTEMPT_LIMIT_SECONDS + 1
    assert "longer than" in (state.why_dead() or "")
    state.succeed()
    state.loop_ended = True
    assert "ended" in (state.why_dead() or "")

"""Terms of one process, with parts that do nothing but say what they are asked."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Event, Semaphore
from typing import Any, cast

import pytest

from gpucost.app.configuration.settings import Settings
from gpucost.app.process.assembly import Parts
from gpucost.app.process.terms import Terms
from gpucost.app.windows.state import LoopState
from gpucost.model.errors import NotLeading

SECONDS = 10.0


@dataclass
class Lead:
    held: bool = True
    changes: int = 1

    def is_held(self) -> bool:
        return self.held


@dataclass
class Trial:
    """One process: ``work`` is what the loop does in a term, until it ends by itself or is to end."""

    work: Callable[[Event], None] = Event.wait
    lead: Lead = field(default_factory=Lead)
    settings: Settings = field(default_factory=Settings)
    state: LoopState = field(default_factory=LoopState)
    failed: Event = field(default_factory=Event)
    built: list[Settings] = field(default_factory=list)
    running: list[Event] = field(default_factory=list)
    began: Semaphore = field(default_factory=lambda: Semaphore(0))
    forgot: Semaphore = field(default_factory=lambda: Semaphore(0))
    forgotten: int = 0
    stopped_watches: int = 0
    name: str = "Prometheus"
    error: Exception | None = None
    terms: Terms = field(init=False)

    def __post_init__(self) -> None:
        self.terms = Terms(
            self,
            settings=lambda: self.settings,
            lead=self.lead,
            state=self.state,
            on_failure=self.failed.set,
        )

    def build(self, settings: Settings, term: Event) -> Parts:
        self.built.append(settings)
        self.running.append(term)
        part = cast(Any, self)
        return Parts(loop=part, store=part, watch=part, telemetry=part)

    def forget(self) -> None:
        self.forgotten += 1
        self.forgot.release()

    def run(self) -> None:
        self.began.release()
        self.work(self.running[-1])

    def missing_kinds(self) -> tuple[str, ...]:
        return ()

    def start(self) -> None: ...

    def stop(self, _wait_seconds: float) -> None:
        self.stopped_watches += 1

    def close(self) -> None: ...

    def await_term(self) -> None:
        assert self.began.acquire(timeout=SECONDS)


@pytest.fixture
def trial() -> Iterator[Trial]:
    trial = Trial()
    yield trial
    assert trial.terms.stop(SECONDS)


def test_a_new_configuration_begins_a_term_and_forgets_nothing(trial: Trial) -> None:
    trial.terms.start()
    trial.await_term()
    trial.settings = Settings(currency="EUR")
    trial.terms.interrupt()
    trial.await_term()
    assert [settings.currency for settings in trial.built] == ["USD", "EUR"]
    assert (trial.forgotten, trial.stopped_watches) == (0, 1)


def test_nothing_is_built_while_another_leads(trial: Trial) -> None:
    trial.lead.held = False
    trial.state.windows_behind = 7
    trial.lead.changes += 1
    trial.terms.start()
    assert trial.forgot.acquire(timeout=SECONDS)
    assert trial.built == []
    trial.lead.held = True
    trial.terms.interrupt()
    trial.await_term()
    assert (len(trial.built), trial.forgotten, trial.state.windows_behind) == (1, 1, 0)


def test_what_was_seen_is_forgotten_where_the_lead_came_back_before_anybody_looked(trial: Trial) -> None:
    trial.terms.start()
    trial.await_term()
    trial.lead.changes += 2
    trial.terms.interrupt()
    trial.await_term()
    assert trial.forgotten == 1


def test_a_write_that_is_not_allowed_ends_the_term_and_nothing_else(
    trial: Trial, caplog: pytest.LogCaptureFixture
) -> None:
    def write(_term: Event) -> None:
        trial.work = Event.wait
        raise NotLeading("not now")

    trial.work = write
    trial.terms.start()
    trial.await_term()
    trial.await_term()
    assert (len(trial.built), trial.failed.is_set()) == (2, False)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert trial.running[0].is_set()


def test_a_stop_ends_the_term_and_is_no_failure(trial: Trial) -> None:
    trial.terms.start()
    trial.await_term()
    assert trial.terms.stop(SECONDS)
    assert (trial.failed.is_set(), trial.state.loop_ended) == (False, False)


def test_a_stop_does_not_wait_longer_than_it_is_told() -> None:
    go_on = Event()
    trial = Trial(work=lambda _term: cast(None, go_on.wait()))
    trial.terms.start()
    trial.await_term()
    assert not trial.terms.stop(0.01)
    go_on.set()
    assert trial.terms.stop(SECONDS)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_whatever_breaks_is_told_so_that_the_process_ends(trial: Trial) -> None:
    def breaks(_term: Event) -> None:
        raise RuntimeError("broken")

    trial.work = breaks
    trial.terms.start()
    assert trial.failed.wait(SECONDS)
    assert trial.state.why_dead() == "the window loop has ended"

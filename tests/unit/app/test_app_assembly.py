"""The parts of a term, of which none is started: nothing here has a server."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event

import pytest
from kubernetes.client import ApiClient, Configuration

from gpucost.app.computing.looks import LatestLook
from gpucost.app.configuration.settings import Settings
from gpucost.app.process.assembly import Assembly, Parts, check_settings
from gpucost.app.windows.state import LoopState
from gpucost.model.errors import ConfigurationError, NotLeading, SourceUnavailable
from gpucost.reports.storage.store import ReportName

SETTINGS = Settings.model_validate({"prometheus": {"url": "http://127.0.0.1:1"}})
REPORT = ReportName(None, "2026-11-24", "uid")


@dataclass
class Trial:
    leads: bool = True
    failures: int = 0
    clients: list[ApiClient] = field(default_factory=list)
    parts: list[Parts] = field(default_factory=list)

    def connect(self) -> ApiClient:
        self.clients.append(ApiClient(Configuration(host="http://127.0.0.1:1", retries=False)))
        return self.clients[-1]

    def fail(self) -> None:
        self.failures += 1

    def build(self, term: Event) -> Parts:
        assembly = Assembly(
            self.connect,
            state=LoopState(),
            look=LatestLook(),
            clock=lambda: datetime(2026, 11, 24, tzinfo=UTC),
            is_leading=lambda: self.leads,
            on_failure=self.fail,
        )
        self.parts.append(assembly.build(SETTINGS, term))
        return self.parts[-1]


@pytest.fixture
def trial() -> Iterator[Trial]:
    trial = Trial()
    yield trial
    for client in trial.clients:
        client.rest_client.pool_manager.clear()
    for parts in trial.parts:
        parts.telemetry.close()


def test_who_does_not_lead_any_more_writes_nothing(trial: Trial) -> None:
    store = trial.build(Event()).store
    with pytest.raises(SourceUnavailable):
        store.delete(REPORT)
    trial.leads = False
    with pytest.raises(NotLeading):
        store.delete(REPORT)


def test_the_loop_of_a_term_that_is_over_ends(trial: Trial) -> None:
    term = Event()
    parts = trial.build(term)
    term.set()
    parts.loop.run()


def test_settings_that_no_part_can_work_with_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="is not set"):
        check_settings(Settings())
    with pytest.raises(ConfigurationError, match="is no http or https URL"):
        check_settings(Settings.model_validate({"prometheus": {"url": "nowhere"}}))

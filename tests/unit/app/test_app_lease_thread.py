"""The thread that keeps the Lease: what it tells, and that nothing ends it but a stop."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

import pytest
from lease_world import Server

from gpucost.app.leading import lease_thread
from gpucost.app.leading.lease import Lease, LeaseRecord, LeaseTiming, StoredLease
from gpucost.app.leading.lease_thread import LeaseThread
from gpucost.model.errors import SourceUnavailable

SECONDS = 10.0


class Api(Server):
    """Breaks as it is told."""

    name = "Lease gpucost in namespace gpucost"

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[Exception] = []
        self.is_away = False
        self.reads = 0

    def read(self) -> StoredLease | None:
        self.reads += 1
        if self.failures:
            raise self.failures.pop(0)
        if self.is_away:
            raise SourceUnavailable("the API server is away")
        return super().read()


@dataclass
class Changes:
    """Of leadership, and an Event for each kind."""

    told: list[bool] = field(default_factory=list)
    gained: Event = field(default_factory=Event)
    lost: Event = field(default_factory=Event)

    def tell(self, is_held: bool) -> None:
        self.told.append(is_held)
        (self.gained if is_held else self.lost).set()


@pytest.fixture
def api() -> Api:
    return Api()


def make_lease(api: Api) -> Lease:
    return Lease(api, "pod-a", LeaseTiming(1))


def lines(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= level]


def test_it_tells_once_that_it_leads_and_gives_it_back_on_stop(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    changes = Changes()
    lease = make_lease(api)
    thread = LeaseThread(lease, on_change=changes.tell)
    thread.start()
    assert changes.gained.wait(SECONDS)
    assert lease.is_held()
    thread.stop(SECONDS)
    assert not thread.is_alive()
    assert not lease.is_held()
    assert changes.told == [True, False]
    assert api.stored is not None
    assert api.stored.record.holder == ""
    assert lines(caplog) == [
        "the Lease gpucost in namespace gpucost is held by this process, pod-a: it leads",
        "the Lease gpucost in namespace gpucost is given up",
    ]


def test_an_outage_costs_it_the_lead_and_ends_nothing(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    changes = Changes()
    thread = LeaseThread(make_lease(api), on_change=changes.tell)
    thread.start()
    assert changes.gained.wait(SECONDS)
    api.is_away = True
    assert changes.lost.wait(SECONDS)
    changes.gained.clear()
    api.is_away = False
    assert changes.gained.wait(SECONDS)
    thread.stop(SECONDS)
    assert changes.told == [True, False, True, False]
    assert lines(caplog, logging.WARNING) == [
        "trying again: the API server is away",
        "the Lease gpucost in namespace gpucost is lost: this process does not lead any more",
    ]


def test_who_does_not_lead_says_who_does_and_leaves_it_alone(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    api.put(LeaseRecord("pod-b\n\x1b[31m", 300, "", "", 0))
    before = api.stored
    changes = Changes()
    thread = LeaseThread(make_lease(api), on_change=changes.tell)
    thread.start()
    wait_for(lambda: api.reads > 3)
    thread.stop(SECONDS)
    assert api.stored == before
    assert changes.told == []
    assert lines(caplog) == ["the Lease gpucost in namespace gpucost is held by pod-b ?[31m"]


def wait_for(holds: Callable[[], bool]) -> None:
    pause = Event()
    for _ in range(1000):
        if holds():
            return
        pause.wait(SECONDS / 1000)
    pytest.fail("it never held")


def test_nothing_that_breaks_ends_it(
    api: Api, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_thread, "_AFTER_A_FAULT_SECONDS", 0.01)
    api.failures = [RuntimeError("a fault of ours"), SourceUnavailable("a fault of others")]
    gained = Event()

    def tell(is_held: bool) -> None:
        if is_held:
            gained.set()
            raise RuntimeError("a fault of who listens")

    thread = LeaseThread(make_lease(api), on_change=tell)
    thread.start()
    assert gained.wait(SECONDS)
    reads = api.reads
    wait_for(lambda: api.reads > reads)
    assert thread.is_alive()
    thread.stop(SECONDS)
    assert not thread.is_alive()
    errors = [str(record.exc_info[1]) for record in caplog.records if record.exc_info]
    assert errors == ["a fault of ours", "a fault of who listens"]


@pytest.mark.parametrize("failure", [SourceUnavailable("away"), RuntimeError("a fault of ours")])
def test_a_stop_ends_it_where_the_lease_cannot_be_given_back(
    api: Api, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    changes = Changes()
    lease = make_lease(api)
    thread = LeaseThread(lease, on_change=changes.tell)
    thread.start()
    assert changes.gained.wait(SECONDS)
    api.failures = [failure]
    api.is_away = True
    thread.stop(SECONDS)
    assert not thread.is_alive()
    assert not lease.is_held()
    assert changes.told == [True, False]
    assert any("runs out by itself" in line for line in lines(caplog))


def test_a_stop_waits_no_longer_than_it_was_told(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs, goes_on = Event(), Event()

    def hang() -> None:
        hangs.set()
        goes_on.wait(SECONDS)

    monkeypatch.setattr(api, "read", hang)
    thread = LeaseThread(make_lease(api))
    thread.start()
    assert hangs.wait(SECONDS)
    thread.stop(0.01)
    assert thread.is_alive()
    goes_on.set()
    thread.stop(SECONDS)
    assert not thread.is_alive()

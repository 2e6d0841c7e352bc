"""What the probes say of one of several replicas."""

from dataclasses import dataclass
from typing import cast

import pytest

from gpucost.app.configuration.settings import Settings
from gpucost.app.leading.lease import Lease
from gpucost.app.process.health import Health
from gpucost.app.process.leadership import Leadership, identity_of, make_lease
from gpucost.app.windows.state import LoopState
from gpucost.model.errors import SourceUnavailable


@dataclass
class FixedLease:
    """As a candidate sees it at one moment."""

    held: bool = False
    holder: str = ""
    problem: str = ""
    identity: str = "gpucost-0"
    name: str = "Lease gpucost"

    def is_held(self) -> bool:
        return self.held


def make_health(lease: FixedLease | None, state: LoopState | None = None) -> Health:
    return Health(state or LoopState(), Leadership(cast(Lease | None, lease)))


STANDING = {
    "who stands by is ready": (FixedLease(holder="gpucost-1"), None),
    "who has not looked yet is not": (FixedLease(), "nobody holds the Lease gpucost yet"),
    "who lost it and has not seen who got it is not": (
        FixedLease(holder="gpucost-0"),
        "nobody holds the Lease gpucost yet",
    ),
    "who does not reach the API server is not": (FixedLease(holder="gpucost-1", problem="it is away"), "it is away"),
    "who leads is when its windows are in": (FixedLease(held=True), "the first attempt is in work"),
}


@pytest.mark.parametrize(("lease", "problem"), STANDING.values(), ids=STANDING)
def test_ready(lease: FixedLease, problem: str | None) -> None:
    assert make_health(lease).why_not_ready() == problem
    assert make_health(lease).why_dead() is None


def test_who_leads_says_what_is_wrong_with_its_windows() -> None:
    state = LoopState()
    state.fail(SourceUnavailable("Prometheus is away"))
    assert make_health(FixedLease(held=True), state).why_not_ready() == "Prometheus is away"
    assert make_health(None, state).why_not_ready() == "Prometheus is away"


def test_who_stands_by_says_for_whom() -> None:
    assert make_health(FixedLease(holder="gpucost-1")).leadership.standing() == (
        "standing by: gpucost-1 holds the Lease gpucost"
    )
    assert make_health(FixedLease(held=True)).leadership.standing() == "ok"
    assert make_health(None).leadership.standing() == "ok"


def test_without_an_election_this_process_leads() -> None:
    settings = Settings.model_validate({"leaderElection": {"enabled": False}})
    leadership = Leadership(make_lease(settings, client=cast("object", None)))  # type: ignore[arg-type]
    leadership.start(on_change=lambda: None)
    assert leadership.is_held()
    assert leadership.why_dead() is None
    leadership.stop(0.0)


def test_a_container_that_is_started_anew_in_its_pod_is_the_same_candidate() -> None:
    assert identity_of({"POD_NAME": "gpucost-0"}) == "gpucost-0"
    assert identity_of({}) != identity_of({})

"""What the kubelet hears of a loop that works, waits or is stuck."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from gpucost.app.process.health import Health
from gpucost.app.process.web import WebServer
from gpucost.app.windows.state import ATTEMPT_LIMIT_SECONDS, LoopState
from gpucost.model.errors import IncompleteAnswer


class Leading:
    """As a leadership that is never in doubt."""

    def why_dead(self) -> None: ...

    def why_unsettled(self) -> None: ...

    def is_held(self) -> bool:
        return True

    def standing(self) -> str:
        return "ok"


@pytest.fixture
def state() -> LoopState:
    return LoopState()


@pytest.fixture
def web(state: LoopState) -> Iterator[WebServer]:
    server = WebServer("127.0.0.1:0", Health(state, cast("Any", Leading())), CollectorRegistry())
    yield server
    server.close()


def ask(web: WebServer, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{web.port}{path}", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_stuck_attempt_fails_the_liveness_probe_and_one_that_waits_does_not(
    web: WebServer, state: LoopState, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("gpucost.app.windows.state.time.monotonic", lambda: now)
    state.begin()
    state.fail(IncompleteAnswer("partial"))
    now += 10 * ATTEMPT_LIMIT_SECONDS
    assert [ask(web, path) for path in ("/healthz", "/readyz")] == [200, 503]
    state.begin()
    assert ask(web, "/healthz") == 200
    now += ATTEMPT_LIMIT_SECONDS + 1
    assert [ask(web, path) for path in ("/healthz", "/readyz")] == [503, 503]
    state.rest()
    assert ask(web, "/healthz") == 200

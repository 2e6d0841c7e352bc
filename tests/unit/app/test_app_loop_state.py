"""What tells a loop that is slow from one that is stuck."""

from collections.abc import Callable

import pytest

from gpucost.app.windows.state import ATTEMPT_LIMIT_SECONDS, LoopState

SIGNS_OF_LIFE: dict[str, Callable[[LoopState], None]] = {
    "something is begun": LoopState.begin,
    "a report was put right": lambda state: state.count_mended("memory"),
}


@pytest.mark.parametrize("give_sign", SIGNS_OF_LIFE.values(), ids=SIGNS_OF_LIFE)
def test_slow_work_is_alive_as_long_as_it_gets_on(
    monkeypatch: pytest.MonkeyPatch, give_sign: Callable[[LoopState], None]
) -> None:
    now = 100.0
    monkeypatch.setattr("gpucost.app.windows.state.time.monotonic", lambda: now)
    state = LoopState()
    state.begin()
    for _ in range(3):
        now += ATTEMPT_LIMIT_SECONDS - 1
        assert state.why_dead() is None
        give_sign(state)
    now += ATTEMPT_LIMIT_SECONDS + 1
    assert "longer than" in (state.why_dead() or "")


def test_a_loop_that_rests_is_alive_however_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("gpucost.app.windows.state.time.monotonic", lambda: now)
    state = LoopState()
    state.begin()
    state.rest()
    now += 10 * ATTEMPT_LIMIT_SECONDS
    assert state.why_dead() is None

"""What befalls the operator, drawn from a seed: the same seed, the same lives and the same fault at the same call."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from tests.chaos.operators import API, PROMETHEUS
from tests.integration.fault_proxy import Call, Mode

MOST_SECONDS = 4.0
_MOST_CALLS = 150
_MOST_PAUSE_SECONDS = 3.0
_MOST_SKEW = timedelta(hours=6)

_OFTEN, _SELDOM = 10, 1
"""What costs the operator the whole time limit of a call is seldom, so that it gets on."""
_HANGING = (Mode.SILENT, Mode.DRIP)
_PLAIN = (Mode.REFUSE, Mode.LOST, Mode.DELAY, Mode.ANSWER_429, Mode.ANSWER_500, Mode.ANSWER_503)
_WEIGHTS = {
    API: {**dict.fromkeys((*_PLAIN, Mode.CUT, Mode.WRONG_JSON, Mode.HTML), _OFTEN), **dict.fromkeys(_HANGING, _SELDOM)},
    PROMETHEUS: {
        **dict.fromkeys((*_PLAIN, Mode.CUT, Mode.WRONG_JSON, Mode.HTML, Mode.ANSWER_400, Mode.PARTIAL), _OFTEN),
        **dict.fromkeys(_HANGING, _SELDOM),
    },
}
"""No 400 of the API server: it says for good that an object is not taken, and the others go on without it."""
_KOPF_WEIGHTS = dict.fromkeys(_PLAIN, _OFTEN)
"""An API server that speaks nonsense ends it, and the process with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """How one process of the operator fares. It is killed at whatever comes first."""

    seconds: float
    call: int | None
    """So many calls from its start; None: by time alone."""
    after: bool
    """Whether that call has reached the server, and only its answer gets lost."""
    pause_at: float | None
    """SIGSTOP, and SIGCONT after `pause_seconds`."""
    pause_seconds: float
    skew: timedelta
    """Of its clock, all through its life."""


def lives(seed: int, name: str) -> Iterator[Life]:
    """Of the replica of this name, one after another."""
    draw = Random(f"{seed}/{name}")
    while True:
        seconds = draw.uniform(0.2, MOST_SECONDS)
        call = draw.randint(1, _MOST_CALLS) if draw.random() < 0.5 else None
        after = draw.random() < 0.5
        pause_at = draw.uniform(0, seconds) if draw.random() < 0.15 else None
        pause_seconds = draw.uniform(0.5, _MOST_PAUSE_SECONDS)
        skew = _MOST_SKEW * draw.uniform(-1, 1) if draw.random() < 0.15 else timedelta(0)
        yield Life(
            seconds=seconds,
            call=call,
            after=after,
            pause_at=pause_at,
            pause_seconds=pause_seconds,
            skew=skew,
        )


def fault_of(seed: int, name: str, server: str, call: Call, share: float) -> Mode:
    """What becomes of this call; ``share``: how many of all calls have a fault."""
    draw = Random(f"{seed}/{name}/{server}/{call.number}")
    if draw.random() >= share:
        return Mode.THROUGH
    weights = _KOPF_WEIGHTS if call.is_kopf else _WEIGHTS[server]
    return draw.choices(list(weights), list(weights.values()))[0]

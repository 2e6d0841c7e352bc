import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
import urllib3

from gpucost.model.errors import SourceUnavailable
from sandbox.live import exporters, interval_end, now, player
from sandbox.load import KubernetesObjects, Stage

STEP = timedelta(seconds=30)
MOMENTS = {
    "inside an interval": ("10:00:12", "10:00:30"),
    "an edge belongs to the interval that it ends": ("10:00:30", "10:00:30"),
    "just after an edge": ("10:00:30.001", "10:01:00"),
    "midnight is an edge too": ("00:00:00", "00:00:00"),
}


def moment(time: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-24T{time}+00:00")


@pytest.mark.parametrize(("at", "end"), MOMENTS.values(), ids=MOMENTS)
def test_interval_of_a_moment(at: str, end: str) -> None:
    assert interval_end(moment(at), STEP) == moment(end)


def test_a_page_shows_the_interval_that_now_lies_in() -> None:
    clock = iter([moment("10:00:12"), moment("10:00:31")])
    pages = {"/node-a/metrics": lambda at: f"state_at {at.astimezone(UTC):%H%M%S}\n"}

    with exporters(pages, STEP, lambda: next(clock)) as address:
        answers = [urllib3.request("GET", f"http://{address}/node-a/metrics").data for _ in range(2)]

    assert answers == [b"state_at 100030\n", b"state_at 100100\n"]


def test_a_page_that_does_not_exist_is_not_found() -> None:
    with exporters({}, STEP) as address:
        assert urllib3.request("GET", f"http://{address}/metrics").status == 404


@dataclass
class FlakyStage:
    """Refuses its second snapshot; ``enough`` is set with the fourth."""

    shown: list[datetime] = field(default_factory=list)
    enough: threading.Event = field(default_factory=threading.Event)

    def show(self, objects: datetime) -> None:
        self.shown.append(objects)
        if len(self.shown) == 2:
            raise SourceUnavailable("the API server is down")
        if len(self.shown) == 4:
            self.enough.set()


def test_the_fleet_is_shown_at_every_edge_also_after_the_server_was_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sandbox.live._RETRY", timedelta(milliseconds=10))
    step = timedelta(milliseconds=50)
    stage = FlakyStage()

    with player(cast(Stage, stage), lambda at: cast(KubernetesObjects, at), step, now):
        assert stage.enough.wait(20)

    assert stage.shown == sorted(stage.shown)
    assert {at.microsecond % 50_000 for at in stage.shown} == {0}
    assert capsys.readouterr().err.endswith("the fleet stands still: the API server is down\n")

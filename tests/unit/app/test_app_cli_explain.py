import json

import pytest

from tests.unit.app.simulated_command import LEFT_OUT, Command

POD = "scorer-kr9d4ff6gt-bwxf8"


@pytest.fixture
def gpucost(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capsys)


def test_a_pod_is_explained_on_stdout_with_the_figures_of_allocations(gpucost: Command) -> None:
    (row,) = [row for row in json.loads(gpucost("allocations", "-o", "json").out) if row["pod"] == POD]
    ran = gpucost("explain", POD, "-n", "fraud", "-o", "json")
    (holder,) = json.loads(ran.out)["holders"]
    assert (ran.code, ran.told) == (0, [LEFT_OUT])
    assert len(holder.pop("steps")) == 1
    assert holder == row


def test_the_text_is_summed_or_window_by_window(gpucost: Command) -> None:
    summed, by_window = gpucost("explain", POD).out, gpucost("explain", POD, "--by", "window").out
    assert (summed.count("node bill"), by_window.count("node bill")) == (1, 12)
    assert summed.splitlines()[-1] == by_window.splitlines()[-1]


def test_a_pod_that_held_nothing_is_a_failure_with_the_nearest_names(gpucost: Command) -> None:
    ran = gpucost("explain", "notebook", "-n", "playground")
    assert (ran.code, ran.out) == (1, "")
    assert ran.told[-1].startswith("gpucost explain: Pod playground/notebook held no GPU in ")
    assert "playground/notebook-0" in ran.told[-1]

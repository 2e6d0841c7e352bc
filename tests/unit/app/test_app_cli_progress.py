import sys

import pytest

from gpucost.app.cli.progress import Progress


@pytest.mark.parametrize(("terminal", "shown"), [(True, "windows [###############...............] 1/2"), (False, "")])
def test_a_bar_is_shown_on_a_terminal_only(
    terminal: bool, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    with Progress("windows", 2) as progress:
        capsys.readouterr()
        progress.show(1)
        out, err = capsys.readouterr()
    assert (out, err.strip("\r")) == ("", shown)


def test_nothing_to_do_is_no_division_by_zero(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Progress("windows", 0):
        pass
    assert capsys.readouterr().err.endswith("\r\x1b[K")

from pathlib import Path

import pytest

from sandbox.__main__ import main

WRONG = {
    "no command": [],
    "an unknown command": ["restart"],
    "no history at all": ["up", "--hours", "0"],
    "more history than Prometheus is told to keep": ["up", "--hours", "721"],
    "hours that are no number": ["up", "--hours", "day"],
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
def test_wrong_usage_is_exit_code_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: python -m sandbox")


@pytest.mark.parametrize("command", ["status", "env"])
def test_what_needs_a_running_sandbox_says_how_to_start_one(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GPUCOST_SANDBOX_DIR", str(tmp_path))
    assert main([command]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == 'The sandbox is not up; start it with "python -m sandbox up".\n'

"""The command line as a process: what happens to its output at its end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

GPUCOST = (sys.executable, "-m", "gpucost.app.cli")
COMMANDS = {"data": ("demo", "--out"), "help": ("report", "--help"), "version": ("--version",)}


def environment() -> dict[str, str]:
    """Buffered output as users have it, and the source root of this checkout."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return kept | {"PYTHONPATH": str(Path(__file__).parents[3] / "operator")}


def command(name: str, folder: Path) -> tuple[str, ...]:
    return (*GPUCOST, *COMMANDS[name], *((str(folder),) if name == "data" else ()))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_is_a_sentence_and_a_failure(tmp_path: Path, name: str) -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            command(name, tmp_path), stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), check=False
        )
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].endswith(
        "The output cannot be written: No space left on device; make room, or write to another place"
    )
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_a_reader_that_has_seen_enough_is_no_failure(tmp_path: Path, name: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ran = subprocess.run(
        command(name, tmp_path), stdout=writer, stderr=subprocess.PIPE, text=True, env=environment(), check=False
    )
    os.close(writer)
    assert ran.returncode == 0
    assert "Error" not in ran.stderr

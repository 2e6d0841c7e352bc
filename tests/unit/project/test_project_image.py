"""What the Dockerfile does, done in a clean virtual environment: no Docker engine is needed."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import pytest

from gpucost import __version__

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
EPOCH = "1767225600"
MIB = 2**20


def instructions(text: str = DOCKERFILE) -> list[tuple[str, str]]:
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", " ").splitlines()
    return [(word, rest.strip()) for line in lines if line.strip() for word, _, rest in [line.partition(" ")]]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        if found:
            found[-1].append((word, rest))
    return found


def build_context() -> list[str]:
    """Paths that the builder copies, with where they come from left out."""
    return [path for word, rest in stages()[0] if word == "COPY" for path in rest.split()[:-1]]


@dataclass(frozen=True)
class Built:
    folder: Path

    @property
    def wheel(self) -> Path:
        (wheel,) = (self.folder / "wheels").glob("gpucost-*.whl")
        return wheel

    @property
    def venv(self) -> Path:
        return self.folder / "venv"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """As the image does, where nobody may write."""
        environ = {"PATH": f"{self.venv / 'bin'}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60, env=environ)


def translated(line: str, folder: Path, python: str) -> str:
    """A RUN line of the builder, with this machine's places for those of the image."""
    places = {"/wheels": folder / "wheels", "/opt/venv": folder / "venv"}
    for place, own in places.items():
        line = re.sub(rf"(?<![\w/]){place}\b", str(own), line)
    return re.sub(r"^python\b", shlex.quote(python), line)


def do(line: str, source: Path, environ: Mapping[str, str]) -> None:
    done = subprocess.run(  # noqa: S602 - as a RUN line is run
        line, shell=True, cwd=source, env=environ, capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode and re.search(r"(?i)connection|network|no matching distribution", done.stdout + done.stderr):
        message = f"The packages cannot be had here: {done.stderr.strip().splitlines()[-1]}"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    folder = tmp_path_factory.mktemp("image")
    source = folder / "src"
    source.mkdir()
    for path in build_context():
        copy = shutil.copytree if (ROOT / path).is_dir() else shutil.copy
        copy(ROOT / path, source / path)
    environ = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run([sys.executable, "-m", "venv", folder / "builder"], check=True, timeout=120)
    python = str(folder / "builder" / "bin" / "python")
    for line in (rest for word, rest in stages()[0] if word == "RUN"):
        do(translated(line, folder, python), source, environ)
    yield Built(folder)
    shutil.rmtree(folder)


def test_the_command_line_works_and_is_of_this_version(built: Built) -> None:
    assert (built.run("gpucost", "--version").stdout, built.run("gpucost", "--help").returncode) == (
        f"gpucost {__version__}\n",
        0,
    )
    assert "--node" in built.run("gpucost", "simulate-exporter", "--help").stdout
    assert built.run("gpucost", "run", "--config", "/gone").stderr.startswith("gpucost run: ")


def test_the_wheel_has_the_simulation_and_neither_sandbox_nor_tests(built: Built) -> None:
    names = ZipFile(built.wheel).namelist()
    assert "gpucost/simulation/exporter.py" in names
    assert "gpucost/pricing/catalog.yaml" in names
    assert {name.split("/")[0] for name in names} == {"gpucost", f"gpucost-{__version__}.dist-info"}


def test_the_same_commit_makes_the_same_wheel(built: Built) -> None:
    (line,) = (rest for word, rest in stages()[0] if word == "RUN" and "--no-build-isolation" in rest)
    again = built.folder / "again"
    environ = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    source = built.folder / "src"
    for path in source.rglob("*.py"):
        os.utime(path)
    do(translated(line, again, str(built.folder / "builder" / "bin" / "python")), source, environ)
    assert Built(again).wheel.read_bytes() == built.wheel.read_bytes()


def test_every_module_is_compiled_and_never_checked_again(built: Built) -> None:
    (package,) = (built.venv / "lib").glob("python3*/site-packages/gpucost")
    compiled = list(package.rglob("*.pyc"))
    assert len(compiled) == len(list(package.rglob("*.py")))
    assert {path.read_bytes()[4:8] for path in compiled} == {b"\x01\x00\x00\x00"}  # by hash, unchecked


def test_what_is_installed_stays_under_the_budget_and_has_its_time(built: Built) -> None:
    found = re.search(r"under (\d+) MB", DOCKERFILE)
    assert found
    files = [path for path in built.venv.rglob("*") if path.is_file() and not path.is_symlink()]
    size = sum(-(-path.stat().st_size // 4096) * 4096 for path in files)
    assert size < int(found[1]) * MIB, f"{size / MIB:.0f} MB"
    assert {int(path.stat().st_mtime) for path in files} == {int(EPOCH)}


def test_no_installer_is_left(built: Built) -> None:
    assert [path.name for path in built.venv.rglob("pip*") if path.name == "pip" or path.parent.name == "bin"] == []
    removed = next(rest for word, rest in stages()[-1] if word == "RUN")
    assert all(name in removed for name in ("/usr/local/bin/pip*", "site-packages/pip*", "ensurepip"))


def test_it_runs_as_a_number_and_not_as_root() -> None:
    last = dict(stages()[-1])
    assert last["USER"] == "65532:65532"
    assert last["ENTRYPOINT"] == '["gpucost"]'
    assert last["COPY"] == "--from=builder /opt/venv /opt/venv"


def test_labels_say_what_it_is_and_are_given_by_the_makefile() -> None:
    label = dict(stages()[-1])["LABEL"]
    titles = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", label))
    assert titles >= {"title", "source", "version", "revision", "created"}
    given = set(re.findall(r"--build-arg (\w+)=\$", (ROOT / "Makefile").read_text()))
    assert given == {"SOURCE_DATE_EPOCH", "VERSION", "REVISION", "CREATED"}
    assert given <= {rest.split("=")[0] for word, rest in instructions() if word == "ARG"}


def test_the_context_has_what_is_copied_and_no_more() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert allowed == set(build_context())

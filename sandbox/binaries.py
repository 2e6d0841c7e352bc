"""Where each program comes from: already installed, made earlier, or made now, once."""

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from sandbox.builds import make
from sandbox.programs import PROGRAMS, Program, Version, parse_version

CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager")
METRICS = ("prometheus", "promtool")
CLIENTS = ("kubectl", "helm")


def find_all(names: Iterable[str], environ: Mapping[str, str] = os.environ) -> dict[str, Path]:
    """The programs by name. Raises BinaryMissing where one cannot be had."""
    return {name: find(name, environ) for name in names}


def find(name: str, environ: Mapping[str, str] = os.environ) -> Path:
    """``$KUBEBUILDER_ASSETS``, then the PATH, then the cache, then a build into the cache.

    Raises BinaryMissing where none of them has it.
    """
    program = PROGRAMS[name]
    for candidate in _installed(name, environ):
        if program.accepts(version_of(candidate, program)):
            return candidate
    cached = cache_folder(environ) / f"{name}-{program.pinned}" / name
    if not cached.is_file():
        make(program, cached)
    return cached


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    base = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME", "~")).expanduser() / ".cache"
    return Path(base) / "gpucost-sandbox"


def version_of(path: Path, program: Program) -> Version | None:
    """None where the program does not say, or does not run here."""
    try:
        said = subprocess.run([path, *program.ask_version], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_version(said.stdout + said.stderr)


def _installed(name: str, environ: Mapping[str, str]) -> Iterator[Path]:
    folders = [environ.get("KUBEBUILDER_ASSETS", ""), *environ.get("PATH", "").split(os.pathsep)]
    for folder in filter(None, folders):
        candidate = Path(folder) / name
        if os.access(candidate, os.X_OK) and candidate.is_file():
            yield candidate

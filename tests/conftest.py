"""Real servers for the tests that are marked ``cluster``, one of each for the whole run."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from sandbox.binaries import CLIENTS, CONTROL_PLANE, METRICS, find
from sandbox.control_plane import ControlPlane
from sandbox.control_plane import control_plane as running_control_plane
from sandbox.errors import BinaryMissing

Eventually = Callable[[Callable[[], object], float], bool]

FOUND = pytest.StashKey[dict[str, Path | BinaryMissing]]()


def pytest_collection_finish(session: pytest.Session) -> None:
    """A first build takes minutes: before any test has a time limit, and with its progress on the screen."""
    names = (*CONTROL_PLANE, *METRICS, *CLIENTS, "prometheus2")
    wanted = any(item.get_closest_marker("cluster") for item in session.items)
    if wanted and not session.config.option.collectonly:
        with session.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            session.config.stash[FOUND] = {name: _found(name) for name in names}


def _found(name: str) -> Path | BinaryMissing:
    try:
        return find(name)
    except BinaryMissing as missing:
        return missing


def _binaries(config: pytest.Config, *names: str) -> dict[str, Path]:
    try:
        found = config.stash[FOUND]
    except KeyError:
        pytest.fail("A test that uses the sandbox must be marked: @pytest.mark.cluster")
    paths = {}
    for name in names:
        match found[name]:
            case BinaryMissing() as missing:
                _go_without(str(missing))
            case path:
                paths[name] = path
    return paths


def _go_without(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def control_plane_binaries(pytestconfig: pytest.Config) -> dict[str, Path]:
    return _binaries(pytestconfig, *CONTROL_PLANE)


@pytest.fixture(scope="session")
def prometheus_binaries(pytestconfig: pytest.Config) -> dict[str, Path]:
    return _binaries(pytestconfig, *METRICS)


@pytest.fixture(scope="session")
def kubectl(pytestconfig: pytest.Config) -> Path:
    return _binaries(pytestconfig, "kubectl")["kubectl"]


@pytest.fixture(scope="session")
def helm(pytestconfig: pytest.Config) -> Path:
    return _binaries(pytestconfig, "helm")["helm"]


@pytest.fixture(scope="session")
def control_plane(
    control_plane_binaries: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """An API server with its controllers and nothing in it. All tests share it: use a namespace of your own."""
    with running_control_plane(control_plane_binaries, tmp_path_factory.mktemp("control-plane")) as plane:
        yield plane


@pytest.fixture(scope="session")
def eventually() -> Eventually:
    """Polls a real server: True as soon as the condition holds, False where it does not within so many seconds."""

    def poll(holds: Callable[[], object], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    return poll

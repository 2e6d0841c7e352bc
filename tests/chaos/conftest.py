"""One small world for the short forms; each leaves it as it found it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.world import World

SEED = 11


@pytest.fixture(scope="session")
def world(
    control_plane_binaries: dict[str, Path],
    prometheus_binaries: dict[str, Path],
    kubectl: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    assert control_plane_binaries
    assert prometheus_binaries
    assert kubectl
    with World.start(tmp_path_factory.mktemp("chaos"), seed=SEED, days=2, nodes=["gpu-a100-1"]) as world:
        yield world

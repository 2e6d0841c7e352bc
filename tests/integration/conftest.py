"""One sandbox with a simulated fleet for all tests of the operator: yesterday's whole day, and live from now on."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from running_operator import install

from gpucost.model.time import DAY, Window, floor_to, start_of_day
from gpucost.simulation.fleet import Fleet, make_fleet
from sandbox.session import Sandbox

SEAM = timedelta(minutes=5)
SEED = 7


@dataclass(frozen=True)
class FleetBox:
    """A running sandbox and the truth about it."""

    sandbox: Sandbox
    fleet: Fleet
    history: Window
    operator_kubeconfig: Path

    @property
    def day(self) -> datetime:
        """Midnight at the start of the whole simulated day."""
        return self.history.start


@pytest.fixture(scope="session")
def fleet_box(
    control_plane_binaries: dict[str, Path],
    prometheus_binaries: dict[str, Path],
    kubectl: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[FleetBox]:
    assert control_plane_binaries
    assert prometheus_binaries
    assert kubectl
    end = floor_to(datetime.now(UTC), SEAM)
    history = Window(start_of_day(end) - DAY, end)
    fleet = make_fleet(seed=SEED, start=history.start, end=end + DAY)
    with Sandbox.start(tmp_path_factory.mktemp("fleet"), fleet=fleet, history=history, live=True) as sandbox:
        yield FleetBox(sandbox, fleet, history, install(sandbox))

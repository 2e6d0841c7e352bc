"""A command of gpucost on a simulated morning, in this process."""

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from gpucost.app.cli import sources
from gpucost.app.cli.main import main
from gpucost.app.computing.pipeline import Pipeline, Witness
from gpucost.app.computing.simulated import SimulatedCluster, SimulatedTelemetry
from gpucost.app.configuration.rules import rules_of, timing_of
from gpucost.app.configuration.settings import Settings
from gpucost.app.prices.rates import Prices
from gpucost.app.windows.settling import Settling
from gpucost.simulation.fleet import make_fleet

START = datetime(2025, 3, 4, 8, tzinfo=UTC)
END = START + timedelta(hours=1)
MORNING = ("--from", "2025-03-04T08:00:00Z", "--to", "2025-03-04T09:00:00Z", "--prometheus", "http://127.0.0.1:1")
LEFT_OUT = "Node n9 is left out: it has no metadata.uid"


class SimulatedSources:
    """In the place of `gpucost.app.cli.sources.Sources`."""

    def __init__(self, _options: argparse.Namespace, settings: Settings, seen_at: datetime) -> None:
        fleet = make_fleet(seed=1, start=START, end=END)
        self.problems = (LEFT_OUT,)
        self.pipeline = Pipeline(
            cluster=SimulatedCluster(fleet, seen_at),
            telemetry=SimulatedTelemetry(fleet),
            rates=Prices(settings, tuple),
            rules=rules_of(settings),
        )
        self._timing, self._fleet = timing_of(settings), fleet

    def settling(self, now: datetime, witness: Witness | None = None) -> Settling:
        return Settling(self.pipeline, SimulatedTelemetry(self._fleet), self._timing, now, witness)


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def told(self) -> list[str]:
        return self.err.splitlines()


@dataclass(frozen=True)
class Command:
    """``gpucost`` with arguments, on the simulated morning."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, command: str, *arguments: str) -> Ran:
        self.monkeypatch.setattr(sources, "Sources", SimulatedSources)
        code = main([command, *MORNING, *arguments])
        return Ran(code, *self.capsys.readouterr())

"""The first hours of a past day before operators whose clocks go as the tests say, and what is true of them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from operator_process import Pace
from running_operator import NAMESPACE, install, last_window_end, read_cluster_report, read_reports
from true_figures import assert_bill_exact, assert_reports_true, windows_of

from gpucost.model.time import DAY, Window, format_time, start_of_day
from gpucost.simulation.fleet import Fleet, make_fleet
from sandbox.session import Sandbox

SETTLED = timedelta(minutes=3)
"""After a window's end: settled, and later than the lateness of these tests."""


@dataclass(frozen=True)
class PastMorning:
    """Its samples are in Prometheus."""

    sandbox: Sandbox
    fleet: Fleet
    window: Window
    kubeconfig: Path
    """Of the operator's account."""
    pace: Path
    """How time goes, for `RunningOperator`."""

    @property
    def day(self) -> str:
        return f"{self.window.start:%Y-%m-%d}"

    def set_time(self, after: timedelta) -> None:
        """It is so long after midnight, and stays so."""
        Pace.still(self.window.start + after).write(self.pace)

    def play(self, speed: float) -> None:
        """Time passes from midnight to the end of the morning, where it stands still."""
        Pace(self.window.start, time.time(), speed, self.window.end + SETTLED).write(self.pace)

    def is_over(self) -> bool:
        return Pace.read(self.pace).now() >= self.window.end + SETTLED

    def is_at(self, after: timedelta) -> bool:
        """Whether all reports are."""
        return last_window_end(self.sandbox, self.day) == format_time(self.window.start + after)

    def clear(self) -> None:
        """Nothing is written yet, and nobody leads."""
        for kind in ("gcr", "cgcr", "gcw"):
            self.sandbox.kubectl("delete", kind, "--all", *(["-A"] if kind != "cgcr" else []))
        self.sandbox.kubectl("delete", "lease", "gpucost", "-n", NAMESPACE, "--ignore-not-found")

    def assert_true(self, after: timedelta) -> None:
        """Each window up to then is in every report, once."""
        windows = windows_of(self.window.start, self.window.start + after)
        assert_reports_true(read_reports(self.sandbox, self.day), self.fleet, windows)
        cluster = read_cluster_report(self.sandbox, self.day)
        assert cluster is not None
        assert_bill_exact(cluster, self.fleet, windows)
        assert cluster["status"]["windows"] == len(windows)


@contextmanager
def past_morning(
    folder: Path, *, hours: timedelta, seed: int, only: Callable[[Fleet], Fleet] = lambda fleet: fleet
) -> Iterator[PastMorning]:
    """``only``: what of the fleet is to be there."""
    start = start_of_day(datetime.now(UTC)) - DAY
    window = Window(start, start + hours)
    fleet = only(make_fleet(seed=seed, start=start, end=start + DAY))
    with Sandbox.start(folder, fleet=fleet, history=window) as sandbox:
        yield PastMorning(sandbox, fleet, window, install(sandbox), folder / "pace")

"""A window loop over a simulated fleet, whose Prometheus answers as a test says and whose clock is the test's."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any, cast

from gpucost.app.computing.pipeline import Pipeline
from gpucost.app.computing.simulated import SimulatedCluster, SimulatedTelemetry
from gpucost.app.configuration.rules import Rules
from gpucost.app.configuration.settings import Settings
from gpucost.app.plan import Timing
from gpucost.app.prices.rates import Prices
from gpucost.app.windows.loop import WindowLoop
from gpucost.app.windows.state import LoopState
from gpucost.model.errors import GpuCostError, IncompleteAnswer, SourceUnavailable
from gpucost.model.fleet import Cluster, Node, Pod
from gpucost.model.holdings import Note
from gpucost.model.source import ClusterSource
from gpucost.model.tenancy import LabelKeys
from gpucost.model.time import DAY, Window, windows_between
from gpucost.model.usage import NamedHolder, Usage
from gpucost.reports.record import WindowRecord
from gpucost.simulation.fleet import Fleet, make_fleet
from gpucost.telemetry.metrics import MetricNames
from gpucost.telemetry.replies import QueryTooHeavy
from gpucost.telemetry.signs import Signs
from gpucost.telemetry.usage import usage_of

START = datetime(2025, 3, 4, tzinfo=UTC)
"""The midnight at which the simulated fleet begins."""
LENGTH = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SETTLE = MINUTE
LATENESS = 10 * MINUTE
TIMING = Timing(window=LENGTH, settle_delay=SETTLE, lateness=LATENESS, backfill_max_age=DAY)
FLEET = make_fleet(seed=7, start=START, end=START + timedelta(hours=8))
CLUSTER = SimulatedCluster(FLEET, FLEET.end).read()
PARTIAL = IncompleteAnswer("Prometheus says that its answer is partial: a store is away")
HEAVY = QueryTooHeavy("Prometheus gave up on the query")


def window(number: int) -> Window:
    """The windows of the day by number."""
    return Window(START + number * LENGTH, START + (number + 1) * LENGTH)


def windows(first: int, last: int) -> tuple[Window, ...]:
    """``last`` is not among them."""
    return windows_between(START + first * LENGTH, START + last * LENGTH, LENGTH)


@dataclass
class ScriptedTelemetry(SimulatedTelemetry):
    """The fleet's telemetry, with faults."""

    fleet: Fleet = FLEET
    is_down: bool = False
    partial: Collection[Window] = ()
    """Of which there are partial answers only."""
    heavy: Collection[Window] = ()
    """Of which there is no answer, however few are asked for."""
    silent: Collection[Window] = ()
    """In which no sample is found."""
    seen: Signs = field(default_factory=Signs)
    newest: datetime | None = None
    """None: the fleet's end."""
    asked: list[tuple[Window, ...]] = field(default_factory=list)
    complaints: list[IncompleteAnswer] | None = None

    def __post_init__(self) -> None:
        super().__init__(self.fleet)

    @contextmanager
    def settling(self) -> Iterator[list[IncompleteAnswer]]:
        self.complaints = []
        yield self.complaints
        self.complaints = None

    def signs(self, since: datetime, until: datetime) -> Signs:
        return Signs(
            gpus=tuple(moment for moment in self.seen.gpus if since <= moment <= until),
            anything=tuple(moment for moment in self.seen.anything if since <= moment <= until),
        )

    def newest_sample(self) -> datetime:
        return self.newest or self.fleet.end

    def server_time(self) -> datetime:
        self._check()
        return START + 30 * DAY

    def read_usage(self, windows: Sequence[Window]) -> Usage:
        self._check()
        self.asked.append(tuple(windows))
        if any(each in self.heavy for each in windows):
            self._bear(HEAVY)
            return usage_of({}, windows, MetricNames())
        if any(each in self.partial for each in windows):
            self._bear(PARTIAL)
        usage = super().read_usage(windows)
        silent = [number for number, each in enumerate(windows) if each in self.silent]
        return _without(usage, silent) if silent else usage

    def read_ended_nodes(self, _cluster: Any, _windows: Sequence[Window]) -> Sequence[Node]:
        return ()

    def read_ended_pods(self, holders: Sequence[NamedHolder], until: datetime) -> Sequence[Pod]:
        return super().read_ended_pods(holders, until)

    def _check(self) -> None:
        if self.is_down:
            raise SourceUnavailable("Prometheus is away")

    def _bear(self, complaint: IncompleteAnswer) -> None:
        if self.complaints is None:
            raise complaint
        self.complaints.append(complaint)


def _without(usage: Usage, numbers: Collection[int]) -> Usage:
    keep = [number not in numbers for number in usage.window.tolist()]
    rows = {
        name: values[keep]
        for name, values in vars(usage).items()
        if name not in ("windows", "devices", "holders", "interval_seconds", "dropped", "compute_metrics")
    }
    return replace(usage, **rows)


@dataclass
class Ledgers:
    """As a committer: what is committed is in ``records``."""

    records: list[WindowRecord] = field(default_factory=list)
    until: datetime | None = None

    def committed_until(self) -> datetime | None:
        return self.until

    def next_stop(self, _start: datetime) -> None:
        return None

    def decided_after(self, _moment: datetime | None) -> tuple[WindowRecord, ...]:
        return ()

    def decide(self, record: WindowRecord) -> WindowRecord:
        return record

    def commit(self, record: WindowRecord) -> None:
        self.records.append(record)
        self.until = record.end


@dataclass
class Told:
    """As a standing and a closer."""

    errors: list[Exception | None] = field(default_factory=list)
    starts: list[datetime | None] = field(default_factory=list)
    progress: list[tuple[int, int, datetime]] = field(default_factory=list)
    to_close: int = 0

    def tell(self, error: Exception | None, start: datetime | None = None) -> None:
        self.errors.append(error)
        self.starts.append(start)

    def tell_backfill(self, done: int, total: int, until: datetime) -> None:
        self.progress.append((done, total, until))

    def step(self, _now: datetime) -> bool:
        self.to_close -= 1
        return self.to_close >= 0


@dataclass
class OneLook:
    """A `ClusterSource`: the fleet's at its end."""

    problems: tuple[str, ...] = ()

    def read(self) -> Cluster:
        return CLUSTER


@dataclass
class World:
    telemetry: ScriptedTelemetry = field(default_factory=ScriptedTelemetry)
    cluster: ClusterSource = field(default_factory=OneLook)
    timing: Timing = TIMING
    now: datetime = START + 8 * HOUR
    committed: Ledgers = field(default_factory=Ledgers)
    told: Told = field(default_factory=Told)
    state: LoopState = field(default_factory=LoopState)
    stop: Event = field(default_factory=Event)
    failures: list[GpuCostError] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.loop = self.make_loop()

    def make_loop(self, **parts: Any) -> WindowLoop:
        return WindowLoop(
            pipeline=self.pipeline(),
            telemetry=self.telemetry,
            committer=cast("Any", self.committed),
            closer=self.told,
            standing=cast("Any", self.told),
            timing=self.timing,
            state=self.state,
            clock=lambda: self.now,
            stop=self.stop,
            **parts,
        )

    def pipeline(self) -> Pipeline:
        return Pipeline(
            cluster=self.cluster,
            telemetry=self.telemetry,
            rates=Prices(Settings(), tuple),
            rules=Rules(currency="USD", keys=LabelKeys()),
        )

    def step(self) -> bool:
        """A failure is kept; whether anything was done."""
        try:
            return self.loop.step()
        except GpuCostError as error:
            self.failures.append(error)
            return False

    def run(self, until: Callable[[], object], most: int = 3000) -> None:
        """Steps at once while there is something to do; after failures it waits longer and longer, as the loop does."""
        in_a_row = 0
        for _ in range(most):
            if until():
                return
            failed = len(self.failures)
            if self.step():
                in_a_row = 0
            elif len(self.failures) > failed:
                self.now += timedelta(seconds=min(2**in_a_row, 60))
                in_a_row += 1
            else:
                self.now += timedelta(seconds=5)
        raise AssertionError(f"not after {most} steps: {self.committed.until}, {self.failures[-1:]}")

    def run_to(self, number: int) -> None:
        """Until so many windows of the day are committed."""
        end = START + number * LENGTH
        self.run(lambda: self.committed.until is not None and self.committed.until >= end)

    def notes(self, kind: str) -> dict[datetime, Note]:
        """The first of each record, by the record's end."""
        found = {record.end: [note for note in record.notes if note.type == kind] for record in self.committed.records}
        return {end: notes[0] for end, notes in found.items() if notes}

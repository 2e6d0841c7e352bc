"""Two replicas before one cluster: one works, the other takes over, and no figure shows that there are two."""

import json
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from fault_proxy import FaultProxy, Mode
from past_morning import SETTLED, PastMorning, past_morning
from running_operator import NAMESPACE, RunningOperator, pointed_at, read_cluster_report, read_reports

pytestmark = pytest.mark.cluster

Eventually = Callable[[Callable[[], object], float], bool]
HOURS = timedelta(hours=8)
DURATION = 4
"""Of the Lease, in seconds."""
SPEED = 600.0
"""A simulated morning in less than a minute, with a window every half second."""


MOST_THREADS = 20
"""Of a process, however many terms it has led."""
MONEY = ("cost", "usedCost", "idleCost", "unknownUseCost", "unallocatedShare")
CLUSTER_MONEY = ("nodeCost", "allocated", "unallocated", "unobserved", "host", "residual")


@dataclass(frozen=True)
class Duel:
    """A morning for several replicas."""

    morning: PastMorning
    folder: Path
    stack: ExitStack

    def start(
        self, replica: str, *, duration: int = DURATION, kubeconfig: Path | None = None, haste: float = 1
    ) -> RunningOperator:
        folder = self.folder / replica
        folder.mkdir()
        operator = RunningOperator(
            folder,
            kubeconfig or self.morning.kubeconfig,
            self.morning.sandbox.prometheus_url,
            now=self.morning.pace,
            settings={"leaderElection": {"leaseDuration": f"{duration}s"}},
            haste=haste,
            replica=replica,
        )
        return self.stack.enter_context(operator)

    def money(self) -> dict[object, dict[str, object]]:
        """To the last digit."""
        reports = read_reports(self.morning.sandbox, self.morning.day)
        cluster = read_cluster_report(self.morning.sandbox, self.morning.day)
        assert cluster is not None
        told = {
            **{key: (report["status"], (*MONEY, "windows")) for key, report in reports.items()},
            "cluster": (cluster["status"], (*CLUSTER_MONEY, "windows")),
        }
        return {key: {figure: status[figure] for figure in figures} for key, (status, figures) in told.items()}

    def versions(self) -> dict[tuple[str, str], str]:
        """Another one after each write."""
        reports = read_reports(self.morning.sandbox, self.morning.day)
        return {key: report["metadata"]["resourceVersion"] for key, report in reports.items()}


@pytest.fixture(scope="module")
def morning(
    control_plane_binaries: dict[str, Path],
    prometheus_binaries: dict[str, Path],
    kubectl: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[PastMorning]:
    assert control_plane_binaries
    assert prometheus_binaries
    assert kubectl
    with past_morning(tmp_path_factory.mktemp("duel"), hours=HOURS, seed=6) as morning:
        yield morning


@pytest.fixture
def duel(morning: PastMorning, tmp_path: Path) -> Iterator[Duel]:
    morning.clear()
    morning.set_time(HOURS / 2 + SETTLED)
    with ExitStack() as stack:
        yield Duel(morning, tmp_path, stack)


@dataclass
class Pair:
    """The morning is half over and in the reports; the rest of it is for who leads then."""

    duel: Duel
    leader: RunningOperator
    rival: RunningOperator

    def takeover(self, since: float) -> float:
        """Seconds until the rival leads."""
        assert eventually_leads(self.rival), self.rival.log()
        return time.monotonic() - since


def eventually_leads(operator: RunningOperator) -> bool:
    deadline = time.monotonic() + 10 * DURATION
    while not operator.leads():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def pair(duel: Duel, eventually: Eventually) -> Pair:
    leader = duel.start("gpucost-a")
    assert eventually_leads(leader), leader.log()
    rival = duel.start("gpucost-b")
    assert eventually(lambda: duel.morning.is_at(HOURS / 2), 60), leader.log()
    assert eventually(lambda: "is held by gpucost-a" in rival.log(), 30), rival.log()
    return Pair(duel, leader, rival)


def finish(pair: Pair, eventually: Eventually, *running: RunningOperator) -> None:
    """The morning goes on to its end, and ``running`` stop in order."""
    pair.duel.morning.set_time(HOURS + SETTLED)
    assert eventually(lambda: pair.duel.morning.is_at(HOURS), 120), pair.rival.log()
    for operator in running:
        assert operator.stop() < 10
    pair.duel.morning.assert_true(HOURS)


def assert_no_error(*operators: RunningOperator) -> None:
    for operator in operators:
        assert "ERROR" not in operator.log(), operator.log()


def test_who_does_not_lead_is_ready_serves_its_pages_and_does_nothing_else(pair: Pair, eventually: Eventually) -> None:
    rival = pair.rival
    assert rival.ask("/healthz") == (200, "ok\n")
    assert rival.ask("/readyz") == (200, "standing by: gpucost-a holds the Lease gpucost in namespace gpucost\n")
    metrics = rival.ask("/metrics")[1]
    assert "gpucost_leader 0.0" in metrics
    assert "gpucost_committed_until_timestamp_seconds" not in metrics
    assert "gpucost_pod_info{" not in metrics
    assert "gpucost_pod_info{" in pair.leader.ask("/metrics")[1], pair.leader.log()
    assert "reading" not in rival.log()
    finish(pair, eventually, pair.leader, rival)
    assert "committed" not in rival.log()


def test_a_killed_leader_is_followed_within_two_durations(pair: Pair, eventually: Eventually) -> None:
    pair.leader.process.kill()
    assert pair.takeover(time.monotonic()) <= 2 * DURATION
    finish(pair, eventually, pair.rival)


def test_a_leader_that_stops_is_followed_at_once(pair: Pair, eventually: Eventually) -> None:
    began = time.monotonic()
    stopped = pair.leader.stop()
    assert pair.takeover(began) <= stopped + DURATION / 2
    finish(pair, eventually, pair.rival)


def test_a_leader_that_was_killed_and_comes_back_in_its_pod_leads_at_once(duel: Duel, eventually: Eventually) -> None:
    first = duel.start("gpucost-a", duration=60)
    assert eventually_leads(first)
    first.process.kill()
    first.process.wait()
    with first:
        assert eventually_leads(first), first.log()
        assert eventually(lambda: duel.morning.is_at(HOURS / 2), 30), first.log()
        assert first.stop() < 10
    duel.morning.assert_true(HOURS / 2)


def test_a_paused_leader_steps_back_when_it_wakes_up(pair: Pair, eventually: Eventually) -> None:
    pair.leader.send(signal.SIGSTOP)
    assert pair.takeover(time.monotonic()) <= 2 * DURATION
    pair.duel.morning.set_time(HOURS + SETTLED)
    assert eventually(lambda: pair.duel.morning.is_at(HOURS), 120), pair.rival.log()
    before = pair.duel.versions()
    pair.leader.send(signal.SIGCONT)
    assert eventually(lambda: "is lost" in pair.leader.log(), 30), pair.leader.log()
    assert eventually(lambda: "gpucost-b holds" in pair.leader.ask("/readyz")[1], 30), pair.leader.log()
    assert pair.duel.versions() == before
    finish(pair, eventually, pair.leader, pair.rival)
    assert_no_error(pair.leader, pair.rival)


def test_a_leader_that_is_paused_in_the_middle_of_a_window_writes_nothing_when_it_wakes_up(
    duel: Duel, eventually: Eventually
) -> None:
    draw = random.Random(11)
    leader, rival = duel.start("gpucost-a", duration=1), duel.start("gpucost-b", duration=1)
    assert eventually(lambda: leader.leads() or rival.leads(), 30)
    if rival.leads():
        leader, rival = rival, leader
    assert eventually(lambda: duel.morning.is_at(HOURS / 2), 60), leader.log()
    duel.morning.set_time(HOURS + SETTLED)
    assert eventually(lambda: leader.log().count("computing") > 1, 60), leader.log()
    eventually(lambda: False, draw.uniform(0.0, 0.5))
    leader.send(signal.SIGSTOP)
    assert eventually_leads(rival)
    assert eventually(lambda: duel.morning.is_at(HOURS), 60), rival.log()
    before = duel.versions()
    leader.send(signal.SIGCONT)
    assert eventually(lambda: "holds the Lease" in leader.ask("/readyz")[1], 30), leader.log()
    assert duel.versions() == before
    finish(Pair(duel, leader, rival), eventually, leader, rival)
    assert_no_error(leader, rival)


def test_a_leader_that_does_not_reach_the_api_server_steps_back_and_says_why(
    duel: Duel, eventually: Eventually
) -> None:
    with FaultProxy(duel.morning.sandbox.plane.url) as proxy:
        leader = duel.start("gpucost-a", kubeconfig=pointed_at(duel.morning.kubeconfig, proxy.url))
        assert eventually_leads(leader)
        rival = duel.start("gpucost-b")
        assert eventually(lambda: duel.morning.is_at(HOURS / 2), 60), leader.log()
        proxy.set(Mode.REFUSE)
        assert eventually_leads(rival)
        assert eventually(lambda: leader.metric("gpucost_leader") == 0, DURATION)
        assert eventually(lambda: leader.ask("/readyz")[0] == 503, DURATION)
        assert proxy.url in leader.ask("/readyz")[1]
        assert leader.ask("/healthz") == (200, "ok\n")
        proxy.set(Mode.THROUGH)
        assert eventually(lambda: "gpucost-b holds" in leader.ask("/readyz")[1], 30), leader.log()
        finish(Pair(duel, leader, rival), eventually, leader, rival)


def test_a_lease_that_somebody_deletes_is_made_anew_by_who_leads(pair: Pair, eventually: Eventually) -> None:
    duel = pair.duel

    def holder() -> str:
        leases = json.loads(duel.morning.sandbox.kubectl("get", "lease", "-n", NAMESPACE, "-o", "json"))["items"]
        return "".join(str(lease["spec"]["holderIdentity"]) for lease in leases)

    for _ in range(3):
        duel.morning.sandbox.kubectl("delete", "lease", "gpucost", "-n", NAMESPACE)
        assert eventually(lambda: holder() == "gpucost-a", DURATION)
    assert pair.leader.metric("gpucost_leader_changes_total") == 1
    assert pair.rival.metric("gpucost_leader") == 0
    finish(pair, eventually, pair.leader, pair.rival)
    assert_no_error(pair.leader, pair.rival)


def test_a_lead_that_goes_to_and_fro_ends_in_the_figures_of_one_operator(duel: Duel, eventually: Eventually) -> None:
    draw = random.Random(12)
    duel.morning.play(SPEED)
    replicas = [duel.start(name, duration=1, haste=SPEED) for name in ("gpucost-a", "gpucost-b")]
    turns = 0
    while not duel.morning.is_over():
        leader = next((each for each in replicas if each.leads()), None)
        if leader is None:
            continue
        eventually(lambda: False, draw.uniform(0.0, 1.0))
        leader.send(signal.SIGSTOP)
        (other,) = (each for each in replicas if each is not leader)
        assert eventually_leads(other), other.log()
        leader.send(signal.SIGCONT)
        turns += 1
    assert eventually(lambda: duel.morning.is_at(HOURS), 60), replicas[0].log()
    print(f"threads: {[each.threads() for each in replicas]}")
    assert max(each.threads() for each in replicas) <= MOST_THREADS
    for each in replicas:
        assert each.stop() < 10
        assert each.log().count("committed") > 3
    assert_no_error(*replicas)
    print(f"the lead changed {turns} times")
    assert turns > 5
    duel.morning.assert_true(HOURS)
    money = duel.money()

    duel.morning.clear()
    alone = duel.start("gpucost-c", haste=SPEED)
    assert eventually(lambda: duel.morning.is_at(HOURS), 120), alone.log()
    assert alone.stop() < 10
    assert duel.money() == money

"""The Lease on a real API server, between real processes, with a service account that may do no more than it needs."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from fault_proxy import FaultProxy, Mode
from running_operator import pointed_at, with_token

from gpucost.app.leading.lease import Lease, LeaseTiming
from gpucost.app.leading.lease_api import KubeLeaseApi
from gpucost.cluster.connection import connect
from gpucost.model.errors import Conflict
from sandbox.control_plane import ControlPlane
from tests.integration.api_objects import Api, eventually

pytestmark = pytest.mark.cluster

PROCESS = Path(__file__).with_name("lease_process.py")
NAMESPACE = "lease-trials"
TIMING = LeaseTiming(2)
D = TIMING.duration
NUMBERS = count()
ROLE = f"""
{{apiVersion: v1, kind: Namespace, metadata: {{name: {NAMESPACE}}}}}
---
{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: candidate, namespace: {NAMESPACE}}}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: candidate, namespace: {NAMESPACE}}}
rules: [{{apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, create, update]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: candidate, namespace: {NAMESPACE}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: candidate}}
subjects: [{{kind: ServiceAccount, name: candidate, namespace: {NAMESPACE}}}]
"""


@pytest.fixture(scope="module")
def admin(control_plane: ControlPlane, kubectl: Path) -> Api:
    api = Api(connect(control_plane.kubeconfig), control_plane.kubeconfig, kubectl)
    api.kubectl("apply", "-f", "-", told=ROLE)
    return api


@pytest.fixture(scope="module")
def kubeconfig(admin: Api, control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service account's."""
    token = admin.kubectl("create", "token", "candidate", "-n", NAMESPACE, "--duration=1h").strip()
    return with_token(control_plane.kubeconfig, token, tmp_path_factory.mktemp("lease") / "candidate.kubeconfig")


@pytest.fixture
def name() -> str:
    """Of a Lease that no other test has."""
    return f"lease-{next(NUMBERS)}"


@contextmanager
def candidate(kubeconfig: Path, name: str, identity: str) -> Iterator[Lease]:
    client = connect(kubeconfig)
    api = KubeLeaseApi(client, NAMESPACE, call_seconds=5.0, name=name)
    yield Lease(api, identity, LeaseTiming())
    client.rest_client.pool_manager.clear()


def spec_of(admin: Api, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads(admin.kubectl("get", "lease", name, "-n", NAMESPACE, "-o", "json"))["spec"]
    return spec


# --- one call after the other ----------------------------------------------------------------------------------------


def test_it_is_created_renewed_given_back_and_taken_over(admin: Api, kubeconfig: Path, name: str) -> None:
    with candidate(kubeconfig, name, "a") as first, candidate(kubeconfig, name, "b") as second:
        first.step()
        created = spec_of(admin, name)
        assert (created["holderIdentity"], created["leaseDurationSeconds"], created["leaseTransitions"]) == ("a", 15, 0)
        first.step()
        second.step()
        renewed = spec_of(admin, name)
        assert renewed["renewTime"] > created["renewTime"]
        assert renewed == {**created, "renewTime": renewed["renewTime"]}
        assert (first.is_held(), second.is_held(), second.holder) == (True, False, "a")
        first.release()
        assert not first.is_held()
        assert spec_of(admin, name)["holderIdentity"] == ""
        second.step()
        assert second.is_held()
        assert second.problem == ""
        taken = spec_of(admin, name)
        assert (taken["holderIdentity"], taken["leaseTransitions"]) == ("b", 1)
        first.release()
        assert spec_of(admin, name) == taken


def test_a_replacement_of_what_changed_or_is_gone_is_a_conflict(admin: Api, kubeconfig: Path, name: str) -> None:
    client = connect(kubeconfig)
    api = KubeLeaseApi(client, NAMESPACE, call_seconds=5.0, name=name)
    Lease(api, "a", LeaseTiming()).step()
    read = api.read()
    assert read
    admin.kubectl("label", "lease", name, "-n", NAMESPACE, "own=label")
    with pytest.raises(Conflict, match="changed by another writer"):
        api.replace(read, read.record)
    with pytest.raises(Conflict, match="exists already"):
        api.create(read.record)
    read = api.read()
    assert read
    admin.kubectl("delete", "lease", name, "-n", NAMESPACE)
    with pytest.raises(Conflict):
        api.replace(read, read.record)
    assert api.read() is None
    api.create(read.record)
    with pytest.raises(Conflict):
        api.replace(read, read.record)
    client.rest_client.pool_manager.clear()


def test_labels_of_others_stay_and_a_deleted_lease_is_created_anew(admin: Api, kubeconfig: Path, name: str) -> None:
    with candidate(kubeconfig, name, "a") as lease:
        lease.step()
        admin.kubectl("label", "lease", name, "-n", NAMESPACE, "own=label")
        lease.step()
        assert lease.is_held()
        labels = admin.kubectl("get", "lease", name, "-n", NAMESPACE, "-o", "jsonpath={.metadata.labels}")
        assert json.loads(labels) == {"app.kubernetes.io/managed-by": "gpucost", "own": "label"}
        admin.kubectl("delete", "lease", name, "-n", NAMESPACE)
        lease.step()
        assert lease.is_held()
        assert spec_of(admin, name)["holderIdentity"] == "a"


BROKEN: dict[str, dict[str, Any]] = {
    "nothing in it": {},
    "a holder without times": {"holderIdentity": "a"},
    "no holder": {"leaseDurationSeconds": 5, "renewTime": "2026-11-24T00:00:00.000000Z"},
    "transitions at their end": {"holderIdentity": "", "leaseTransitions": 2**31 - 1},
}


@pytest.mark.parametrize("spec", BROKEN.values(), ids=BROKEN)
def test_a_lease_that_somebody_broke_is_mended(admin: Api, kubeconfig: Path, name: str, spec: dict[str, Any]) -> None:
    metadata = {"name": name, "namespace": NAMESPACE}
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
    admin.kubectl("create", "-f", "-", told=json.dumps(lease))
    with candidate(kubeconfig, name, "a") as found:
        found.step()
        assert found.problem == ""
        assert found.is_held()
    assert spec_of(admin, name)["holderIdentity"] == "a"


def test_without_rights_or_a_namespace_it_says_what_is_missing(admin: Api, kubeconfig: Path) -> None:
    client = connect(kubeconfig)
    lease = Lease(KubeLeaseApi(client, "default", call_seconds=5.0), "a", LeaseTiming())
    lease.step()
    assert 'grant the verb "get"' in lease.problem
    client.rest_client.pool_manager.clear()
    lease = Lease(KubeLeaseApi(admin.client, "nowhere", call_seconds=5.0), "a", LeaseTiming())
    lease.step()
    assert "its namespace is gone" in lease.problem


def test_an_api_server_that_is_away_costs_the_lead_only_when_it_stays_away(
    kubeconfig: Path, control_plane: ControlPlane, name: str
) -> None:
    timing = LeaseTiming(1)
    with FaultProxy(control_plane.url) as proxy:
        client = connect(pointed_at(kubeconfig, proxy.url))
        lease = Lease(KubeLeaseApi(client, NAMESPACE, call_seconds=2.0, name=name), "a", timing)
        lease.step()
        began = time.monotonic()
        proxy.set(Mode.REFUSE)
        lease.step()
        assert lease.is_held() or time.monotonic() - began > timing.duration - timing.margin
        assert "cannot be asked to get" in lease.problem
        assert eventually(lambda: not lease.is_held(), 2)
        proxy.set(Mode.THROUGH)
        lease.step()
        assert lease.is_held()
        client.rest_client.pool_manager.clear()


# --- processes -------------------------------------------------------------------------------------------------------


@dataclass
class Process:
    """A candidate of its own."""

    path: Path
    process: "subprocess.Popen[bytes]"

    def samples(self) -> list[tuple[float, bool]]:
        """When it asked, and whether it led."""
        lines = [line.split() for line in self.path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [(float(moment), standing == "held") for moment, standing in lines]

    def leads(self) -> bool:
        samples = self.samples()
        return bool(samples) and samples[-1][1]

    def led(self) -> list[float]:
        return [moment for moment, is_held in self.samples() if is_held]

    def log(self) -> str:
        return self.path.with_suffix(".log").read_text()


@contextmanager
def running(folder: Path, label: str, kubeconfig: Path, lease: str) -> Iterator[Process]:
    path = folder / f"{label}.out"
    command = [sys.executable, str(PROCESS), str(kubeconfig), NAMESPACE, lease, str(D)]
    with path.open("wb") as out, path.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(command, stdout=out, stderr=log)
    try:
        yield Process(path, process)
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in path.with_suffix(".log").read_text()


@dataclass
class Pair:
    """A leader and one that waits for its turn."""

    leader: Process
    rival: Process

    def takeover(self, since: float) -> float:
        """Seconds until the rival leads."""
        assert eventually(self.rival.leads, 10 * D), self.rival.log()
        return self.rival.led()[0] - since


@pytest.fixture
def pair(tmp_path: Path, kubeconfig: Path, name: str) -> Iterator[Pair]:
    with running(tmp_path, "leader", kubeconfig, name) as leader:
        assert eventually(leader.leads), leader.log()
        with running(tmp_path, "rival", kubeconfig, name) as rival:
            assert eventually(lambda: "is held by" in rival.log()), rival.log()
            yield Pair(leader, rival)


def test_a_killed_leader_is_followed_within_two_durations(pair: Pair) -> None:
    pair.leader.process.kill()
    assert pair.takeover(time.monotonic()) <= 2 * D
    assert pair.leader.led()[-1] < pair.rival.led()[0]


def test_a_leader_that_stops_is_followed_at_once(pair: Pair) -> None:
    pair.leader.process.send_signal(signal.SIGTERM)
    pair.leader.process.wait(timeout=10)
    assert pair.takeover(time.monotonic()) <= D / 2
    assert pair.leader.led()[-1] < pair.rival.led()[0]


def test_a_paused_leader_is_followed_and_does_not_lead_when_it_wakes_up(pair: Pair) -> None:
    leader, rival = pair.leader, pair.rival
    leader.process.send_signal(signal.SIGSTOP)
    assert pair.takeover(time.monotonic()) <= 2 * D
    asked = len(leader.samples())
    woken = time.monotonic()
    leader.process.send_signal(signal.SIGCONT)
    assert eventually(lambda: len(leader.samples()) > asked + 50)
    assert [moment for moment in leader.led() if moment >= woken] == []
    assert rival.leads()
    assert eventually(lambda: "is lost" in leader.log(), D), leader.log()


def test_the_lead_goes_round_and_is_never_held_twice(tmp_path: Path, kubeconfig: Path, name: str) -> None:
    with (
        running(tmp_path, "one", kubeconfig, name) as one,
        running(tmp_path, "two", kubeconfig, name) as two,
        running(tmp_path, "three", kubeconfig, name) as three,
    ):
        everybody = (one, two, three)
        for _ in range(3):
            assert eventually(lambda: leading(everybody)), one.log()
            leader = leading(everybody)[0]
            leader.process.send_signal(signal.SIGSTOP)
            others = [each for each in everybody if each is not leader]
            assert eventually(partial(leading, others)), one.log()
            leader.process.send_signal(signal.SIGCONT)
            assert eventually(partial(follows, leader))
        terms = sorted((moment, each.process.pid) for each in everybody for moment in each.led())
        # A loaded machine may make a leader lose it once more. If two led together, each of their lines were a change.
        assert 3 <= sum(one != other for (_, one), (_, other) in pairwise(terms)) <= 6


def leading(processes: Sequence[Process]) -> list[Process]:
    return [each for each in processes if each.leads()]


def follows(process: Process) -> bool:
    return not process.leads()

"""The Lease's calls against a small HTTP server: what is sent, what is made of answers, and how long it may take."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from kubernetes.client import ApiClient, Configuration

from gpucost.app.leading.lease import LeaseRecord, StoredLease
from gpucost.app.leading.lease_api import KubeLeaseApi
from gpucost.model.errors import Conflict, GpuCostError, Refused, SourceUnavailable

LEASES = "/apis/coordination.k8s.io/v1/namespaces/ops/leases"
RECORD = LeaseRecord("pod-a", 15, "2026-11-24T00:00:00.000000Z", "2026-11-24T00:00:05.000000Z", 2)
SPEC = {
    "holderIdentity": "pod-a",
    "leaseDurationSeconds": 15,
    "acquireTime": "2026-11-24T00:00:00.000000Z",
    "renewTime": "2026-11-24T00:00:05.000000Z",
    "leaseTransitions": 2,
}
METADATA = {"name": "gpucost", "namespace": "ops", "uid": "u1", "resourceVersion": "7", "labels": {"own": "label"}}
Answer = tuple[int, object]


@dataclass
class ScriptedServer:
    """Gives its answers one after the other; bytes drip where ``drip`` seconds lie between two."""

    answers: list[Answer] = field(default_factory=list)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    """Method, path, body."""
    credentials: list[str | None] = field(default_factory=list)
    drip: float = 0.0
    silent_until: threading.Event | None = None
    clients: list[ApiClient] = field(default_factory=list)
    port: int = 0

    def api(self, *, seconds: float = 5.0) -> KubeLeaseApi:
        self.clients.append(ApiClient(Configuration(host=f"http://127.0.0.1:{self.port}", retries=False)))
        return KubeLeaseApi(self.clients[-1], "ops", call_seconds=seconds)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    script = ScriptedServer()
    gone_on = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            script.asked.append((self.command, self.path, json.loads(body) if body else None))
            script.credentials.append(self.headers.get("Authorization"))
            if script.silent_until is not None:
                script.silent_until.wait(10)
                return
            status, said = script.answers.pop(0)
            answer = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            if not script.drip:
                self.wfile.write(answer)
                return
            for sign in answer:
                if gone_on.wait(script.drip):
                    return
                try:
                    self.wfile.write(bytes([sign]))
                except OSError:
                    return

        do_GET = do_POST = do_PUT = answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: object) -> None: ...

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.port = http.server_port
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield script
    gone_on.set()
    if script.silent_until is not None:
        script.silent_until.set()
    for client in script.clients:
        client.rest_client.pool_manager.clear()
    http.shutdown()
    thread.join()
    http.server_close()


def make_refusal(code: int, message: str = "no", reason: str = "", **details: object) -> Answer:
    return code, {"kind": "Status", "message": message, "reason": reason, "code": code, "details": details}


def test_a_lease_is_read(server: ScriptedServer) -> None:
    server.answers = [(200, {"metadata": METADATA, "spec": SPEC})]
    assert server.api().read() == StoredLease(RECORD, "7", METADATA)
    assert server.asked == [("GET", f"{LEASES}/gpucost", None)]


def test_a_lease_that_is_not_there_is_none(server: ScriptedServer) -> None:
    server.answers = [make_refusal(404, "x", "NotFound", kind="leases")]
    assert server.api().read() is None


SPECS: dict[str, object] = {"no spec": None, "an empty one": {}, "nothing told": dict.fromkeys(SPEC)}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_lease_that_says_nothing_is_nobodys(server: ScriptedServer, spec: object) -> None:
    server.answers = [(200, {"metadata": METADATA, "spec": spec})]
    assert server.api().read() == StoredLease(LeaseRecord("", None, "", "", 0), "7", METADATA)


def test_a_lease_is_created(server: ScriptedServer) -> None:
    server.answers = [(201, {})]
    server.api().create(RECORD)
    ((method, path, sent),) = server.asked
    assert (method, path) == ("POST", f"{LEASES}?fieldManager=gpucost")
    assert (sent["apiVersion"], sent["kind"], sent["spec"]) == ("coordination.k8s.io/v1", "Lease", SPEC)
    assert sent["metadata"] == {
        "name": "gpucost",
        "namespace": "ops",
        "labels": {"app.kubernetes.io/managed-by": "gpucost"},
    }


def test_a_replacement_carries_what_was_read_of_its_metadata(server: ScriptedServer) -> None:
    server.answers = [(200, {})]
    server.api().replace(StoredLease(LeaseRecord("", None, "", "", 0), "7", METADATA), RECORD)
    ((method, path, sent),) = server.asked
    assert (method, path) == ("PUT", f"{LEASES}/gpucost?fieldManager=gpucost")
    assert (sent["metadata"], sent["spec"]) == (METADATA, SPEC)


FAILURES: dict[str, tuple[Callable[[KubeLeaseApi], object], Answer, type[GpuCostError], str]] = {
    "no right to read": (
        KubeLeaseApi.read,
        make_refusal(403, "cannot get"),
        SourceUnavailable,
        'cannot get; grant the verb "get"',
    ),
    "no right to create": (
        lambda api: api.create(RECORD),
        make_refusal(403, "cannot"),
        Refused,
        'cannot; grant the verb "create"',
    ),
    "no right to update": (
        lambda api: api.replace(StoredLease(RECORD, "7", METADATA), RECORD),
        make_refusal(403, "cannot"),
        Refused,
        'cannot; grant the verb "update"',
    ),
    "created by another": (
        lambda api: api.create(RECORD),
        make_refusal(409, "x", "AlreadyExists"),
        Conflict,
        "exists already",
    ),
    "changed by another": (
        lambda api: api.replace(StoredLease(RECORD, "7", METADATA), RECORD),
        make_refusal(409, "modified", "Conflict"),
        Conflict,
        "changed by another writer",
    ),
    "a server in trouble": (KubeLeaseApi.read, make_refusal(503, "etcd is down"), SourceUnavailable, "etcd is down"),
    "a login page": (KubeLeaseApi.read, (200, b"<html>"), SourceUnavailable, "what is no Lease"),
    "something else": (KubeLeaseApi.read, (200, {"metadata": {}}), SourceUnavailable, "what is no Lease"),
    "no text": (KubeLeaseApi.read, (200, b'"\xff"'), SourceUnavailable, "what is no Lease"),
    "an endless answer": (KubeLeaseApi.read, (200, b" " * (2**20 + 1)), SourceUnavailable, "sent more than"),
}


@pytest.mark.parametrize(("call", "answer", "error", "words"), FAILURES.values(), ids=FAILURES)
def test_a_failed_call_says_what_to_do(
    server: ScriptedServer,
    call: Callable[[KubeLeaseApi], object],
    answer: Answer,
    error: type[GpuCostError],
    words: str,
) -> None:
    server.answers = [answer]
    with pytest.raises(error, match=words) as caught:
        call(server.api())
    assert "leases gpucost in namespace ops" in str(caught.value)
    assert len(server.asked) == 1


def test_a_server_that_is_away_is_told(server: ScriptedServer) -> None:
    server.clients.append(ApiClient(Configuration(host="http://127.0.0.1:1", retries=False)))
    with pytest.raises(SourceUnavailable, match=r"cannot be asked to get leases gpucost in namespace ops: .*refused"):
        KubeLeaseApi(server.clients[-1], "ops", call_seconds=5).read()


def test_a_server_that_does_not_answer_is_not_waited_for(server: ScriptedServer) -> None:
    server.silent_until = threading.Event()
    began = time.monotonic()
    with pytest.raises(SourceUnavailable, match="timed out"):
        server.api(seconds=0.2).read()
    assert time.monotonic() - began < 2


def test_an_answer_that_drips_in_is_not_waited_for(server: ScriptedServer) -> None:
    server.answers, server.drip = [(200, {"metadata": METADATA, "spec": SPEC})], 0.05
    began = time.monotonic()
    with pytest.raises(SourceUnavailable, match="its answer had not come to an end in time"):
        server.api(seconds=0.3).read()
    assert time.monotonic() - began < 2


def test_the_token_is_read_anew_for_every_call(server: ScriptedServer) -> None:
    tokens = iter(["one", "two"])

    def renew(configuration: Configuration) -> None:
        configuration.api_key["authorization"] = f"Bearer {next(tokens)}"

    api = server.api()
    server.clients[-1].configuration.refresh_api_key_hook = renew
    server.clients[-1].configuration.api_key["authorization"] = "Bearer none"
    server.answers = [(200, {"metadata": METADATA})] * 2
    api.read()
    api.read()
    assert server.credentials == ["Bearer one", "Bearer two"]

"""Against a small HTTP server: what a real API server rarely does on demand."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from kubernetes.client import ApiClient, Configuration

from gpucost.model.errors import Conflict, GpuCostError, Refused, SourceUnavailable
from gpucost.reports.storage import kube_client
from gpucost.reports.storage.kube_client import KubeClient, Place
from gpucost.reports.storage.kube_errors import AlreadyExists, Missing

REPORTS = Place("gpucostreports")
REPORT = Place("gpucostreports", "ml", "research-2026-11-24")
Answer = tuple[int, object]


@dataclass
class ScriptedServer:
    """Gives its answers one after the other; every request is kept."""

    answers: list[Answer] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    """Method, path, query, headers."""
    port: int = 0
    drips: bool = False
    """For as long as it is listened to."""

    def client(self, **credentials: Any) -> KubeClient:
        configuration = Configuration(host=f"http://127.0.0.1:{self.port}", retries=False, **credentials)
        self.clients.append(ApiClient(configuration))
        return KubeClient(self.clients[-1])

    clients: list[ApiClient] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    script = ScriptedServer()
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            split = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(split.query).items()}
            script.asked.append((self.command, split.path, query, dict(self.headers)))
            status, said = script.answers.pop(0)
            body = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) + 10**9 * script.drips))
            self.end_headers()
            try:
                self.wfile.write(body[:1])
                while script.drips and not over.wait(0.02):
                    self.wfile.write(b" ")
                self.wfile.write(body[1:])
            except OSError:
                return

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: object) -> None: ...

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.port = http.server_port
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield script
    over.set()
    for client in script.clients:
        client.rest_client.pool_manager.clear()
    http.shutdown()
    thread.join()
    http.server_close()


def make_page(*names: str, next_page: str = "") -> Answer:
    return 200, {"metadata": {"continue": next_page}, "items": [{"metadata": {"name": name}} for name in names]}


def make_refusal(code: int, message: str = "no", reason: str = "", **details: object) -> Answer:
    return code, {"kind": "Status", "message": message, "reason": reason, "code": code, "details": details}


def test_pages_are_joined_and_selected_on_the_server(server: ScriptedServer) -> None:
    server.answers = [make_page("a", "b", next_page="two"), make_page("c")]
    objects = server.client().list_all(REPORTS, labels={"gpucost.io/period": "Day"}, page_objects=2)
    assert [entry["metadata"]["name"] for entry in objects] == ["a", "b", "c"]
    selected = {"limit": "2", "labelSelector": "gpucost.io/period=Day"}
    assert [query for _, _, query, _ in server.asked] == [selected, {**selected, "continue": "two"}]


def test_an_expired_list_begins_again(server: ScriptedServer) -> None:
    server.answers = [make_page("old", next_page="late"), make_refusal(410), make_page("new")]
    assert [entry["metadata"]["name"] for entry in server.client().list_all(REPORTS)] == ["new"]


def test_a_list_that_expires_twice_is_told(server: ScriptedServer) -> None:
    server.answers = [make_page("a", next_page="late"), make_refusal(410)] * 2
    with pytest.raises(SourceUnavailable, match="let the list of gpucostreports expire"):
        server.client().list_all(REPORTS)


def test_an_answer_that_drips_for_ever_is_told(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_client, "ANSWER_SECONDS", 0.1)
    server.answers, server.drips = [make_page("a")], True
    with pytest.raises(SourceUnavailable, match="its answer had not come to an end in time"):
        server.client().list_all(REPORTS)


def test_the_token_is_read_anew_for_every_call(server: ScriptedServer) -> None:
    tokens = iter(["one", "two"])

    def renew(configuration: Configuration) -> None:
        configuration.api_key["authorization"] = f"Bearer {next(tokens)}"

    client = server.client()
    server.clients[-1].configuration.refresh_api_key_hook = renew
    server.clients[-1].configuration.api_key["authorization"] = "Bearer none"
    server.answers = [(200, {}), (200, {})]
    client.get(REPORT)
    client.get(REPORT)
    assert [headers["authorization"] for _, _, _, headers in server.asked] == ["Bearer one", "Bearer two"]


def test_an_apply_names_its_writer_and_says_whether_it_created(server: ScriptedServer) -> None:
    server.answers = [(201, {"a": 1}), (200, {"a": 2})]
    client = server.client()
    assert client.apply(REPORT, {}) == ({"a": 1}, True)
    assert client.apply(REPORT, {}, status=True) == ({"a": 2}, False)
    (_, main, query, headers), (_, status, _, _) = server.asked
    assert (query["fieldManager"], query["force"]) == ("gpucost", "true")
    assert headers["Content-Type"] == "application/apply-patch+yaml"
    assert main == "/apis/gpucost.io/v1alpha1/namespaces/ml/gpucostreports/research-2026-11-24"
    assert status == f"{main}/status"


READS: dict[str, tuple[Answer, str]] = {
    "bad credentials": (make_refusal(401), "does not accept the credentials"),
    "a missing right": (make_refusal(403, "cannot list"), "cannot list; grant the verb"),
    "a kind that is not served": ((404, b"404 page not found"), "install the CRDs of gpucost.io"),
    "an overloaded server": (make_refusal(429, "too many requests"), "answered 429 to list gpucostreports"),
    "a broken server": ((500, b"oops"), "answered 500 to list gpucostreports: oops"),
    "a redirection": ((302, b""), "answered 302"),
    "an answer that is no JSON": ((200, b"<html>"), "what is no JSON object"),
    "an answer that is no object": ((200, []), "what is no JSON object"),
}


@pytest.mark.parametrize(("answer", "words"), READS.values(), ids=READS)
def test_a_failed_read_is_worth_trying_again(server: ScriptedServer, answer: Answer, words: str) -> None:
    server.answers = [answer]
    with pytest.raises(SourceUnavailable, match=words):
        server.client().list_all(REPORTS)
    assert len(server.asked) == 1


WRITES: dict[str, tuple[Answer, type[GpuCostError], str]] = {
    "a stale version": (make_refusal(409, "modified", "Conflict"), Conflict, "changed by another writer"),
    "an object that is there": (make_refusal(409, "x", "AlreadyExists"), AlreadyExists, "exists already"),
    "an object that is gone": (make_refusal(404, "x", "NotFound", kind="gpucostreports"), Missing, "is gone"),
    "a missing namespace": (make_refusal(404, "x", "NotFound", kind="namespaces"), Refused, "namespace is gone"),
    "a terminating namespace": (
        make_refusal(403, "x", "Forbidden", causes=[{"reason": "NamespaceTerminating"}]),
        Refused,
        "its namespace is being deleted",
    ),
    "a quota": (make_refusal(403, "exceeded quota: q"), Refused, "raise the quota"),
    "a missing right": (make_refusal(403, "cannot patch"), Refused, 'grant the verb "patch"'),
    "an invalid object": (make_refusal(422, "spec.team: too long"), Refused, "spec.team: too long"),
    "a field that the CRD lacks": (
        make_refusal(500, "failed: .status.x: field not declared in schema"),
        Refused,
        "update the CRDs",
    ),
    "a broken server": (make_refusal(503, "etcd is down"), SourceUnavailable, "etcd is down"),
}


@pytest.mark.parametrize(("answer", "error", "words"), WRITES.values(), ids=WRITES)
def test_a_failed_write_says_what_to_do(
    server: ScriptedServer, answer: Answer, error: type[GpuCostError], words: str
) -> None:
    server.answers = [answer]
    with pytest.raises(GpuCostError, match=words) as caught:
        server.client().apply(REPORT, {})
    assert type(caught.value) is error
    assert "gpucostreports research-2026-11-24 in namespace ml" in str(caught.value)


def test_a_server_that_is_away_is_told(server: ScriptedServer) -> None:
    client = server.client()
    client.host = "http://127.0.0.1:1"
    with pytest.raises(SourceUnavailable, match=r"cannot be asked to GET .*: no connection"):
        client.get(REPORT)


def test_an_answer_without_bound_is_not_read(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_client, "MOST_ANSWER_BYTES", 10)
    server.answers = [(200, {"items": ["x" * 20]})]
    with pytest.raises(SourceUnavailable, match="more than 10 bytes"):
        server.client().get(REPORT)


ABSENT: dict[str, Callable[[KubeClient], object]] = {
    "get": lambda client: client.get(REPORT) is None,
    "delete": lambda client: client.delete(REPORT) is False,
}


@pytest.mark.parametrize("is_absent", ABSENT.values(), ids=ABSENT)
def test_what_is_not_there_is_no_error(server: ScriptedServer, is_absent: Callable[[KubeClient], object]) -> None:
    server.answers = [make_refusal(404, "x", "NotFound", kind="gpucostreports")]
    assert is_absent(server.client())


def test_no_kind_is_served_where_the_group_is_unknown(server: ScriptedServer) -> None:
    server.answers = [(404, b"404 page not found"), (200, {"resources": [{"kind": "GpuCostReport"}]})]
    client = server.client()
    assert client.served_kinds() == frozenset()
    assert client.served_kinds() == {"GpuCostReport"}

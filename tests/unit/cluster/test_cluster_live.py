"""Against a small HTTP server: what a real API server rarely does on demand."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from kubernetes.client import ApiClient, Configuration

from gpucost.cluster.live import LiveCluster
from gpucost.model.errors import SourceUnavailable
from tests.unit.cluster.kube_objects import make_namespace, make_node, make_page, make_pod

SEEN_AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
Answer = tuple[int, bytes]


@dataclass
class ScriptedServer:
    """Answers by plural and continue token; every request is kept."""

    answers: dict[tuple[str, str], Answer | list[Answer]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    port: int = 0
    drips: bool = False
    """For as long as it is listened to."""

    def answer(self, target: str) -> Answer:
        split = urlsplit(target)
        plural = split.path.rsplit("/", 1)[1]
        query = {key: values[0] for key, values in parse_qs(split.query).items()}
        self.asked.append((plural, query))
        answer = self.answers.get((plural, query.get("continue", "")), (200, make_page()))
        return answer.pop(0) if isinstance(answer, list) else answer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    script = ScriptedServer()
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = script.answer(self.path)
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

        def log_message(self, *_: object) -> None: ...

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.port = http.server_port
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield script
    over.set()
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def live() -> Iterator[Callable[[int], LiveCluster]]:
    clients: list[ApiClient] = []

    def make(port: int) -> LiveCluster:
        clients.append(ApiClient(Configuration(host=f"http://127.0.0.1:{port}", retries=False)))
        return LiveCluster(clients[-1], clock=lambda: SEEN_AT)

    yield make
    for client in clients:
        client.rest_client.close()


def refusal(status: int, message: str) -> Answer:
    return status, json.dumps({"kind": "Status", "status": "Failure", "message": message, "code": status}).encode()


def test_pages_are_joined(server: ScriptedServer, live: Callable[[int], LiveCluster]) -> None:
    server.answers = {
        ("pods", ""): (200, make_page(make_pod("a"), next_page="two")),
        ("pods", "two"): (200, make_page(make_pod("b", metadata__uid=""), next_page="three")),
        ("pods", "three"): (200, make_page(make_pod("c"))),
        ("nodes", ""): (200, make_page(make_node())),
        ("namespaces", ""): (200, make_page(make_namespace("kube-system"), next_page="two")),
        ("namespaces", "two"): (200, make_page(make_namespace("ml", team="vision"))),
    }
    source = live(server.port)
    cluster = source.read()
    assert [pod.name for pod in cluster.pods] == ["a", "c"]
    assert [node.name for node in cluster.nodes] == ["n1"]
    assert cluster.namespaces == {"kube-system": {}, "ml": {"team": "vision"}}
    assert cluster.uid == "uid-kube-system"
    assert cluster.seen_at == SEEN_AT
    assert source.problems == ("Pod ml/b is left out: it has no metadata.uid",)


def test_only_bound_pods_are_asked_for_page_by_page(server: ScriptedServer, live: Callable[[int], LiveCluster]) -> None:
    live(server.port).read()
    assert server.asked[0] == ("pods", {"fieldSelector": "spec.nodeName!=", "limit": "500"})
    assert [plural for plural, _ in server.asked] == ["pods", "nodes", "namespaces"]


def test_a_page_that_drips_for_ever_is_told(
    server: ScriptedServer, live: Callable[[int], LiveCluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpucost.cluster.live.PAGE_SECONDS", 0.1)
    server.drips = True
    with pytest.raises(SourceUnavailable, match="its answer had not come to an end in time"):
        live(server.port).read()


def test_an_expired_list_begins_again(server: ScriptedServer, live: Callable[[int], LiveCluster]) -> None:
    server.answers = {
        ("pods", ""): [
            (200, make_page(make_pod("old"), next_page="late")),
            (200, make_page(make_pod("a"), next_page="late")),
        ],
        ("pods", "late"): [refusal(410, "expired"), (200, make_page(make_pod("b")))],
    }
    assert [pod.name for pod in live(server.port).read().pods] == ["a", "b"]


def test_a_list_that_expires_twice_is_unavailable(server: ScriptedServer, live: Callable[[int], LiveCluster]) -> None:
    server.answers = {
        ("nodes", ""): (200, make_page(next_page="late")),
        ("nodes", "late"): refusal(410, "expired"),
    }
    with pytest.raises(SourceUnavailable, match=r"list of nodes expire .* twice"):
        live(server.port).read()


REFUSALS: dict[str, tuple[str, Answer, str]] = {
    "a missing verb": (
        "nodes",
        refusal(403, 'nodes is forbidden: User "x" cannot list resource "nodes"'),
        r'refuses "list" on "nodes" \(403\): nodes is forbidden: .*; grant the verb "list"',
    ),
    "a dead token": (
        "pods",
        refusal(401, "Unauthorized"),
        r"does not accept the credentials \(401 for list pods\)",
    ),
    "an overloaded server": ("pods", refusal(429, "storage is (re)initializing"), "429 to list pods: storage is"),
    "a proxy's page": ("pods", (502, b"<html>bad gateway</html>"), "502 to list pods: Bad Gateway"),
    "a torn page": (
        "namespaces",
        (200, make_page(make_namespace())[:-9]),
        "list of namespaces that cannot be read",
    ),
    "a page of something else": ("pods", (200, b'"ok"'), "list of pods that cannot be read"),
    "an expired list without a token": ("pods", refusal(410, "gone"), "410 to list pods: gone"),
}


@pytest.mark.parametrize(("plural", "answer", "words"), REFUSALS.values(), ids=REFUSALS)
def test_what_is_no_list_is_unavailable(
    server: ScriptedServer, live: Callable[[int], LiveCluster], plural: str, answer: Answer, words: str
) -> None:
    server.answers = {(plural, ""): answer}
    with pytest.raises(SourceUnavailable, match=words):
        live(server.port).read()
    assert len([1 for asked, _ in server.asked if asked == plural]) == 1


def test_a_server_that_is_down_is_unavailable(live: Callable[[int], LiveCluster]) -> None:
    with pytest.raises(SourceUnavailable, match=r"http://127\.0\.0\.1:1 cannot be asked for pods: no connection"):
        live(1).read()


def test_a_failed_look_keeps_the_problems_of_the_last_one(
    server: ScriptedServer, live: Callable[[int], LiveCluster]
) -> None:
    server.answers = {("nodes", ""): [(200, make_page(make_node(metadata__uid=""))), refusal(500, "broken")]}
    source = live(server.port)
    source.read()
    with pytest.raises(SourceUnavailable):
        source.read()
    assert len(source.problems) == 1

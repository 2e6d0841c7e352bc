import socket
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from gpu_series import make_windows
from scripted_server import Asked, Reply, ScriptedServer, answer, json_reply, serving

from gpucost.model.errors import ConfigurationError, GpuCostError, IncompleteAnswer, SourceUnavailable
from gpucost.telemetry.client import PrometheusClient
from gpucost.telemetry.replies import MOST_RETRY_SECONDS, Overloaded, QueryTooHeavy
from gpucost.telemetry.settings import TelemetrySettings
from sandbox.certificates import write_certificates

FINE = answer("vector")
PROBE = "vector(1)"


def ask(server: ScriptedServer, **settings: object) -> bytes:
    known: dict[str, object] = {"url": server.url, "timeout_seconds": 0.5}
    with PrometheusClient(TelemetrySettings(**(known | settings))) as client:  # type: ignore[arg-type]
        return client.custom_query("up")


FAULTS: dict[str, tuple[Reply, type[GpuCostError], str]] = {
    "500": (json_reply(500, error="disk full"), SourceUnavailable, r"error \(500\): disk full; look into the log"),
    "500 from something else": (Reply(status=500, body=b"<html>"), SourceUnavailable, "500.*Internal Server Error"),
    "401": (
        Reply(status=401),
        SourceUnavailable,
        r"refuses our account \(401\); set prometheus\.tokenFile, or usernameFile and passwordFile",
    ),
    "404": (Reply(status=404), SourceUnavailable, "404.*without /api/v1"),
    "302": (
        Reply(status=302, headers={"Location": "https://user:secret@login.example.test/in?token=x"}),
        SourceUnavailable,
        r"redirects to https://login\.example\.test/in \(302\); set prometheus\.url",
    ),
    "a login page": (
        Reply(headers={"Content-Type": "text/html"}, body=b"<html>"),
        SourceUnavailable,
        "text/html, not JSON",
    ),
    "a time-out of the server": (
        json_reply(503, errorType="timeout", error="query timed out in expression evaluation"),
        QueryTooHeavy,
        "gave up on the query",
    ),
    "too many samples": (
        json_reply(422, errorType="execution", error="query processing would load too many samples into memory"),
        QueryTooHeavy,
        "too many samples",
    ),
    "an answer without end": (
        Reply(body=b"x" * 2000),
        QueryTooHeavy,
        r"more than 1000 bytes.*prometheus\.maxAnswerBytes",
    ),
    "429, whatever it says of limits": (
        json_reply(429, error="rate limit exceeded"),
        Overloaded,
        r"takes no queries now \(429\): rate limit exceeded",
    ),
    "503": (Reply(status=503), Overloaded, r"\(503\): Service Unavailable; see whether it is starting"),
    "an answer that drips": (
        Reply(body=b"{", length=10**9, drip=b" "),
        QueryTooHeavy,
        "not sent its whole answer in time",
    ),
    "an answer that was cut": (Reply(body=b"{", length=500), SourceUnavailable, "broke off in the middle"),
    "an answer whose chunks were cut": (
        Reply(
            headers={"Content-Type": "application/json", "Transfer-Encoding": "chunked"}, body=b"1f4\r\n{", length=500
        ),
        SourceUnavailable,
        "broke off in the middle",
    ),
    "chunks that are none": (
        Reply(headers={"Content-Type": "application/json", "Transfer-Encoding": "chunked"}, body=b"zz\r\n{\r\n"),
        SourceUnavailable,
        "broke off in the middle",
    ),
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize(("reply", "kind", "says"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_one_sentence_that_names_the_server(
    reply: Reply, kind: type[GpuCostError], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpucost.telemetry.client.CONNECT_SECONDS", 0.1)
    with serving(lambda _: reply) as server, pytest.raises(kind, match=says) as caught:
        ask(server, max_answer_bytes=1000)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"Prometheus at {server.url} ")
    assert "secret" not in str(caught.value)
    assert len(server.asked) == 1, "a fault is told at once, not tried again"


HANGS = {
    "silence after the first bytes": (Reply(body=b"{", length=500, hang=True), "does not answer within 0.5"),
    "a proxy that gives up": (Reply(status=504), "does not answer the proxy"),
}


@pytest.mark.timeout(30)
@pytest.mark.parametrize(("reply", "says"), HANGS.values(), ids=HANGS)
def test_no_answer_in_time_is_an_outage_where_the_easiest_query_has_none(reply: Reply, says: str) -> None:
    with serving(lambda _: reply) as server, pytest.raises(SourceUnavailable, match=says) as caught:
        ask(server)
    assert type(caught.value) is SourceUnavailable
    assert [asked.form["query"] for asked in server.asked] == ["up", PROBE]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("reply", [reply for reply, _ in HANGS.values()], ids=HANGS)
def test_no_answer_in_time_is_a_heavy_query_where_an_easy_one_has_an_answer(reply: Reply) -> None:
    def script(asked: Asked) -> Reply:
        return FINE if asked.form["query"] == PROBE else reply

    with (
        serving(script) as server,
        pytest.raises(QueryTooHeavy, match=r"not this query in time; .*prometheus\.timeout"),
    ):
        ask(server)


RETRY_AFTER = {
    "seconds": ("17", (17, 17)),
    "no time": ("0", (0, 0)),
    "a date that has passed": ("Wed, 21 Oct 2015 07:28:00 GMT", (0, 0)),
    "longer than anybody waits": ("86400", (MOST_RETRY_SECONDS, MOST_RETRY_SECONDS)),
    "seconds without end": ("9" * 400, (0, 0)),
    "a time before time": ("-5", (0, 0)),
    "no number": ("nan", (0, 0)),
    "nothing": ("", (0, 0)),
}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("header", "expected"), RETRY_AFTER.values(), ids=RETRY_AFTER)
def test_a_busy_server_is_asked_when_it_says(header: str, expected: tuple[float, float], status: int) -> None:
    reply = Reply(status=status, headers={"Retry-After": header})
    with serving(lambda _: reply) as server, pytest.raises(Overloaded) as caught:
        ask(server)
    least, most = expected
    assert least <= caught.value.retry_seconds <= most


def test_a_busy_server_may_say_when_by_a_date() -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=200), usegmt=True)
    reply = Reply(status=429, headers={"Retry-After": until})
    with serving(lambda _: reply) as server, pytest.raises(Overloaded) as caught:
        ask(server)
    assert 1 <= caught.value.retry_seconds <= 201


PARTIAL = {
    "warnings": ({"warnings": ["store 10.0.0.9 did not\nanswer"]}, "store 10.0.0.9 did not answer"),
    "the word of VictoriaMetrics": ({"isPartial": True}, "isPartial"),
}


@pytest.mark.parametrize(("envelope", "says"), PARTIAL.values(), ids=PARTIAL)
def test_a_partial_answer_is_incomplete(envelope: dict[str, object], says: str) -> None:
    with (
        serving(lambda _: answer("vector", **envelope)) as server,
        pytest.raises(IncompleteAnswer, match=f"partial: {says}; see which part"),
    ):
        ask(server)


@pytest.mark.parametrize(("envelope", "says"), PARTIAL.values(), ids=PARTIAL)
def test_whoever_takes_parts_has_the_answer_and_what_is_wrong_with_it(envelope: dict[str, object], says: str) -> None:
    partial = answer("vector", **envelope)
    with serving(lambda _: partial) as server, PrometheusClient(TelemetrySettings(url=server.url)) as client:
        with client.taking_parts() as complaints:
            assert client.custom_query("up") == partial.body
        assert [says in str(complaint) for complaint in complaints] == [True]
        with pytest.raises(IncompleteAnswer):
            client.custom_query("up")


WHOLE: dict[str, Reply] = {
    "no warnings": answer("vector", warnings=[]),
    "infos": answer("vector", infos=["PromQL info: metric might not be a counter"]),
    "the word in a label": answer("vector", {"metric": {"warnings": "many"}, "value": [0, "1"]}),
    "not partial": answer("vector", isPartial=False),
}


@pytest.mark.parametrize("reply", WHOLE.values(), ids=WHOLE)
def test_a_whole_answer_is_no_part(reply: Reply) -> None:
    with serving(lambda _: reply) as server:
        assert ask(server) == reply.body


def test_nobody_at_the_port_is_an_outage() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://user:secret@127.0.0.1:{free.getsockname()[1]}"
        with (
            PrometheusClient(TelemetrySettings(url=url)) as client,
            pytest.raises(
                SourceUnavailable, match=r"^Prometheus at http://127[^ ]+ cannot be reached \(Connection refused\)"
            ),
        ):
            client.custom_query("up")


URLS = {
    "no scheme": "prometheus:9090",
    "another scheme": "ftp://prometheus",
    "no host": "http://",
    "a port that is none": "http://prometheus:port",
    "brackets that do not close": "http://[::1",
    "empty": "",
}


@pytest.mark.parametrize("url", URLS.values(), ids=URLS)
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"prometheus\.url"):
        PrometheusClient(TelemetrySettings(url=url))


def test_a_query_travels_in_the_body_with_a_time_limit() -> None:
    with serving(lambda _: FINE) as server, PrometheusClient(TelemetrySettings(url=f"{server.url}/p/")) as client:
        assert client.custom_query("up", datetime(2026, 11, 24, 8, tzinfo=UTC)) == FINE.body
        client.custom_query_range("up", *make_windows(3)[::2])
    instant, ranged = server.asked
    assert (instant.path, ranged.path) == ("/p/api/v1/query", "/p/api/v1/query_range")
    assert instant.form == {"query": "up", "time": "1795507200.000", "timeout": "6300ms"}
    assert ranged.form == {
        "query": "up",
        "start": "1795507500.000",
        "end": "1795508100.000",
        "step": "300.000",
        "timeout": "6300ms",
    }
    assert instant.headers["Accept-Encoding"] == "identity"


def test_a_rotated_token_is_used_at_once(tmp_path: Path) -> None:
    token = tmp_path / "token"
    settings = TelemetrySettings(url="http://replaced", token_file=token)
    with serving(lambda _: FINE) as server, PrometheusClient(replace(settings, url=server.url)) as client:
        for word in ("first\n", "second"):
            token.write_text(word)
            client.custom_query("up")
    assert [asked.headers["Authorization"] for asked in server.asked] == ["Bearer first", "Bearer second"]


def test_a_users_name_and_password_are_read_anew_for_every_request(tmp_path: Path) -> None:
    name, password = tmp_path / "name", tmp_path / "password"
    name.write_text("reader\n")
    settings = TelemetrySettings(url="http://replaced", username_file=name, password_file=password)
    with serving(lambda _: FINE) as server, PrometheusClient(replace(settings, url=server.url)) as client:
        for word in ("first\n", "sec:ond"):
            password.write_text(word)
            client.custom_query("up")
    sent = [b64decode(asked.headers["Authorization"].removeprefix("Basic ")) for asked in server.asked]
    assert sent == [b"reader:first", b"reader:sec:ond"]


def test_headers_are_read_anew_for_every_request(tmp_path: Path) -> None:
    tenant = tmp_path / "tenant"
    settings = TelemetrySettings(url="http://replaced", header_files=(("X-Scope-OrgID", tenant),))
    with serving(lambda _: FINE) as server, PrometheusClient(replace(settings, url=server.url)) as client:
        for word in ("blue", "green\n"):
            tenant.write_text(word)
            client.custom_query("up")
    assert [asked.headers["X-Scope-OrgID"] for asked in server.asked] == ["blue", "green"]


@pytest.mark.parametrize("value", [b"", b" \n", b"a\r\nX-Other: b", b"a" * 20_000])
def test_a_header_that_cannot_be_sent_names_its_file_and_not_its_value(value: bytes, tmp_path: Path) -> None:
    file = tmp_path / "tenant"
    file.write_bytes(value)
    with serving(lambda _: FINE) as server, pytest.raises(ConfigurationError) as caught:
        ask(server, header_files=(("X-Scope-OrgID", file),))
    assert f"prometheus.headers.X-Scope-OrgID {file} holds no value" in str(caught.value)
    assert "X-Other" not in str(caught.value)
    assert server.asked == []


def test_what_is_in_the_home_folder_is_sent_to_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password hush\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serving(lambda _: FINE) as server:
        ask(server)
        ask(server, url=server.url.replace("//", "//reader:secret@"))
    sent = [asked.headers.get("Authorization") for asked in server.asked]
    assert sent == [None, f"Basic {b64encode(b'reader:secret').decode()}"]


def test_a_users_name_with_a_colon_is_refused(tmp_path: Path) -> None:
    for name, text in (("name", "a:b"), ("password", "c")):
        (tmp_path / name).write_text(text)
    with serving(lambda _: FINE) as server, pytest.raises(ConfigurationError, match=r"usernameFile \S+ holds no name"):
        ask(server, username_file=tmp_path / "name", password_file=tmp_path / "password")
    assert server.asked == []


def test_an_encrypted_key_is_told_and_nobody_is_asked_for_its_password(tmp_path: Path) -> None:
    pair = write_certificates(tmp_path).admin
    key = load_pem_private_key(pair.key.read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hush"))
    pair.key.write_bytes(locked)
    files = {"certificate_file": pair.certificate, "key_file": pair.key}
    with pytest.raises(ConfigurationError, match="as PEM and not encrypted"):
        PrometheusClient(TelemetrySettings(url="https://prometheus", **files))


def test_a_certificate_that_is_none_is_told_at_the_start(tmp_path: Path) -> None:
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).write_text("no PEM")
    files = {"certificate_file": tmp_path / "tls.crt", "key_file": tmp_path / "tls.key"}
    with pytest.raises(ConfigurationError, match=r"certificateFile \S+ and prometheus.keyFile \S+ cannot be used"):
        PrometheusClient(TelemetrySettings(url="https://prometheus", **files))


TOKENS = {"missing": None, "two lines": b"a\nb", "not ASCII": "schlüssel".encode(), "no text": b"\xff\xfe"}


@pytest.mark.parametrize("content", TOKENS.values(), ids=TOKENS)
def test_a_token_that_cannot_be_sent_names_its_file(content: bytes | None, tmp_path: Path) -> None:
    token = tmp_path / "token"
    if content is not None:
        token.write_bytes(content)
    with serving(lambda _: FINE) as server, pytest.raises(ConfigurationError, match=f"tokenFile {token}"):
        ask(server, token_file=token)
    assert server.asked == []


def test_a_missing_certificate_names_its_setting(tmp_path: Path) -> None:
    settings = TelemetrySettings(url="https://127.0.0.1:1", ca_file=tmp_path / "none.crt")
    with PrometheusClient(settings) as client, pytest.raises(ConfigurationError, match=r"prometheus\.caFile"):
        client.custom_query("up")

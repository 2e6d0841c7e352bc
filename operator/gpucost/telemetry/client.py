"""One HTTP client of the Prometheus API: bounded in time and size, never retrying, failing in one sentence.

The library's own calls put the query into the URL, wait for ever and drop ``warnings``; ours do not.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NoReturn
from urllib.parse import urlsplit

import requests
from prometheus_api_client import PrometheusConnect
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util import Retry

from gpucost.model.answers import read_whole
from gpucost.model.errors import ConfigurationError, IncompleteAnswer, SourceUnavailable
from gpucost.model.time import Window
from gpucost.telemetry.credentials import FileAuth, certificate_of, headers_of
from gpucost.telemetry.replies import NoAnswerInTime, QueryTooHeavy, complaint_of, redirected, refusal_of, without_user
from gpucost.telemetry.settings import TelemetrySettings

CONNECT_SECONDS = 3.0
_ERROR_BYTES = 2**16
_PROBE = "vector(1)"


class PrometheusClient(PrometheusConnect):  # type: ignore[misc]  # the library has no types
    """For one thread at a time. Answers are bytes: who reads them decides what of them matters.

    Of what an answer says of itself it decides alone: a partial one is an error, but within `taking_parts`.
    """

    def __init__(self, settings: TelemetrySettings) -> None:
        self.name, url = _checked(settings.url)
        super().__init__(
            url=url,
            auth=FileAuth(settings),
            retry=Retry(total=0, redirect=False),
            timeout=(CONNECT_SECONDS, settings.timeout_seconds),
            method="POST",
        )
        if settings.ca_file is not None:
            self._session.verify = str(settings.ca_file)
        self._session.cert = certificate_of(settings)
        self._settings = settings
        self._complaints: list[IncompleteAnswer] | None = None

    @contextmanager
    def taking_parts(self) -> Iterator[list[IncompleteAnswer]]:
        """Within it answers that are partial are answers; what is wrong with them is in the list."""
        complaints: list[IncompleteAnswer] = []
        self._complaints = complaints
        try:
            yield complaints
        finally:
            self._complaints = None

    def custom_query(self, promql: str, at: datetime | None = None) -> bytes:
        """The answer to an instant query; ``at`` None: the server's now.

        Raises SourceUnavailable, Overloaded where the server says so, IncompleteAnswer where the answer is partial, or
        QueryTooHeavy where a shorter range may help.
        """
        form = {"query": promql}
        if at is not None:
            form["time"] = _unix(at)
        return self._post("/api/v1/query", form)

    def custom_query_range(self, promql: str, first: Window, last: Window) -> bytes:
        """The answer to a query evaluated at the end of each window from ``first`` to ``last``, all of one length.

        Raises as `custom_query`.
        """
        form = {
            "query": promql,
            "start": _unix(first.end),
            "end": _unix(last.end),
            "step": f"{first.milliseconds / 1000:.3f}",
        }
        return self._post("/api/v1/query_range", form)

    def _post(self, path: str, form: dict[str, str]) -> bytes:
        try:
            body = self._send(path, form)
        except NoAnswerInTime as silence:
            if form["query"] == _PROBE or not self._answers():
                raise SourceUnavailable(str(silence)) from silence
            raise QueryTooHeavy(
                f"{self.name} answers, but not this query in time; ask for less at once or raise prometheus.timeout"
            ) from silence
        complaint = complaint_of(body, self.name)
        if complaint is not None:
            self.bear(complaint)
        return body

    def bear(self, complaint: IncompleteAnswer) -> None:
        """Note the complaint within `taking_parts`; else raise it."""
        if self._complaints is None:
            raise complaint
        self._complaints.append(complaint)

    def _answers(self) -> bool:
        """Whether the server has an answer to the easiest of queries."""
        try:
            self._post("/api/v1/query", {"query": _PROBE})
        except SourceUnavailable:
            return False
        return True

    def _send(self, path: str, form: dict[str, str]) -> bytes:
        # The server is to give up first: it then says why, and stops working.
        form = {**form, "timeout": f"{max(1, int(self._settings.timeout_seconds * 900))}ms"}
        deadline = time.monotonic() + CONNECT_SECONDS + self._settings.timeout_seconds
        try:
            response = self._session.post(
                self.url + path,
                data=form,
                headers={**headers_of(self._settings), "Accept-Encoding": "identity"},
                auth=self.auth,
                timeout=self._timeout,
                # Said again here: REQUESTS_CA_BUNDLE in the environment overrides the session's.
                verify=self._session.verify,
                stream=True,
                allow_redirects=False,
            )
            with response:
                if response.status_code != requests.codes.ok:
                    self._raise_status(response, deadline)
                self._check_type(response)
                return self._read(response, self._settings.max_answer_bytes, deadline)
        except (requests.RequestException, HTTPError) as error:
            raise self._unavailable(error) from error
        except OSError as error:  # a certificate file that is not there
            raise ConfigurationError(
                f"{self.name} cannot be asked: {error}; check prometheus.caFile, certificateFile and keyFile"
            ) from error

    def _read(self, response: requests.Response, most: int, deadline: float) -> bytes:
        try:
            body = read_whole(response.raw.read1, most=most, deadline=deadline)
        except TimeoutError as error:
            raise QueryTooHeavy(
                f"{self.name} had not sent its whole answer in time; ask for less at once or raise prometheus.timeout"
            ) from error
        if len(body) > most:
            raise QueryTooHeavy(
                f"{self.name} sent more than {most} bytes; ask for less at once or raise prometheus.maxAnswerBytes"
            )
        return body

    def _check_type(self, response: requests.Response) -> None:
        kind = response.headers.get("Content-Type", "")
        if not kind.startswith("application/json"):
            raise SourceUnavailable(
                f"{self.name} answers with {kind or 'no content type'}, not JSON: something else, such as a login"
                " page, is at that address; set prometheus.url to the base URL of the Prometheus API"
            )

    def _raise_status(self, response: requests.Response, deadline: float) -> NoReturn:
        status, headers = response.status_code, response.headers
        if 300 <= status < 400:
            raise redirected(status, headers.get("Location", ""), self.name)
        try:
            body = self._read(response, _ERROR_BYTES, deadline)
        except QueryTooHeavy:
            body = b""
        raise refusal_of(status, response.reason, headers.get("Retry-After", ""), body, self.name)

    def _unavailable(self, error: Exception) -> SourceUnavailable:
        match error:
            case requests.exceptions.ConnectTimeout():
                cause = f"accepts no connection within {CONNECT_SECONDS:g} s"
                fix = "check prometheus.url, and that no NetworkPolicy keeps us out"
            case requests.exceptions.Timeout() | ReadTimeoutError():
                cause = f"does not answer within {self._settings.timeout_seconds:g} s"
                fix = "see whether Prometheus is overloaded, or raise prometheus.timeout"
                return NoAnswerInTime(f"{self.name} {cause}; {fix}")
            case requests.exceptions.SSLError():
                cause = f"cannot be trusted ({_root(error)})"
                fix = "set prometheus.caFile to the certificate of its authority" + (
                    ", and see whether prometheus.certificateFile and keyFile belong together"
                    if self._session.cert
                    else ""
                )
            case requests.exceptions.ConnectionError():
                cause = f"cannot be reached ({_root(error)})"
                fix = "check prometheus.url, that Prometheus runs, and that no NetworkPolicy keeps us out"
            case HTTPError():
                cause = "broke off in the middle of its answer"
                fix = "see whether Prometheus or a proxy before it restarts"
            case _:
                cause, fix = f"cannot be asked ({_root(error)})", "check prometheus.url"
        return SourceUnavailable(f"{self.name} {cause}; {fix}")


def _checked(url: str) -> tuple[str, str]:
    """Name for messages, without credentials, and URL without a trailing slash."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(
            "prometheus.url is no http or https URL; write it as http://prometheus.monitoring.svc:9090"
        )
    return f"Prometheus at {without_user(url)}", url.rstrip("/")


def _unix(moment: datetime) -> str:
    """Unix time in seconds, to the millisecond."""
    return f"{moment.astimezone(UTC).timestamp():.3f}"


def _root(error: BaseException) -> str:
    """The innermost reason: what surrounds it repeats the whole URL, credentials included."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    strerror = getattr(error, "strerror", None)
    return str(strerror) if strerror else type(error).__name__

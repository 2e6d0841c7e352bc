"""The cluster as its API server tells it now."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar, cast

import msgspec
from kubernetes.client import ApiClient, ApiException, CoreV1Api
from kubernetes.config import ConfigException
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, TimeoutError

from gpucost.cluster.connection import TIMEOUT_SECONDS
from gpucost.cluster.decode import Decoded, decode_cluster_uid, decode_namespaces, decode_nodes, decode_pods
from gpucost.cluster.resources import GpuResources
from gpucost.model.answers import read_whole
from gpucost.model.errors import InputError, SourceUnavailable
from gpucost.model.fleet import Cluster, Node, Pod

PAGE_ITEMS = 500
PAGE_SECONDS = 30.0
"""For a whole page, which may drip in."""
MOST_PAGE_BYTES = 256 * 1024 * 1024
"""A page of 500 pods is about 4 MB."""
BOUND_PODS = "spec.nodeName!="

_EXPIRED = 410
_MOST_LISTINGS = 2

T = TypeVar("T")


class _Status(msgspec.Struct):
    message: str = ""


class LiveCluster:
    """A `ClusterSource` that lists nodes, pods and namespaces page by page.

    Nothing is cached and ``resourceVersion=0`` is not used: with it, servers ignore the page limit.
    """

    def __init__(
        self,
        client: ApiClient,
        *,
        resources: GpuResources | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._api = CoreV1Api(client)
        self._host = client.configuration.host
        self._resources = resources or GpuResources()
        self._clock = clock
        self._uid = ""
        self.problems: tuple[str, ...] = ()
        """What the last look had to leave out, a sentence each."""

    def read(self) -> Cluster:
        """Pods before nodes, so that the node of every pod is listed unless it has gone meanwhile.

        Raises SourceUnavailable where the API server does not answer, refuses, or answers nonsense.
        """
        seen_at = self._clock()
        problems: list[str] = []
        list_pods = partial(self._api.list_pod_for_all_namespaces, field_selector=BOUND_PODS)
        pods = self._read_all("pods", list_pods, self._decode_pods, problems)
        nodes = self._read_all("nodes", self._api.list_node, self._decode_nodes, problems)
        namespaces = self._read_all("namespaces", self._api.list_namespace, self._decode_namespaces, problems)
        self.problems = tuple(problems)
        return Cluster(
            seen_at=seen_at, nodes=tuple(nodes), pods=tuple(pods), namespaces=dict(namespaces), uid=self._uid
        )

    def read_nodes(self) -> Decoded[Node]:
        """The nodes alone. Raises as `read`, whose problems stay."""
        problems: list[str] = []
        nodes = self._read_all("nodes", self._api.list_node, self._decode_nodes, problems)
        return Decoded(tuple(nodes), tuple(problems))

    def _decode_pods(self, data: bytes) -> Decoded[Pod]:
        return decode_pods(data, self._resources)

    def _decode_nodes(self, data: bytes) -> Decoded[Node]:
        return decode_nodes(data, self._resources)

    def _decode_namespaces(self, data: bytes) -> Decoded[tuple[str, Mapping[str, str]]]:
        self._uid = decode_cluster_uid(data) or self._uid
        return decode_namespaces(data)

    def _read_all(
        self,
        plural: str,
        list_page: Callable[..., object],
        decode: Callable[[bytes], Decoded[T]],
        problems: list[str],
    ) -> list[T]:
        for _ in range(_MOST_LISTINGS):
            objects: list[T] = []
            told: list[str] = []
            token: str | None = None
            while (data := self._fetch(plural, list_page, token)) is not None:
                try:
                    page = decode(data)
                except InputError as error:
                    raise SourceUnavailable(
                        f"The API server {self._host} answered a list of {plural} that cannot be read: {error}"
                    ) from error
                objects += page.objects
                told += page.problems
                token = page.next_page
                if not token:
                    problems += told
                    return objects
        raise SourceUnavailable(
            f"The API server {self._host} let the list of {plural} expire before its last page, twice (410 Gone);"
            " it may be overloaded"
        )

    def _fetch(self, plural: str, list_page: Callable[..., object], token: str | None) -> bytes | None:
        """One page; None where the token of the list has expired, so that it must begin again."""
        deadline = time.monotonic() + PAGE_SECONDS
        try:
            answer = list_page(
                limit=PAGE_ITEMS,
                _continue=token,
                _preload_content=False,
                _request_timeout=TIMEOUT_SECONDS,
            )
            response = cast(BaseHTTPResponse, answer)  # what the client returns where it does not load the content
            with closing(response):
                data = read_whole(response.read1, most=MOST_PAGE_BYTES, deadline=deadline)
        except ApiException as error:
            if error.status == _EXPIRED and token:
                return None
            raise SourceUnavailable(self._refusal(plural, error)) from error
        except (HTTPError, OSError, ConfigException) as error:
            raise SourceUnavailable(
                f"The API server {self._host} cannot be asked for {plural}: {_cause(error)};"
                " check its address, the network and its certificate"
            ) from error
        if len(data) > MOST_PAGE_BYTES:
            raise SourceUnavailable(
                f"The API server {self._host} answered a page of {plural} of more than {MOST_PAGE_BYTES} bytes"
            )
        return data

    def _refusal(self, plural: str, error: ApiException) -> str:
        if error.status == 401:
            return (
                f"The API server {self._host} does not accept the credentials (401 for list {plural});"
                " renew the token or the client certificate"
            )
        if error.status == 403:
            return (
                f'The API server {self._host} refuses "list" on "{plural}" (403): {_message(error)};'
                f' grant the verb "list" on the resource "{plural}" in a ClusterRole'
            )
        if not error.status:
            return (
                f"The API server {self._host} cannot be asked for {plural}: {_one_line(str(error.reason))};"
                " check its address and its certificate"
            )
        return f"The API server {self._host} answered {error.status} to list {plural}: {_message(error)}"


def _message(error: ApiException) -> str:
    """What the server says, from the Status object that it sends with a refusal."""
    try:
        return _one_line(msgspec.json.decode(error.body or "", type=_Status).message) or str(error.reason)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return str(error.reason)


def _cause(error: Exception) -> str:
    if isinstance(error, MaxRetryError) and error.reason is not None:
        error = error.reason
    if isinstance(error, NewConnectionError):
        return "no connection"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return _one_line(str(error)) or type(error).__name__


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]

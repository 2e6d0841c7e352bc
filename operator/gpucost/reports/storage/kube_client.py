"""Our own kinds on the API server, as plain JSON: each method is one call (a list: a call a page), never retried.

The generated client's credentials and connections are used, not its methods: those lose what an apply that creates
answers, and cost twice the time.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

import msgspec
from kubernetes.client import ApiClient
from kubernetes.config import ConfigException
from urllib3 import Timeout
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, TimeoutError

from gpucost.model.answers import read_whole
from gpucost.model.errors import NotLeading, SourceUnavailable
from gpucost.reports.build import Object
from gpucost.reports.naming import MANAGER
from gpucost.reports.resources.fields import API_VERSION
from gpucost.reports.storage.kube_errors import Missing, raise_for

TIMEOUT = Timeout(connect=3.0, read=7.0)
"""Seconds. Short: a call in a thread holds the exit of the process until it ends."""
ANSWER_SECONDS = 30.0
"""For a whole answer, which may drip in."""
MOST_ANSWER_BYTES = 128 * 1024 * 1024
PAGE_OBJECTS = 500

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
NAMES_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

OURS = f"/apis/{API_VERSION}"
CORE = "/api/v1"

_NOT_FOUND = 404
_CREATED = 201
_GONE = 410
_MOST_LISTINGS = 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object, or a list of them, is: for the path of a call and for people."""

    plural: str
    namespace: str | None = None
    """None: cluster-scoped, or the list over all namespaces."""
    name: str | None = None
    api: str = OURS
    """Path of the group and version."""

    @property
    def path(self) -> str:
        scope = ("namespaces", self.namespace) if self.namespace else ()
        steps = [*scope, self.plural, *((self.name,) if self.name else ())]
        return "/".join([self.api, *(quote(step, safe="") for step in steps)])

    def __str__(self) -> str:
        within = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.plural} {self.name}{within}" if self.name else f"{self.plural}{within}"


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    data: bytes


class KubeClient:
    """Raises SourceUnavailable where no useful answer comes, Refused where this one object is not taken.

    Conflict where another writer was first. NotLeading, before anything is sent, where ``may_write`` says no to a
    write: it is asked before each. A process that is paused between the two sends its write all the same when it wakes
    up, and a network may deliver one late. So whoever writes takes care that a late write can do no harm: a create
    does not touch what is there; an apply carries the resourceVersion of what was read, or no more than labels and a
    spec that are the same whoever writes them; a delete carries the UID of what was read.
    """

    def __init__(self, client: ApiClient, may_write: Callable[[], bool] = lambda: True) -> None:
        self._client = client
        self._may_write = may_write
        self.host: str = client.configuration.host.rstrip("/")

    def get(self, place: Place) -> Object | None:
        """None: there is no such object."""
        try:
            return self._decode(self._call("GET", place.path), "get", place)
        except Missing:
            return None

    def list_all(
        self,
        place: Place,
        *,
        labels: Mapping[str, str] | None = None,
        page_objects: int = PAGE_OBJECTS,
        names_only: bool = False,
    ) -> Sequence[Object]:
        """All objects there that carry ``labels``; with ``names_only`` just their metadata."""
        query = {"limit": str(page_objects)}
        if labels:
            query["labelSelector"] = ",".join(f"{key}={value}" for key, value in labels.items())
        accept = NAMES_ONLY if names_only else JSON
        for _ in range(_MOST_LISTINGS):
            objects = self._list_once(place, query, accept)
            if objects is not None:
                return objects
        raise SourceUnavailable(
            f"The API server {self.host} let the list of {place} expire before its last page, twice (410 Gone);"
            " it may be overloaded"
        )

    def _list_once(self, place: Place, query: Mapping[str, str], accept: str) -> Sequence[Object] | None:
        """None: the token of the list has expired, so that it must begin again."""
        objects: list[Object] = []
        token = ""
        while True:
            continued = {"continue": token} if token else {}
            answer = self._call("GET", place.path, query={**query, **continued}, accept=accept)
            if answer.status == _GONE and token:
                return None
            page = self._decode(answer, "list", place)
            objects += page.get("items") or ()
            token = (page.get("metadata") or {}).get("continue") or ""
            if not token:
                return objects

    def create(self, place: Place, document: Object) -> Object:
        """Raises AlreadyExists, a Conflict, where there is an object of that name."""
        self._check_lead("create", place)
        answer = self._call("POST", replace(place, name=None).path, query=_written_by_us(), body=document)
        return self._decode(answer, "create", place)

    def apply(self, place: Place, document: Object, *, status: bool = False) -> tuple[Object, bool]:
        """Server-side apply of the object, or of its status; also whether that created it.

        ``metadata.resourceVersion`` in the document makes it a Conflict where the object changed meanwhile; without
        ``metadata.uid`` beside it, an object that was deleted meanwhile would be created anew.
        """
        self._check_lead("patch", place)
        path = f"{place.path}/status" if status else place.path
        answer = self._call(
            "PATCH", path, query={**_written_by_us(), "force": "true"}, body=document, content_type=APPLY
        )
        return self._decode(answer, "patch", place, status=status), answer.status == _CREATED

    def delete(self, place: Place, *, uid: str | None = None) -> bool:
        """False: there was no such object. Raises Conflict where it has another ``uid``: it was made anew."""
        self._check_lead("delete", place)
        body = {"preconditions": {"uid": uid}} if uid else None
        answer = self._call("DELETE", place.path, query={"propagationPolicy": "Background"}, body=body)
        try:
            self._decode(answer, "delete", place)
        except Missing:
            return False
        return True

    def served_kinds(self) -> frozenset[str]:
        """The kinds of our group that the API server knows."""
        answer = self._call("GET", OURS)
        if answer.status == _NOT_FOUND:
            return frozenset()
        served = self._decode(answer, "discover", Place(API_VERSION))
        return frozenset(resource["kind"] for resource in served.get("resources") or ())

    def _check_lead(self, verb: str, place: Place) -> None:
        if not self._may_write():
            raise NotLeading(f"This process does not lead: to {verb} {place} is left to the replica that does")

    def _decode(self, answer: _Answer, verb: str, place: Place, *, status: bool = False) -> Object:
        if answer.status >= 300:
            raise_for(answer.status, answer.data, f"{place}{' (status)' if status else ''}", verb, self.host)
        try:
            return msgspec.json.decode(answer.data, type=Object)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise SourceUnavailable(
                f"The API server {self.host} answered to {verb} {place} what is no JSON object: {error};"
                " check that its address is that of an API server"
            ) from error

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        accept: str = JSON,
        content_type: str = JSON,
    ) -> _Answer:
        url = f"{self.host}{path}?{urlencode(query or {})}"
        deadline = time.monotonic() + ANSWER_SECONDS
        headers = {"Accept": accept, "Content-Type": content_type, "User-Agent": MANAGER}
        try:
            self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, None)
            response = self._client.rest_client.pool_manager.request(
                method,
                url,
                body=None if body is None else msgspec.json.encode(body),
                headers=headers,
                timeout=TIMEOUT,
                retries=False,
                preload_content=False,
            )
            with closing(response):
                data = read_whole(response.read1, most=MOST_ANSWER_BYTES, deadline=deadline)
        except (HTTPError, OSError, ConfigException) as error:
            raise SourceUnavailable(
                f"The API server {self.host} cannot be asked to {method} {path}: {_cause(error)};"
                " check its address, the network and its certificate"
            ) from error
        if len(data) > MOST_ANSWER_BYTES:
            raise SourceUnavailable(
                f"The API server {self.host} answered to {method} {path} with more than {MOST_ANSWER_BYTES} bytes;"
                " delete objects that nobody needs"
            )
        return _Answer(response.status, data)


def _written_by_us() -> dict[str, str]:
    return {"fieldManager": MANAGER, "fieldValidation": "Strict"}


def _cause(error: Exception) -> str:
    if isinstance(error, MaxRetryError) and error.reason is not None:
        error = error.reason
    if isinstance(error, NewConnectionError):
        return "no connection"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return " ".join(str(error).split())[:300] or type(error).__name__

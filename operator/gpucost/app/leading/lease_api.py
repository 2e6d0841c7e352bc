"""The Lease on the API server. Its calls have time limits of their own: shorter than what a report may take."""

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import msgspec
from kubernetes.client import ApiClient
from kubernetes.config import ConfigException
from urllib3 import Timeout
from urllib3.exceptions import HTTPError

from gpucost.app.leading.lease import LeaseRecord, StoredLease
from gpucost.model.answers import read_whole
from gpucost.model.errors import SourceUnavailable
from gpucost.reports.naming import MANAGED_BY_LABEL, MANAGER
from gpucost.reports.plain_text import plain
from gpucost.reports.storage.kube_client import Place
from gpucost.reports.storage.kube_errors import Missing, raise_for

LEASE_NAME = "gpucost"

_GROUP = "coordination.k8s.io/v1"
_MOST_ANSWER_BYTES = 2**20
_MOST_CAUSE_CHARACTERS = 300


class _Metadata(msgspec.Struct):
    version: str = msgspec.field(name="resourceVersion")


class _Spec(msgspec.Struct):
    holder: str | None = msgspec.field(default=None, name="holderIdentity")
    duration: int | None = msgspec.field(default=None, name="leaseDurationSeconds")
    acquired: str | None = msgspec.field(default=None, name="acquireTime")
    renewed: str | None = msgspec.field(default=None, name="renewTime")
    transitions: int | None = msgspec.field(default=None, name="leaseTransitions")


class _Lease(msgspec.Struct):
    metadata: _Metadata
    spec: _Spec | None = None


class KubeLeaseApi:
    """A `LeaseApi` that needs the verbs get, create and update on leases in its namespace.

    A ``client`` of its own, since its thread is not that of the reports: reading credentials anew is for one at a time.
    """

    def __init__(self, client: ApiClient, namespace: str, *, call_seconds: float, name: str = LEASE_NAME) -> None:
        self.name = f"Lease {name} in namespace {namespace}"
        self._client = client
        self._host: str = client.configuration.host.rstrip("/")
        self._place = Place("leases", namespace, name, api=f"/apis/{_GROUP}")
        self._labels = {MANAGED_BY_LABEL: MANAGER}
        self._seconds = call_seconds

    def read(self) -> StoredLease | None:
        try:
            data = self._call("GET", "get", self._place)
        except Missing:
            return None
        try:
            document = msgspec.json.decode(data, type=dict[str, Any])
            lease = msgspec.convert(document, _Lease)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise SourceUnavailable(
                f"The API server {self._host} answered to get {self._place} what is no Lease: {error};"
                " check that its address is that of an API server"
            ) from error
        return StoredLease(_record(lease.spec or _Spec()), lease.metadata.version, document["metadata"])

    def create(self, record: LeaseRecord) -> None:
        metadata = {"name": self._place.name, "namespace": self._place.namespace, "labels": self._labels}
        self._call("POST", "create", replace(self._place, name=None), _document(metadata, record))

    def replace(self, stored: StoredLease, record: LeaseRecord) -> None:
        # With its uid, without which the API server would create anew what was deleted meanwhile.
        self._call("PUT", "update", self._place, _document(stored.metadata, record))

    def _call(self, method: str, verb: str, place: Place, body: Mapping[str, Any] | None = None) -> bytes:
        deadline = time.monotonic() + self._seconds
        headers = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": MANAGER}
        try:
            self._client.update_params_for_auth(headers, [], ["BearerToken"], place.path, method, None)
            response = self._client.rest_client.pool_manager.request(
                method,
                f"{self._host}{place.path}" + ("" if body is None else f"?fieldManager={MANAGER}"),
                body=None if body is None else msgspec.json.encode(body),
                headers=headers,
                timeout=Timeout(total=self._seconds),
                retries=False,
                preload_content=False,
            )
            with closing(response):
                data = read_whole(response.read1, most=_MOST_ANSWER_BYTES, deadline=deadline)
        except (HTTPError, OSError, ConfigException) as error:
            cause = plain(str(error), _MOST_CAUSE_CHARACTERS) or type(error).__name__
            raise SourceUnavailable(
                f"The API server {self._host} cannot be asked to {verb} {self._place}: {cause};"
                " check its address, the network and its certificate"
            ) from error
        if len(data) > _MOST_ANSWER_BYTES:
            raise SourceUnavailable(
                f"The API server {self._host} sent more than {_MOST_ANSWER_BYTES} bytes for {self._place};"
                " check that its address is that of an API server"
            )
        if response.status >= 300:
            raise_for(response.status, data, str(self._place), verb, self._host)
        return data


def _record(spec: _Spec) -> LeaseRecord:
    return LeaseRecord(
        holder=spec.holder or "",
        duration=spec.duration,
        acquired=spec.acquired or "",
        renewed=spec.renewed or "",
        transitions=max(0, spec.transitions or 0),
    )


def _document(metadata: Mapping[str, Any], record: LeaseRecord) -> dict[str, Any]:
    return {
        "apiVersion": _GROUP,
        "kind": "Lease",
        "metadata": metadata,
        "spec": {
            "holderIdentity": record.holder,
            "leaseDurationSeconds": record.duration,
            "acquireTime": record.acquired,
            "renewTime": record.renewed,
            "leaseTransitions": record.transitions,
        },
    }

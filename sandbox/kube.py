"""A thin, fast client for loading objects: JSON in, JSON out, connections kept."""

import base64
import json
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import urllib3
import yaml

from gpucost.model.errors import Conflict, Refused, SourceUnavailable

Object = Mapping[str, Any]
"""A Kubernetes object as its API returns it."""

CONNECTIONS = 8
"""At once; the API server gains nothing from more."""

_TIMEOUT = urllib3.Timeout(connect=3.0, read=30.0)


class NotFound(Refused):
    """There is no such object."""


class KubeClient:
    """Every method raises Conflict (409), NotFound, Refused (other 4xx) or SourceUnavailable (5xx, 429, no answer)."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        self._url = url
        self._pool = urllib3.PoolManager(ssl_context=context, maxsize=CONNECTIONS, timeout=_TIMEOUT, retries=False)

    @classmethod
    def from_kubeconfig(cls, path: Path) -> Self:
        """For a kubeconfig that carries its certificates, as the sandbox writes it."""
        config = yaml.safe_load(path.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        context = ssl.create_default_context(cadata=_decoded(cluster["certificate-authority-data"]))
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as pem:  # ssl reads client keys from files only
            pem.write(_decoded(user["client-certificate-data"]) + _decoded(user["client-key-data"]))
            pem.flush()
            context.load_cert_chain(pem.name)
        return cls(cluster["server"], context)

    def get(self, path: str) -> Any:
        return self._send("GET", path)

    def create(self, object_: Object) -> Any:
        return self._send("POST", collection_of(object_), object_)

    def patch(self, path: str, changes: Object) -> Any:
        """A merge patch."""
        return self._send("PATCH", path, changes, "application/merge-patch+json")

    def delete(self, path: str) -> Any:
        """At once: there is no kubelet that would end a pod in its grace period."""
        options = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
        return self._send("DELETE", path, options)

    def close(self) -> None:
        self._pool.clear()

    def _send(self, method: str, path: str, body: Object | None = None, content: str = "application/json") -> Any:
        try:
            answer = self._pool.request(
                method,
                self._url + path,
                body=None if body is None else json.dumps(body).encode(),
                headers={"Accept": "application/json", "Content-Type": content},
            )
        except urllib3.exceptions.HTTPError as error:
            raise SourceUnavailable(f"{method} {path}: {self._url} does not answer ({error})") from error
        if answer.status >= 400:
            raise _error(answer.status, f"{method} {path}: {_reason(answer)}")
        return json.loads(answer.data) if answer.headers.get("Content-Type") == "application/json" else None


def collection_of(object_: Object) -> str:
    """Path of the collection that ``object_`` belongs to; only for kinds whose plural is formed with an s."""
    version, namespace = object_["apiVersion"], object_["metadata"].get("namespace")
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{inside}/{object_['kind'].lower()}s"


def path_of(object_: Object) -> str:
    return f"{collection_of(object_)}/{object_['metadata']['name']}"


def _error(status: int, message: str) -> Conflict | Refused | SourceUnavailable:
    if status == 409:
        return Conflict(message)
    if status >= 500 or status == 429:
        return SourceUnavailable(message)
    return NotFound(message) if status == 404 else Refused(message)


def _reason(answer: urllib3.BaseHTTPResponse) -> str:
    try:
        return f"{answer.status} {json.loads(answer.data)['message']}"
    except (ValueError, KeyError, TypeError):
        return f"{answer.status} {answer.data[:200]!r}"


def _decoded(data: str) -> str:
    return base64.b64decode(data).decode()

"""Shows a fleet in an API server: what a snapshot has is created, what it no longer has is deleted.

The server stamps every UID and creation time itself, so references between objects are rewritten to its UIDs, and
the fleet's past lies in status times alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from gpucost.model.errors import Conflict
from sandbox.kube import CONNECTIONS, KubeClient, NotFound, Object, path_of

_STAMPED = frozenset(
    {"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink", "deletionTimestamp"}
)
_STAYING = frozenset({"Namespace", "ServiceAccount"})
"""Never deleted, and without a status that anybody would miss."""


class KubernetesObjects(Protocol):
    """One moment of a fleet: objects as the API returns them, with UIDs that refer to one another."""

    @property
    def namespaces(self) -> Sequence[Object]: ...
    @property
    def nodes(self) -> Sequence[Object]: ...
    @property
    def owners(self) -> Sequence[Object]: ...
    @property
    def pods(self) -> Sequence[Object]: ...


@dataclass(slots=True)
class _Shown:
    object: Object
    uid: str
    """The server's."""


@dataclass(slots=True)
class Stage:
    """What one fleet has put into one API server. One thread at a time."""

    client: KubeClient
    _shown: dict[str, _Shown] = field(default_factory=dict)
    """By path of the object."""

    def show(self, objects: KubernetesObjects) -> None:
        """Makes the API server show exactly ``objects`` of this fleet; namespaces stay for good.

        After an error the next call goes on where this one stopped. Raises as `KubeClient` does.
        """
        batches = list(_batches(objects))
        wanted = {path_of(each): each for batch in batches for each in batch}
        self._together(self._delete, [path for path in self._shown if self._is_gone(path, wanted)])
        for batch in batches:
            self._together(self._create, [each for each in batch if path_of(each) not in self._shown])
        self._together(self._update, [each for path, each in wanted.items() if self._has_changed(path, each)])

    def uids(self, kind: str) -> Mapping[tuple[str, str], str]:
        """(namespace, name) to the server's UID; the namespace of a node is empty."""
        shown = [each for each in self._shown.values() if each.object["kind"] == kind]
        return {_key(each.object["metadata"]): each.uid for each in shown}

    def _is_gone(self, path: str, wanted: Mapping[str, Object]) -> bool:
        shown = self._shown[path].object
        if path not in wanted:
            return bool(shown["kind"] not in _STAYING)
        return _uid(shown) != _uid(wanted[path])

    def _has_changed(self, path: str, wanted: Object) -> bool:
        return bool(self._shown[path].object.get("status") != wanted.get("status"))

    def _create(self, wanted: Object) -> None:
        try:
            made = self.client.create(self._prepared(wanted))
        except Conflict:  # a namespace of every cluster, or made by a call whose answer was lost
            made = self.client.patch(path_of(wanted), {"metadata": {"labels": wanted["metadata"].get("labels")}})
        if wanted["kind"] == "Node":
            self._untaint(wanted, made)
        elif wanted.get("status") and wanted["kind"] not in _STAYING:
            self._write_status(wanted)
        self._shown[path_of(wanted)] = _Shown(wanted, made["metadata"]["uid"])

    def _untaint(self, wanted: Object, made: Object) -> None:
        """Admission taints every new node as not ready, and here nothing takes that off again."""
        taints = wanted.get("spec", {}).get("taints")
        if made["spec"].get("taints") != taints:
            self.client.patch(path_of(wanted), {"spec": {"taints": taints}})

    def _update(self, wanted: Object) -> None:
        self._write_status(wanted)
        self._shown[path_of(wanted)].object = wanted

    def _write_status(self, wanted: Object) -> None:
        self.client.patch(f"{path_of(wanted)}/status", {"status": _acceptable_status(wanted)})

    def _delete(self, path: str) -> None:
        with suppress(NotFound):
            self.client.delete(path)
        del self._shown[path]

    def _prepared(self, wanted: Object) -> dict[str, Any]:
        """``wanted`` as the server takes it for a new object."""
        body = {key: value for key, value in wanted.items() if key != "status" or wanted["kind"] == "Node"}
        body["metadata"] = {key: value for key, value in wanted["metadata"].items() if key not in _STAMPED}
        if references := body["metadata"].get("ownerReferences"):
            real = {_uid(each.object): each.uid for each in list(self._shown.values())}
            body["metadata"]["ownerReferences"] = [
                {**reference, "uid": real.get(reference["uid"], reference["uid"])} for reference in references
            ]
        return body

    def _together(self, act: Callable[[Any], None], items: Sequence[Any]) -> None:
        if items:
            with ThreadPoolExecutor(CONNECTIONS) as pool:
                list(pool.map(act, items))


def _batches(objects: KubernetesObjects) -> Iterator[Sequence[Object]]:
    """What needs an object comes after it: a pod on a node that does not exist is collected, for one."""
    yield objects.namespaces
    yield [_account(namespace["metadata"]["name"]) for namespace in objects.namespaces]
    yield objects.nodes
    yield [owner for owner in objects.owners if not owner["metadata"].get("ownerReferences")]
    yield [owner for owner in objects.owners if owner["metadata"].get("ownerReferences")]
    yield objects.pods


def _account(namespace: str) -> Object:
    """Pods are refused until it is there; its controller would take seconds."""
    metadata = {"name": "default", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def _acceptable_status(wanted: Object) -> Mapping[str, Any]:
    """The server decides a pod's QoS class, and since 1.31 takes a Job as complete only where its criteria are met."""
    status = {key: value for key, value in wanted["status"].items() if key != "qosClass"}
    conditions = {condition["type"]: condition for condition in status.get("conditions", [])}
    if wanted["kind"] == "Job" and "Complete" in conditions:
        met = {**conditions["Complete"], "type": "SuccessCriteriaMet"}
        status["conditions"] = list(({"SuccessCriteriaMet": met} | conditions).values())
    return status


def _uid(object_: Object) -> str:
    return str(object_["metadata"].get("uid", ""))


def _key(metadata: Mapping[str, str]) -> tuple[str, str]:
    return metadata.get("namespace", ""), metadata["name"]

"""A cluster from saved files: what ``kubectl get nodes,pods,namespaces -A -o json`` printed."""

from collections.abc import Callable, Hashable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from gpucost.cluster.decode import Decoded, decode_cluster_uid, decode_namespaces, decode_nodes, decode_pods
from gpucost.cluster.resources import GpuResources
from gpucost.model.errors import ConfigurationError, InputError
from gpucost.model.fleet import Cluster, Node

MOST_FILE_BYTES = 4 * 1024**3

T = TypeVar("T")


class ClusterFiles:
    """A `ClusterSource` over a folder with ``nodes.json``, ``pods.json`` and perhaps ``namespaces.json``."""

    def __init__(self, folder: Path, *, seen_at: datetime, resources: GpuResources | None = None) -> None:
        self._folder = folder
        self._seen_at = seen_at
        self._resources = resources or GpuResources()
        self.problems: tuple[str, ...] = ()
        """What the last look had to leave out, a sentence each."""

    def read(self) -> Cluster:
        """Raises ConfigurationError where a file is missing, InputError where one cannot be understood."""
        nodes = self.read_nodes()
        pods = self._read("pods", lambda data: decode_pods(data, self._resources))
        problems = [*nodes.problems, *pods.problems]
        namespaces: Decoded[tuple[str, dict[str, str]]] = Decoded(())
        uid = ""
        if self._path("namespaces").exists():
            found = self._read("namespaces", decode_namespaces)
            problems += found.problems
            namespaces = Decoded(tuple((name, dict(labels)) for name, labels in found.objects))
            uid = self._read("namespaces", decode_cluster_uid)
        else:
            problems.append(
                f"{self._path('namespaces')} is missing, so labels of namespaces are not known and pods without labels"
                ' of their own are unassigned; save it with "kubectl get namespaces -A -o json > namespaces.json"'
            )
        cluster = Cluster(
            seen_at=self._seen_at,
            nodes=nodes.objects,
            pods=_once(pods.objects, lambda pod: pod.uid, "Pod with uid", problems),
            namespaces=dict(namespaces.objects),
            uid=uid,
        )
        self.problems = tuple(problems)
        return cluster

    def read_nodes(self) -> Decoded[Node]:
        """The nodes alone. Raises as `read`, whose problems stay."""
        if not self._folder.is_dir():
            raise ConfigurationError(
                f"The cluster folder {self._folder} does not exist; save nodes.json and pods.json in it"
            )
        found = self._read("nodes", lambda data: decode_nodes(data, self._resources))
        problems = list(found.problems)
        return Decoded(_once(found.objects, lambda node: node.name, "Node", problems), tuple(problems))

    def _path(self, plural: str) -> Path:
        return self._folder / f"{plural}.json"

    def _read(self, plural: str, decode: Callable[[bytes], T]) -> T:
        path = self._path(plural)
        remedy = f'save it again with "kubectl get {plural} -A -o json > {path.name}"'
        try:
            if path.stat().st_size > MOST_FILE_BYTES:
                raise InputError(f"{path} is larger than {MOST_FILE_BYTES} bytes; {remedy}")
            return decode(path.read_bytes())
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be read: {error.strerror}; {remedy}") from error
        except InputError as error:
            raise InputError(f"{path} cannot be understood: {error}; {remedy}") from error


def _once(objects: Iterable[T], identity: Callable[[T], Hashable], kind: str, problems: list[str]) -> tuple[T, ...]:
    """Files put together by hand may repeat an object, which must not be billed twice."""
    first: dict[Hashable, T] = {}
    for entry in objects:
        key = identity(entry)
        if key in first:
            problems.append(f"{kind} {key} is listed more than once; the first one counts")
        first.setdefault(key, entry)
    return tuple(first.values())

"""Pages of Kubernetes JSON into the shared types; what cannot be read is told, object by object."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from gpucost.cluster.nodes import node_from
from gpucost.cluster.objects import NamespaceObject, NodeObject, Page, PodObject, RawPage
from gpucost.cluster.pods import pod_from
from gpucost.cluster.resources import GpuResources
from gpucost.model.errors import InputError
from gpucost.model.fleet import Node, Pod

T = TypeVar("T")
S = TypeVar("S", NodeObject, PodObject, NamespaceObject)

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_MOST_WORDS = 200
_OF_EVERY_CLUSTER = "kube-system"


@dataclass(frozen=True, slots=True)
class Decoded(Generic[T]):
    """What one page holds, and what of it could not be read."""

    objects: tuple[T, ...]
    problems: tuple[str, ...] = ()
    """One sentence for every object or field that was left out."""
    next_page: str = ""
    """Empty: this is the last page."""


@dataclass(frozen=True, slots=True)
class _Reader(Generic[S]):
    kind: str
    page: msgspec.json.Decoder[Page[S]]
    item: msgspec.json.Decoder[S]


_RAW_PAGE = msgspec.json.Decoder(RawPage)
_NODES = _Reader("Node", msgspec.json.Decoder(Page[NodeObject]), msgspec.json.Decoder(NodeObject))
_PODS = _Reader("Pod", msgspec.json.Decoder(Page[PodObject]), msgspec.json.Decoder(PodObject))
_NAMESPACES = _Reader("Namespace", msgspec.json.Decoder(Page[NamespaceObject]), msgspec.json.Decoder(NamespaceObject))


def decode_nodes(data: bytes, resources: GpuResources) -> Decoded[Node]:
    """Raises InputError where ``data`` is no list of nodes."""
    return _decode(data, _NODES, lambda item, problems: node_from(item, resources, problems))


def decode_pods(data: bytes, resources: GpuResources) -> Decoded[Pod]:
    """The bound pods that request a GPU; the others are left out.

    Raises InputError where ``data`` is no list of pods.
    """
    return _decode(data, _PODS, lambda item, _problems: pod_from(item, resources))


def decode_namespaces(data: bytes) -> Decoded[tuple[str, Mapping[str, str]]]:
    """Names and labels.

    Raises InputError where ``data`` is no list of namespaces.
    """
    return _decode(data, _NAMESPACES, lambda item, _problems: (item.metadata.name, item.metadata.labels or {}))


def decode_cluster_uid(data: bytes) -> str:
    """What tells the cluster from others, of a page of namespaces: the UID of ``kube-system``, which each has.

    Empty where it is not on the page.
    """
    items, *_ = _read_page(data, _NAMESPACES)
    return next((item.metadata.uid for item in items if item.metadata.name == _OF_EVERY_CLUSTER), "")


def _decode(data: bytes, reader: _Reader[S], convert: Callable[[S, list[str]], T | None]) -> Decoded[T]:
    items, kind, token, problems = _read_page(data, reader)
    stranger = next((item.kind for item in items if item.kind not in ("", reader.kind)), None)
    if stranger is not None:
        raise InputError(f"it holds an object of kind {stranger} where every object must be a {reader.kind}")
    if kind not in ("", "List", f"{reader.kind}List"):
        raise InputError(f"its kind is {kind}, not List or {reader.kind}List")
    objects: list[T] = []
    for item in items:
        try:
            converted = convert(item, problems)
        except (ValueError, OverflowError) as error:
            problems.append(f"{reader.kind} {_name_of(item)} is left out: {error}")
            continue
        if converted is not None:
            objects.append(converted)
    return Decoded(tuple(objects), tuple(problems), token)


def _read_page(data: bytes, reader: _Reader[S]) -> tuple[list[S], str, str, list[str]]:
    """Decodes in one go; only a page with a bad object is read a second time, object by object."""
    try:
        page = reader.page.decode(data)
    except _UNREADABLE:
        return _read_page_slowly(data, reader)
    return page.items or [], page.kind, page.metadata.continue_at, []


def _read_page_slowly(data: bytes, reader: _Reader[S]) -> tuple[list[S], str, str, list[str]]:
    try:
        page = _RAW_PAGE.decode(data)
    except _UNREADABLE as error:
        raise InputError(f"it is no JSON list of Kubernetes objects: {_words(error)}") from error
    items: list[S] = []
    problems: list[str] = []
    for number, raw in enumerate(page.items or (), start=1):
        try:
            items.append(reader.item.decode(raw))
        except _UNREADABLE as error:
            problems.append(f"{reader.kind} number {number} of a list is left out: {_words(error)}")
    return items, page.kind, page.metadata.continue_at, problems


def _name_of(item: NodeObject | PodObject | NamespaceObject) -> str:
    namespace, name = item.metadata.namespace, item.metadata.name
    return f"{namespace}/{name}" if namespace else name


def _words(error: Exception) -> str:
    return str(error)[:_MOST_WORDS] or type(error).__name__

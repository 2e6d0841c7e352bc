"""What of a GPU node decides its figures, as plain texts: so it can be told, and the node be made of it again."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from gpucost.model.fleet import INSTANCE_TYPE_LABELS, Node

LABEL, ANNOTATION, CAPACITY, STATE = "label", "annotation", "capacity", "state"
"""Kinds of details; a capacity is a count of an extended resource."""

_CPUS, _MEMORY_GIB, _READY, _SCHEDULABLE = "cpus", "memoryGib", "ready", "schedulable"
_OF_CARDS = re.compile(
    r"nvidia\.com/(?:(?:gpu|mig-[^/]+)\.(?:count|memory|present|product|replicas|sharing-strategy)"
    r"|mig\.strategy|mig\.config\.state|mps\.capable)"
)
"""Labels that `gpucost.model.cards`, `gpucost.model.sharing` and ``gpucost.matching`` look at."""
_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
_MOST_COUNT_DIGITS = 6
_MOST_KEY, _MOST_TEXT = 317, 64


@dataclass(frozen=True, slots=True, order=True)
class Detail:
    kind: str
    key: str
    value: str


def details_of(node: Node, *, labels: Collection[str], annotations: Collection[str]) -> Iterator[Detail]:
    """``labels`` and ``annotations``: keys of those that matter beside the labels about cards and instance type."""
    for key, value in node.labels.items():
        if key in labels or key in INSTANCE_TYPE_LABELS or _OF_CARDS.fullmatch(key):
            yield Detail(LABEL, key, value)
    for key in annotations:
        if key in node.annotations:
            yield Detail(ANNOTATION, key, node.annotations[key].strip()[:_MOST_TEXT])
    for resource, count in node.capacity.items():
        yield Detail(CAPACITY, resource, str(count))
    yield Detail(STATE, _CPUS, repr(float(node.cpus)))
    yield Detail(STATE, _MEMORY_GIB, repr(float(node.memory_gib)))
    yield Detail(STATE, _READY, _word(node.ready))
    yield Detail(STATE, _SCHEDULABLE, _word(node.schedulable))


def node_of(
    details: Iterable[Detail], *, name: str, uid: str, created: datetime, last_seen: datetime, ended: datetime
) -> Node:
    """The node as far as its figures rest on it; a detail that cannot be one is left out."""
    told: dict[str, dict[str, str]] = {LABEL: {}, ANNOTATION: {}, CAPACITY: {}, STATE: {}}
    for detail in details:
        if detail.kind in told and len(detail.key) <= _MOST_KEY and len(detail.value) <= _MOST_TEXT:
            told[detail.kind][detail.key] = detail.value
    state = told[STATE]
    return Node(
        name=name,
        uid=uid,
        created=created,
        labels={key: value for key, value in told[LABEL].items() if _LABEL_VALUE.fullmatch(value)},
        annotations=told[ANNOTATION],
        capacity=dict(_counts(told[CAPACITY])),
        cpus=_amount(state.get(_CPUS, "")),
        memory_gib=_amount(state.get(_MEMORY_GIB, "")),
        ready=state.get(_READY) != _word(False),
        schedulable=state.get(_SCHEDULABLE) != _word(False),
        last_seen=last_seen,
        ended=ended,
    )


def _counts(told: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    for resource, text in told.items():
        if text.isascii() and text.isdecimal() and len(text) <= _MOST_COUNT_DIGITS:
            yield resource, int(text)


def _amount(text: str) -> float:
    """0, which is not told, where it is no amount."""
    try:
        amount = float(text)
    except ValueError:
        return 0.0
    return amount if isfinite(amount) and amount > 0 else 0.0


def _word(truth: bool) -> str:
    return "true" if truth else "false"

"""Labels of one GPU series, in every spelling that is about, and what they say.

Spellings differ by the exporter's version (``Hostname``, ``hostname``), its flags (``UUID``, ``uuid``; ``pod``,
``pod_name``), the scrape configuration (``pod``, ``exported_pod``) and the vendor (``GPU_I_ID``, ``gpu_i_id``).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from gpucost.model.usage import Bools, Device, Floats, Indices, NamedHolder

_EXPORTER_CONTAINERS = frozenset({"nvidia-dcgm-exporter", "dcgm-exporter", "exporter"})
_EXPORTER_POD = "dcgm-exporter"
_DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")
_LONGEST_LABEL = 63
_LONGEST_SUBDOMAIN = 253


class SeriesLabels(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """The labels that are read; queries group by exactly these. Absent and empty are the same: ``""``."""

    job: str = ""
    instance: str = ""
    service: str = ""
    endpoint: str = ""
    replica: str = ""
    prometheus_replica: str = ""
    node: str = ""
    UUID: str = ""
    uuid: str = ""
    Hostname: str = ""
    hostname: str = ""
    GPU_I_ID: str = ""
    gpu_i_id: str = ""
    GPU_I_PROFILE: str = ""
    gpu_i_profile: str = ""
    model: str = msgspec.field(default="", name="modelName")
    model_lower: str = msgspec.field(default="", name="modelname")
    exported_namespace: str = ""
    exported_pod: str = ""
    exported_container: str = ""
    namespace: str = ""
    pod: str = ""
    container: str = ""
    pod_namespace: str = ""
    pod_name: str = ""
    container_name: str = ""
    pod_uid: str = ""

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> "SeriesLabels":
        """From labels as Prometheus stores them; others are ignored."""
        return msgspec.convert(labels, cls)


LABEL_NAMES = tuple(entry.encode_name for entry in msgspec.structs.fields(SeriesLabels))


@dataclass(frozen=True, kw_only=True)
class MetricAnswer:
    """One metric over some windows. Axes: s series, w windows."""

    labels: tuple[SeriesLabels, ...]
    """(s,) no two alike."""
    sums: Floats
    """(s, w) sum of the samples in the window, in the metric's unit; NaN where one of them was no number."""
    counts: Floats
    """(s, w) samples in the window; 0: none, and the sum means nothing."""

    @classmethod
    def of(cls, labels: Sequence[Mapping[str, str]], sums: ArrayLike, counts: ArrayLike) -> "MetricAnswer":
        """From series as Prometheus stores them: those alike in all labels that are read become one.

        ``sums`` and ``counts`` are (s, w), in the order of ``labels``.
        """
        rows: dict[SeriesLabels, int] = {}
        codes = (rows.setdefault(SeriesLabels.of(series), len(rows)) for series in labels)
        row = np.fromiter(codes, dtype=np.intp)
        seen = np.asarray(counts, dtype=np.float64)
        known_sums = np.where(seen > 0, np.asarray(sums, dtype=np.float64), 0.0)
        return cls(labels=tuple(rows), sums=add_rows(known_sums, row, len(rows)), counts=add_rows(seen, row, len(rows)))

    def within(self, windows: slice) -> "MetricAnswer":
        """The same of some of the windows."""
        return MetricAnswer(labels=self.labels, sums=self.sums[:, windows], counts=self.counts[:, windows])


def add_rows(values: Floats, row: Indices, size: int) -> Floats:
    """(size, w): every line of ``values`` (s, w) added to line ``row`` (s,) of the result."""
    return _gather(np.add, values, row, size)


def max_rows(values: Floats, row: Indices, size: int) -> Floats:
    """(size, w): the largest of the lines of ``values`` (s, w) that have this ``row`` (s,); 0 where there is none."""
    return _gather(np.maximum, values, row, size)


def _gather(by: np.ufunc, values: Floats, row: Indices, size: int) -> Floats:
    result = np.zeros((size, values.shape[1]))
    order = np.argsort(row, kind="stable")
    first = np.flatnonzero(np.diff(row[order], prepend=-1))
    result[row[order[first]]] = by.reduceat(values[order], first, axis=0)
    return result


class Source(NamedTuple):
    """One scrape configuration of one Prometheus, so one scrape interval."""

    job: str
    service: str = ""
    endpoint: str = ""
    replica: str = ""


@dataclass(frozen=True, slots=True)
class SeriesMeaning:
    """What a series is about. Where it was scraped (source and instance) is no part of the device's identity."""

    source: Source
    instance: str
    device: Device
    holder: NamedHolder | None
    """None: the device named nobody."""

    @property
    def place(self) -> tuple[str, str, str]:
        """Node, UUID and GPU instance: what several sources may tell of at the same time."""
        return self.device.node, self.device.uuid, self.device.gpu_instance_id


def jobs_with_target_pods(answers: Iterable[MetricAnswer], windows: int) -> list[frozenset[str]]:
    """By window, jobs whose scrape configuration puts the exporter's own pod into ``pod``: holders are exported_pod."""
    seen: dict[str, Bools] = defaultdict(lambda: np.zeros(windows, dtype=np.bool_))
    for answer in answers:
        rows: dict[str, list[int]] = defaultdict(list)
        for row, labels in enumerate(answer.labels):
            if labels.exported_pod:
                rows[labels.job].append(row)
        for job, of_job in rows.items():
            seen[job] |= (answer.counts[of_job] > 0).any(axis=0)
    return [frozenset(job for job, when in seen.items() if when[window]) for window in range(windows)]


def meaning_of(labels: SeriesLabels, jobs_with_target_pods: frozenset[str]) -> SeriesMeaning | None:
    """None where the series names no GPU."""
    uuid = labels.UUID or labels.uuid
    if not uuid:
        return None
    device = Device(
        node=_node_of(labels),
        uuid=uuid,
        gpu_instance_id=labels.GPU_I_ID or labels.gpu_i_id,
        profile=labels.GPU_I_PROFILE or labels.gpu_i_profile,
        model=labels.model or labels.model_lower,
    )
    return SeriesMeaning(_source_of(labels), labels.instance, device, _holder_of(labels, jobs_with_target_pods))


def _source_of(labels: SeriesLabels) -> Source:
    """A service without an endpoint is not the scrape's: some exporters add the labels of the holder."""
    service = labels.service if labels.endpoint else ""
    return Source(labels.job, service, labels.endpoint, labels.replica or labels.prometheus_replica)


def _node_of(labels: SeriesLabels) -> str:
    hostname = labels.Hostname or labels.hostname
    if not hostname or _EXPORTER_POD in hostname:  # without NODE_NAME the exporter prints the name of its own pod
        return labels.node or hostname
    return hostname


def _holder_of(labels: SeriesLabels, jobs_with_target_pods: frozenset[str]) -> NamedHolder | None:
    """An exporter prints pod, namespace and container together; each is renamed only where the target has it too."""
    if labels.pod_name:
        names = labels.pod_namespace, labels.pod_name, labels.container_name
    elif labels.exported_pod:
        names = (
            labels.exported_namespace or labels.namespace,
            labels.exported_pod,
            labels.exported_container or labels.container,
        )
    elif labels.job in jobs_with_target_pods or labels.container in _EXPORTER_CONTAINERS:
        return None
    else:
        names = (
            labels.exported_namespace or labels.namespace,
            labels.pod,
            labels.exported_container or labels.container,
        )
    namespace, pod, container = names
    if _EXPORTER_POD in pod or not _can_exist(*names):  # an exporter that may see every device names itself as a holder
        return None
    return NamedHolder(namespace, pod, container, labels.pod_uid)


def _can_exist(namespace: str, pod: str, container: str) -> bool:
    """Whether Kubernetes allows such names; some exporters print no container."""
    return (
        _is_label(namespace)
        and len(pod) <= _LONGEST_SUBDOMAIN
        and all(_DNS_LABEL.fullmatch(part) for part in pod.split("."))
        and (not container or _is_label(container))
    )


def _is_label(name: str) -> bool:
    return len(name) <= _LONGEST_LABEL and _DNS_LABEL.fullmatch(name) is not None

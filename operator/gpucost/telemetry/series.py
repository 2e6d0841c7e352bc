"""Labels of one GPU series, in every spelling that is about, and what they say.

Spellings differ by the exporter's version (``Hostname``, ``hostname``), its flags (``UUID``, ``uuid``; ``pod``,
``pod_name``), the scrape configuration (``pod``, ``exported_pod``) and the vendor (``GPU_I_ID``, ``gpu_i_id``).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    vgpu: str = ""
    hpc_job: str = ""

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> "SeriesLabels":
        """From labels as Prometheus stores them; others are ignored."""
        return msgspec.convert(labels, cls)


UUID_LABELS = ("UUID", "uuid")
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
    measured: Floats | None = None
    """(s, w) samples that the sum is of; None: all."""
    dropped: Mapping[str, Floats] = field(default_factory=dict)
    """Reason to (w,) samples that the sum is without."""

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
        return MetricAnswer(
            labels=self.labels,
            sums=self.sums[:, windows],
            counts=self.counts[:, windows],
            measured=None if self.measured is None else self.measured[:, windows],
            dropped={reason: samples[windows] for reason, samples in self.dropped.items()},
        )


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
    if first.size == row.size:
        result[row] = values
        return result
    result[row[order[first]]] = by.reduceat(values[order], first, axis=0)
    return result


class Source(NamedTuple):
    """One scrape configuration of one Prometheus, so one scrape interval."""

    job: str
    service: str = ""
    endpoint: str = ""
    replica: str = ""


Lane = tuple[str, str]
"""Slot of a shared device, and batch job: exporters copy what a device did to each of them."""

Exporters = Mapping[tuple[str, str], str]
"""Namespace and name of an exporter's pod to its node."""


@dataclass(frozen=True, slots=True)
class SeriesMeaning:
    """What a series is about. Where it was scraped (source and instance) is no part of the device's identity."""

    source: Source
    instance: str
    device: Device
    holder: NamedHolder | None
    """None: the device named nobody."""
    lane: Lane | None = None
    """Series of one lane of a device are never seen at one scrape, those of two may be; None: such as name nobody, so
    that no other is seen then."""
    is_impossible: bool = False
    """It names what cannot be a pod, and so nobody."""

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


def meaning_of(
    labels: SeriesLabels, jobs_with_target_pods: frozenset[str], exporters: Exporters | None = None
) -> SeriesMeaning | None:
    """None where the series names no GPU."""
    uuid = labels.UUID or labels.uuid
    if not uuid:
        return None
    device = Device(
        node=_node_of(labels, jobs_with_target_pods, exporters or {}),
        uuid=uuid,
        gpu_instance_id=labels.GPU_I_ID or labels.gpu_i_id,
        profile=labels.GPU_I_PROFILE or labels.gpu_i_profile,
        model=labels.model or labels.model_lower,
    )
    return _named(labels, jobs_with_target_pods, device)


def exporter_of(labels: SeriesLabels, jobs_with_target_pods: frozenset[str]) -> tuple[str, str] | None:
    """Namespace and pod of the exporter that printed a series which does not say its node; None: it says, or nothing
    tells. The namespace is empty where only the pod is known.
    """
    if labels.node or not (labels.UUID or labels.uuid):
        return None
    hostname = labels.Hostname or labels.hostname
    target = labels.pod if _is_target_pod(labels, jobs_with_target_pods) else ""
    if not hostname:
        return (labels.namespace, target) if target else None
    if not _is_exporter_pod(hostname, target):
        return None
    return labels.namespace if hostname == target else "", hostname


def exporters_to_find(answers: Iterable[MetricAnswer]) -> set[tuple[str, str]]:
    """Namespace and pod of all exporters that do not say on which node they are."""
    series = {labels for answer in answers for labels in answer.labels if not labels.node}
    jobs = frozenset(labels.job for labels in series if labels.exported_pod)
    return {exporter for labels in series if (exporter := exporter_of(labels, jobs))}


def _source_of(labels: SeriesLabels) -> Source:
    """A service without an endpoint is not the scrape's: some exporters add the labels of the holder."""
    service = labels.service if labels.endpoint else ""
    return Source(labels.job, service, labels.endpoint, labels.replica or labels.prometheus_replica)


def _node_of(labels: SeriesLabels, jobs_with_target_pods: frozenset[str], exporters: Exporters) -> str:
    hostname = labels.Hostname or labels.hostname
    if hostname and not _is_exporter_pod(hostname, labels.pod):
        return hostname
    if labels.node:
        return labels.node
    exporter = exporter_of(labels, jobs_with_target_pods)
    return exporters.get(exporter, hostname) if exporter else hostname


def _is_exporter_pod(hostname: str, target: str) -> bool:
    """Without NODE_NAME the exporter prints the name of its own pod for that of the node."""
    return _EXPORTER_POD in hostname or hostname == target


def _is_target_pod(labels: SeriesLabels, jobs_with_target_pods: frozenset[str]) -> bool:
    """Whether ``pod`` is the exporter's own."""
    return (
        bool(labels.exported_pod or labels.pod_name)
        or labels.job in jobs_with_target_pods
        or labels.container in _EXPORTER_CONTAINERS
        or _EXPORTER_POD in labels.pod
    )


def _named(labels: SeriesLabels, jobs_with_target_pods: frozenset[str], device: Device) -> SeriesMeaning:
    """An exporter prints pod, namespace and container together; each is renamed only where the target has it too."""
    source, copy = _source_of(labels), (labels.vgpu, labels.hpc_job)
    nobody = SeriesMeaning(source, labels.instance, device, None, copy if any(copy) else None)
    if labels.pod_name:
        names = labels.pod_namespace, labels.pod_name, labels.container_name
    elif not labels.exported_pod and _is_target_pod(labels, jobs_with_target_pods):
        return nobody
    else:
        names = (
            labels.exported_namespace or labels.namespace,
            labels.exported_pod or labels.pod,
            labels.exported_container or labels.container,
        )
    if not names[1]:
        return nobody
    if _EXPORTER_POD in names[1]:  # one that may see every device names itself beside those who hold it
        return replace(nobody, lane=(labels.vgpu, _EXPORTER_POD))
    if not _can_exist(*names):
        return replace(nobody, is_impossible=True)
    return SeriesMeaning(source, labels.instance, device, NamedHolder(*names, labels.pod_uid), copy)


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

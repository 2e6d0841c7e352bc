"""Labels of one GPU series, in every spelling that is about, and what they say.

Spellings differ by the exporter's version (``Hostname``, ``hostname``), its flags (``UUID``, ``uuid``; ``pod``,
``pod_name``), the scrape configuration (``pod``, ``exported_pod``) and the vendor (``GPU_I_ID``, ``gpu_i_id``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from gpucost.model.usage import Device, Floats, Indices, NamedHolder

_EXPORTER_CONTAINERS = frozenset({"nvidia-dcgm-exporter", "dcgm-exporter", "exporter"})
_EXPORTER_POD = "dcgm-exporter"


class SeriesLabels(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """The labels that are read; queries group by exactly these. Absent and empty are the same: ``""``.

    ``instance`` is none of them, so that the halves of an exporter that restarted join.
    """

    job: str = ""
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


def add_rows(values: Floats, row: Indices, size: int) -> Floats:
    """(size, w): every line of ``values`` (s, w) added to line ``row`` (s,) of the result."""
    total = np.zeros((size, values.shape[1]))
    order = np.argsort(row, kind="stable")
    first = np.flatnonzero(np.diff(row[order], prepend=-1))
    total[row[order[first]]] = np.add.reduceat(values[order], first, axis=0)
    return total


@dataclass(frozen=True, slots=True)
class SeriesMeaning:
    """What a series is about. ``job`` is where it was scraped; it is no part of the device's identity."""

    job: str
    device: Device
    holder: NamedHolder | None
    """None: the device named nobody."""


def jobs_with_target_pods(labels: Iterable[SeriesLabels]) -> frozenset[str]:
    """Jobs whose scrape configuration puts the exporter's own pod into ``pod``, so that holders are exported_pod."""
    return frozenset(series.job for series in labels if series.exported_pod)


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
    return SeriesMeaning(labels.job, device, _holder_of(labels, jobs_with_target_pods))


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
    if not pod or _EXPORTER_POD in pod:  # an exporter that may see every device names itself as a holder
        return None
    return NamedHolder(namespace, pod, container, labels.pod_uid)

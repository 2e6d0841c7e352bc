"""Pods that have ended, from what an earlier run of ourselves said of them: also when they held what."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gpucost.model.fleet import Owner, Pod, Request
from gpucost.model.tenancy import LabelKeys
from gpucost.telemetry.pods import LABEL_VALUE, own_label

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TENANCY = ("team", "product", "cost_centre", "environment", "workload", "workload_type")
_NO_OWNER = "Pod"


@dataclass(frozen=True, slots=True)
class PodInfo:
    """A series of ``gpucost_pod_info``: one container with one resource."""

    labels: Mapping[str, str]
    count: float
    last_seen: float
    """Unix time."""

    @property
    def tenancy(self) -> tuple[str, ...]:
        return tuple(self.labels.get(name, "") for name in _TENANCY)


def pods_of_infos(
    infos: Iterable[PodInfo], bound: Mapping[str, float], ended: Mapping[str, float], keys: LabelKeys
) -> tuple[Pod, ...]:
    """``bound`` and ``ended`` are Unix times by UID. Pods come in the order in which they were last seen.

    The series carry what labels came to, not the labels. So a pod gets a label for the first key of each dimension,
    also where that says that it was unassigned: it was, whatever its namespace says now.
    """
    by_uid: defaultdict[str, list[PodInfo]] = defaultdict(list)
    for info in sorted(infos, key=lambda info: info.last_seen):
        if uid := own_label(info.labels, "uid"):
            by_uid[uid].append(info)
    ordered = sorted(by_uid.items(), key=lambda pod: pod[1][-1].last_seen)
    return tuple(_pod(uid, told, time_of(bound.get(uid)), time_of(ended.get(uid)), keys) for uid, told in ordered)


def _pod(uid: str, told: Sequence[PodInfo], bound: datetime | None, ended: datetime | None, keys: LabelKeys) -> Pod:
    last = told[-1]
    requests = {
        (own_label(info.labels, "container"), info.labels.get("resource", "")): int(info.count)
        for info in told
        if info.tenancy == last.tenancy and info.count >= 1
    }
    return Pod(
        uid=uid,
        namespace=own_label(last.labels, "namespace"),
        name=own_label(last.labels, "pod"),
        node=own_label(last.labels, "node"),
        labels=_labels(last.labels, keys),
        owner=_owner(last.labels.get("workload", "")),
        requests=tuple(Request(container, resource, count) for (container, resource), count in requests.items()),
        bound=bound,
        ended=ended if bound is None or ended is None or ended >= bound else None,
    )


def _labels(series: Mapping[str, str], keys: LabelKeys) -> dict[str, str]:
    wanted = {
        "team": keys.team,
        "product": keys.product,
        "cost_centre": keys.cost_centre,
        "environment": keys.environment,
        "workload_type": keys.workload_type,
    }
    return {
        of_dimension[0]: series[name]
        for name, of_dimension in wanted.items()
        if of_dimension and series.get(name) and LABEL_VALUE.fullmatch(series[name])
    }


def _owner(workload: str) -> Owner | None:
    kind, _, name = workload.partition("/")
    return Owner(kind, name) if kind and name and kind != _NO_OWNER else None


def time_of(seconds: float | None) -> datetime | None:
    """Of Unix time; None where it is none."""
    if seconds is None:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=round(seconds * 1000.0))
    except (ValueError, OverflowError):
        return None

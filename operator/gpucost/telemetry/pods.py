"""Pods that have ended, from what kube-state-metrics said of them."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gpucost.model.fleet import MIG_RESOURCE_PREFIX, Owner, Pod, Request

_LABEL_PREFIX = "label_"
LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
_VENDOR = "nvidia.com/"
_SANITISED_VENDOR = "nvidia_com_"
_SANITISED_MIG = "nvidia_com_mig_"

_Key = tuple[str, str, str]
"""Namespace, name and UID of a pod; old versions of kube-state-metrics print no UID."""


@dataclass(slots=True)
class _Told:
    labels: dict[str, str] = field(default_factory=dict)
    owner: Owner | None = None
    requests: dict[tuple[str, str], int] = field(default_factory=dict)
    """(container, resource) to count."""
    node: str = ""

    def fill_from(self, other: "_Told") -> None:
        self.labels = self.labels or other.labels
        self.owner = self.owner or other.owner
        self.requests = self.requests or other.requests
        self.node = self.node or other.node


def pods_of_history(
    labels: Sequence[Mapping[str, str]],
    owners: Sequence[Mapping[str, str]],
    requests: Sequence[tuple[Mapping[str, str], float]],
) -> tuple[Pod, ...]:
    """Join the series of ``kube_pod_labels``, ``kube_pod_owner`` and ``kube_pod_container_resource_requests``.

    Of requests the value counts too: how much was requested. Pods come in the order in which ``labels`` first
    mentions them; of two series of one pod the later one counts. A pod that no label series mentions has no labels.
    """
    told: dict[_Key, _Told] = defaultdict(_Told)
    for series in labels:
        told[_key(series)].labels = _pod_labels(series)
    for series in owners:
        if own_label(series, "owner_is_controller") == "true":
            told[_key(series)].owner = Owner(own_label(series, "owner_kind"), own_label(series, "owner_name"))
    for series, count in requests:
        if count >= 1:
            pod = told[_key(series)]
            pod.requests[own_label(series, "container"), _resource_name(own_label(series, "resource"))] = int(count)
            pod.node = own_label(series, "node") or pod.node
    return tuple(_pod(key, one) for key, one in _with_uids(told).items())


def _with_uids(told: Mapping[_Key, _Told]) -> dict[_Key, _Told]:
    """What was said without a UID goes to every pod of that name that has one."""
    with_uid: dict[tuple[str, str], list[_Told]] = defaultdict(list)
    for (namespace, name, uid), one in told.items():
        if uid:
            with_uid[namespace, name].append(one)
    pods: dict[_Key, _Told] = {}
    for (namespace, name, uid), one in told.items():
        namesakes = with_uid[namespace, name]
        if uid or not namesakes:
            pods[namespace, name, uid] = one
        else:
            for namesake in namesakes:
                namesake.fill_from(one)
    return pods


def _pod(key: _Key, told: _Told) -> Pod:
    namespace, name, uid = key
    return Pod(
        uid=uid,
        namespace=namespace,
        name=name,
        node=told.node,
        labels=told.labels,
        labels_sanitised=True,
        owner=told.owner,
        requests=tuple(Request(container, resource, count) for (container, resource), count in told.requests.items()),
    )


def _key(series: Mapping[str, str]) -> _Key:
    return own_label(series, "namespace"), own_label(series, "pod"), own_label(series, "uid")


def own_label(series: Mapping[str, str], label: str) -> str:
    """What the metric says, where the scrape may have put a word about kube-state-metrics itself in its place."""
    return series.get(f"exported_{label}") or series.get(label, "")


def _pod_labels(series: Mapping[str, str]) -> dict[str, str]:
    """Without values that Kubernetes does not allow: whoever can write to Prometheus can write these series."""
    prefix = len(_LABEL_PREFIX)
    return {
        name[prefix:]: value
        for name, value in series.items()
        if name.startswith(_LABEL_PREFIX) and LABEL_VALUE.fullmatch(value)
    }


def _resource_name(sanitised: str) -> str:
    """``nvidia_com_mig_1g_5gb`` is ``nvidia.com/mig-1g.5gb``, ``nvidia_com_gpu_shared`` ``nvidia.com/gpu.shared``."""
    if sanitised.startswith(_SANITISED_MIG):
        return MIG_RESOURCE_PREFIX + sanitised.removeprefix(_SANITISED_MIG).replace("_", ".")
    return _VENDOR + sanitised.removeprefix(_SANITISED_VENDOR).replace("_", ".")

"""What kube-state-metrics said of a pod while the API listed it."""

import re
from collections.abc import Iterator

from gpucost.simulation.kube_state import POD_LABELS, POD_OWNER, POD_REQUESTS
from gpucost.simulation.scenarios.exporters import Exporter
from gpucost.simulation.scenarios.objects import PodSpec
from gpucost.simulation.scenarios.series import SCRAPED_SINCE, SCRAPED_UNTIL, Series

POD_INFO = "kube_pod_info"
KUBE_STATE = {"job": "kube-state-metrics", "instance": "10.1.0.20:8080"}

_ODD = re.compile(r"[^a-zA-Z0-9_]")


def pod_series(pod: PodSpec) -> Iterator[Series]:
    """Of its labels, owner and GPU requests, for as long as it was listed."""
    names = {**KUBE_STATE, "namespace": pod.namespace, "pod": pod.name, "uid": pod.uid}
    kind, _, owner = pod.owner.partition("/")
    whose = {"owner_kind": kind, "owner_name": owner, "owner_is_controller": "true"} if kind else {}
    told = [
        (POD_LABELS, {f"label_{_ODD.sub('_', key)}": value for key, value in pod.labels.items()}, 1.0),
        (POD_OWNER, whose, 1.0),
        *(
            (
                POD_REQUESTS,
                {
                    "node": pod.node.name,
                    "container": container.name,
                    "resource": _ODD.sub("_", resource),
                    "unit": "integer",
                },
                float(count),
            )
            for container in pod.containers
            for resource, count in container.requests.items()
        ),
    ]
    since = max(pod.bound, SCRAPED_SINCE)
    until = SCRAPED_UNTIL if pod.listed_until is None else pod.listed_until
    for metric, labels, value in told:
        yield Series(metric=metric, labels=names | labels, value=value, since=since, until=until)


def exporter_series(exporter: Exporter, node: str) -> Series:
    """Where the exporter's pod runs."""
    labels = {**KUBE_STATE, "namespace": exporter.targets.get("namespace", "gpu-operator"), "pod": exporter.pod}
    return Series(metric=POD_INFO, labels={**labels, "node": node, "host_network": "false"}, value=1.0)

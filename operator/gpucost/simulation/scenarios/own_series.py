"""What the operator said of nodes and pods while it ran, for scenarios in which it starts anew."""

from collections.abc import Iterator

from gpucost.simulation.scenarios.draft import Draft
from gpucost.simulation.scenarios.objects import NodeSpec, PodSpec, make_uid
from gpucost.simulation.scenarios.scenario import SYSTEM
from gpucost.simulation.scenarios.series import SCRAPED_UNTIL, Moment

NODE_CREATED = "gpucost_node_created_timestamp_seconds"
NODE_ENDED = "gpucost_node_ended_timestamp_seconds"
NODE_DETAIL = "gpucost_node_detail_timestamp_seconds"
POD_INFO = "gpucost_pod_info"
POD_BOUND = "gpucost_pod_bound_timestamp_seconds"

_OPERATOR = {"job": "gpucost", "instance": "10.1.0.50:8080", "namespace": "gpucost", "pod": "gpucost-0"}
_CONTAINER = "operator"
_HOURLY_RATE = "gpucost.io/hourly-rate"


def told_node(
    s: Draft, node: NodeSpec, *, last_look: int, ended: int | None = None, until: int = SCRAPED_UNTIL, cluster: str = ""
) -> None:
    """The last look that listed it was at ``last_look``; one at ``ended`` missed it, where the operator ran on.

    ``cluster``: another one, whose operator told of it.
    """
    names = {
        **_OPERATOR,
        "container": _CONTAINER,
        "cluster_uid": make_uid(cluster or s.slug, SYSTEM),
        "node": node.name,
        "uid": node.uid,
    }
    s.scrape(NODE_CREATED, names, Moment(node.created), since=last_look, until=until)
    if ended is not None:
        s.scrape(NODE_ENDED, names, Moment(ended), since=ended, until=until)
    for kind, key, value in _details(node):
        told = names | {"kind": kind, "key": key, "value": value}
        s.scrape(NODE_DETAIL, told, Moment(last_look), since=last_look, until=until)


def told_pod(s: Draft, pod: PodSpec, *, since: int, until: int = SCRAPED_UNTIL) -> None:
    """Of one container, whose team is a label of the pod; nobody said yet that it has ended."""
    names = {
        **_OPERATOR,
        "container": _CONTAINER,
        "exported_namespace": pod.namespace,
        "exported_pod": pod.name,
        "uid": pod.uid,
        "node": pod.node.name,
        "team": pod.labels["team"],
        **dict.fromkeys(("product", "cost_centre", "environment", "workload_type"), "unassigned"),
        "workload": f"Pod/{pod.name}",
    }
    for container in pod.containers:
        for resource, count in container.requests.items():
            told = names | {"exported_container": container.name, "resource": resource}
            s.scrape(POD_INFO, told, float(count), since=since, until=until)
    life = {**_OPERATOR, "container": _CONTAINER, "uid": pod.uid}
    s.scrape(POD_BOUND, life, Moment(pod.bound), since=since, until=until)


def _details(node: NodeSpec) -> Iterator[tuple[str, str, str]]:
    yield from (("label", key, value) for key, value in node.labels.items())
    yield from (("capacity", resource, str(count)) for resource, count in node.capacity.items())
    if node.annotated:
        yield "annotation", _HOURLY_RATE, f"{float(node.hourly):.9f}"
    yield "state", "cpus", "0.0"
    yield "state", "memoryGib", "0.0"
    yield "state", "ready", "true" if node.ready else "false"
    yield "state", "schedulable", "true" if node.schedulable else "false"

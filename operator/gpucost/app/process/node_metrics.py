"""GPU nodes on the metrics page: what they cost, and what is needed to bill them when they are gone."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from gpucost.app.computing.looks import LatestLook
from gpucost.app.prices.gpu_nodes import gpu_nodes
from gpucost.model.fleet import Cluster, Node
from gpucost.model.holdings import NodeFacts
from gpucost.model.money import format_e9
from gpucost.model.node_details import details_of
from gpucost.model.rates import NodeRate
from gpucost.pricing.annotation import HOURLY_RATE
from gpucost.pricing.traits import traits_of

_INFO_LABELS = (
    *("node", "uid", "instance_type", "region", "zone", "capacity_type", "product", "cards", "rate", "source"),
)
_LIFE_LABELS = ("cluster_uid", "node", "uid")


def node_metrics(look: LatestLook) -> Iterator[Metric]:
    facts, cluster = look.nodes, look.cluster
    yield _infos(facts)
    if cluster is not None and cluster.uid:
        nodes = gpu_nodes(cluster.nodes, shown={fact.node.uid for fact in facts})
        yield from _lives(nodes, cluster.uid)
        yield _details(nodes, cluster, look.label_keys)


def _infos(nodes: tuple[NodeFacts, ...]) -> Metric:
    info = GaugeMetricFamily(
        "gpucost_node_info", "A GPU node, its hourly rate and where that is from.", labels=_INFO_LABELS
    )
    for facts in nodes:
        node, rate = facts.node, facts.rate
        traits = traits_of(node)
        names = (node.name, node.uid, node.instance_type, traits.region, traits.zone, str(traits.capacity_type))
        priced = (
            (str(rate.cards or ""), format_e9(rate.hourly_e9), rate.source)
            if isinstance(rate, NodeRate)
            else ("", "", "")
        )
        info.add_metric((*names, traits.gpu_product, *priced), 1)
    return info


def _lives(nodes: tuple[Node, ...], cluster_uid: str) -> Iterator[Metric]:
    created = GaugeMetricFamily(
        "gpucost_node_created_timestamp_seconds", "When the GPU node was created.", labels=_LIFE_LABELS
    )
    ended = GaugeMetricFamily(
        "gpucost_node_ended_timestamp_seconds", "When a look at the API first missed the GPU node.", labels=_LIFE_LABELS
    )
    for node in nodes:
        created.add_metric((cluster_uid, node.name, node.uid), node.created.timestamp())
        if node.ended is not None:
            ended.add_metric((cluster_uid, node.name, node.uid), node.ended.timestamp())
    yield from (created, ended)


def _details(nodes: tuple[Node, ...], cluster: Cluster, labels: frozenset[str]) -> Metric:
    """The value says when it was true, so that the last series of a detail that changed is known without asking."""
    told = GaugeMetricFamily(
        "gpucost_node_detail_timestamp_seconds",
        "The last look at the API that found this of the GPU node: a label, a capacity, its state.",
        labels=(*_LIFE_LABELS, "kind", "key", "value"),
    )
    for node in nodes:
        seen = cluster.seen_at if node.ended is None else node.last_seen
        if seen is None:
            continue
        for detail in details_of(node, labels=labels, annotations=(HOURLY_RATE,)):
            names = (cluster.uid, node.name, node.uid, detail.kind, detail.key, detail.value)
            told.add_metric(names, seen.timestamp())
    return told

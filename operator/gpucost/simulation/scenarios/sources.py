"""One card told of more than once: by several jobs, exporters, replicas and clusters."""

from dataclasses import replace

from gpucost.simulation.scenarios.collection import Collection
from gpucost.simulation.scenarios.draft import Draft
from gpucost.simulation.scenarios.exporters import OPERATOR, STATIC

scenario = Collection()


@scenario
def two_jobs_of_which_one_knows_holders(s: Draft) -> None:
    """The source with pod labels counts, though the other scrapes twice as often."""
    node = s.node()
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, memory=0.25, compute=0.5)
    s.see(node, "a", memory=0.75, compute=0.9, exporter=replace(STATIC, job="dcgm-by-hand", every=15))
    s.owes(pod, 1, 0.5)
    s.rest(node, 0)


@scenario
def two_exporters_on_one_node(s: Draft) -> None:
    """That of the GPU operator and that of a chart, both with holders: the first in label order counts, once."""
    node = s.node()
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, memory=0.25, compute=0.5)
    s.see(node, "a", pod, memory=0.25, compute=0.5, exporter=replace(OPERATOR, job="dcgm-chart", instance="other:9400"))
    s.owes(pod, 1, 0.5)
    s.rest(node, 0)


@scenario
def two_replicas_of_prometheus(s: Draft) -> None:
    """Both scrape the same exporter; only one replica counts."""
    node = s.node(cards=2)
    pod = s.pod("train-0", node)
    for replica in ("prometheus-0", "prometheus-1"):
        by = replace(node.exporter, extra={"prometheus_replica": replica})
        s.see(node, "a", pod, memory=0.25, compute=0.5, exporter=by)
        s.see(node, "b", exporter=by)
    s.owes(pod, 1, 0.5)
    s.rest(node, 1)


@scenario
def several_clusters_in_one_prometheus(s: Draft) -> None:
    """Another cluster has a node, a card and a pod of the same names: matchers keep it out."""
    node = s.node()
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, memory=0.25, exporter=replace(node.exporter, extra={"cluster": "prod"}))
    s.see(node, "a", pod, memory=0.75, exporter=replace(node.exporter, extra={"cluster": "test"}))
    s.see(node, "b", memory=0.75, exporter=replace(node.exporter, extra={"cluster": "test"}))
    s.only('cluster="prod"')
    s.owes(pod, 1, 0.25)
    s.rest(node, 0)


@scenario
def cards_of_a_node_that_is_not_ours(s: Draft) -> None:
    """Neither the API nor our own series know it: never billed, but told."""
    node = s.node()
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, memory=0.25)
    s.see(node, "b", pod, memory=0.75, exporter=replace(node.exporter, hostname_value="elsewhere"))
    s.owes(pod, 1, 0.25)
    s.rest(node, 0)
    s.told("UnknownNodes")


@scenario
def an_exporter_that_restarts_at_another_address(s: Draft) -> None:
    """One after the other they are one: five scrapes at 20 % and five at 60 % are a mean of 40 %."""
    node = s.node()
    s.calm_node()
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, memory=0.2, until=150)
    again = replace(node.exporter, instance="again:9400", pod="nvidia-dcgm-exporter-again")
    s.see(node, "a", pod, memory=0.6, since=180, exporter=again)
    s.owes(pod, 1, 0.4, window=0)
    s.owes(pod, 1, 0.6, window=1)
    s.rest(node, 0)


@scenario
def an_exporter_scraped_at_two_addresses(s: Draft) -> None:
    """Both series last all the time, so they are one device told of twice."""
    node = s.node()
    pod = s.pod("train-0", node)
    for instance in ("a:9400", "b:9400"):
        s.see(node, "a", pod, memory=0.25, exporter=replace(node.exporter, instance=instance))
    s.owes(pod, 1, 0.25)
    s.rest(node, 0)


@scenario
def a_restarted_exporter_beside_its_predecessor(s: Draft) -> None:
    """The old pod is still scraped for two minutes: no scrape counts twice. Another node tells the interval."""
    node = s.node()
    s.calm_node()
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, memory=0.4, until=210)
    again = replace(node.exporter, instance="again:9400", pod="nvidia-dcgm-exporter-again")
    s.see(node, "a", pod, memory=0.4, since=120, exporter=again)
    s.owes(pod, 1, 0.4)
    s.rest(node, 0)

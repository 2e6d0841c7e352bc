"""Nodes that were deleted before the look, and that nobody remembers: what the operator said of them is left.

So it is after a restart, in backfill, and for the command line. Scrapes lie at 30, 60, ... 300 s of the first window.
"""

from fractions import Fraction as F  # noqa: N817

from gpucost.simulation.scenarios.collection import Collection
from gpucost.simulation.scenarios.draft import Draft
from gpucost.simulation.scenarios.features import A100_40, GPU, mig_mixed, whole_cards
from gpucost.simulation.scenarios.own_series import told_node, told_pod
from gpucost.simulation.scenarios.price_words import bought_as, rate_card

scenario = Collection()


@scenario
def a_gone_node_that_nobody_remembers(s: Draft) -> None:
    """Its last sample is at 390 s, 30 s after the last look that listed it: it is billed until then."""
    s.calm_node()
    node = s.node(cards=2, listed_until=400)
    pod = s.pod("train-0", node, listed_until=400, labels={"team": "vision"})
    s.see(node, "a", pod, memory=0.4, until=390)
    s.see(node, "b", until=390)
    told_node(s, node, last_look=360, until=390)
    told_pod(s, pod, since=360, until=390)
    s.owes(pod, 1, 0.4, window=0, says={"team": "vision", "pod_uid": pod.uid})
    s.rest(node, 1, window=0)
    s.owes(pod, 0.3, 0.12, window=1, says={"team": "vision", "pod_uid": pod.uid})
    s.rest(node, 0.3, alive=0.3, window=1)


@scenario
def a_gone_node_that_no_exporter_showed(s: Draft) -> None:
    """The look that listed it and the one that missed it are all that tells of its life; it was cordoned."""
    s.calm_node()
    node = s.node(listed_until=400, schedulable=False)
    told_node(s, node, last_look=360, ended=480)
    s.rest(node, 1, window=0, reasons={"cordoned": 1})
    s.rest(node, 0.6, alive=0.6, window=1, reasons={"cordoned": 0.6})


@scenario
def a_gone_node_that_was_missed_before_the_windows(s: Draft) -> None:
    """Still told of, it has nothing to do with them."""
    s.calm_node()
    told_node(s, s.node(listed_until=-200), last_look=-240, ended=-120)


@scenario
def a_gone_node_with_cut_cards_that_a_rate_card_is_for(s: Draft) -> None:
    """Labels of the cut, of the type and of the site come back: 4 x 1g.10gb are half a card at 24 an hour each."""
    rate_card(s, "basement", {"match": {"nodeLabels": {"site": "basement"}}, "gpuHourly": "24"})
    s.calm_node()
    instances = {"1g.10gb": 2}
    labels = mig_mixed(A100_40, 1, instances) | bought_as("p4d.24xlarge") | {"site": "basement"}
    capacity = {GPU: 0, "nvidia.com/mig-1g.10gb": 2}
    node = s.node(card_hourly=24 * 8, annotated=False, labels=labels, capacity=capacity, listed_until=640)
    pod = s.pod("infer-0", node, {"nvidia.com/mig-1g.10gb": 1})
    s.see(node, "a", pod, instance=("3", "1g.10gb"), memory=0.5)
    s.see(node, "a", instance=("4", "1g.10gb"))
    told_node(s, node, last_look=610)
    s.owes(pod, F(1, 4) * 2, F(1, 8) * 2)
    s.rest(node, 16 - F(1, 2), hourly=24 * 8)
    s.told("CardCountDisagrees")


@scenario
def a_gone_node_of_shared_cards(s: Draft) -> None:
    """Four slots by its labels, one held: a quarter of the card, and all of its use."""
    s.calm_node()
    labels = whole_cards(A100_40, 1, sharing="time-slicing", replicas=4)
    node = s.node(capacity={GPU: 4}, labels=labels, listed_until=640)
    pod = s.pod("infer-0", node)
    s.see(node, "a", pod, memory=0.2)
    told_node(s, node, last_look=610)
    s.owes(pod, 0.25, 0.2, flags="estimated", says={"sharing": "time-slicing"})
    s.rest(node, 0.75)


@scenario
def a_gone_node_replaced_by_another_of_its_name(s: Draft) -> None:
    """The first is known from what was said of it, at 12 an hour; the second is listed, and costs twice that."""
    s.calm_node()
    old, new = s.node(listed_until=150), s.node(created=150, card_hourly=24)
    first, second = s.pod("first-0", old, listed_until=150, labels={"team": "a"}), s.pod("second-0", new, bound=150)
    told_node(s, old, last_look=120, until=150)
    told_pod(s, first, since=120, until=150)
    s.see(old, "a", first, memory=0.4, until=150)
    s.see(new, "b", second, memory=0.8, since=180)
    s.owes(first, 0.5, 0.2, window=0, says={"team": "a"})
    s.rest(old, 0, alive=0.5, window=0)
    s.owes(second, 1, 0.8, window=0)
    s.rest(new, 0, alive=0.5, window=0)
    s.owes(second, 2, 1.6, window=1)
    s.rest(new, 0, window=1)


@scenario
def a_node_that_the_operator_of_another_cluster_told_of(s: Draft) -> None:
    """Without a matcher its series are seen, and so is what its operator says: it is not ours, and told as such."""
    s.calm_node()
    node = s.node(listed_until=-600)
    s.see(node, "a", memory=0.5)
    told_node(s, node, last_look=600, cluster="elsewhere")
    s.told("UnknownNodes")

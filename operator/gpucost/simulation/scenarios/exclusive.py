"""Whole cards with one holder at a time."""

from gpucost.simulation.scenarios.collection import Collection
from gpucost.simulation.scenarios.draft import Draft
from gpucost.simulation.scenarios.features import A100_40, GPU, whole_cards
from gpucost.simulation.scenarios.objects import Container
from gpucost.simulation.scenarios.scenario import ALIASES

scenario = Collection()

(ALIAS,) = ALIASES


@scenario
def a_whole_card_held_and_not_used(s: Draft) -> None:
    """All of it is the holder's waste."""
    node = s.node()
    pod = s.pod("notebook-0", node)
    s.see(node, "a", pod, memory=0, compute=0)
    s.owes(pod, 1, 0, says={"sharing": "exclusive"})
    s.rest(node, 0)


@scenario
def memory_used_more_than_compute(s: Draft) -> None:
    """The used ratio is the larger of the two."""
    node = s.node()
    pod = s.pod("serve-0", node)
    s.see(node, "a", pod, memory=0.75, compute=0.25)
    s.owes(pod, 1, 0.75)
    s.rest(node, 0)


@scenario
def compute_used_more_than_memory(s: Draft) -> None:
    """And the other way round."""
    node = s.node()
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, memory=0.2, compute=0.6)
    s.owes(pod, 1, 0.6)
    s.rest(node, 0)


@scenario
def memory_reserved_by_the_driver_counts_as_total(s: Draft) -> None:
    """Total memory is used + free + reserved where reserved is printed."""
    node = s.node()
    pod = s.pod("serve-0", node)
    s.see(
        node,
        "a",
        pod,
        compute=0.1,
        values={"DCGM_FI_DEV_FB_USED": 10_000, "DCGM_FI_DEV_FB_FREE": 25_000, "DCGM_FI_DEV_FB_RESERVED": 5_000},
    )
    s.owes(pod, 1, 0.25)
    s.rest(node, 0)


@scenario
def one_pod_with_two_cards_of_four(s: Draft) -> None:
    """Each card is a row, each with its own use; two cards are free."""
    node = s.node(cards=4)
    pod = s.pod("train-0", node, 2)
    s.see(node, "a", pod, memory=0.8, compute=0.5)
    s.see(node, "b", pod, memory=0.4, compute=0.1)
    s.see(node, "c")
    s.see(node, "d")
    s.owes(pod, 1, 0.8, card="a")
    s.owes(pod, 1, 0.4, card="b")
    s.rest(node, 2, reasons={"free": 2})


@scenario
def two_containers_with_a_card_each(s: Draft) -> None:
    """A row is a container's."""
    node = s.node(cards=2)
    containers = [Container(name=name, requests={GPU: 1}) for name in ("encode", "decode")]
    pod = s.pod("pipeline-0", node, containers=containers)
    s.see(node, "a", pod, container="encode", memory=0.5)
    s.see(node, "b", pod, container="decode", memory=0.1)
    s.owes(pod, 1, 0.5, card="a", container="encode")
    s.owes(pod, 1, 0.1, card="b", container="decode")
    s.rest(node, 0)


@scenario
def a_sidecar_that_holds_a_card(s: Draft) -> None:
    """An init container that goes on running holds its card beside the containers."""
    node = s.node(cards=2)
    containers = [
        Container(name="proxy", requests={GPU: 1}, role="sidecar"),
        Container(name="main", requests={GPU: 1}),
    ]
    pod = s.pod("serve-0", node, containers=containers)
    s.see(node, "a", pod, container="proxy", compute=0.3)
    s.see(node, "b", pod, container="main", compute=0.9)
    s.owes(pod, 1, 0.3, card="a", container="proxy")
    s.owes(pod, 1, 0.9, card="b", container="main")
    s.rest(node, 0)


@scenario
def an_init_container_that_needs_more_cards_than_the_rest(s: Draft) -> None:
    """The scheduler keeps the larger need for the pod's whole life; the card that is named by nobody is held too."""
    node = s.node(cards=2)
    containers = [
        Container(name="warm", requests={GPU: 2}, role="init"),
        Container(name="main", requests={GPU: 1}),
    ]
    pod = s.pod("train-0", node, containers=containers)
    s.see(node, "a", pod, container="main", compute=0.5)
    s.see(node, "b")
    s.owes(pod, 1, 0.5, card="a")
    s.owes(pod, 1, None, card="b", flags="not-in-telemetry")
    s.rest(node, 0)


@scenario
def a_card_that_telemetry_names_to_nobody_but_a_pod_requests(s: Draft) -> None:
    """Pod labels are missing: the request holds a free card, and who used what is not known.

    The busy card may well be the pod's, so nobody can say that it is used without a holder.
    """
    node = s.node(cards=2)
    pod = s.pod("train-0", node)
    s.see(node, "a")
    s.see(node, "b", memory=0.9, compute=0.9)
    s.owes(pod, 1, None, flags="not-in-telemetry")
    s.rest(node, 1)


@scenario
def a_node_without_exporter(s: Draft) -> None:
    """No telemetry: the request is charged, its use is unknown; the API knows the rest to be free."""
    node = s.node(cards=2)
    pod = s.pod("train-0", node)
    s.owes(pod, 1, None, flags="not-in-telemetry")
    s.rest(node, 1)


@scenario
def free_cards_of_a_cordoned_node(s: Draft) -> None:
    """A node that takes no pods explains why nobody held its cards."""
    node = s.node(cards=2, schedulable=False)
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, compute=0.5)
    s.see(node, "b")
    s.owes(pod, 1, 0.5)
    s.rest(node, 1, reasons={"cordoned": 1})


@scenario
def free_cards_of_a_node_that_is_not_ready(s: Draft) -> None:
    """Likewise a node whose kubelet is silent."""
    node = s.node(ready=False)
    s.see(node, "a")
    s.rest(node, 1, reasons={"notReady": 1})


@scenario
def more_cards_seen_than_labelled(s: Draft) -> None:
    """The most that a source counts is the number of cards, and a condition says that they differ."""
    node = s.node(cards=2, labels=whole_cards(A100_40, 1))
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, compute=0.5)
    s.see(node, "b")
    s.owes(pod, 1, 0.5)
    s.rest(node, 1)
    s.told("CardCountDisagrees")


@scenario
def a_card_that_the_instance_type_has_and_nobody_sees(s: Draft) -> None:
    """A p4d.24xlarge has eight cards; seven are seen and labelled, so one is broken; the bill is for eight."""
    labels = {**whole_cards(A100_40, 7), "node.kubernetes.io/instance-type": "p4d.24xlarge"}
    node = s.node(cards=8, capacity={GPU: 7}, labels=labels)
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, memory=0.5)
    for card in "bcdefg":
        s.see(node, card)
    s.owes(pod, 1, 0.5)
    s.rest(node, 7)
    s.told("CardCountDisagrees")


@scenario
def a_node_without_feature_labels(s: Draft) -> None:
    """The cards that are seen at one time are its cards."""
    node = s.node(cards=2, labels={})
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, memory=0.5)
    s.see(node, "b")
    s.owes(pod, 1, 0.5)
    s.rest(node, 1)


@scenario
def silence_that_the_api_cannot_fill_any_more(s: Draft) -> None:
    """The look comes two hours later and there is no telemetry: what no listed pod held is not known to be free."""
    node = s.node(cards=2)
    pod = s.pod("train-0", node)
    s.look_last(7_800)
    s.owes(pod, 1, None, flags="not-in-telemetry")
    s.rest(node, 0, unobserved=1)


@scenario
def a_card_used_that_nobody_requested(s: Draft) -> None:
    """A privileged pod or NVIDIA_VISIBLE_DEVICES=all: told, and billed to nobody."""
    node = s.node(cards=2)
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, memory=0.4)
    s.see(node, "b", memory=0.7, compute=0.9)
    s.owes(pod, 1, 0.4)
    s.rest(node, 1, reasons={"free": 1})
    s.told("UseWithoutHolder")


@scenario
def a_node_without_cards_beside_one_with(s: Draft) -> None:
    """It has a rate and runs pods, and is none of our business."""
    node = s.node()
    s.node("cpu", cards=1, capacity={}, labels={"node.kubernetes.io/instance-type": "m6i.large"})
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, memory=0.5)
    s.owes(pod, 1, 0.5)
    s.rest(node, 0)


@scenario
def a_card_handed_out_under_another_name(s: Draft) -> None:
    """A device plugin of another vendor: the configuration says which NVIDIA resource its name stands for."""
    node = s.node(cards=2, capacity={ALIAS: 2})
    seen = s.pod("train-0", node, {ALIAS: 1})
    unseen = s.pod("train-1", node, {ALIAS: 1})
    s.see(node, "a", seen, memory=0.5, compute=0.25)
    s.see(node, "b", memory=0, compute=0)
    s.owes(seen, 1, 0.5)
    s.owes(unseen, 1, None, flags="not-in-telemetry")
    s.rest(node, 0)

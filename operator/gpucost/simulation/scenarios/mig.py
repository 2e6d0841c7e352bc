"""MIG: cards cut into instances, under each strategy of the device plugin, of every model with a table of its own."""

from fractions import Fraction as F  # noqa: N817

from gpucost.simulation.scenarios.collection import Collection
from gpucost.simulation.scenarios.draft import Draft
from gpucost.simulation.scenarios.features import A100_40, GPU, mig_mixed, mig_single

scenario = Collection()


@scenario
def seven_slices_of_which_five_are_held(s: Draft) -> None:
    """A 1g.5gb is one of seven compute slices, which is more than its eighth of the memory; two are free."""
    node = s.node(capacity={GPU: 0, "nvidia.com/mig-1g.5gb": 7}, labels=mig_mixed(A100_40, 1, {"1g.5gb": 7}))
    for number in range(7, 12):
        pod = s.pod(f"serve-{number}", node, {"nvidia.com/mig-1g.5gb": 1})
        s.see(node, "a", pod, instance=(str(number), "1g.5gb"), memory=0.5, compute=0.25)
        s.owes(pod, F(1, 7), F(1, 14), instance=str(number), says={"sharing": "mig", "profile": "1g.5gb"})
    s.idle(node, "a", "1g.5gb", range(12, 14))
    s.rest(node, F(2, 7), reasons={"free": F(2, 7)})


@scenario
def four_double_memory_slices_sell_a_card(s: Draft) -> None:
    """A 1g.10gb takes two of eight memory slices, so four of them leave nothing that anybody could have."""
    node = s.node(capacity={GPU: 0, "nvidia.com/mig-1g.10gb": 4}, labels=mig_mixed(A100_40, 1, {"1g.10gb": 4}))
    for number in range(3, 7):
        pod = s.pod(f"serve-{number}", node, {"nvidia.com/mig-1g.10gb": 1})
        s.see(node, "a", pod, instance=(str(number), "1g.10gb"), memory=0.5)
        s.owes(pod, F(1, 4), F(1, 8))
    s.rest(node, 0)


@scenario
def a_balanced_cut_that_adds_up_to_more_than_a_card(s: Draft) -> None:
    """2 x 1/7 + 2/7 + 1/2 = 15/14, so every instance is scaled by 14/15."""
    profiles = {"1g.5gb": 2, "2g.10gb": 1, "3g.20gb": 1}
    node = s.node(
        capacity={GPU: 0, **{f"nvidia.com/mig-{profile}": count for profile, count in profiles.items()}},
        labels=mig_mixed(A100_40, 1, profiles),
    )
    shares = [
        ("9", "1g.5gb", F(2, 15)),
        ("10", "1g.5gb", F(2, 15)),
        ("5", "2g.10gb", F(4, 15)),
        ("1", "3g.20gb", F(7, 15)),
    ]
    for number, profile, share in shares:
        pod = s.pod(f"pod-{number}", node, {f"nvidia.com/mig-{profile}": 1})
        s.see(node, "a", pod, instance=(number, profile), memory=0.25)
        s.owes(pod, share, share / 4, instance=number)
    s.rest(node, 0)


@scenario
def a_card_cut_only_in_part(s: Draft) -> None:
    """Two sevenths are cut, one of which is held: the rest of the card is a sliver, not free."""
    node = s.node(capacity={GPU: 0, "nvidia.com/mig-1g.5gb": 2}, labels=mig_mixed(A100_40, 1, {"1g.5gb": 2}))
    pod = s.pod("serve-0", node, {"nvidia.com/mig-1g.5gb": 1})
    s.see(node, "a", pod, instance=("7", "1g.5gb"), compute=1.0)
    s.see(node, "a", instance=("8", "1g.5gb"))
    s.owes(pod, F(1, 7), F(1, 7))
    s.rest(node, F(6, 7), reasons={"free": F(1, 7), "sliver": F(5, 7)})


@scenario
def instances_that_all_cards_request_as_plain_gpus(s: Draft) -> None:
    """MIG strategy single: gpu.count says seven, the node has one card, and a request for a GPU is for an instance."""
    node = s.node(capacity={GPU: 7}, labels=mig_single(A100_40, "1g.5gb", 7))
    for number in range(7, 12):
        pod = s.pod(f"serve-{number}", node)
        s.see(node, "a", pod, instance=(str(number), "1g.5gb"), compute=0.5)
        s.owes(pod, F(1, 7), F(1, 14), says={"sharing": "mig"})
    s.idle(node, "a", "1g.5gb", range(12, 14))
    s.rest(node, F(2, 7))


@scenario
def two_cards_of_instances_requested_as_plain_gpus(s: Draft) -> None:
    """Fourteen instances by gpu.count, two cards by what is seen: the label counts instances and contradicts nobody."""
    node = s.node(cards=2, capacity={GPU: 14}, labels=mig_single(A100_40, "1g.5gb", 14))
    pod = s.pod("serve-0", node, 3)
    for card, number in (("a", 7), ("b", 7), ("b", 8)):
        s.see(node, card, pod, instance=(str(number), "1g.5gb"), compute=0.5)
    s.idle(node, "a", "1g.5gb", range(8, 14))
    s.idle(node, "b", "1g.5gb", range(9, 14))
    s.owes(pod, F(3, 7), F(3, 14), says={"sharing": "mig"})
    s.rest(node, F(11, 7), reasons={"free": F(11, 7)})


@scenario
def a_cut_that_feature_discovery_calls_invalid(s: Draft) -> None:
    """MIG strategy single on a node with one card cut and one not: the count is 0, so cards are what is seen."""
    labels = {
        "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-MIG-INVALID",
        "nvidia.com/gpu.count": "0",
        "nvidia.com/gpu.replicas": "0",
        "nvidia.com/mig.strategy": "single",
    }
    node = s.node(cards=2, capacity={GPU: 0}, labels=labels)
    for number in ("1", "2"):
        s.see(node, "a", instance=(number, "3g.20gb"))
    s.see(node, "b")
    s.rest(node, 2)


@scenario
def a_card_that_is_being_cut_anew(s: Draft) -> None:
    """The MIG manager has stopped the exporter, and labels are those of the old cut: the node has one card, unheld."""
    labels = {**mig_mixed(A100_40, 1, {"1g.5gb": 7}), "nvidia.com/mig.config.state": "rebooting"}
    node = s.node(capacity={GPU: 0, "nvidia.com/mig-1g.5gb": 0}, labels=labels)
    s.calm_node()
    s.rest(node, 1)


@scenario
def plain_gpus_that_are_cut_all_the_same(s: Draft) -> None:
    """MIG strategy none: the request holds a whole card, and none of its instances is named: use is unknown."""
    labels = {
        "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB",
        "nvidia.com/gpu.count": "2",
        "nvidia.com/gpu.replicas": "0",
    }
    node = s.node(cards=2, capacity={GPU: 2}, labels=labels)
    pod = s.pod("train-0", node)
    for card in ("a", "b"):
        for number in ("1", "2"):
            s.see(node, card, instance=(number, "3g.20gb"), memory=0.5)
    s.owes(pod, 1, None, flags="not-in-telemetry")
    s.rest(node, 1)


@scenario
def a_mig_enabled_card_without_instances(s: Draft) -> None:
    """The exporter falls back to a series of the card without memory; nobody can hold it."""
    node = s.node(cards=2, capacity={GPU: 0, "nvidia.com/mig-1g.5gb": 7}, labels=mig_mixed(A100_40, 2, {"1g.5gb": 7}))
    pod = s.pod("serve-0", node, {"nvidia.com/mig-1g.5gb": 1})
    s.see(node, "a", pod, instance=("7", "1g.5gb"), memory=0.5)
    s.idle(node, "a", "1g.5gb", range(8, 14))
    s.see(node, "b", memory=None, compute=0)
    s.owes(pod, F(1, 7), F(1, 14))
    s.rest(node, F(13, 7))


@scenario
def cards_of_two_models_in_one_node(s: Draft) -> None:
    """The bill is split evenly by card; feature discovery labels but one model, each series says its own."""
    labels = mig_mixed(A100_40, 2, {"1g.5gb": 1, "1g.6gb": 4})
    capacity = {GPU: 0, "nvidia.com/mig-1g.5gb": 1, "nvidia.com/mig-1g.6gb": 4}
    node = s.node(cards=2, capacity=capacity, labels=labels)
    seventh = s.pod("seventh-0", node, {"nvidia.com/mig-1g.5gb": 1})
    quarter = s.pod("quarter-0", node, {"nvidia.com/mig-1g.6gb": 1})
    s.see(node, "a", seventh, instance=("7", "1g.5gb"), memory=0.5)
    s.see(node, "b", quarter, instance=("3", "1g.6gb"), memory=0.5, model="NVIDIA A30")
    s.idle(node, "b", "1g.6gb", range(4, 7), model="NVIDIA A30")
    s.owes(seventh, F(1, 7), F(1, 14))
    s.owes(quarter, F(1, 4), F(1, 8))
    s.rest(node, 2 - F(1, 7) - F(1, 4), reasons={"free": F(3, 4), "sliver": F(6, 7)})


@scenario
def whole_and_cut_cards_in_one_node(s: Draft) -> None:
    """One pod holds a whole card and a slice of the other one."""
    node = s.node(cards=2, capacity={GPU: 1, "nvidia.com/mig-3g.20gb": 2}, labels=mig_mixed(A100_40, 2, {"3g.20gb": 2}))
    pod = s.pod("train-0", node, {GPU: 1, "nvidia.com/mig-3g.20gb": 1})
    s.see(node, "a", pod, memory=0.8)
    s.see(node, "b", pod, instance=("1", "3g.20gb"), memory=0.5)
    s.see(node, "b", instance=("2", "3g.20gb"))
    s.owes(pod, 1, 0.8, card="a", says={"sharing": "exclusive"})
    s.owes(pod, 0.5, 0.25, card="b", says={"sharing": "mig"})
    s.rest(node, 0.5)


@scenario
def compute_instances_within_a_gpu_instance(s: Draft) -> None:
    """Three 1c.3g.20gb share the memory of one GPU instance, which is what the exporter shows: a third of it each.

    Two are held; which of them used what of the instance nobody can tell.
    """
    resource = "nvidia.com/mig-1c.3g.20gb"
    node = s.node(capacity={GPU: 0, resource: 3}, labels=mig_mixed(A100_40, 1, {"1c.3g.20gb": 3}))
    pods = [s.pod(f"serve-{number}", node, {resource: 1}) for number in range(2)]
    s.see(node, "a", pods[0], instance=("1", "3g.20gb"), memory=0.5)
    for pod in pods:
        s.owes(pod, F(1, 6), F(1, 8), flags="estimated")
    s.rest(node, F(2, 3), reasons={"free": F(1, 6), "sliver": F(1, 2)})


@scenario
def a_profile_of_a_model_that_is_not_known(s: Draft) -> None:
    """A seventh by its name and a seventh of the memory: estimated, flagged, and not refused."""
    model = "NVIDIA X100 70GB"
    labels = {**mig_mixed(model, 1, {"1g.10gb": 7}), "nvidia.com/gpu.memory": "71680"}
    node = s.node(model=model, capacity={GPU: 0, "nvidia.com/mig-1g.10gb": 7}, labels=labels)
    pod = s.pod("serve-0", node, {"nvidia.com/mig-1g.10gb": 1})
    s.see(node, "a", pod, instance=("7", "1g.10gb"), memory=0.5, total=10_240)
    for number in range(8, 14):
        s.see(node, "a", instance=(str(number), "1g.10gb"), total=10_240)
    s.owes(pod, F(1, 7), F(1, 14), flags="unknown-profile estimated")
    s.rest(node, F(6, 7))
    s.told("UnknownProfile")


@scenario
def slices_that_no_exporter_names(s: Draft) -> None:
    """The request holds two of the three instances of its profile: most likely those that are used.

    Which they are does not matter, but then none is used without a holder.
    """
    node = s.node(capacity={GPU: 0, "nvidia.com/mig-2g.10gb": 3}, labels=mig_mixed(A100_40, 1, {"2g.10gb": 3}))
    pod = s.pod("serve-0", node, {"nvidia.com/mig-2g.10gb": 2})
    for number, memory in (("3", 0.5), ("4", 0), ("5", 0.5)):
        s.see(node, "a", instance=(number, "2g.10gb"), memory=memory)
    s.owes(pod, F(4, 7), None, flags="not-in-telemetry")
    s.rest(node, F(3, 7), reasons={"free": F(2, 7), "sliver": F(1, 7)})


@scenario
def slices_of_a_node_without_exporter(s: Draft) -> None:
    """MIG strategy single, no telemetry: fourteen instances of at most seven a card are two cards, an estimate."""
    node = s.node(cards=2, capacity={GPU: 14}, labels=mig_single(A100_40, "1g.5gb", 14))
    pod = s.pod("serve-0", node)
    s.owes(pod, F(1, 7), None, flags="not-in-telemetry")
    s.rest(node, F(13, 7))
    s.told("CardCountEstimated")

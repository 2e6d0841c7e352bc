"""Slots of cards of which the exporter says what the whole card did, under time-slicing and MPS alike."""

from gpucost.simulation.scenarios.draft import Draft
from gpucost.simulation.scenarios.shared_cards import SHARED, SharedCollection, copies, shared_node

for_each_sharing = SharedCollection()


@for_each_sharing
def one_arbitrary_pod_of_three_is_named(s: Draft, sharing: str) -> None:
    """Three of four slots are held; the device's 60 % are split by slots, and one slot is free."""
    node = shared_node(s, sharing)
    pods = [s.pod(f"serve-{number}", node) for number in range(3)]
    s.see(node, "a", pods[1], memory=0.5, compute=0.6)
    for pod in pods:
        s.owes(pod, 0.25, 0.2, flags="estimated", says={"sharing": sharing})
    s.rest(node, 0.25)


@for_each_sharing
def the_name_that_is_printed_changes_within_a_window(s: Draft, sharing: str) -> None:
    """Which of the holders is named is arbitrary: that it changes means nothing."""
    node = shared_node(s, sharing)
    pods = [s.pod(f"serve-{number}", node) for number in range(3)]
    s.see(node, "a", pods[0], compute=0.6, until=150)
    s.see(node, "a", pods[2], compute=0.6, since=180)
    for pod in pods:
        s.owes(pod, 0.25, 0.2, flags="estimated")
    s.rest(node, 0.25)


@for_each_sharing
def values_of_the_device_copied_to_every_pod(s: Draft, sharing: str) -> None:
    """Copies add nothing: the truth is that of one name."""
    node = shared_node(s, sharing)
    pods = [s.pod(f"serve-{number}", node) for number in range(3)]
    copies(s, node, "a", pods, memory=0.5, compute=0.6)
    for pod in pods:
        s.owes(pod, 0.25, 0.2, card="a", flags="estimated", says={"sharing": sharing})
    s.rest(node, 0.25)


@for_each_sharing
def a_pod_with_two_slots_of_four(s: Draft, sharing: str) -> None:
    """It is printed once for each slot that it holds, and pays for both; 90 % of use are split 2 to 1."""
    node = shared_node(s, sharing)
    big, small = s.pod("big-0", node, 2), s.pod("small-0", node)
    copies(s, node, "a", [big, big, small], memory=0.9, compute=0.1)
    s.owes(big, 0.6, 0.6, flags="estimated")
    s.owes(small, 0.3, 0.3, flags="estimated")
    s.rest(node, 0.1)


@for_each_sharing
def slots_that_only_requests_tell(s: Draft, sharing: str) -> None:
    """Without virtual GPUs no series says how many slots a pod holds: its request does."""
    node = shared_node(s, sharing)
    big, small = s.pod("big-0", node, 2), s.pod("small-0", node)
    s.see(node, "a", small, memory=0.3)
    s.owes(big, 0.5, 0.2, flags="estimated")
    s.owes(small, 0.25, 0.1, flags="estimated")
    s.rest(node, 0.25)


@for_each_sharing
def slots_renamed_so_that_the_exporter_names_nobody(s: Draft, sharing: str) -> None:
    """nvidia.com/gpu.shared is invisible to the exporter; there is one card, so it is theirs."""
    node = shared_node(s, sharing, renamed=True)
    pods = [s.pod(f"serve-{number}", node, {SHARED: 1}) for number in range(3)]
    s.see(node, "a", memory=0.5, compute=0.6)
    for pod in pods:
        s.owes(pod, 0.25, 0.2, flags="estimated", says={"sharing": sharing})
    s.rest(node, 0.25)


@for_each_sharing
def a_lone_holder_that_uses_more_than_its_slot(s: Draft, sharing: str) -> None:
    """It may have used the whole device, and pays for what it used."""
    node = shared_node(s, sharing)
    pod = s.pod("serve-0", node)
    s.see(node, "a", pod, memory=0.7, compute=0.3)
    s.owes(pod, 0.7, 0.7, flags="estimated")
    s.rest(node, 0.3)


@for_each_sharing
def a_card_shared_to_the_last_slot(s: Draft, sharing: str) -> None:
    """Four holders, all busy: nothing is left."""
    node = shared_node(s, sharing)
    pods = [s.pod(f"serve-{number}", node) for number in range(4)]
    copies(s, node, "a", pods, memory=0.5, compute=1.0)
    for pod in pods:
        s.owes(pod, 0.25, 0.25, flags="estimated")
    s.rest(node, 0)


@for_each_sharing
def two_cards_with_names_that_tell_them_apart(s: Draft, sharing: str) -> None:
    """Copies name every holder, so each pays for the card that it is on."""
    node = shared_node(s, sharing, cards=2)
    pods = [s.pod(f"serve-{number}", node) for number in range(3)]
    copies(s, node, "a", pods[:2], memory=0.1, compute=0.8)
    copies(s, node, "b", pods[2:], memory=0.1, compute=0.2)
    s.owes(pods[0], 0.4, 0.4, card="a", flags="estimated")
    s.owes(pods[1], 0.4, 0.4, card="a", flags="estimated")
    s.owes(pods[2], 0.25, 0.2, card="b", flags="estimated")
    s.rest(node, 0.95)


@for_each_sharing
def two_cards_without_names_are_a_pool(s: Draft, sharing: str) -> None:
    """Four slots of eight, two cards that did 80 % and 40 %: 1.2 cards' use are split by slots."""
    node = shared_node(s, sharing, cards=2, renamed=True)
    pods = [s.pod(f"serve-{number}", node, {SHARED: 1}) for number in range(4)]
    s.see(node, "a", compute=0.8)
    s.see(node, "b", compute=0.4)
    for pod in pods:
        s.owes(pod, 0.3, 0.3, flags="estimated")
    s.rest(node, 0.8)


@for_each_sharing
def two_cards_that_each_name_one_of_their_holders(s: Draft, sharing: str) -> None:
    """One name a card does not say who else is there, so all holders share the pool of both cards.

    If those who are named had their cards to themselves, the others would have used nothing.
    """
    node = shared_node(s, sharing, cards=2)
    pods = [s.pod(f"serve-{number}", node) for number in range(4)]
    s.see(node, "a", pods[0], compute=0.6)
    s.see(node, "b", pods[3], compute=0.6)
    for pod in pods:
        s.owes(pod, 0.3, 0.3, flags="estimated")
    s.rest(node, 0.8)


@for_each_sharing
def a_card_that_vanished_because_nobody_holds_it(s: Draft, sharing: str) -> None:
    """Some exporters leave out cards without holders in this mode: the label still counts two."""
    node = shared_node(s, sharing, cards=2)
    pod = s.pod("serve-0", node)
    copies(s, node, "a", [pod], memory=0.2, compute=0.1)
    s.owes(pod, 0.25, 0.2, flags="estimated")
    s.rest(node, 1.75)
    s.told("CardCountDisagrees")


@for_each_sharing
def a_second_pod_comes_in_mid_window(s: Draft, sharing: str) -> None:
    """While the first was alone it did all of the 60 %, and half of them afterwards: 0.3 + 0.15 of a card, and 0.15."""
    node = shared_node(s, sharing)
    first, second = s.pod("serve-0", node), s.pod("serve-1", node, bound=150)
    s.see(node, "a", first, compute=0.6, labels={"vgpu": "0"})
    s.see(node, "a", second, compute=0.6, labels={"vgpu": "1"}, since=180)
    s.owes(first, 0.45, 0.45, window=0, flags="estimated")
    s.owes(second, 0.15, 0.15, window=0, flags="estimated")
    s.rest(node, 0.4, window=0)
    s.owes(first, 0.3, 0.3, window=1, flags="estimated")
    s.owes(second, 0.3, 0.3, window=1, flags="estimated")
    s.rest(node, 0.4, window=1)


@for_each_sharing
def a_shared_card_without_exporter(s: Draft, sharing: str) -> None:
    """The reservation is charged, what was used is not known."""
    node = shared_node(s, sharing)
    pod = s.pod("serve-0", node, 2)
    s.owes(pod, 0.5, None, flags="not-in-telemetry", says={"sharing": sharing})
    s.rest(node, 0.5)


@for_each_sharing
def a_pod_that_the_api_has_forgotten(s: Draft, sharing: str) -> None:
    """Deleted in mid window, before the operator started: copies say which slot it had, and until when."""
    node = shared_node(s, sharing)
    gone, stays = s.pod("gone-0", node, listed_until=150), s.pod("stays-0", node)
    s.kube_state(gone)
    s.see(node, "a", gone, compute=0.6, labels={"vgpu": "0"}, until=150)
    s.see(node, "a", stays, compute=0.6, labels={"vgpu": "1"})
    s.owes(gone, 0.15, 0.15, window=0, flags="estimated")
    s.owes(stays, 0.45, 0.45, window=0, flags="estimated")
    s.rest(node, 0.4, window=0)
    s.owes(stays, 0.6, 0.6, window=1, flags="estimated")
    s.rest(node, 0.4, window=1)


@for_each_sharing
def a_name_that_ended_long_ago(s: Draft, sharing: str) -> None:
    """The arbitrary name is of a terminal pod: those who hold slots now did what the card did."""
    node = shared_node(s, sharing)
    pods = [s.pod(f"serve-{number}", node) for number in range(2)]
    s.see(node, "a", s.pod("old-0", node, ended=-600), compute=0.6)
    for pod in pods:
        s.owes(pod, 0.3, 0.3, flags="estimated")
    s.rest(node, 0.4)


@for_each_sharing
def an_exporter_silent_for_half_a_window(s: Draft, sharing: str) -> None:
    """Use and idle are of the half that was seen."""
    node = shared_node(s, sharing)
    s.calm_node()
    pods = [s.pod(f"serve-{number}", node) for number in range(2)]
    for slot, pod in enumerate(pods):
        for since, until in ((-270, 60), (240, 660)):
            s.see(node, "a", pod, memory=0.4, labels={"vgpu": str(slot)}, since=since, until=until)
        s.owes(pod, 0.25, 0.1, unknown=0.125, window=0, flags="estimated")
        s.owes(pod, 0.25, 0.2, window=1, flags="estimated")
    s.rest(node, 0.5)


@for_each_sharing
def cards_of_one_node_with_a_crowd_and_a_loner(s: Draft, sharing: str) -> None:
    """Three pods on a card at 30 %, one alone at 70 %: the crowd idles, the loner uses more than its slot."""
    node = shared_node(s, sharing, cards=2)
    crowd, loner = [s.pod(f"serve-{number}", node) for number in range(3)], s.pod("train-0", node)
    copies(s, node, "a", crowd, memory=0.3, compute=0.1)
    copies(s, node, "b", [loner], memory=0.2, compute=0.7)
    for pod in crowd:
        s.owes(pod, 0.25, 0.1, card="a", flags="estimated")
    s.owes(loner, 0.7, 0.7, card="b", flags="estimated")
    s.rest(node, 0.55)

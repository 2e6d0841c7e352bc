"""The cases on which OpenCost v1.120.4 was run: cards at 4.00 an hour, and what is true of them."""

from fractions import Fraction as F  # noqa: N817

from gpucost.simulation.scenarios.collection import Collection
from gpucost.simulation.scenarios.draft import Draft
from gpucost.simulation.scenarios.features import A100_40, GPU, mig_mixed, mig_single, whole_cards

HOURLY = 4
CARD = F(HOURLY, 12)
"""What a card costs in a window of five minutes."""

scenario = Collection()


@scenario
def compared_a_whole_card_held_and_idle(s: Draft) -> None:
    """Case a: 4.00 an hour, used 0.00."""
    node = s.node(card_hourly=HOURLY)
    pod = s.pod("red-0", node)
    s.see(node, "a", pod)
    s.owes(pod, CARD, 0)
    s.rest(node, 0)


@scenario
def compared_b_memory_used_more_than_compute(s: Draft) -> None:
    """Case b: memory 15 %, compute 5 %: 4.00 an hour, used 0.60."""
    node = s.node(card_hourly=HOURLY)
    pod = s.pod("red-0", node)
    s.see(node, "a", pod, memory=0.15, compute=0.05)
    s.owes(pod, CARD, CARD * F(15, 100))
    s.rest(node, 0)


def _five_of_seven(s: Draft, capacity: dict[str, int], labels: dict[str, str], resource: str) -> None:
    node = s.node(card_hourly=HOURLY, capacity=capacity, labels=labels)
    for number, use in enumerate((0.1, 0.2, 0.4, 0.6, 0.8)):
        pod = s.pod(f"pod-{number}", node, {resource: 1})
        s.see(node, "a", pod, instance=(str(7 + number), "1g.5gb"), compute=use)
        s.owes(pod, CARD / 7, CARD / 7 * F(str(use)))
    s.see(node, "a", instance=("12", "1g.5gb"))
    s.see(node, "a", instance=("13", "1g.5gb"))
    s.rest(node, CARD * F(2, 7))


@scenario
def compared_c_slices_under_the_mixed_strategy(s: Draft) -> None:
    """Case c: five of seven slices held: 5 x 0.571 + 1.143 = 4 an hour."""
    capacity = {GPU: 0, "nvidia.com/mig-1g.5gb": 7}
    _five_of_seven(s, capacity, mig_mixed(A100_40, 1, {"1g.5gb": 7}), "nvidia.com/mig-1g.5gb")


@scenario
def compared_d_slices_under_the_single_strategy(s: Draft) -> None:
    """Case d: the same, requested as nvidia.com/gpu."""
    _five_of_seven(s, {GPU: 7}, mig_single(A100_40, "1g.5gb", 7), GPU)


def _three_of_four(s: Draft, resource: str, *, renamed: bool) -> None:
    """Each pod uses 80 % of its slot: 60 % of the card by three."""
    labels = whole_cards(A100_40, 1, sharing="time-slicing", replicas=4, renamed=renamed)
    node = s.node(card_hourly=HOURLY, capacity={resource: 4}, labels=labels)
    pods = [s.pod(f"pod-{number}", node, {resource: 1}) for number in range(3)]
    s.see(node, "a", None if renamed else pods[0], compute=0.6)
    for pod in pods:
        s.owes(pod, CARD / 4, CARD / 5, flags="estimated")
    s.rest(node, CARD / 4)


@scenario
def compared_e_time_slices(s: Draft) -> None:
    """Case e: 3 x 1.00 + 1.00 = 4 an hour, 80 % efficient."""
    _three_of_four(s, GPU, renamed=False)


@scenario
def compared_f_time_slices_under_another_name(s: Draft) -> None:
    """Case f: the same as nvidia.com/gpu.shared."""
    _three_of_four(s, "nvidia.com/gpu.shared", renamed=True)


@scenario
def compared_g_an_image_that_cannot_be_pulled(s: Draft) -> None:
    """Case g: the kubelet gave it the card, so it is named, holds it, and uses nothing: 4.00 an hour, all idle."""
    node = s.node(card_hourly=HOURLY)
    pod = s.pod("blue-0", node, waiting="ImagePullBackOff")
    s.see(node, "a", pod)
    s.owes(pod, CARD, 0)
    s.rest(node, 0)


@scenario
def compared_h_four_cards_of_which_three_are_held(s: Draft) -> None:
    """Case h: 8.00 at 80 %, 4.00 at 50 %, 4.00 free: 16 an hour."""
    node = s.node(cards=4, card_hourly=HOURLY)
    pair, single = s.pod("red-0", node, 2), s.pod("blue-0", node)
    s.see(node, "a", pair, compute=0.8)
    s.see(node, "b", pair, compute=0.8)
    s.see(node, "c", single, compute=0.5)
    s.see(node, "d")
    s.owes(pair, 2 * CARD, 2 * CARD * F(8, 10))
    s.owes(single, CARD, CARD / 2)
    s.rest(node, CARD)

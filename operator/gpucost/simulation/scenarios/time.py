"""Nodes, cards, cuts and scrapes that change within a window.

Scrapes lie at 30, 60, ... 300 s of the first window; one at 150 s is of the first half.
"""

from dataclasses import replace
from fractions import Fraction as F  # noqa: N817

from gpucost.simulation.scenarios.collection import Collection
from gpucost.simulation.scenarios.draft import Draft
from gpucost.simulation.scenarios.exporters import OPERATOR
from gpucost.simulation.scenarios.features import A100_40, GPU, mig_mixed

scenario = Collection()


@scenario
def a_node_that_appears_in_mid_window(s: Draft) -> None:
    """Created after 150 s, it is billed for the rest; shares of time are of that rest."""
    node = s.node(created=150)
    s.calm_node()
    pod = s.pod("train-0", node, bound=150)
    s.see(node, "a", pod, memory=0.4, since=180)
    s.owes(pod, 0.5, 0.2, window=0)
    s.rest(node, 0, alive=0.5, window=0)
    s.owes(pod, 1, 0.4, window=1)
    s.rest(node, 0, window=1)


@scenario
def a_node_that_was_registered_again(s: Draft) -> None:
    """It is younger in the API than its machine: the first sample says when it was there."""
    node = s.node(created=150)
    pod = s.pod("train-0", node, bound=180)
    s.see(node, "a", until=150)
    s.see(node, "a", pod, memory=0.4, since=180)
    s.owes(pod, 0.4, 0.16, window=0)
    s.rest(node, 0.6, window=0)
    s.owes(pod, 1, 0.4, window=1)
    s.rest(node, 0, window=1)


@scenario
def a_node_that_goes_in_mid_window(s: Draft) -> None:
    """A look after 120 s listed it, its last sample is at 150 s; another node goes on."""
    node = s.node(listed_until=400)
    s.calm_node()
    pod = s.pod("train-0", node, listed_until=400)
    s.look_before(120)
    s.see(node, "a", pod, memory=0.4, until=150)
    s.owes(pod, 0.5, 0.2, window=0)
    s.rest(node, 0, alive=0.5, window=0)


@scenario
def an_instance_id_taken_by_another_profile(s: Draft) -> None:
    """The card is cut anew in mid window and id 5 becomes a 1g.10gb: two devices, half a window each."""
    s.calm_node()
    profiles = {"2g.10gb": 1, "1g.10gb": 1}
    capacity = {GPU: 0, **{f"nvidia.com/mig-{profile}": count for profile, count in profiles.items()}}
    node = s.node(capacity=capacity, labels=mig_mixed(A100_40, 1, profiles))
    old = s.pod("old-0", node, {"nvidia.com/mig-2g.10gb": 1}, ended=150)
    new = s.pod("new-0", node, {"nvidia.com/mig-1g.10gb": 1}, bound=150)
    s.see(node, "a", old, instance=("5", "2g.10gb"), memory=0.5, until=150)
    s.see(node, "a", new, instance=("5", "1g.10gb"), memory=0.5, since=180)
    s.owes(old, F(1, 7), F(1, 14), window=0, says={"profile": "2g.10gb"})
    s.owes(new, F(1, 8), F(1, 16), window=0, says={"profile": "1g.10gb"})
    s.rest(node, F(41, 56), window=0)
    s.owes(new, F(1, 4), F(1, 8), window=1)
    s.rest(node, F(3, 4), window=1)


@scenario
def seven_slices_that_become_one(s: Draft) -> None:
    """Seven holders for half a window, then one with the whole card: 7 x 1/14 + 1/2 = 1."""
    node = s.node(capacity={GPU: 0, "nvidia.com/mig-7g.40gb": 1}, labels=mig_mixed(A100_40, 1, {"7g.40gb": 1}))
    s.calm_node()
    for number in range(7, 14):
        pod = s.pod(f"slice-{number}", node, {"nvidia.com/mig-1g.5gb": 1}, ended=150)
        s.see(node, "a", pod, instance=(str(number), "1g.5gb"), memory=0.5, until=150)
        s.owes(pod, F(1, 14), F(1, 28), window=0)
    whole = s.pod("whole-0", node, {"nvidia.com/mig-7g.40gb": 1}, bound=150)
    s.see(node, "a", whole, instance=("0", "7g.40gb"), memory=0.5, since=180)
    s.owes(whole, 0.5, 0.25, window=0)
    s.owes(whole, 1, 0.5, window=1)
    s.rest(node, 0)


@scenario
def a_card_replaced_by_another(s: Draft) -> None:
    """A new UUID after 150 s is the same place in the node: one card, not two."""
    node = s.node()
    s.calm_node()
    first, second = s.pod("first-0", node, ended=150), s.pod("second-0", node, bound=150)
    s.see(node, "broken", first, memory=0.4, until=150)
    s.see(node, "new", second, memory=0.8, since=180)
    s.owes(first, 0.5, 0.2, card="broken", window=0)
    s.owes(second, 0.5, 0.4, card="new", window=0)
    s.owes(second, 1, 0.8, card="new", window=1)
    s.rest(node, 0)


@scenario
def a_scrape_interval_halved_between_windows(s: Draft) -> None:
    """Ten scrapes of ten, then twenty of twenty: all the time."""
    node = s.node(cards=2)
    pod = s.pod("train-0", node)
    for by, since, until in ((node.exporter, -270, 300), (replace(node.exporter, every=15), 315, 660)):
        s.see(node, "a", pod, memory=0.4, since=since, until=until, exporter=by)
        s.see(node, "b", since=since, until=until, exporter=by)
    s.owes(pod, 1, 0.4)
    s.rest(node, 1)


@scenario
def a_scrape_interval_halved_in_mid_window(s: Draft) -> None:
    """Five scrapes and then ten, all of which name the holder."""
    node = s.node(cards=2)
    pod = s.pod("train-0", node)
    for by, since, until in ((node.exporter, -270, 150), (replace(node.exporter, every=15), 165, 660)):
        s.see(node, "a", pod, memory=0.4, since=since, until=until, exporter=by)
        s.see(node, "b", since=since, until=until, exporter=by)
    s.owes(pod, 1, 0.4)
    s.rest(node, 1)


@scenario
def an_exporter_silent_for_half_a_window(s: Draft) -> None:
    """Held all the time, seen for half of it, which is all that use and idle are known of.

    Another node of the same job tells how many scrapes there should have been.
    """
    node = s.node()
    s.calm_node()
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, memory=0.6, until=60)
    s.see(node, "a", pod, memory=0.6, since=240)
    s.owes(pod, 1, 0.3, unknown=0.5, window=0)
    s.owes(pod, 1, 0.6, window=1)
    s.rest(node, 0)


@scenario
def an_exporter_silent_for_a_whole_window(s: Draft) -> None:
    """The reservation is charged, and use is unknown in that window alone."""
    node = s.node()
    s.calm_node()
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, memory=0.6, until=0)
    s.see(node, "a", pod, memory=0.6, since=330)
    s.owes(pod, 1, None, flags="not-in-telemetry", window=0)
    s.owes(pod, 1, 0.6, window=1)
    s.rest(node, 0)


@scenario
def a_node_replaced_by_another_of_its_name(s: Draft) -> None:
    """Told apart by uid: the first lived for half a window at 12 a card and hour, the second costs twice that."""
    s.calm_node()
    old, new = s.node(listed_until=150), s.node(created=150, card_hourly=24)
    s.look_before(120)
    first, second = s.pod("first-0", old, listed_until=150), s.pod("second-0", new, bound=150)
    s.see(old, "a", first, memory=0.4, until=150)
    s.see(new, "b", second, memory=0.8, since=180)
    s.owes(first, 0.5, 0.2, window=0)
    s.rest(old, 0, alive=0.5, window=0)
    s.owes(second, 1, 0.8, window=0)
    s.rest(new, 0, alive=0.5, window=0)
    s.owes(second, 2, 1.6, window=1)
    s.rest(new, 0, window=1)


@scenario
def an_exporter_scraped_once_a_minute(s: Draft) -> None:
    """Five scrapes a window are all that there can be: nothing is unseen. Other jobs do as they like."""
    node = s.node(exporter=replace(OPERATOR, job="slow", every=60))
    s.calm_node()
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, memory=0.4)
    s.owes(pod, 1, 0.4)
    s.rest(node, 0)

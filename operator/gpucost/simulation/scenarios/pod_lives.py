"""Pods that come, go, and are gone by the time of the look.

Scrapes lie at 30, 60, ... 300 s of the first window; one at 150 s is of the first half.
"""

from gpucost.simulation.scenarios.collection import Collection
from gpucost.simulation.scenarios.draft import Draft

scenario = Collection()


@scenario
def a_pod_that_starts_in_mid_window(s: Draft) -> None:
    """Five of ten scrapes name it."""
    node = s.node()
    pod = s.pod("train-0", node, bound=150)
    s.see(node, "a", until=150)
    s.see(node, "a", pod, memory=0.4, since=180)
    s.owes(pod, 0.5, 0.2, window=0)
    s.rest(node, 0.5, window=0)
    s.owes(pod, 1, 0.4, window=1)
    s.rest(node, 0, window=1)


@scenario
def a_pod_that_is_named_later_than_bound(s: Draft) -> None:
    """Bound after 90 s, named by five of ten scrapes: whom telemetry names it times, and the API only limits that."""
    node = s.node()
    pod = s.pod("train-0", node, bound=90)
    s.see(node, "a", until=150)
    s.see(node, "a", pod, memory=0.4, since=180)
    s.owes(pod, 0.5, 0.2, window=0)
    s.rest(node, 0.5, window=0)
    s.owes(pod, 1, 0.4, window=1)
    s.rest(node, 0, window=1)


@scenario
def a_pod_that_starts_with_a_window(s: Draft) -> None:
    """The sample on the edge belongs to the window that it ends."""
    node = s.node()
    pod = s.pod("train-0", node, bound=300)
    s.see(node, "a", until=300)
    s.see(node, "a", pod, memory=0.4, since=330)
    s.rest(node, 1, window=0)
    s.owes(pod, 1, 0.4, window=1)
    s.rest(node, 0, window=1)


@scenario
def a_pod_that_ends_in_mid_window(s: Draft) -> None:
    """It stays listed as Succeeded and owes nothing more."""
    node = s.node()
    pod = s.pod("train-0", node, ended=150)
    s.see(node, "a", pod, memory=0.4, until=150)
    s.see(node, "a", since=180)
    s.owes(pod, 0.5, 0.2, window=0)
    s.rest(node, 0.5, window=0)
    s.rest(node, 1, window=1)


@scenario
def two_holders_of_a_card_in_one_window(s: Draft) -> None:
    """One after another, each with its own use."""
    node = s.node()
    first, second = s.pod("first-0", node, ended=150), s.pod("second-0", node, bound=150)
    s.see(node, "a", first, memory=0.4, until=150)
    s.see(node, "a", second, memory=0.8, since=180)
    s.owes(first, 0.5, 0.2, window=0)
    s.owes(second, 0.5, 0.4, window=0)
    s.owes(second, 1, 0.8, window=1)
    s.rest(node, 0)


@scenario
def a_pod_that_keeps_its_name_on_the_card_after_its_end(s: Draft) -> None:
    """Kubelets before 1.34 list terminal pods: the API's end limits what scrapes say."""
    node = s.node()
    pod = s.pod("train-0", node, ended=150)
    s.see(node, "a", pod)
    s.owes(pod, 0.5, 0, window=0)
    s.rest(node, 0.5, window=0)
    s.rest(node, 1, window=1)


@scenario
def a_pod_that_ended_long_ago_and_keeps_its_name_on_the_card(s: Draft) -> None:
    """Ended before the first window, it holds nothing."""
    node = s.node()
    pod = s.pod("train-0", node, ended=-600)
    s.see(node, "a", pod)
    s.rest(node, 1)


@scenario
def a_name_that_ended_on_a_card_that_another_pod_has(s: Draft) -> None:
    """The terminal pod is still named after the next one was bound to its only card."""
    node = s.node()
    new = s.pod("new-0", node, bound=-300)
    s.see(node, "a", s.pod("old-0", node, ended=-600))
    s.owes(new, 1, None, flags="not-in-telemetry")
    s.rest(node, 0)


@scenario
def a_crash_looping_pod(s: Draft) -> None:
    """It holds its card between its starts."""
    node = s.node()
    pod = s.pod("broken-0", node, waiting="CrashLoopBackOff")
    s.see(node, "a", pod)
    s.owes(pod, 1, 0)
    s.rest(node, 0)


@scenario
def a_pod_whose_image_cannot_be_pulled(s: Draft) -> None:
    """No exporter names it; by the API it is bound and holds a card."""
    node = s.node(cards=2)
    pod = s.pod("typo-0", node, waiting="ImagePullBackOff")
    s.see(node, "a")
    s.see(node, "b")
    s.owes(pod, 1, None, flags="not-in-telemetry")
    s.rest(node, 1)


@scenario
def a_pod_with_a_card_fewer_named_than_requested(s: Draft) -> None:
    """Two requested, one named: it holds both."""
    node = s.node(cards=3)
    pod = s.pod("train-0", node, 2)
    s.see(node, "a", pod, memory=0.5)
    s.see(node, "b")
    s.see(node, "c")
    s.owes(pod, 2, 0.5, unknown=1, flags="not-in-telemetry")
    s.rest(node, 1)


@scenario
def two_pods_of_one_name_in_a_window(s: Draft) -> None:
    """A StatefulSet makes db-0 anew: the bound time of the second ends the first, whose labels are its namesake's."""
    node = s.node()
    new = s.pod("db-0", node, bound=150)
    s.see(node, "a", new, memory=0.4)
    s.owes(new, 0.5, 0.2, uid=new.uid, flags="estimated", window=0)
    s.owes(new, 0.5, 0.2, flags="estimated reconstructed", window=0)
    s.owes(new, 1, 0.4, uid=new.uid, window=1)
    s.rest(node, 0)


@scenario
def two_pods_of_one_name_that_the_api_still_knows(s: Draft) -> None:
    """An earlier look listed the first: both are known by uid and bound times, and the name means them in turn."""
    node = s.node()
    old, new = s.pod("db-0", node, listed_until=150), s.pod("db-0", node, bound=150)
    s.look_before(120)
    s.see(node, "a", new, memory=0.4)
    s.owes(old, 0.5, 0.2, uid=old.uid, flags="estimated", window=0)
    s.owes(new, 0.5, 0.2, uid=new.uid, flags="estimated", window=0)
    s.owes(new, 1, 0.4, uid=new.uid, window=1)
    s.rest(node, 0)


@scenario
def two_pods_of_one_name_with_uids_on_their_series(s: Draft) -> None:
    """The exporter prints pod_uid: nothing is to be guessed, each has its own use."""
    node = s.node()
    old, new = s.pod("db-0", node, listed_until=150), s.pod("db-0", node, bound=150)
    s.look_before(120)
    s.see(node, "a", old, memory=0.4, until=150, labels={"pod_uid": old.uid})
    s.see(node, "a", new, memory=0.8, since=180, labels={"pod_uid": new.uid})
    s.owes(old, 0.5, 0.2, uid=old.uid, window=0)
    s.owes(new, 0.5, 0.4, uid=new.uid, window=0)
    s.owes(new, 1, 0.8, uid=new.uid, window=1)
    s.rest(node, 0)


@scenario
def a_pod_deleted_before_the_operator_started(s: Draft) -> None:
    """kube-state-metrics knows its labels and owner; telemetry says what it held."""
    node = s.node()
    pod = s.pod("train-0", node, listed_until=150, labels={"team": "vision", "cost-centre": "cc-7"}, owner="Job/train")
    s.kube_state(pod)
    s.see(node, "a", pod, memory=0.4, until=150)
    s.see(node, "a", since=180)
    s.owes(
        pod,
        0.5,
        0.2,
        window=0,
        says={"team": "vision", "cost_centre": "cc-7", "workload": "Job/train", "pod_uid": pod.uid},
    )
    s.rest(node, 0.5, window=0)
    s.rest(node, 1, window=1)


@scenario
def a_pod_that_nobody_remembers(s: Draft) -> None:
    """The API forgot it and there is no kube-state-metrics: telemetry counts, its team is unassigned."""
    node = s.node()
    pod = s.pod("train-0", node, listed_until=-60)
    s.see(node, "a", pod, memory=0.4, until=150)
    s.see(node, "a", since=180)
    s.owes(pod, 0.5, 0.2, window=0, flags="labels-unknown", says={"team": "unassigned"})
    s.rest(node, 0.5, window=0)
    s.rest(node, 1, window=1)

"""Whole cards: who held which, for how long, by telemetry and by the API."""

from dataclasses import replace
from math import isnan

import pytest
from matched_windows import (
    NOBODY,
    Shown,
    card,
    held,
    make_node,
    make_pod,
    make_rate,
    match,
    named,
    note,
    note_types,
    shares,
)

from gpucost.matching.lacking import NOT_IN_TELEMETRY
from gpucost.matching.pods import LABELS_UNKNOWN, RECONSTRUCTED
from gpucost.model.fleet import Pod, Request

TWO_CARDS: list[Shown] = [(card("GPU-a"), named(), 10, 0.7, 0.2), (card("GPU-b"), NOBODY, 10)]

HELD = {
    "a pod that was bound before and lives on holds its card all the time": (
        [(card(), named(), 10)],
        [make_pod()],
        {"GPU-a train-0": 1.0},
    ),
    "samples split a card between two pods that followed each other": (
        [(card(), named("first"), 4), (card(), named("second"), 6)],
        [make_pod("first", ended=2), make_pod("second", bound=2)],
        {"GPU-a first": 0.4, "GPU-a second": 0.6},
    ),
    "nobody's samples are nobody's time": (
        [(card(), named(), 3), (card(), NOBODY, 7)],
        [make_pod()],
        {"GPU-a train-0": 0.3},
    ),
    "a pod holds no more than the API had it bound for": (
        [(card(), named(), 10)],
        [make_pod(bound=1, ended=3.5)],
        {"GPU-a train-0": 0.5},
    ),
    "a pod that ended before the window holds nothing, whatever the exporter still says": (
        [(card(), named(), 10)],
        [make_pod(ended=-1)],
        {},
    ),
    "a pod whose binding nobody knows is timed by telemetry alone": (
        [(card(), named(), 8), (card(), NOBODY, 2)],
        [make_pod(bound=None)],
        {"GPU-a train-0": 0.8},
    ),
    "a pod that holds two cards has two rows": (
        [(card("GPU-a"), named(), 10), (card("GPU-b"), named(), 10)],
        [make_pod(requests={"main": 2})],
        {"GPU-a train-0": 1.0, "GPU-b train-0": 1.0},
    ),
    "a card that was scraped half of the time was held all of it": (
        [(card(), named(), 5)],
        [make_pod()],
        {"GPU-a train-0": 1.0},
    ),
    "a card that missed a scrape still says what part each pod held": (
        [(card(), named("first"), 3), (card(), named("second"), 6)],
        [make_pod("first"), make_pod("second")],
        {"GPU-a first": 0.333333, "GPU-a second": 0.666667},
    ),
    "a pod in the API that no series names is on a card that nobody holds": (
        TWO_CARDS,
        [make_pod(), make_pod("silent", bound=3)],
        {"GPU-a train-0": 1.0, "GPU-b silent": 0.4},
    ),
    "a pod that holds two cards and is named on one gets the free one too": (
        TWO_CARDS,
        [make_pod(requests={"main": 2})],
        {"GPU-a train-0": 1.0, "GPU-b train-0": 1.0},
    ),
    "pods that follow each other unnamed share a free card": (
        TWO_CARDS,
        [make_pod(), make_pod("early", ended=2), make_pod("late", bound=2)],
        {"GPU-a train-0": 1.0, "GPU-b early": 0.4, "GPU-b late": 0.6},
    ),
    "a card is free for an unnamed pod only for as long as nobody is named on it": (
        [(card(), named(), 6), (card(), NOBODY, 4)],
        [make_pod(), make_pod("short", bound=3), make_pod("long", bound=2.5)],
        {"? long": 0.5, "GPU-a short": 0.4, "GPU-a train-0": 0.6},
    ),
    "an unnamed pod without a free card holds an unknown one": (
        [],
        [make_pod(), make_pod("other", requests={"main": 1})],
        {"? train-0": 1.0, "? other": 1.0},
    ),
    "a pod that is named for a part of its time is not counted twice": (
        [(card("GPU-a"), named(), 5), (card("GPU-a"), NOBODY, 5), (card("GPU-b"), NOBODY, 10)],
        [make_pod()],
        {"GPU-a train-0": 0.5},
    ),
}


@pytest.mark.parametrize(("series", "pods", "expected"), HELD.values(), ids=HELD)
def test_held_time(series: list[Shown], pods: list[Pod], expected: dict[str, float]) -> None:
    got = match(*series, pods=pods)
    assert held(got) == expected
    assert set(shares(got).values()) <= {1.0}


SEEN = {
    "all scrapes came": ([(card(), named(), 10)], make_pod(), 1.0),
    "the exporter was down for half of the window": ([(card(), named(), 5)], make_pod(), 0.5),
    "a pod that came between two scrapes was seen all the time": (
        [(card(), named(), 8), (card(), NOBODY, 2)],
        make_pod(bound=1.2),
        1.0,
    ),
    "the exporter was down for half of the time that the pod held": ([(card(), named(), 5)], make_pod(bound=0), 0.5),
    "never named": ([(card(), NOBODY, 10)], make_pod(), 0.0),
}


@pytest.mark.parametrize(("series", "pod", "expected"), SEEN.values(), ids=SEEN)
def test_coverage_of_the_held_time(series: list[Shown], pod: Pod, expected: float) -> None:
    got = match(*series, pods=[pod])
    assert got.holdings.seen_ratio.tolist() == pytest.approx([expected])


def test_each_job_has_its_own_scrape_interval() -> None:
    """One card is scraped every 30 s and lost half of its scrapes, the other every 15 s and lost a quarter."""
    slow, quick = card("GPU-a"), card("GPU-b")
    got = match(
        (slow, named("slow"), 5),
        (quick, named("quick"), 15),
        pods=[make_pod("slow"), make_pod("quick")],
        intervals={quick: 15.0},
    )
    assert held(got) == {"GPU-a slow": 1.0, "GPU-b quick": 1.0}
    assert got.holdings.seen_ratio.tolist() == pytest.approx([0.5, 0.75])


def test_a_pod_in_the_api_whose_binding_nobody_knows_is_not_charged_where_telemetry_is_silent() -> None:
    assert held(match(pods=[make_pod(bound=None)])) == {}


VANISHED = {
    "it held until it was missed, where telemetry is silent": ([], -4, {"? train-0": 0.2}),
    "it was gone before, where telemetry shows the node and not the pod": ([(card(), NOBODY, 10.0)], -4, {}),
    "it held until it was missed, where a look listed it in the window": (
        [(card(), NOBODY, 10.0)],
        0.5,
        {"GPU-a train-0": 0.2},
    ),
    "it held for as long as telemetry names it": (
        [(card(), named(), 1.0), (card(), NOBODY, 9.0)],
        -4,
        {"GPU-a train-0": 0.1},
    ),
}


@pytest.mark.parametrize(("shown", "last_seen", "expected"), VANISHED.values(), ids=VANISHED)
def test_a_pod_that_vanished_and_was_missed_in_the_window(
    shown: list[Shown], last_seen: float, expected: dict[str, float]
) -> None:
    assert held(match(*shown, pods=[make_pod(last_seen=last_seen, ended=1)])) == expected


def test_a_row_carries_names_use_and_tenant() -> None:
    got = match(*TWO_CARDS, pods=[make_pod()])
    (holder,) = got.holders
    assert (holder.namespace, holder.pod, holder.pod_uid, holder.container) == ("ml", "train-0", "uid-train-0", "main")
    assert (holder.sharing, holder.tenant.team, holder.flags) == ("exclusive", "vision", ())
    assert got.holdings.memory_ratio.tolist() == [0.7]
    assert got.holdings.compute_ratio.tolist() == [0.2]
    assert got.holdings.slot_share.tolist() == [1.0]
    assert got.holdings.estimated.tolist() == [False]
    assert got.notes == ()


def test_use_of_a_pod_that_no_series_names_is_unknown() -> None:
    got = match(*TWO_CARDS, pods=[make_pod(), make_pod("silent")])
    row = [holder.pod for holder in got.holders].index("silent")
    assert isnan(got.holdings.memory_ratio[row])
    assert isnan(got.holdings.compute_ratio[row])
    assert got.holdings.seen_ratio[row] == 0.0
    assert got.holders[row].flags == (NOT_IN_TELEMETRY,)


def test_a_series_without_container_means_the_one_that_requests_the_card() -> None:
    got = match((card(), named(container=""), 10), pods=[make_pod(requests={"worker": 1})])
    assert [holder.container for holder in got.holders] == ["worker"]


def test_of_two_containers_the_one_that_no_series_names_gets_the_free_card() -> None:
    got = match(
        (card("GPU-a"), named(container="left"), 10),
        (card("GPU-b"), NOBODY, 10),
        pods=[make_pod(requests={"left": 1, "right": 1})],
    )
    assert [(holder.device.uuid, holder.container) for holder in got.holders] == [("GPU-a", "left"), ("GPU-b", "right")]


FORMER_POD = make_pod(uid="uid-old", labels={"team": "old"}, bound=None)
CAME_AGAIN = make_pod(uid="uid-new", labels={"team": "new"}, bound=3)

CAME_TWICE = {
    "both are in the API": (
        [make_pod(uid="uid-old", ended=2.5), CAME_AGAIN],
        [],
        {"uid-old": 0.5, "uid-new": 0.4},
        (),
    ),
    "the former is remembered by telemetry, without times": (
        [CAME_AGAIN],
        [FORMER_POD],
        {"uid-old": 0.6, "uid-new": 0.4},
        (),
    ),
    "nobody remembers the former": ([CAME_AGAIN], [], {"": 0.6, "uid-new": 0.4}, (RECONSTRUCTED,)),
}


@pytest.mark.parametrize(("pods", "ended", "expected", "flags"), CAME_TWICE.values(), ids=CAME_TWICE)
def test_a_pod_that_came_again_under_its_name(
    pods: list[Pod], ended: list[Pod], expected: dict[str, float], flags: tuple[str, ...]
) -> None:
    got = match((card(), named(), 10), pods=pods, ended=ended)
    times = dict(zip((holder.pod_uid for holder in got.holders), got.holdings.held_ratio.tolist(), strict=True))
    assert times == pytest.approx(expected)
    assert got.holdings.estimated.all()
    assert {holder.flags for holder in got.holders if holder.pod_uid != "uid-new"} == {flags}


def test_former_pods_of_one_team_that_nobody_can_tell_apart_are_one_row() -> None:
    former = [make_pod(uid=f"uid-{number}", bound=None, labels={"team": "old"}) for number in range(3)]
    got = match((card(), named(), 10), pods=[CAME_AGAIN], ended=former)
    rows = [(holder.pod_uid, holder.tenant.team) for holder in got.holders]
    assert rows == [("", "old"), ("uid-new", "new")]
    assert got.holdings.held_ratio.tolist() == pytest.approx([0.6, 0.4])


def test_former_pods_of_two_teams_that_nobody_can_tell_apart_share_the_time() -> None:
    former = [make_pod(uid=f"uid-{team}", bound=None, labels={"team": team}) for team in ("red", "blue")]
    got = match((card(), named(), 8), (card(), NOBODY, 2), ended=former)
    assert [(holder.pod_uid, holder.tenant.team) for holder in got.holders] == [
        ("uid-blue", "blue"),
        ("uid-red", "red"),
    ]
    assert got.holdings.held_ratio.tolist() == pytest.approx([0.4, 0.4])
    assert got.holdings.estimated.all()


def test_a_printed_uid_tells_namesakes_apart() -> None:
    got = match(
        (card(), named(uid="uid-old"), 5),
        (card(), named(uid="uid-new"), 4),
        pods=[CAME_AGAIN],
        ended=[FORMER_POD],
    )
    assert [(holder.pod_uid, holder.tenant.team) for holder in got.holders] == [("uid-new", "new"), ("uid-old", "old")]
    assert got.holdings.held_ratio.tolist() == pytest.approx([0.4, 5 / 9])
    assert not got.holdings.estimated.any()


def test_a_sample_more_than_fits_is_no_former_pod() -> None:
    got = match((card(), named(), 5), (card(), NOBODY, 5), pods=[make_pod(bound=2.7)])
    assert held(got) == {"GPU-a train-0": 0.46}


FORGOTTEN = {
    "telemetry remembers its labels": ([make_pod(bound=None)], [], "vision", "uid-train-0", ()),
    "a namesake on another node lends its labels": (
        [],
        [make_pod(node="n2", uid="uid-other")],
        "vision",
        "",
        (RECONSTRUCTED,),
    ),
    "only its namespace has labels": ([], [], "research", "", (LABELS_UNKNOWN,)),
}


@pytest.mark.parametrize(("ended", "pods", "team", "uid", "flags"), FORGOTTEN.values(), ids=FORGOTTEN)
def test_a_pod_that_the_api_forgot_counts_as_telemetry_says(
    ended: list[Pod], pods: list[Pod], team: str, uid: str, flags: tuple[str, ...]
) -> None:
    got = match(
        (card(), named(), 8), (card(), NOBODY, 2), ended=ended, pods=pods, namespaces={"ml": {"team": "research"}}
    )
    (holder,) = got.holders
    assert (holder.tenant.team, holder.pod_uid, holder.flags) == (team, uid, flags)
    assert held(got) == {"GPU-a train-0": 0.8}


def test_an_ended_pod_with_times_holds_what_telemetry_missed() -> None:
    got = match(ended=[make_pod(bound=-10, ended=2), make_pod("no-end", bound=-10)])
    assert held(got) == {"? train-0": 0.4}


def test_a_pod_that_the_api_knows_is_not_read_twice() -> None:
    got = match(
        (card(), named(), 10), pods=[make_pod(ended=2.5)], ended=[make_pod(bound=None, labels={"team": "stale"})]
    )
    assert held(got) == {"GPU-a train-0": 0.5}
    assert got.holders[0].tenant.team == "vision"


def test_a_request_for_what_nobody_knows_is_told() -> None:
    odd = replace(make_pod("odd"), requests=(Request("main", "example.com/accelerator", 1),))
    got = match(*TWO_CARDS, pods=[make_pod(), odd])
    assert held(got) == {"GPU-a train-0": 1.0}
    assert note(got, "RequestNotAttributed").subject == "n1/example.com/accelerator"


def test_devices_of_nodes_that_the_api_does_not_know_are_left_out_and_told_once() -> None:
    strangers = [(card(f"GPU-{n}", node=f"x{n}"), named("other"), 10) for n in range(5)]
    got = match(*TWO_CARDS, *strangers, pods=[make_pod()])
    assert held(got) == {"GPU-a train-0": 1.0}
    assert [facts.node.name for facts in got.nodes] == ["n1"]
    assert note_types(got) == ["UnknownNodes"]
    assert "x0, x1, x2 and 2 more" in got.notes[0].message


def test_rows_do_not_depend_on_the_order_of_series_pods_and_nodes() -> None:
    series: list[Shown] = [
        (card("GPU-a"), named("first"), 4, 0.1, 0.2),
        (card("GPU-a"), named("second"), 6, 0.3, 0.4),
        (card("GPU-b"), NOBODY, 10),
        (card("GPU-c", node="n2"), named("third"), 10, 0.5, 0.6),
    ]
    pods = [make_pod("first"), make_pod("second"), make_pod("third", node="n2"), make_pod("silent"), make_pod("more")]
    nodes = [make_node("n1"), make_node("n2")]
    rates = [make_rate("n1"), make_rate("n2", hourly_e9=5)]
    forward = match(*series, pods=pods, nodes=nodes, rates=rates)
    backward = match(*series[::-1], pods=pods[::-1], nodes=nodes[::-1], rates=rates[::-1])
    assert forward.holders == backward.holders
    assert forward.nodes == backward.nodes
    for name, values in vars(forward.holdings).items():
        if name != "bills":
            assert values.tolist() == pytest.approx(getattr(backward.holdings, name).tolist(), nan_ok=True), name
    assert [holder.pod for holder in forward.holders] == ["silent", "first", "second", "more", "third"]

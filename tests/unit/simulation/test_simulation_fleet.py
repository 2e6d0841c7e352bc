from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from simulated_fleets import FIVE_MINUTES, START, STEP, make_day, windows_of, windows_with_a_change_of_holder

from gpucost.model.errors import InputError
from gpucost.model.time import Window
from gpucost.simulation.fleet import make_fleet
from gpucost.simulation.grid import Ticks, tick_at, time_of
from gpucost.simulation.pods import SimulatedPod


def as_told_at(pod: SimulatedPod, at: datetime) -> tuple[object, ...]:
    ended = pod.ended if pod.ended and pod.ended <= at else None
    return (pod.uid, pod.namespace, pod.name, pod.bound, ended, pod.containers, tuple(pod.labels.items()))


def test_the_same_seed_and_span_give_the_same_fleet() -> None:
    assert make_day(seed=3) == make_day(seed=3)


def test_another_seed_gives_other_cards_and_other_lives() -> None:
    one, other = make_day(seed=3), make_day(seed=4)
    assert not {device.uuid for device in one.holds} & {device.uuid for device in other.holds}
    assert [pod.bound for pod in one.pods] != [pod.bound for pod in other.pods]


def test_a_later_end_adds_pods_and_changes_none() -> None:
    short, long = make_day(hours=9), make_day(hours=36)
    known = [pod for pod in long.pods if pod.bound < short.end]
    assert list(short.pods) == known
    assert len(long.pods) > len(short.pods)


def test_no_device_has_two_holders_at_once() -> None:
    for seed in range(5):
        for holds in make_day(seed=seed, hours=36).holds.values():
            for first, second in pairwise(holds):
                assert first.ticks.last <= second.ticks.before, (first, second)


def test_pods_come_and_go_on_the_scrape_grid_but_mostly_off_window_edges() -> None:
    fleet = make_day()
    edges = [time for pod in fleet.pods for time in (pod.bound, pod.ended) if time and time > fleet.start]
    midnight = datetime(2026, 11, 23, tzinfo=UTC)
    assert all((edge - midnight) % STEP == timedelta(0) for edge in edges)
    off_edge = [edge for edge in edges if (edge - midnight) % FIVE_MINUTES]
    assert len(off_edge) > len(edges) / 2


def test_a_day_has_arrivals_all_day_and_pods_from_before() -> None:
    fleet = make_day()
    new = [pod for pod in fleet.pods if pod.bound >= fleet.start]
    assert 60 <= len(new) <= 160
    assert {(pod.bound - fleet.start) // timedelta(hours=3) for pod in new} == set(range(8))
    assert len(fleet.pods) - len(new) >= 9


def test_some_window_has_two_successive_holders_of_one_device() -> None:
    assert len(windows_with_a_change_of_holder(make_day())) >= 5


def test_six_teams_share_five_namespaces() -> None:
    places: dict[str, set[str]] = {}
    for pod in make_day().pods:
        places.setdefault(pod.payer.team, set()).add(pod.namespace)
    teams = set(places) - {"unassigned"}
    namespaces = set().union(*places.values())
    assert (len(teams), len(namespaces)) == (6, 5)
    assert any(len(places[team]) == 2 for team in teams)
    owners_of = Counter(namespace for team in teams for namespace in places[team])
    assert max(owners_of.values()) >= 2


def test_every_kind_of_owner_and_size_of_pod_is_there() -> None:
    pods = make_day().pods
    assert {pod.workload.split("/")[0] for pod in pods} == {"Deployment", "StatefulSet", "Job", "Pod"}
    assert {len(container.devices) for pod in pods for container in pod.containers} >= {1, 2, 4}
    assert any(len(pod.containers) == 2 and all(len(c.devices) == 1 for c in pod.containers) for pod in pods)
    assert any(pod.owner and pod.owner.parent and pod.owner.parent.kind == "CronJob" for pod in pods)


def test_a_stateful_pod_comes_again_under_its_name_with_another_uid() -> None:
    lives = [pod for pod in make_day().pods if pod.name == "reranker-0"]
    assert len(lives) >= 3
    assert len({pod.uid for pod in lives}) == len(lives)


def test_uids_are_unique() -> None:
    fleet = make_day(hours=36)
    uids = [entry.uid for entry in (*fleet.pods, *fleet.nodes, *fleet.namespaces)]
    assert len(set(uids)) == len(uids)


def test_every_gpu_node_has_a_device_that_nobody_holds() -> None:
    fleet = make_day()
    for node in fleet.gpu_nodes:
        assert any(not fleet.holds[device] for device in node.devices), node.name
    (idle,) = (node for node in fleet.nodes if node.name == "gpu-idle-1")
    assert all(not fleet.holds[device] for device in idle.devices)


def test_instances_of_a_card_have_ids_of_their_own() -> None:
    for node in make_day().gpu_nodes:
        identities = [(device.uuid, device.gpu_instance_id) for device in node.devices]
        assert len(set(identities)) == len(identities)


def test_a_moment_belongs_to_the_interval_that_it_ends() -> None:
    tick = tick_at(START)
    assert time_of(tick) == START
    assert tick_at(START + timedelta(microseconds=1)) == tick + 1
    assert tick_at(START + STEP) == tick + 1


def test_a_window_off_the_grid_is_refused_with_its_times() -> None:
    with pytest.raises(InputError, match="2026-11-23T18:00:10"):
        Ticks.of_window(Window(START + timedelta(seconds=10), START + FIVE_MINUTES))


def test_a_fleet_may_end_in_the_future_and_is_made_quickly() -> None:
    fleet = make_fleet(seed=1, start=START, end=START + timedelta(days=3))
    assert windows_of(fleet)[-1].end == fleet.end

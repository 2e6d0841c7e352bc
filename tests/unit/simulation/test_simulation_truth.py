"""Truth against brute force: every line recomputed, sample by sample, from pages and API objects alone."""

from collections import defaultdict
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from simulated_fleets import START, make_day, read_samples, sample_times, windows_of, windows_with_a_change_of_holder

from gpucost.model.errors import InputError
from gpucost.model.time import Window, windows_between
from gpucost.simulation.exporter import page
from gpucost.simulation.fleet import Fleet
from gpucost.simulation.objects import objects_at
from gpucost.simulation.truth import TrueLine, slice_shares, true_lines, true_nodes, true_totals

RATES = {"gpu-a100-1": "21.957642", "gpu-h100-1": "55.04", "gpu-mig-1": "24.000000007", "gpu-idle-1": "16.288"}
DOMINANT = {
    "": Fraction(1),
    "1g.5gb": Fraction(1, 7),
    "1g.10gb": Fraction(1, 4),
    "2g.10gb": Fraction(2, 7),
    "3g.20gb": Fraction(1, 2),
    "4g.20gb": Fraction(4, 7),
    "7g.40gb": Fraction(1),
}
LABEL_KEYS = (
    ("team",),
    ("product", "app.kubernetes.io/part-of"),
    ("cost-centre", "cost-center"),
    ("environment", "env"),
)
MEMORY = ("DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_FREE", "DCGM_FI_DEV_FB_RESERVED")


class Device(NamedTuple):
    node: str
    uuid: str
    gpu_instance_id: str


class Holding(NamedTuple):
    pod_uid: str
    container: str
    device: Device


class BruteLine(NamedTuple):
    namespace: str
    pod: str
    payer: tuple[str, ...]
    held: Fraction
    cost: Fraction
    used_cost: Fraction
    idle_cost: Fraction


Scrape = dict[str, Fraction]


def brute_lines(fleet: Fleet, window: Window) -> dict[Holding, BruteLine]:
    times = sample_times(window)
    hours = Fraction(int(window.length.total_seconds()), 3600)
    scrapes: defaultdict[Holding, list[Scrape]] = defaultdict(list)
    pods: dict[str, dict[str, Any]] = {}
    profiles: dict[Device, str] = {}
    for at in times:
        scrape(fleet, at, scrapes, pods, profiles)
    namespaces = {entry["metadata"]["name"]: entry for entry in objects_at(fleet, window.end).namespaces}
    lines = {}
    for holding, seen in scrapes.items():
        metadata = pods[holding.pod_uid]["metadata"]
        memory = mean([values[MEMORY[0]] / sum(values.get(name, 0) for name in MEMORY) for values in seen])
        compute = mean([values["DCGM_FI_PROF_GR_ENGINE_ACTIVE"] for values in seen])
        held = Fraction(len(seen), len(times))
        share = held * slice_of(holding.device, profiles)
        cost = share * Fraction(RATES[holding.device.node]) / 8 * hours
        used_cost = cost * min(Fraction(1), max(memory, compute))
        own, inherited = metadata["labels"], namespaces[metadata["namespace"]]["metadata"]["labels"]
        payer = tuple(
            next((labels[key] for labels in (own, inherited) for key in keys if key in labels), "unassigned")
            for keys in LABEL_KEYS
        )
        names = metadata["namespace"], metadata["name"]
        lines[holding] = BruteLine(*names, payer, held, cost, used_cost, cost - used_cost)
    return lines


def scrape(
    fleet: Fleet,
    at: datetime,
    scrapes: dict[Holding, list[Scrape]],
    pods: dict[str, dict[str, Any]],
    profiles: dict[Device, str],
) -> None:
    running = {
        (pod["metadata"]["namespace"], pod["metadata"]["name"]): pod
        for pod in objects_at(fleet, at).pods
        if pod["status"]["phase"] == "Running"
    }
    now: defaultdict[Holding, Scrape] = defaultdict(dict)
    for node in fleet.gpu_nodes:
        for sample in read_samples(page(fleet, node, at)):
            labels = sample.labels
            device = Device(node.name, labels["UUID"], labels.get("GPU_I_ID", ""))
            profiles[device] = labels.get("GPU_I_PROFILE", "")
            if "pod" in labels:
                pod = running[labels["namespace"], labels["pod"]]
                uid = pod["metadata"]["uid"]
                pods[uid] = pod
                now[Holding(uid, labels["container"], device)][sample.name] = sample.value
    for holding, values in now.items():
        scrapes[holding].append(values)


def mean(values: list[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def slice_of(device: Device, profiles: dict[Device, str]) -> Fraction:
    claimed = sum(DOMINANT[profile] for other, profile in profiles.items() if other.uuid == device.uuid)
    return DOMINANT[profiles[device]] / max(claimed, Fraction(1))


def as_brute(lines: list[TrueLine]) -> dict[Holding, BruteLine]:
    found = {
        Holding(line.pod_uid, line.container, Device(line.node, line.uuid, line.gpu_instance_id)): BruteLine(
            line.namespace,
            line.pod,
            (line.team, line.product, line.cost_centre, line.environment),
            line.held,
            line.cost,
            line.used_cost,
            line.idle_cost,
        )
        for line in lines
    }
    assert len(found) == len(lines)
    return found


def test_every_line_of_a_window_is_what_its_samples_add_up_to() -> None:
    fleet = make_day()
    windows = [windows_of(fleet)[0], *windows_with_a_change_of_holder(fleet)[:3], windows_of(fleet)[-1]]
    for window in windows:
        truth = as_brute(true_lines(fleet, [window]))
        assert len(truth) > 15
        assert truth == brute_lines(fleet, window)


@pytest.mark.parametrize("length", [timedelta(seconds=30), timedelta(minutes=12)], ids=str)
def test_windows_may_have_any_length_on_the_grid(length: timedelta) -> None:
    fleet = make_day()
    start = windows_with_a_change_of_holder(fleet)[0].start
    window = Window(start, start + length)
    assert as_brute(true_lines(fleet, [window])) == brute_lines(fleet, window)


def test_lines_of_many_windows_are_those_of_each() -> None:
    fleet = make_day()
    windows = windows_of(fleet)[40:60]
    assert true_lines(fleet, windows) == [line for window in windows for line in true_lines(fleet, [window])]


def test_a_day_costs_the_same_in_windows_of_any_length() -> None:
    fleet = make_day()
    short, long = (
        true_totals(true_lines(fleet, windows_between(fleet.start, fleet.end, timedelta(minutes=minutes))))
        for minutes in (5, 60)
    )
    assert short.keys() == long.keys()
    assert {key: figures.cost for key, figures in short.items()} == {key: figures.cost for key, figures in long.items()}


def test_allocated_and_unallocated_add_up_to_the_bill_of_every_node_and_window() -> None:
    fleet = make_day()
    windows = windows_of(fleet)
    bills = true_nodes(fleet, windows)
    assert len(bills) == 4 * len(windows)
    assert all(bill.allocated + bill.unallocated + bill.host == bill.cost for bill in bills)
    assert all(bill.unallocated > 0 for bill in bills)
    day = sum(bill.cost for bill in bills)
    assert day == 24 * sum(Fraction(rate) for rate in RATES.values())
    totals = true_totals(true_lines(fleet, windows))
    assert sum(figures.cost for figures in totals.values()) == sum(bill.allocated for bill in bills)
    assert all(figures.cost == figures.used_cost + figures.idle_cost for figures in totals.values())


def test_the_node_without_gpus_is_not_billed_and_the_idle_one_is_all_unallocated() -> None:
    fleet = make_day()
    (window, *_) = windows_of(fleet)
    bills = {bill.node: bill for bill in true_nodes(fleet, [window])}
    assert set(bills) == set(RATES)
    assert bills["gpu-idle-1"].unallocated == bills["gpu-idle-1"].cost > 0


def test_slice_shares_of_a_card_reach_one_only_where_no_instance_fits_any_more() -> None:
    (node,) = (node for node in make_day().nodes if node.is_mig)
    sums = [sum(slice_shares(card).values()) for card in node.cards]
    assert sums == [1, 1, 1, Fraction(6, 7), Fraction(9, 14), 1, 1, 1]


def test_both_memory_and_compute_decide_about_use_and_some_use_nothing_and_some_all() -> None:
    fleet = make_day()
    lines = true_lines(fleet, windows_of(fleet)[::12])
    by_memory = sum(line.memory_ratio > line.compute_ratio for line in lines)
    assert 0.2 * len(lines) < by_memory < 0.8 * len(lines)
    assert {line.pod for line in lines if line.used == 0} == {"notebook-0"}
    assert {line.pod for line in lines if line.used == line.reserved} == {"synthesis-0"}


def test_labels_of_pod_or_namespace_or_neither_decide_who_pays() -> None:
    fleet = make_day()
    lines = true_lines(fleet, windows_of(fleet)[:1])
    teams = {line.pod.split("-")[0]: line.team for line in lines}
    assert (teams["scorer"], teams["scratch"], teams["llm"]) == ("fraud", "unassigned", "language")


def test_a_window_off_the_grid_is_refused() -> None:
    window = Window(START + timedelta(seconds=1), START + timedelta(seconds=301))
    with pytest.raises(InputError, match="cuts a scrape interval"):
        true_lines(make_day(), [window])

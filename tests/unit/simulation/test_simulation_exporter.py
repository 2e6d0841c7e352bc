import re
from collections import defaultdict
from datetime import timedelta
from fractions import Fraction

from prometheus_client.parser import text_string_to_metric_families
from simulated_fleets import START, STEP, make_day, read_samples

from gpucost.simulation.exporter import page
from gpucost.simulation.fleet import Fleet
from gpucost.simulation.hardware import SimulatedNode

NOON = START + timedelta(hours=6)
HELD_CARD = re.compile(
    r'DCGM_FI_DEV_FB_USED\{gpu="0",UUID="GPU-[0-9a-f-]{36}",pci_bus_id="00000000:10:1C.0",device="nvidia0",'
    r'modelName="NVIDIA H100 80GB HBM3",Hostname="gpu-h100-1",DCGM_FI_DRIVER_VERSION="[0-9.]+",'
    r'container="main",namespace="research",pod="llm-server-[a-z0-9-]+"\} \d+'
)
IDLE_CARD = re.compile(
    r'DCGM_FI_DEV_FB_USED\{gpu="7",UUID="[^"]+",pci_bus_id="[^"]+",device="nvidia7",'
    r'modelName="NVIDIA H100 80GB HBM3",Hostname="gpu-h100-1",DCGM_FI_DRIVER_VERSION="[0-9.]+"\} \d+'
)
HELD_INSTANCE = re.compile(
    r'DCGM_FI_PROF_GR_ENGINE_ACTIVE\{gpu="0",UUID="[^"]+",pci_bus_id="[^"]+",device="nvidia0",'
    r'modelName="NVIDIA A100-SXM4-40GB",GPU_I_PROFILE="1g.5gb",GPU_I_ID="7",hostname="gpu-mig-1",'
    r'DCGM_FI_DRIVER_VERSION="[0-9.]+",container="main",namespace="playground",pod="notebook-0"\} 0\.000000'
)


def node_of(fleet: Fleet, name: str) -> SimulatedNode:
    return next(node for node in fleet.nodes if node.name == name)


def test_lines_look_as_dcgm_exporter_prints_them() -> None:
    fleet = make_day()
    h100 = page(fleet, node_of(fleet, "gpu-h100-1"), NOON).splitlines()
    mig = page(fleet, node_of(fleet, "gpu-mig-1"), NOON).splitlines()
    for pattern, lines in ((HELD_CARD, h100), (IDLE_CARD, h100), (HELD_INSTANCE, mig)):
        assert [line for line in lines if pattern.fullmatch(line)], pattern.pattern


def test_a_page_is_valid_and_declares_each_metric_once() -> None:
    fleet = make_day()
    for node in fleet.gpu_nodes:
        families = list(text_string_to_metric_families(page(fleet, node, NOON)))
        names = [family.name for family in families]
        assert len(set(names)) == len(names)
        assert all(family.type == "gauge" and family.documentation for family in families)


def test_the_memory_of_a_device_adds_up_to_the_same_at_all_times() -> None:
    fleet = make_day()
    totals: defaultdict[tuple[str, str], set[Fraction]] = defaultdict(set)
    for hours in range(24):
        for node in fleet.gpu_nodes:
            sums: defaultdict[tuple[str, str], Fraction] = defaultdict(Fraction)
            for sample in read_samples(page(fleet, node, START + timedelta(hours=hours, seconds=30))):
                if "_FB_" in sample.name:
                    sums[sample.labels["UUID"], sample.labels.get("GPU_I_ID", "")] += sample.value
            for device, total in sums.items():
                totals[device].add(total)
    assert len(totals) == 50
    assert all(len(seen) == 1 for seen in totals.values())


def test_instances_have_no_gpu_util_and_repeat_the_power_of_their_board() -> None:
    fleet = make_day()
    power: defaultdict[str, set[Fraction]] = defaultdict(set)
    for sample in read_samples(page(fleet, node_of(fleet, "gpu-mig-1"), NOON)):
        assert sample.name != "DCGM_FI_DEV_GPU_UTIL"
        if sample.name == "DCGM_FI_DEV_POWER_USAGE":
            power[sample.labels["UUID"]].add(sample.value)
    assert [len(values) for values in power.values()] == [1] * 8


def test_one_exporter_prints_no_reserved_memory() -> None:
    fleet = make_day()
    with_reserved = {node.name for node in fleet.gpu_nodes if "FB_RESERVED" in page(fleet, node, NOON)}
    assert with_reserved == {"gpu-a100-1", "gpu-mig-1", "gpu-idle-1"}


def test_a_pod_is_shown_from_the_first_interval_after_its_binding_to_the_one_that_ends_with_it() -> None:
    fleet = make_day()
    for pod in fleet.pods:
        if pod.bound <= fleet.start or pod.ended is None:
            continue
        node = node_of(fleet, pod.node)
        shown = [
            f'pod="{pod.name}"' in page(fleet, node, at)
            for at in (pod.bound, pod.bound + timedelta(seconds=1), pod.bound + STEP, pod.ended, pod.ended + STEP)
        ]
        assert shown == [False, True, True, True, False], pod.name


def test_some_pod_does_nothing_all_day_and_some_other_is_always_full() -> None:
    fleet = make_day()
    for minutes in range(1, 24 * 60, 97):
        at = START + timedelta(minutes=minutes)
        for pod, node, use in (("notebook-0", "gpu-mig-1", 0), ("synthesis-0", "gpu-h100-1", 1)):
            values = {
                sample.name: sample.value
                for sample in read_samples(page(fleet, node_of(fleet, node), at))
                if sample.labels.get("pod") == pod
            }
            assert values["DCGM_FI_PROF_GR_ENGINE_ACTIVE"] == use
            assert values["DCGM_FI_DEV_FB_FREE" if use else "DCGM_FI_DEV_FB_USED"] == 0


def test_the_use_of_pods_varies_in_time() -> None:
    fleet = make_day()
    seen: defaultdict[str, set[Fraction]] = defaultdict(set)
    for minutes in range(1, 60, 4):
        for node in fleet.gpu_nodes:
            for sample in read_samples(page(fleet, node, NOON + timedelta(minutes=minutes))):
                if sample.labels.get("pod", "").startswith(("llm-server", "embedder", "risk-model")):
                    seen[sample.name].add(sample.value)
                assert sample.value >= 0
    assert all(len(seen[name]) > 10 for name in ("DCGM_FI_DEV_FB_USED", "DCGM_FI_PROF_GR_ENGINE_ACTIVE"))


def test_a_node_without_gpus_has_an_empty_page() -> None:
    fleet = make_day()
    assert page(fleet, node_of(fleet, "cpu-1"), NOON) == ""

"""Forms in which exporters print the same thing, and scrape configurations keep it."""

from dataclasses import replace
from fractions import Fraction as F  # noqa: N817

from gpucost.simulation.scenarios.collection import Collection, Plot
from gpucost.simulation.scenarios.draft import Draft
from gpucost.simulation.scenarios.exporters import NAMES, OPERATOR, STATIC, Exporter
from gpucost.simulation.scenarios.features import A100_40, GPU, T4, mig_mixed
from gpucost.simulation.scenarios.measures import ENGINE, UTIL

scenario = Collection()

OWN_POD = {"namespace": "gpu-operator", "pod": "nvidia-dcgm-exporter-own", "container": "nvidia-dcgm-exporter"}
SPELLINGS = {
    "names-of-holders-kept-beside-those-of-the-exporter": OPERATOR,
    "names-of-holders-in-place-of-those-of-the-exporter": replace(OPERATOR, honor_labels=True),
    "nothing-but-job-and-instance-attached": STATIC,
    "hostname-in-small-letters": replace(OPERATOR, hostname="hostname"),
    "labels-of-the-old-namespace": replace(STATIC, uuid="uuid", holder=("pod_namespace", "pod_name", "container_name")),
    "idle-as-empty-labels": replace(STATIC, idle=dict.fromkeys(NAMES, "")),
    "idle-as-empty-labels-that-remove-those-of-the-exporter": replace(
        OPERATOR, honor_labels=True, idle=dict.fromkeys(NAMES, "")
    ),
    "idle-as-the-pod-of-the-exporter": replace(STATIC, idle=OWN_POD),
    "all-in-small-letters": replace(STATIC, lower_case=True),
    "no-hostname-but-a-node-label": replace(OPERATOR, hostname="", extra={"node": "NODE"}),
    "no-profiling-metrics": replace(STATIC, leaves_out=(ENGINE,)),
}


def _two_kinds_of_cards(s: Draft, spelling: Exporter, *, join_by_pod: bool = False) -> None:
    """A held and an idle whole card on one node, a held and an idle instance on another."""
    node = s.node("whole", cards=2, exporter=_on(s, spelling, "whole"))
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, memory=0.75, compute=0.5)
    s.see(node, "b")
    s.owes(pod, 1, 0.75, card="a", container="main")
    s.rest(node, 1)
    cut = s.node(
        "cut",
        exporter=_on(s, spelling, "cut"),
        capacity={GPU: 0, "nvidia.com/mig-3g.20gb": 2},
        labels=mig_mixed(A100_40, 1, {"3g.20gb": 2}),
    )
    slice_pod = s.pod("slice-0", cut, {"nvidia.com/mig-3g.20gb": 1})
    s.see(cut, "c", slice_pod, instance=("1", "3g.20gb"), memory=0.5, compute=0.25)
    s.see(cut, "c", instance=("2", "3g.20gb"))
    s.owes(slice_pod, 0.5, 0.25, card="c", instance="1", says={"profile": "3g.20gb"})
    s.rest(cut, 0.5, reasons={"free": 0.5})
    if join_by_pod:
        s.kube_state_of_exporter(node)
        s.kube_state_of_exporter(cut)


def _on(s: Draft, spelling: Exporter, name: str) -> Exporter:
    node = f"{s.slug}-{name}"
    return replace(spelling, extra={key: value.replace("NODE", node) for key, value in spelling.extra.items()})


def _spelt(spelling: Exporter) -> Plot:
    return lambda s: _two_kinds_of_cards(s, spelling)


for slug, spelling in SPELLINGS.items():
    scenario.add(slug, "The same two nodes, spelt otherwise.", _spelt(spelling))


@scenario
def no_hostname_but_kube_state_metrics_knows_the_exporter(s: Draft) -> None:
    """The exporter's own pod is a target label, and kube_pod_info says where it runs."""
    _two_kinds_of_cards(s, replace(OPERATOR, hostname=""), join_by_pod=True)


@scenario
def hostname_that_is_the_pod_of_the_exporter(s: Draft) -> None:
    """Exporters without NODE_NAME print the name of their own pod."""
    for name in ("one", "other"):
        exporter = replace(OPERATOR, hostname_value=f"nvidia-dcgm-exporter-{name}")
        node = s.node(name, exporter=exporter)
        pod = s.pod(f"train-{name}", node)
        s.see(node, name, pod, memory=0.25)
        s.kube_state_of_exporter(node)
        s.owes(pod, 1, 0.25, card=name)
        s.rest(node, 0)


@scenario
def names_of_dcgm_4_6(s: Draft) -> None:
    """The engine's ratio under its new name comes before the percentage of the card."""
    node = s.node(exporter=replace(OPERATOR, renamed={ENGINE: "DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO"}))
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, memory=0.1, compute=0.6)
    s.owes(pod, 1, 0.6)
    s.rest(node, 0)


@scenario
def card_busy_in_percent_where_profiling_is_not_available(s: Draft) -> None:
    """GPU_UTIL / 100 stands in for the engine's ratio."""
    node = s.node(model=T4)
    pod = s.pod("serve-0", node)
    s.see(node, "a", pod, memory=0.1, compute=None, values={UTIL: 40})
    s.owes(pod, 1, 0.4)
    s.rest(node, 0)


@scenario
def zero_percent_printed_for_instances(s: Draft) -> None:
    """Old exporters print GPU_UTIL 0 on instances, which says nothing: memory decides alone."""
    labels = mig_mixed(A100_40, 1, {"7g.40gb": 1})
    node = s.node(capacity={GPU: 0, "nvidia.com/mig-7g.40gb": 1}, labels=labels)
    pod = s.pod("train-0", node, {"nvidia.com/mig-7g.40gb": 1})
    s.see(node, "a", pod, instance=("0", "7g.40gb"), memory=0.3, compute=None, values={UTIL: 0})
    s.owes(pod, 1, 0.3)
    s.rest(node, 0)


@scenario
def multiprocessors_active_where_the_engine_is_not_printed(s: Draft) -> None:
    """SM_ACTIVE is second in the chain."""
    node = s.node()
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, memory=0.1, compute=None, values={"DCGM_FI_PROF_SM_ACTIVE": 0.35, UTIL: 90})
    s.owes(pod, 1, 0.35)
    s.rest(node, 0)


@scenario
def instances_without_memory_metrics(s: Draft) -> None:
    """H100 with driver R535 prints no FB_*: compute decides alone."""
    labels = mig_mixed("NVIDIA H100 80GB HBM3", 1, {"3g.40gb": 2})
    node = s.node(model="NVIDIA H100 80GB HBM3", capacity={GPU: 0, "nvidia.com/mig-3g.40gb": 2}, labels=labels)
    pod = s.pod("train-0", node, {"nvidia.com/mig-3g.40gb": 1})
    s.see(node, "a", pod, instance=("1", "3g.40gb"), memory=None, compute=0.4)
    s.see(node, "a", instance=("2", "3g.40gb"), memory=None, compute=0)
    s.owes(pod, 0.5, 0.2)
    s.rest(node, 0.5)


@scenario
def board_values_repeated_on_every_instance(s: Draft) -> None:
    """Power and temperature say nothing of use, however often they are printed."""
    node = s.node(capacity={GPU: 0, "nvidia.com/mig-3g.20gb": 2}, labels=mig_mixed(A100_40, 1, {"3g.20gb": 2}))
    for number in ("1", "2"):
        pod = s.pod(f"train-{number}", node, {"nvidia.com/mig-3g.20gb": 1})
        board = {"DCGM_FI_DEV_POWER_USAGE": 116.0, "DCGM_FI_DEV_GPU_TEMP": 41}
        s.see(node, "a", pod, instance=(number, "3g.20gb"), memory=0.5, values=board)
        s.owes(pod, 0.5, 0.25)
    s.rest(node, 0)


@scenario
def a_cut_card_printed_beside_its_instances(s: Draft) -> None:
    """Device selector g+i: the card itself is no device that anybody could hold."""
    node = s.node(capacity={GPU: 0, "nvidia.com/mig-3g.20gb": 2}, labels=mig_mixed(A100_40, 1, {"3g.20gb": 2}))
    pod = s.pod("train-0", node, {"nvidia.com/mig-3g.20gb": 1})
    s.see(node, "a", memory=0.9, compute=0.9)
    s.see(node, "a", pod, instance=("1", "3g.20gb"), memory=0.5)
    s.see(node, "a", instance=("2", "3g.20gb"))
    s.owes(pod, 0.5, 0.25)
    s.rest(node, 0.5)


@scenario
def names_without_a_container(s: Draft) -> None:
    """Some exporters print none: the request says which container it is."""
    node = s.node(exporter=STATIC)
    pod = s.pod("train-0", node)
    s.see(node, "a", pod, memory=0.25, labels={"container": ""})
    s.owes(pod, 1, 0.25, container="main")
    s.rest(node, 0)


@scenario
def one_pod_name_in_two_namespaces(s: Draft) -> None:
    """Namespaces tell them apart."""
    node = s.node(cards=2)
    red, blue = (s.pod("train-0", node, namespace=s.namespace(team, team=team)) for team in ("red", "blue"))
    s.see(node, "a", red, memory=0.25)
    s.see(node, "b", blue, memory=0.75)
    s.owes(red, 1, 0.25, card="a", says={"team": "red"})
    s.owes(blue, 1, 0.75, card="b", says={"team": "blue"})
    s.rest(node, 0)


@scenario
def the_exporter_named_beside_the_holder(s: Draft) -> None:
    """An exporter that may see every device names itself too: it holds nothing."""
    node = s.node(cards=2)
    pod = s.pod("train-0", node)
    itself = {f"exported_{name}": value for name, value in OWN_POD.items()}
    s.see(node, "a", pod, memory=0.25)
    s.see(node, "a", memory=0.25, labels=itself)
    s.see(node, "b", labels=itself)
    s.owes(pod, 1, 0.25)
    s.rest(node, 1)


@scenario
def labels_of_pods_on_every_series(s: Draft) -> None:
    """Pod labels that the exporter adds, even one named service, are no part of a series' identity."""
    node = s.node()
    pod = s.pod("train-0", node, labels={"team": "vision", "service": "shop"})
    s.see(node, "a", pod, memory=0.25, exporter=STATIC, labels={"team": "vision", "service": "shop"})
    s.owes(pod, 1, 0.25, says={"team": "vision"})
    s.rest(node, 0)


@scenario
def memory_left_after_a_job_of_the_hpc_mapping(s: Draft) -> None:
    """One copy of a series for every HPC job on the card repeats the device's value."""
    node = s.node()
    pod = s.pod("train-0", node)
    for job in ("4711", "4712"):
        s.see(node, "a", pod, memory=0.25, labels={"hpc_job": job})
    s.owes(pod, 1, 0.25)
    s.rest(node, 0)


@scenario
def profile_names_off_by_one_gb(s: Draft) -> None:
    """Exporters before 4.8.4 print 7g.79gb for what resources call 7g.80gb, and 1g.11gb for 1g.12gb."""
    nvl = "NVIDIA H100 NVL"
    whole = s.node("whole", model="NVIDIA H100 80GB HBM3", capacity={GPU: 0, "nvidia.com/mig-7g.80gb": 1}, labels={})
    pod = s.pod("train-0", whole, {"nvidia.com/mig-7g.80gb": 1})
    s.see(whole, "a", pod, instance=("0", "7g.79gb"), memory=0.5)
    s.owes(pod, 1, 0.5)
    s.rest(whole, 0)
    node = s.node(
        "slices", model=nvl, capacity={GPU: 0, "nvidia.com/mig-1g.12gb": 7}, labels=mig_mixed(nvl, 1, {"1g.12gb": 7})
    )
    named = s.pod("named-0", node, {"nvidia.com/mig-1g.12gb": 1})
    silent = s.pod("silent-0", node, {"nvidia.com/mig-1g.12gb": 1})
    s.see(node, "b", named, instance=("7", "1g.11gb"), memory=0.5)
    s.idle(node, "b", "1g.11gb", range(8, 14))
    s.owes(named, F(1, 7), F(1, 14))
    s.owes(silent, F(1, 7), None, card="b", flags="not-in-telemetry")
    s.rest(node, F(5, 7))

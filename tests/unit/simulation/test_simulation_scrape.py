from datetime import timedelta

from prometheus_client.parser import text_string_to_metric_families
from simulated_fleets import START, make_day, read_samples

from gpucost.simulation.scrape import Target, stored_labels, targets

NOON = START + timedelta(hours=6)


def make_target(*, honor_labels: bool) -> Target:
    labels = {"namespace": "monitoring", "pod": "scraped", "instance": "here"}
    return Target(job="j", path="/", labels=labels, honor_labels=honor_labels, page=lambda _at: "")


def test_a_label_of_the_page_is_renamed_where_the_target_has_it_too() -> None:
    stored = stored_labels(make_target(honor_labels=False), {"pod": "a", "gpu": "0"})
    assert stored == {
        "exported_pod": "a",
        "gpu": "0",
        "instance": "here",
        "job": "j",
        "namespace": "monitoring",
        "pod": "scraped",
    }


def test_an_honoured_label_of_the_page_replaces_that_of_the_target() -> None:
    stored = stored_labels(make_target(honor_labels=True), {"pod": "a", "owner_kind": ""})
    assert stored == {"instance": "here", "job": "j", "namespace": "monitoring", "pod": "a"}


def test_targets_are_four_exporters_and_kube_state_metrics() -> None:
    found = targets(make_day())
    assert [target.job for target in found] == ["nvidia-dcgm-exporter"] * 4 + ["kube-state-metrics"]
    assert [target.honor_labels for target in found] == [False] * 4 + [True]
    assert len({target.path for target in found}) == len({target.labels["instance"] for target in found}) == 5


def test_kube_state_metrics_tells_labels_owner_and_requests_of_every_listed_pod() -> None:
    fleet = make_day()
    text = targets(fleet)[-1].page(NOON)
    assert {family.name for family in text_string_to_metric_families(text)} == {
        "kube_pod_labels",
        "kube_pod_owner",
        "kube_pod_container_resource_requests",
    }
    by_metric: dict[str, dict[str, dict[str, str]]] = {}
    for sample in read_samples(text):
        by_metric.setdefault(sample.name, {})[sample.labels["uid"]] = sample.labels
    uids = {pod.uid for pod in fleet.pods_listed_at(NOON)}
    assert all(found.keys() == uids for found in by_metric.values())
    speech = next(pod for pod in fleet.pods if pod.name == "synthesis-0")
    labels = by_metric["kube_pod_labels"][speech.uid]
    assert labels["label_team"] == "speech"
    assert labels["label_app_kubernetes_io_part_of"] == "captions"
    assert labels["label_cost_center"] == "cc-4040"
    assert by_metric["kube_pod_owner"][speech.uid]["owner_kind"] == "StatefulSet"
    assert by_metric["kube_pod_container_resource_requests"][speech.uid] == {
        "namespace": "speech",
        "pod": "synthesis-0",
        "uid": speech.uid,
        "container": "main",
        "node": "gpu-h100-1",
        "resource": "nvidia_com_gpu",
        "unit": "integer",
    }


def test_mig_resources_are_sanitised_and_cpu_and_memory_come_in_base_units() -> None:
    samples = list(read_samples(targets(make_day())[-1].page(NOON)))
    requests = {
        (sample.labels["resource"], sample.labels["unit"], sample.value)
        for sample in samples
        if sample.name == "kube_pod_container_resource_requests"
    }
    assert {("nvidia_com_mig_1g_5gb", "integer", 2), ("memory", "byte", 512 * 2**20)} <= requests
    assert any(resource == "cpu" and unit == "core" and value * 2 == 1 for resource, unit, value in requests)

"""On which node a device is, where the exporter does not say."""

from collections.abc import Mapping

import pytest
from gpu_series import ENGINE, held_by, make_answer, make_labels, make_windows, steady

from gpucost.telemetry.metrics import MetricNames
from gpucost.telemetry.series import SeriesLabels, exporter_of, exporters_to_find, meaning_of
from gpucost.telemetry.usage import usage_of

NO_JOBS: frozenset[str] = frozenset()
UNNAMED = {"Hostname": ""}
TARGET = ("gpu-operator", "nvidia-dcgm-exporter-x7k2p")
STATIC = {"job": "static", "UUID": "GPU-a", "instance": "n1:9400"}

EXPORTERS: dict[str, tuple[Mapping[str, str], tuple[str, str] | None]] = {
    "no host name: the pod that is scraped": (make_labels(**UNNAMED), TARGET),
    "beside a holder": (make_labels(**UNNAMED, **held_by()), TARGET),
    "the pod that is scraped, by any name": (
        make_labels(**UNNAMED, **held_by(), namespace="gpu", pod="metrics-1", container="m"),
        ("gpu", "metrics-1"),
    ),
    "the host name is that of the pod": (make_labels(Hostname=TARGET[1]), TARGET),
    "by any name": (
        make_labels(**held_by(), Hostname="metrics-1", namespace="gpu", pod="metrics-1", container="m"),
        ("gpu", "metrics-1"),
    ),
    "the host name is that of the pod, and nothing tells its namespace": (
        STATIC | {"hostname": "nvidia-dcgm-exporter-q28k4"},
        ("", "nvidia-dcgm-exporter-q28k4"),
    ),
    "none: the host name is that of the node": (make_labels(), None),
    "none: the scrape says the node": (make_labels(**UNNAMED, node="n1"), None),
    "none: nothing tells": (STATIC, None),
    "none: the pod may be the holder": (STATIC | {"namespace": "ml", "pod": "train-0"}, None),
    "none: no GPU": (make_labels(**UNNAMED, UUID=""), None),
}


@pytest.mark.parametrize(("labels", "exporter"), EXPORTERS.values(), ids=EXPORTERS)
def test_which_exporter_must_be_found(labels: Mapping[str, str], exporter: tuple[str, str] | None) -> None:
    assert exporter_of(SeriesLabels.of(labels), NO_JOBS) == exporter


KNOWN = {TARGET: "n7", ("", "nvidia-dcgm-exporter-q28k4"): "n8"}
NODES: dict[str, tuple[Mapping[str, str], str]] = {
    "of the pod that is scraped": (make_labels(**UNNAMED), "n7"),
    "of the pod whose name the host name is": (STATIC | {"hostname": "nvidia-dcgm-exporter-q28k4"}, "n8"),
    "as the scrape says, which counts before": (make_labels(**UNNAMED, node="n1"), "n1"),
    "as the exporter says, which counts before": (make_labels(), "n1"),
    "unknown": (make_labels(**UNNAMED, pod="nvidia-dcgm-exporter-new"), ""),
    "unknown, and the name of the pod is kept": (make_labels(Hostname="dcgm-exporter-new"), "dcgm-exporter-new"),
}


@pytest.mark.parametrize(("labels", "node"), NODES.values(), ids=NODES)
def test_the_node_of_a_device(labels: Mapping[str, str], node: str) -> None:
    meaning = meaning_of(SeriesLabels.of(labels), NO_JOBS, KNOWN)
    assert meaning is not None
    assert meaning.device.node == node


def test_exporters_are_looked_for_once_however_many_cards_they_have() -> None:
    cards = [(make_labels(**UNNAMED, UUID=f"GPU-{number}"), steady(0)) for number in range(4)]
    answers = [make_answer(*cards, (make_labels(UUID="GPU-z"), steady(0)))] * 2
    assert exporters_to_find(answers) == {TARGET}


def test_devices_of_one_name_on_two_nodes_stay_apart() -> None:
    there = make_labels(**UNNAMED, pod="nvidia-dcgm-exporter-other", instance="10.0.0.8:9400")
    answers = {ENGINE: make_answer((make_labels(**UNNAMED), steady(0)), (there, steady(0)))}
    exporters = KNOWN | {("gpu-operator", "nvidia-dcgm-exporter-other"): "n9"}
    usage = usage_of(answers, make_windows(), MetricNames(), exporters=exporters)
    assert [device.node for device in usage.devices] == ["n7", "n9"]

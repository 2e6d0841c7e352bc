import pytest
from gpu_series import held_by, make_labels

from gpucost.model.usage import Device, NamedHolder
from gpucost.telemetry.series import LABEL_NAMES, MetricAnswer, SeriesLabels, jobs_with_target_pods, meaning_of

TRAIN = NamedHolder("ml", "train-0", "main")
PLAIN = {"job": "static", "UUID": "GPU-a", "Hostname": "n1", "modelName": "NVIDIA A100-SXM4-40GB"}

HOLDERS: dict[str, tuple[dict[str, str], NamedHolder | None]] = {
    "exported beside the exporter's own pod": (make_labels(**held_by()), TRAIN),
    "plain where nothing else is called so": (
        PLAIN | {"namespace": "ml", "pod": "train-0", "container": "main"},
        TRAIN,
    ),
    "old spelling": (PLAIN | {"pod_namespace": "ml", "pod_name": "train-0", "container_name": "main"}, TRAIN),
    "old spelling beside the exporter's own pod": (
        make_labels(pod_namespace="ml", pod_name="train-0", container_name="main"),
        TRAIN,
    ),
    "with a UID": (make_labels(**held_by(), pod_uid="u1"), NamedHolder("ml", "train-0", "main", "u1")),
    "only the pod is called twice": (
        PLAIN | {"namespace": "ml", "exported_pod": "train-0", "pod": "exporter-1", "container": "main"},
        TRAIN,
    ),
    "nobody: empty words": (PLAIN | {"namespace": "", "pod": "", "container": ""}, None),
    "nobody: no words": (PLAIN, None),
    "nobody: only the exporter's own pod": (make_labels(), None),
    "nobody: the exporter's own pod under another name, known by its container": (
        make_labels(pod="gpu-metrics-1"),
        None,
    ),
    "nobody: the exporter's own pod, known by what the job says elsewhere": (
        make_labels(job="odd", pod="gpu-metrics-1", container="metrics"),
        None,
    ),
    "nobody: the exporter itself holds every device": (
        make_labels(**held_by("nvidia-dcgm-exporter-x7k2p", "gpu-operator", "nvidia-dcgm-exporter")),
        None,
    ),
}


@pytest.mark.parametrize(("labels", "holder"), HOLDERS.values(), ids=HOLDERS)
def test_who_holds_the_device(labels: dict[str, str], holder: NamedHolder | None) -> None:
    meaning = meaning_of(SeriesLabels.of(labels), frozenset({"odd"}))
    assert meaning is not None
    assert meaning.holder == holder


WHOLE = Device("n1", "GPU-a", "", "", "NVIDIA A100-SXM4-40GB")
DEVICES: dict[str, tuple[dict[str, str], Device]] = {
    "a whole card": (PLAIN, WHOLE),
    "lower-case host name": ({"UUID": "GPU-a", "hostname": "n1"}, WHOLE),
    "old spelling of the UUID": ({"uuid": "GPU-a", "Hostname": "n1"}, WHOLE),
    "a MIG instance": (
        PLAIN | {"GPU_I_ID": "9", "GPU_I_PROFILE": "1g.5gb"},
        Device("n1", "GPU-a", "9", "1g.5gb", ""),
    ),
    "a MIG instance, all in lower case": (
        {"uuid": "GPU-a", "hostname": "n1", "gpu_i_id": "9", "gpu_i_profile": "1g.5gb"},
        Device("n1", "GPU-a", "9", "1g.5gb", ""),
    ),
    "the host name is the exporter's pod: the target's node is": (
        {"UUID": "GPU-a", "Hostname": "nvidia-dcgm-exporter-q28k4", "node": "n1"},
        WHOLE,
    ),
    "the host name is the exporter's pod and nothing else is known: kept": (
        {"UUID": "GPU-a", "Hostname": "nvidia-dcgm-exporter-q28k4"},
        Device("nvidia-dcgm-exporter-q28k4", "GPU-a", "", "", ""),
    ),
    "no host name: the target's node": ({"UUID": "GPU-a", "node": "n1"}, WHOLE),
    "no node at all: kept": ({"UUID": "GPU-a"}, Device("", "GPU-a", "", "", "")),
}


@pytest.mark.parametrize(("labels", "device"), DEVICES.values(), ids=DEVICES)
def test_which_device_it_is(labels: dict[str, str], device: Device) -> None:
    meaning = meaning_of(SeriesLabels.of(labels), frozenset())
    assert meaning is not None
    assert meaning.device == device


@pytest.mark.parametrize("spelling", ["modelName", "modelname"])
def test_the_model_is_read(spelling: str) -> None:
    meaning = meaning_of(SeriesLabels.of({"UUID": "GPU-a", spelling: "Tesla T4"}), frozenset())
    assert meaning is not None
    assert meaning.device.model == "Tesla T4"


def test_a_series_without_a_gpu_means_nothing() -> None:
    assert meaning_of(SeriesLabels.of({"job": "x", "Hostname": "n1"}), frozenset()) is None


def test_a_job_that_exports_pods_has_target_pods() -> None:
    labels = [SeriesLabels.of(one) for one in (make_labels(**held_by()), make_labels(job="static", pod="train-0"))]
    assert jobs_with_target_pods(labels) == {"nvidia-dcgm-exporter"}


def test_series_that_differ_only_in_labels_that_are_not_read_become_one() -> None:
    labels = [make_labels(instance="10.0.0.7:9400"), make_labels(UUID="GPU-b"), make_labels(instance="10.0.0.8:9400")]
    answer = MetricAnswer.of(labels, [[1, 2], [30, 40], [5, float("nan")]], [[1, 1], [3, 4], [5, 0]])
    assert [one.UUID for one in answer.labels] == ["GPU-a", "GPU-b"]
    assert answer.sums.tolist() == [[6, 2], [30, 40]]
    assert answer.counts.tolist() == [[6, 1], [3, 4]]


def test_queries_group_by_the_names_that_are_read() -> None:
    assert {"UUID", "modelName", "modelname", "exported_pod", "job"} < set(LABEL_NAMES)
    assert "instance" not in LABEL_NAMES

import pytest
from gpu_series import held_by, make_answer, make_labels, steady

from gpucost.model.usage import Device, NamedHolder
from gpucost.telemetry.series import (
    LABEL_NAMES,
    MetricAnswer,
    SeriesLabels,
    Source,
    jobs_with_target_pods,
    meaning_of,
)

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


LONGEST = ("n" * 63, ".".join(["p" * 63] * 4)[:253], "c" * 63)
NAMES_THAT_CAN_BE: dict[str, tuple[str, str, str]] = {
    "short ones": ("a", "b", "c"),
    "digits and hyphens": ("7-ml", "0-train-0", "main-2"),
    "a pod's name with dots": ("ml", "train.0.x", "main"),
    "the longest": LONGEST,
    "no container, since some exporters print none": ("ml", "train-0", ""),
}
NAMES_THAT_CANNOT_BE: dict[str, tuple[str, str, str]] = {
    "a namespace with a space and capitals": ("Bad Name", "x", "main"),
    "a pod with capitals": ("ml", "Train-0", "main"),
    "a container with an underscore": ("ml", "train-0", "main_1"),
    "no namespace": ("", "train-0", "main"),
    "a namespace with a dot": ("ml.x", "train-0", "main"),
    "a pod that ends with a dot": ("ml", "train-0.", "main"),
    "a pod that starts with a hyphen": ("ml", "-train", "main"),
    "a line end": ("ml", "train-0\n", "main"),
    "letters that are not ASCII": ("ml", "träin", "main"),
    "a namespace that is too long": ("n" * 64, "train-0", "main"),
    "a pod that is too long": ("ml", "p" * 254, "main"),
    "a container that is too long": ("ml", "train-0", "c" * 64),
}
SPELLINGS = {
    "plain": ("namespace", "pod", "container"),
    "exported": ("exported_namespace", "exported_pod", "exported_container"),
    "old": ("pod_namespace", "pod_name", "container_name"),
}


def holder_of(labels: dict[str, str]) -> NamedHolder | None:
    meaning = meaning_of(SeriesLabels.of(labels), frozenset())
    assert meaning is not None
    return meaning.holder


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("names", NAMES_THAT_CAN_BE.values(), ids=NAMES_THAT_CAN_BE)
def test_a_name_that_kubernetes_allows_is_a_holder(names: tuple[str, str, str], spelling: tuple[str, ...]) -> None:
    assert holder_of(PLAIN | dict(zip(spelling, names, strict=True))) == NamedHolder(*names)


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("names", NAMES_THAT_CANNOT_BE.values(), ids=NAMES_THAT_CANNOT_BE)
def test_a_name_that_no_object_can_have_is_nobody(names: tuple[str, str, str], spelling: tuple[str, ...]) -> None:
    assert holder_of(PLAIN | dict(zip(spelling, names, strict=True))) is None


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


SOURCES: dict[str, tuple[dict[str, str], Source]] = {
    "a job alone": ({"job": "a", "instance": "n1:9400"}, Source("a")),
    "a ServiceMonitor": ({"job": "a", "service": "s", "endpoint": "m"}, Source("a", "s", "m")),
    "a PodMonitor": ({"job": "a", "endpoint": "m"}, Source("a", "", "m")),
    "a service without an endpoint: a pod's own label, not the scrape's": ({"job": "a", "service": "s"}, Source("a")),
    "a replica of Prometheus": ({"job": "a", "replica": "1"}, Source("a", replica="1")),
    "a replica as the Prometheus Operator calls it": (
        {"job": "a", "prometheus_replica": "p-1"},
        Source("a", replica="p-1"),
    ),
}


@pytest.mark.parametrize(("labels", "source"), SOURCES.values(), ids=SOURCES)
def test_where_it_was_scraped(labels: dict[str, str], source: Source) -> None:
    meaning = meaning_of(SeriesLabels.of(PLAIN | labels), frozenset())
    assert meaning is not None
    assert (meaning.source, meaning.instance) == (source, labels.get("instance", ""))


def test_a_job_that_exports_pods_in_a_window_has_target_pods_there() -> None:
    held, static = make_labels(**held_by()), make_labels(job="static", pod="train-0")
    answer = make_answer((held, [(4, 4), (0, 0), (9, 9)]), (static, steady(1, windows=3)), windows=3)
    later = make_answer((held, [(0, 0), (0, 0), (9, 9)]), windows=3)
    told = [frozenset({"nvidia-dcgm-exporter"}), frozenset(), frozenset({"nvidia-dcgm-exporter"})]
    assert jobs_with_target_pods([answer, later], 3) == told


def test_series_that_differ_only_in_labels_that_are_not_read_become_one() -> None:
    labels = [make_labels(pci_bus_id="1"), make_labels(UUID="GPU-b"), make_labels(pci_bus_id="2")]
    answer = MetricAnswer.of(labels, [[1, 2], [30, 40], [5, float("nan")]], [[1, 1], [3, 4], [5, 0]])
    assert [one.UUID for one in answer.labels] == ["GPU-a", "GPU-b"]
    assert answer.sums.tolist() == [[6, 2], [30, 40]]
    assert answer.counts.tolist() == [[6, 1], [3, 4]]


def test_queries_group_by_the_names_that_are_read() -> None:
    assert {"UUID", "modelName", "modelname", "exported_pod", "job", "instance", "service"} < set(LABEL_NAMES)

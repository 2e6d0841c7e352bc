"""What our queries mean to a real Prometheus, on a history whose every sample is known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from gpucost.model.fleet import Owner, Pod, Request
from gpucost.model.time import Window, floor_to, windows_between
from gpucost.model.usage import NamedHolder, Usage
from gpucost.telemetry.queries import Matcher
from gpucost.telemetry.settings import TelemetrySettings
from gpucost.telemetry.source import PrometheusTelemetry
from sandbox.binaries import find
from sandbox.errors import BinaryMissing
from sandbox.prometheus import load_history, prometheus

pytestmark = pytest.mark.cluster

SCRAPE = timedelta(seconds=30)
WINDOW = timedelta(minutes=5)
PER_WINDOW = WINDOW // SCRAPE
USED, FREE, ENGINE = "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_FREE", "DCGM_FI_PROF_GR_ENGINE_ACTIVE"

Labels = Mapping[str, str]
TARGET = {
    "job": "nvidia-dcgm-exporter",
    "instance": "10.0.0.7:9400",
    "namespace": "gpu-operator",
    "pod": "nvidia-dcgm-exporter-x7k2p",
    "container": "nvidia-dcgm-exporter",
}
HELD = {"exported_namespace": "ml", "exported_pod": "train-0", "exported_container": "main"}
STATIC = {"job": "static", "instance": "n2:9400"}


def card(uuid: str, node: str = "n1") -> dict[str, str]:
    return {"UUID": uuid, "Hostname": node, "modelName": "NVIDIA A100-SXM4-40GB"}


@dataclass(frozen=True)
class Clock:
    """Samples lie on a grid that starts with the first window; ticks count from there, edges are multiples of ten."""

    start: datetime
    last_tick: int

    @property
    def windows(self) -> tuple[Window, ...]:
        return windows_between(self.start, self.start + 3 * WINDOW, WINDOW)

    def at(self, tick: int) -> datetime:
        return self.start + tick * SCRAPE


@dataclass(frozen=True, kw_only=True)
class Track:
    """A series with one value from ``first`` to ``last``, both included, in ticks; None: to the end."""

    metric: str
    labels: Labels
    value: float
    first: int = -PER_WINDOW
    last: int | None = None
    every: timedelta = SCRAPE

    def lines(self, clock: Clock) -> Iterator[str]:
        labels = ",".join(f'{name}="{value}"' for name, value in self.labels.items())
        last = clock.last_tick if self.last is None else self.last
        for step in range((last - self.first) * SCRAPE // self.every + 1):
            at = clock.at(self.first) + step * self.every
            yield f"{self.metric}{{{labels}}} {str(self.value).replace('nan', 'NaN')} {at.timestamp():.3f}"


def device(
    labels: Labels, used: float, free: float, engine: float, *, first: int = -10, last: int | None = None
) -> list[Track]:
    values = {USED: used, FREE: free, ENGINE: engine}
    return [
        Track(metric=metric, labels=labels, value=value, first=first, last=last) for metric, value in values.items()
    ]


OLD_SPELLING = {"pod_namespace": "ml", "pod_name": "old-0", "container_name": "main"}
LOWER_CASE = {
    "uuid": "GPU-l",
    "hostname": "n2",
    "modelname": "NVIDIA H100",
    "gpu_i_id": "9",
    "gpu_i_profile": "1g.10gb",
}
SLOT_0 = HELD | {"exported_pod": "shared-0", "vgpu": "0"}
SLOT_1 = HELD | {"exported_pod": "shared-1", "vgpu": "1"}
NOT_A_NUMBER = {"job": "nan", "UUID": "GPU-q", "Hostname": "n8"}
GPUS = [
    # Held until two samples into the second window, then idle.
    *device(TARGET | card("GPU-a") | HELD, 30, 10, 0.4, last=PER_WINDOW + 2),
    *device(TARGET | card("GPU-a"), 0, 40, 0.0, first=PER_WINDOW + 3),
    # A second job tells of the same card, without holders.
    *device(STATIC | card("GPU-a"), 20, 20, 0.9),
    # Seen at the edges of the windows alone, each time another value.
    *(
        Track(metric=ENGINE, labels=TARGET | card("GPU-e") | HELD, value=value, first=tick, last=tick)
        for tick, value in ((0, 0.9), (10, 0.1), (20, 0.2), (30, 0.3))
    ),
    # The exporter restarts in the first window, at another address and as another pod.
    *device(TARGET | card("GPU-r") | HELD, 30, 10, 0.5, last=4),
    *device(
        TARGET | card("GPU-r") | HELD | {"instance": "10.0.0.8:9400", "pod": "nvidia-dcgm-exporter-zz"},
        10,
        30,
        1.0,
        first=5,
    ),
    # Scraped twice all the time: at two addresses, and by two monitors that share job and address.
    *device(TARGET | card("GPU-t", "n3") | {"instance": "a:9400"}, 30, 10, 0.5),
    *device(TARGET | card("GPU-t", "n3") | {"instance": "b:9400"}, 10, 30, 1.0),
    *device(TARGET | card("GPU-u", "n4") | {"endpoint": "gpu-metrics"}, 30, 10, 0.5),
    *device(TARGET | card("GPU-u", "n4") | {"endpoint": "gpu-metrics", "service": "dcgm"}, 10, 30, 1.0),
    # A job of its own, twice as often, and one that was renamed between two windows.
    Track(metric=ENGINE, labels={"job": "dense"} | card("GPU-d", "n5"), value=0.7, every=SCRAPE / 2),
    *device({"job": "before"} | card("GPU-n", "n6") | HELD, 30, 10, 0.5, last=PER_WINDOW),
    *device({"job": "after"} | card("GPU-n", "n6") | HELD, 10, 30, 1.0, first=PER_WINDOW + 1),
    # Names that no pod can have.
    *device(STATIC | card("GPU-b", "n2") | {"namespace": "Bad Name", "pod": "x", "container": "main"}, 0, 40, 0.1),
    *device(STATIC | card("GPU-p", "n2") | {"namespace": "ml", "pod": "plain-0", "container": "main"}, 10, 30, 0.1),
    *device(STATIC | card("GPU-o", "n2") | OLD_SPELLING, 20, 20, 0.2),
    *device(STATIC | LOWER_CASE | {"namespace": "ml", "pod": "slice-0", "container": "main"}, 30, 10, 0.3),
    # An old exporter's idle card.
    *device(STATIC | card("GPU-i", "n2") | {"namespace": "", "pod": "", "container": ""}, 0, 40, 0.0),
    *device(STATIC | card("GPU-x", "n9") | {"cluster": "test"}, 40, 0, 1.0),
    # Shared by two pods, each with memory of its own beside the total of the card.
    *device(TARGET | card("GPU-s", "n7") | SLOT_0, 10, 40, 0.8),
    *device(TARGET | card("GPU-s", "n7") | SLOT_1, 50, 40, 0.8),
    Track(metric=USED, labels=TARGET | card("GPU-s", "n7"), value=60),
    # One sample that is no number.
    Track(metric=ENGINE, labels=NOT_A_NUMBER, value=0.5, last=4),
    Track(metric=ENGINE, labels=NOT_A_NUMBER, value=float("nan"), first=5, last=5),
    Track(metric=ENGINE, labels=NOT_A_NUMBER, value=1.0, first=6),
    # An exporter that does not say where it runs.
    *device({**TARGET, "pod": "nvidia-dcgm-exporter-lost", "UUID": "GPU-h", "Hostname": ""} | HELD, 30, 10, 0.5),
]

KSM = {"job": "kube-state-metrics"}
HIDDEN = {"namespace": "monitoring", "pod": "ksm-0", "container": "ksm"}


def pod(name: str, uid: str, namespace: str = "ml") -> dict[str, str]:
    return KSM | {"namespace": namespace, "pod": name, "uid": uid}


def owned(kind: str, name: str) -> dict[str, str]:
    return {"owner_kind": kind, "owner_name": name, "owner_is_controller": "true"}


REQUEST = {"container": "main", "node": "n1", "unit": "integer"}
OWN = {"job": "gpucost", "namespace": "ml", "pod": "own-0", "uid": "u8", "node": "n1", "workload": "Job/own"} | {
    "container": "main",
    "resource": "nvidia.com/gpu",
}
PODS = [
    Track(metric="kube_pod_labels", labels=pod("train.0", "u1") | {"label_team": "zebra"}, value=1, last=5),
    Track(metric="kube_pod_labels", labels=pod("train.0", "u1") | {"label_team": "ant"}, value=1, first=6, last=9),
    Track(metric="kube_pod_labels", labels=pod("train.0", "u0") | {"label_team": "bee"}, value=1, first=12, last=12),
    Track(metric="kube_pod_labels", labels=pod("train-0", "u9"), value=1, last=9),
    Track(metric="kube_pod_owner", labels=pod("train.0", "u1") | owned("Job", "train"), value=1, last=9),
    Track(metric="kube_pod_owner", labels=pod("train.0", "u0") | owned("Job", "again"), value=1, first=12, last=12),
    Track(
        metric="kube_pod_container_resource_requests",
        labels=pod("train.0", "u1") | REQUEST | {"resource": "nvidia_com_gpu"},
        value=2,
        last=9,
    ),
    Track(
        metric="kube_pod_container_resource_requests",
        labels=pod("train.0", "u1") | REQUEST | {"resource": "cpu"},
        value=8,
        last=9,
    ),
    Track(
        metric="kube_pod_container_resource_requests",
        labels=pod("train.0", "u0") | REQUEST | {"resource": "nvidia_com_mig_1g_5gb"},
        value=1,
        first=12,
        last=12,
    ),
    Track(
        metric="kube_pod_labels",
        labels=KSM
        | HIDDEN
        | {"exported_namespace": "ml", "exported_pod": "hidden-0", "uid": "u5", "label_team": "owl"},
        value=1,
        last=9,
    ),
    Track(
        metric="kube_pod_info",
        labels=KSM | {"namespace": "gpu-operator", "pod": "nvidia-dcgm-exporter-lost", "node": "n10", "uid": "u7"},
        value=1,
    ),
    Track(metric="gpucost_pod_info", labels=OWN | {"team": "before"}, value=1, last=5),
    Track(metric="gpucost_pod_info", labels=OWN | {"team": "after"}, value=2, first=6, last=9),
    Track(metric="gpucost_pod_bound_timestamp_seconds", labels={"job": "gpucost", "uid": "u8"}, value=1000.5, last=9),
    Track(
        metric="gpucost_pod_ended_timestamp_seconds",
        labels={"job": "gpucost", "uid": "u8"},
        value=2000,
        first=9,
        last=9,
    ),
    Track(metric="kube_pod_labels", labels=pod("own-0", "u8") | {"label_team": "elsewhere"}, value=1, last=9),
]


@pytest.fixture(scope="module")
def clock() -> Clock:
    newest = floor_to(datetime.now(UTC) - timedelta(minutes=2), SCRAPE)
    start = floor_to(newest, WINDOW) - 3 * WINDOW
    return Clock(start, (newest - start) // SCRAPE)


@pytest.fixture(scope="module", params=["prometheus", "prometheus2"])
def url(
    request: pytest.FixtureRequest,
    clock: Clock,
    prometheus_binaries: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """Of today's Prometheus and of the last of those whose ranges are closed on both sides."""
    folder = tmp_path_factory.mktemp(request.param)
    binaries = prometheus_binaries
    if request.param == "prometheus2":
        try:
            binaries = {**binaries, "prometheus": find(request.param)}
        except BinaryMissing as missing:
            pytest.skip(str(missing))
    load_history(binaries["promtool"], [write_history(folder, clock)], folder)
    with prometheus(binaries, folder) as server:
        yield server.url


def write_history(folder: Path, clock: Clock) -> Path:
    tracks = [*GPUS, *PODS]
    metrics = sorted({track.metric for track in tracks})
    history = folder / "history.om"
    with history.open("w") as file:
        for metric in metrics:
            file.write(f"# TYPE {metric} gauge\n")
            lines = (line for track in tracks if track.metric == metric for line in track.lines(clock))
            file.writelines(f"{line}\n" for line in lines)
        file.write("# EOF\n")
    return history


@pytest.fixture
def telemetry(url: str) -> Iterator[PrometheusTelemetry]:
    settings = TelemetrySettings(url=url, matchers=(Matcher("cluster", "!=", "test"),))
    source = PrometheusTelemetry(settings)
    yield source
    source.close()


Row = tuple[str, str, float, float, float]
"""UUID, holder's pod, scrapes, memory ratio, compute ratio."""
STEADY: list[Row] = [
    ("GPU-b", "", 10, 0, 0.1),
    ("GPU-d", "", 20, np.nan, 0.7),
    ("GPU-h", "train-0", 10, 0.75, 0.5),
    ("GPU-i", "", 10, 0, 0),
    ("GPU-l", "slice-0", 10, 0.75, 0.3),
    ("GPU-o", "old-0", 10, 0.5, 0.2),
    ("GPU-p", "plain-0", 10, 0.25, 0.1),
    ("GPU-s", "", 10, 0.6, 0.8),
    ("GPU-s", "shared-0", 10, 0.1, 0.8),
    ("GPU-s", "shared-1", 10, 0.5, 0.8),
    ("GPU-t", "", 10, 0.75, 0.5),
    ("GPU-u", "", 10, 0.75, 0.5),
]
RENAMED: list[Row] = [("GPU-n", "train-0", 10, 0.75, 0.5), *[("GPU-n", "train-0", 10, 0.25, 1.0)] * 2]
EXPECTED: list[list[Row]] = [
    [
        ("GPU-a", "train-0", 10, 0.75, 0.4),
        ("GPU-e", "train-0", 1, np.nan, 0.1),
        ("GPU-r", "train-0", 10, 0.45, 0.8),
        ("GPU-q", "", 10, np.nan, (4 * 0.5 + 5 * 1.0) / 9),
        *STEADY,
    ],
    [
        ("GPU-q", "", 10, np.nan, 1.0),
        ("GPU-a", "", 8, 0, 0),
        ("GPU-a", "train-0", 2, 0.75, 0.4),
        ("GPU-e", "train-0", 1, np.nan, 0.2),
        ("GPU-r", "train-0", 10, 0.25, 1.0),
        *STEADY,
    ],
    [
        ("GPU-a", "", 10, 0, 0),
        ("GPU-e", "train-0", 1, np.nan, 0.3),
        ("GPU-q", "", 10, np.nan, 1.0),
        ("GPU-r", "train-0", 10, 0.25, 1.0),
        *STEADY,
    ],
]


def rows_of(usage: Usage, window: int) -> list[Row]:
    rows = range(usage.window.size)[usage.rows_of(window)]
    return [
        (
            usage.devices[usage.device[row]].uuid,
            usage.holders[usage.holder[row]].pod if usage.holder[row] >= 0 else "",
            float(usage.scrapes[row]),
            float(usage.memory_ratio[row]),
            float(usage.compute_ratio[row]),
        )
        for row in rows
    ]


def test_the_rows_of_a_range_are_those_of_the_history(telemetry: PrometheusTelemetry, clock: Clock) -> None:
    usage = telemetry.read_usage(clock.windows)
    for window, expected in enumerate(EXPECTED):
        got, wanted = sorted(rows_of(usage, window)), sorted([*expected, RENAMED[window]])
        assert [row[:2] for row in got] == [row[:2] for row in wanted]
        np.testing.assert_allclose([row[2:] for row in got], [row[2:] for row in wanted])
    dense = np.array([device.uuid == "GPU-d" for device in usage.devices])[usage.device]
    assert usage.row_interval_seconds.tolist() == np.where(dense, 15, 30).tolist()
    assert usage.interval_seconds.tolist() == [15, 15, 15]


def test_what_holders_of_a_shared_card_used_is_told_from_its_total(
    telemetry: PrometheusTelemetry, clock: Clock
) -> None:
    usage = telemetry.read_usage(clock.windows[:1])
    shared = np.array([device.uuid == "GPU-s" for device in usage.devices])[usage.device]
    assert usage.beside[shared].tolist() == [True, False, False]
    assert usage.own_memory[shared].tolist() == [False, True, True]
    assert usage.slots[shared].tolist() == [0, 1, 1]
    assert usage.device_scrapes[shared].tolist() == [10, 10, 10]


def test_one_sample_that_is_no_number_is_the_only_one_that_is_dropped(
    telemetry: PrometheusTelemetry, clock: Clock
) -> None:
    assert telemetry.read_usage(clock.windows).dropped["notANumber"] == 1


def test_an_exporter_that_does_not_say_its_node_is_found_by_its_pod(
    telemetry: PrometheusTelemetry, clock: Clock
) -> None:
    devices = telemetry.read_usage(clock.windows).devices
    assert [device.node for device in devices if device.uuid == "GPU-h"] == ["n10"]


def test_a_window_alone_says_the_same_as_in_a_range(telemetry: PrometheusTelemetry, clock: Clock) -> None:
    together = telemetry.read_usage(clock.windows)
    for number, window in enumerate(clock.windows):
        np.testing.assert_equal(rows_of(telemetry.read_usage([window]), 0), rows_of(together, number))


def test_a_server_that_refuses_so_many_points_is_asked_for_less(telemetry: PrometheusTelemetry, clock: Clock) -> None:
    more_than_it_gives_at_once = 11_400
    second = timedelta(seconds=1)
    end = clock.windows[-1].end
    usage = telemetry.read_usage(windows_between(end - more_than_it_gives_at_once * second, end, second))
    idle_card = [device.uuid for device in usage.devices].index("GPU-i")
    assert len(usage.windows) == more_than_it_gives_at_once
    assert usage.scrapes[usage.device == idle_card].tolist() == [1] * 41  # ticks -10 to 30


def test_windows_before_all_history_are_empty(telemetry: PrometheusTelemetry, clock: Clock) -> None:
    usage = telemetry.read_usage(
        windows_between(clock.start - timedelta(days=1), clock.start - timedelta(hours=23), WINDOW)
    )
    assert usage.window.size == 0
    assert np.isnan(usage.interval_seconds).all()


def test_the_time_of_the_server_is_now(telemetry: PrometheusTelemetry) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    assert before <= telemetry.server_time() <= datetime.now(UTC) + timedelta(seconds=1)


def test_the_newest_sample_is_exact(telemetry: PrometheusTelemetry, clock: Clock) -> None:
    assert telemetry.newest_sample() == clock.at(clock.last_tick)


def test_the_newest_sample_is_that_of_our_own_cluster(url: str) -> None:
    source = PrometheusTelemetry(TelemetrySettings(url=url, matchers=(Matcher("cluster", "=", "none"),)))
    assert source.newest_sample() is None
    source.close()


def test_ended_pods_come_back_with_their_last_labels(telemetry: PrometheusTelemetry, clock: Clock) -> None:
    holders = [NamedHolder("ml", name, "main") for name in ("train.0", "hidden-0", "never-seen")]
    pods = telemetry.read_ended_pods(holders, clock.windows[-1].end)
    first = make_pod("u1", "train.0", "ant", Request("main", "nvidia.com/gpu", 2), Owner("Job", "train"))
    again = make_pod("u0", "train.0", "bee", Request("main", "nvidia.com/mig-1g.5gb", 1), Owner("Job", "again"))
    hidden = Pod(uid="u5", namespace="ml", name="hidden-0", node="", labels={"team": "owl"}, labels_sanitised=True)
    assert sorted(pods, key=lambda pod: pod.name) == [hidden, first, again]


def test_what_we_said_of_a_pod_ourselves_comes_back_with_its_life(telemetry: PrometheusTelemetry, clock: Clock) -> None:
    (own,) = telemetry.read_ended_pods([NamedHolder("ml", "own-0", "main")], clock.windows[-1].end)
    assert (own.uid, own.labels, own.owner) == ("u8", {"team": "after"}, Owner("Job", "own"))
    assert own.requests == (Request("main", "nvidia.com/gpu", 2),)
    assert (own.bound, own.ended) == (
        datetime.fromtimestamp(1000.5, UTC),
        datetime.fromtimestamp(2000, UTC),
    )


def make_pod(uid: str, name: str, team: str, request: Request, owner: Owner) -> Pod:
    return Pod(
        uid=uid,
        namespace="ml",
        name=name,
        node="n1",
        labels={"team": team},
        labels_sanitised=True,
        owner=owner,
        requests=(request,),
    )


def test_without_kube_state_metrics_there_are_no_ended_pods(telemetry: PrometheusTelemetry, clock: Clock) -> None:
    before = clock.start - timedelta(days=2)
    assert telemetry.read_ended_pods([NamedHolder("ml", "train.0", "main")], before) == ()

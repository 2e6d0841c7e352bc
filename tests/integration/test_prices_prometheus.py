"""Power of cards and published prices, as a real Prometheus tells them of a history whose every sample is known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gpucost.model.metered import NodePower, Offering
from gpucost.model.source import MeteredSource
from gpucost.model.time import Window, floor_to, windows_between
from gpucost.telemetry.queries import KARPENTER_PRICES, OPENCOST_PRICES, Matcher
from gpucost.telemetry.settings import TelemetrySettings
from gpucost.telemetry.source import PrometheusTelemetry
from sandbox.binaries import find
from sandbox.errors import BinaryMissing
from sandbox.prometheus import load_history, prometheus

pytestmark = pytest.mark.cluster

SCRAPE = timedelta(seconds=30)
WINDOW = timedelta(minutes=5)
PER_WINDOW = WINDOW // SCRAPE
WINDOWS = 50
LAST = WINDOWS * PER_WINDOW
"""Ticks of 30 s are counted from the start of the first window; a sample on an edge belongs to the window it ends."""
POWER, POWER_LOWER = "DCGM_FI_DEV_POWER_USAGE", "dcgm_fi_dev_power_usage"
OTHER_CLUSTER = {"cluster": "test"}

Labels = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Track:
    """A series with one value at every tick from ``first`` to ``last``."""

    metric: str
    labels: Labels
    value: float
    first: int = 1
    last: int = LAST
    every: int = 1

    def lines(self, start: datetime) -> Iterator[str]:
        labels = ",".join(f'{name}="{value}"' for name, value in self.labels.items())
        value = {"nan": "NaN", "inf": "+Inf"}.get(str(self.value), str(self.value))
        for tick in range(self.first, self.last + 1, self.every):
            yield f"{self.metric}{{{labels}}} {value} {(start + tick * SCRAPE).timestamp():.3f}"


def card(node: str, uuid: str = "", **labels: str) -> dict[str, str]:
    """As the GPU Operator's exporter has it, at an address of its own."""
    return {
        "job": "nvidia-dcgm-exporter",
        "instance": f"{node}:9400",
        "namespace": "gpu-operator",
        "pod": f"nvidia-dcgm-exporter-{node}",
        "container": "nvidia-dcgm-exporter",
        "UUID": uuid or f"GPU-{node}",
        "Hostname": node,
        "modelName": "NVIDIA A100-SXM4-40GB",
    } | labels


def held(pod: str, **labels: str) -> dict[str, str]:
    return {"exported_namespace": "ml", "exported_pod": pod, "exported_container": "main"} | labels


def instance(number: int) -> dict[str, str]:
    return {"GPU_I_ID": str(number), "GPU_I_PROFILE": "1g.5gb"}


def power(labels: Labels, watts: float, first: int = 1, last: int = LAST, *, metric: str = POWER) -> Track:
    return Track(metric=metric, labels=labels, value=watts, first=first, last=last)


def steps(labels: Labels, *values: tuple[float, int, int]) -> list[Track]:
    return [power(labels, watts, first, last) for watts, first, last in values]


NAN = float("nan")
PLAIN = {
    # Two cards, the second of which works harder from the third sample on.
    "two": [power(card("two", "GPU-2a"), 100), *steps(card("two", "GPU-2b"), (200, 1, 2), (300, 3, LAST))],
    # A card of seven instances; what it takes is printed for each.
    "mig": [
        track
        for number in range(7, 14)
        for track in steps(card("mig", **instance(number)), (100, 1, 5), (200, 6, LAST))
    ],
    "lower": [power(card("lower"), 250, metric=POWER_LOWER)],
    # Busy in all four slots.
    "slots": [power(card("slots") | held(f"p{slot}", vgpu=str(slot)), 280) for slot in range(4)],
}
"""At every scrape all that there is: sums tell."""
CHANGING = {
    # A pod comes after 4 samples and another after 7.
    "pods": [
        power(card("pods"), 60, 1, 4),
        power(card("pods") | held("a-0"), 300, 5, 7),
        power(card("pods") | held("b-0"), 400, 8),
    ],
    # A pod has one of two instances for a while.
    "mig-pods": [
        *steps(card("mig-pods", **instance(7)), (100, 1, 4), (300, 8, LAST)),
        power(card("mig-pods", **instance(7)) | held("a-0"), 200, 5, 7),
        *steps(card("mig-pods", **instance(8)), (100, 1, 4), (200, 5, 7), (300, 8, LAST)),
    ],
    # Idle for half a window, then four slots are busy: four copies of each reading.
    "shared": [
        power(card("shared"), 60, 1, 5),
        *(power(card("shared") | held(f"p{slot}", vgpu=str(slot)), 300, 6) for slot in range(4)),
    ],
    # The same with two pods that share a claim, which nothing but their names tells apart.
    "claim": [power(card("claim"), 60, 1, 5), *(power(card("claim") | held(f"p{n}"), 300, 6) for n in range(2))],
    # Cut anew in mid window: from one instance to two.
    "cut": [
        power(card("cut", **instance(0)), 100, 1, 5),
        *(power(card("cut", **instance(number)), 400, 6) for number in (1, 2)),
    ],
    "silent": [power(card("silent"), 240, 1, 5), power(card("silent"), 360, 11)],
    "not-a-number": steps(card("not-a-number"), (100, 1, 3), (NAN, 4, 4), (190, 5, LAST)),
    "negative": steps(card("negative"), (100, 1, 3), (-50, 4, 4), (190, 5, LAST)),
    "infinite": steps(card("infinite"), (100, 1, 3), (float("inf"), 4, 4), (190, 5, LAST)),
    # Their mean would be plausible.
    "too-much": steps(card("too-much"), (100, 1, 3), (6000, 4, 4), (190, 5, LAST)),
    "blank": steps(card("blank"), (140737488355328.0, 1, 10), (190, 11, LAST)),
    # One card takes the place of another.
    "replaced-card": [
        power(card("replaced-card", "GPU-whole"), 100),
        power(card("replaced-card", "GPU-old"), 200, 1, 4),
        power(card("replaced-card", "GPU-new"), 400, 5),
    ],
    # A machine of two cards is followed by another of its name.
    "replaced-node": [
        *(power(card("replaced-node", f"GPU-old{n}", instance="10.0.0.1:9400"), 100, 1, 4) for n in range(2)),
        *(power(card("replaced-node", f"GPU-new{n}", instance="10.0.0.2:9400"), 300, 6) for n in range(2)),
    ],
    # The exporter comes again at another address while the old one is still scraped.
    "restarted": [
        power(card("restarted", instance="10.0.0.1:9400"), 100, 1, 6),
        power(card("restarted", instance="10.0.0.2:9400"), 200, 6),
    ],
}
OTHERS = {
    # Two jobs tell of one card; the one with most samples counts, else the first by name.
    "twice": [power(card("twice"), 300, 3), power(card("twice", job="second"), 310)],
    "twice-alike": [power(card("twice-alike"), 300), power(card("twice-alike", job="another"), 320)],
    "both-names": [power(card("both-names"), 300), power(card("both-names"), 900, metric=POWER_LOWER)],
    # Prints the name of its pod for that of the node.
    "found": [
        power({**card("found"), "Hostname": "nvidia-dcgm-exporter-found"}, 130),
        Track(
            metric="kube_pod_info",
            labels={"namespace": "gpu-operator", "pod": "nvidia-dcgm-exporter-found", "node": "found", "uid": "u"},
            value=1,
        ),
    ],
    "elsewhere": [power(card("elsewhere") | OTHER_CLUSTER, 500)],
}
POWERS = PLAIN | CHANGING | OTHERS

Power = tuple[float, int]
"""Watts per card, and cards."""
FIRST_WINDOW: dict[str, Power] = {
    "two": ((100 + (2 * 200 + 8 * 300) / 10) / 2, 2),
    "mig": (150, 1),
    "lower": (250, 1),
    "slots": (280, 1),
    "pods": ((4 * 60 + 3 * 300 + 3 * 400) / 10, 1),
    "mig-pods": ((4 * 100 + 3 * 200 + 3 * 300) / 10, 1),
    "shared": (180, 1),
    "claim": (180, 1),
    "cut": (250, 1),
    "silent": (240, 1),
    "not-a-number": ((3 * 100 + 6 * 190) / 9, 1),
    "negative": ((3 * 100 + 6 * 190) / 9, 1),
    "infinite": ((3 * 100 + 6 * 190) / 9, 1),
    "too-much": ((3 * 100 + 6 * 190) / 9, 1),
    "replaced-card": ((100 + 200 + 400) / 3, 2),
    "replaced-node": (200, 2),
    "restarted": ((6 * 100 + 5 * 200) / 11, 1),
    "twice": (310, 1),
    "twice-alike": (320, 1),
    "both-names": (300, 1),
    "found": (130, 1),
}
"""The closed form; ``blank`` has nothing to tell."""
SECOND_WINDOW: dict[str, Power] = {
    "two": (200, 2),
    "mig": (200, 1),
    "lower": (250, 1),
    "slots": (280, 1),
    "pods": (400, 1),
    "mig-pods": (300, 1),
    "shared": (300, 1),
    "claim": (300, 1),
    "cut": (400, 1),
    "silent": (360, 1),
    "not-a-number": (190, 1),
    "negative": (190, 1),
    "infinite": (190, 1),
    "too-much": (190, 1),
    "blank": (190, 1),
    "replaced-card": (250, 2),
    "replaced-node": (300, 2),
    "restarted": (200, 1),
    "twice": (300, 1),
    "twice-alike": (320, 1),
    "both-names": (300, 1),
    "found": (130, 1),
}


KARPENTER = {"job": "karpenter", "instance": "10.0.0.5:8080", "namespace": "kube-system", "pod": "karpenter-1"}


def offer(instance_type: str, price: float, *, first: int = 1, last: int = LAST, **labels: str) -> Track:
    own = {"instance_type": instance_type, "capacity_type": "on-demand", "zone": "us-east-1a"}
    return Track(metric=KARPENTER_PRICES, labels=KARPENTER | own | labels, value=price, first=first, last=last)


OFFERS = [
    offer("steady", 4),
    offer("steady", 1.5, capacity_type="spot"),
    offer("steady", 1.25, capacity_type="spot", zone="us-east-1b"),
    # Of the third window: its last sample counts.
    offer("changed", 4, last=24),
    offer("changed", 5, first=25),
    # On the edge of the third window.
    offer("changed-on-the-edge", 4, last=29),
    offer("changed-on-the-edge", 5, first=30),
    # For 20 minutes, and for 2 hours.
    offer("gone-briefly", 4, last=20),
    offer("gone-briefly", 6, first=61),
    offer("gone-long", 4, last=20),
    offer("gone-long", 6, first=261),
    # Karpenter comes again in another pod, and with another price.
    offer("from-a-new-pod", 9, last=19),
    offer("from-a-new-pod", 3, first=20, pod="karpenter-2"),
    # Two that tell all the time.
    offer("told-twice", 3),
    offer("told-twice", 5, pod="karpenter-2"),
    offer("one-of-two-is-wrong", float("inf")),
    offer("one-of-two-is-wrong", 5, pod="karpenter-2"),
    *(offer(f"wrong-{value}", value) for value in (0.0, -1.0, NAN, float("inf"))),
    # What was right before does not make it right.
    offer("went-wrong", 4, last=24),
    offer("went-wrong", 0.0, first=25),
    offer("elsewhere", 4, **OTHER_CLUSTER),
    offer("", 4),
    # The scrape says in which zone Karpenter runs.
    offer("in-another-zone", 4, zone="us-east-1z", exported_zone="us-east-1c"),
]


def offering(instance_type: str, capacity_type: str = "on-demand", zone: str = "us-east-1a") -> Offering:
    return Offering(instance_type=instance_type, capacity_type=capacity_type, zone=zone)


ALWAYS = {
    offering("steady"): 4.0,
    offering("steady", "spot"): 1.5,
    offering("steady", "spot", "us-east-1b"): 1.25,
    offering("told-twice"): 5.0,
    offering("one-of-two-is-wrong"): 5.0,
    offering("in-another-zone", zone="us-east-1c"): 4.0,
}
OPENCOST = {"job": "opencost", "instance": "10.0.0.6:9003", "namespace": "opencost", "pod": "opencost-1"}


def node_price(price: float, *, first: int = 1, last: int = LAST, **labels: str) -> Track:
    return Track(metric=OPENCOST_PRICES, labels=OPENCOST | labels, value=price, first=first, last=last)


NODE_PRICES = [
    node_price(4, node="n1", exported_instance="n1", instance_type="p4d.24xlarge", region="us-east-1"),
    # An outlier is left out now and then.
    node_price(5, node="n2", exported_instance="n2", last=20),
    node_price(6, node="n2", exported_instance="n2", first=61),
    node_price(7, node="n3", exported_instance="n3", last=20),
    # The scrape says on which node OpenCost runs, and later it runs on another.
    node_price(9, node="n1", exported_node="n4", last=19),
    node_price(8, node="n9", exported_node="n4", instance="10.0.0.7:9003", first=20),
    # Old versions, with and without labels of their own kept.
    node_price(3, exported_instance="n5"),
    node_price(2, instance="n6"),
    node_price(2, node="n7", instance="a:9003"),
    node_price(3, node="n7", instance="b:9003"),
    node_price(0.0, node="n8"),
    node_price(NAN, node="n8", exported_instance="x"),
    node_price(4, node="elsewhere", **OTHER_CLUSTER),
]


@pytest.fixture(scope="module")
def start() -> datetime:
    return floor_to(datetime.now(UTC) - timedelta(minutes=2), WINDOW) - WINDOWS * WINDOW


@pytest.fixture(scope="module")
def windows(start: datetime) -> tuple[Window, ...]:
    return windows_between(start, start + WINDOWS * WINDOW, WINDOW)


@pytest.fixture(scope="module", params=["prometheus", "prometheus2"])
def url(
    request: pytest.FixtureRequest,
    start: datetime,
    prometheus_binaries: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """Of today's Prometheus and of the last of those whose ranges are closed on both sides."""
    folder = tmp_path_factory.mktemp(f"prices-{request.param}")
    binaries = prometheus_binaries
    if request.param == "prometheus2":
        try:
            binaries = {**binaries, "prometheus": find(request.param)}
        except BinaryMissing as missing:
            pytest.skip(str(missing))
    load_history(binaries["promtool"], [write_history(folder, start)], folder)
    with prometheus(binaries, folder) as server:
        yield server.url


def write_history(folder: Path, start: datetime) -> Path:
    tracks = [*(track for tracks in POWERS.values() for track in tracks), *OFFERS, *NODE_PRICES]
    history = folder / "history.om"
    with history.open("w") as file:
        for metric in sorted({track.metric for track in tracks}):
            file.write(f"# TYPE {metric} gauge\n")
            lines = (line for track in tracks if track.metric == metric for line in track.lines(start))
            file.writelines(f"{line}\n" for line in lines)
        file.write("# EOF\n")
    return history


@pytest.fixture
def telemetry(url: str) -> Iterator[PrometheusTelemetry]:
    source = PrometheusTelemetry(TelemetrySettings(url=url, matchers=(Matcher("cluster", "!=", "test"),)))
    yield source
    source.close()


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, FIRST_WINDOW), (1, SECOND_WINDOW), (WINDOWS - 1, SECOND_WINDOW)],
    ids=["in which all changes", "after it", "long after"],
)
def test_power_is_the_mean_over_the_scrapes_of_each_card(
    telemetry: PrometheusTelemetry, windows: tuple[Window, ...], number: int, expected: dict[str, Power]
) -> None:
    (by_node,) = telemetry.read_power(windows[number : number + 1]).values()
    assert by_node.keys() == expected.keys()
    assert {node: power.cards for node, power in by_node.items()} == {
        node: cards for node, (_, cards) in expected.items()
    }
    watts = {node: power.watts_per_card for node, power in by_node.items()}
    assert watts == pytest.approx({node: watts for node, (watts, _) in expected.items()}, rel=1e-12)


def test_power_of_many_windows_is_that_of_one_after_another(
    telemetry: PrometheusTelemetry, windows: tuple[Window, ...]
) -> None:
    together = telemetry.read_power(windows)
    assert tuple(together) == windows
    for window in windows:
        (alone,) = telemetry.read_power([window]).values()
        assert_alike(together[window], alone)


def assert_alike(one: Mapping[str, NodePower], other: Mapping[str, NodePower]) -> None:
    assert one.keys() == other.keys()
    for node, power in one.items():
        assert power.cards == other[node].cards
        assert power.watts_per_card == pytest.approx(other[node].watts_per_card, rel=1e-12)


def test_nothing_is_known_before_all_history(telemetry: MeteredSource, start: datetime) -> None:
    before = windows_between(start - timedelta(days=1), start - timedelta(hours=23), WINDOW)
    empty: dict[Window, object] = {window: {} for window in before}
    assert telemetry.read_power(before) == empty
    assert telemetry.read_offerings(before) == empty
    assert telemetry.read_node_prices(before) == empty


OFFERED = {
    "at the start": (0, {"changed": 4, "changed-on-the-edge": 4, "gone-briefly": 4, "gone-long": 4}),
    "changed in the window": (2, {"changed": 5, "changed-on-the-edge": 5, "gone-briefly": 4, "gone-long": 4}),
    "silent for 20 minutes": (5, {"changed": 5, "changed-on-the-edge": 5, "gone-briefly": 4, "gone-long": 4}),
    "silent for less than an hour": (12, {"changed": 5, "changed-on-the-edge": 5, "gone-briefly": 6, "gone-long": 4}),
    "silent for more than an hour": (14, {"changed": 5, "changed-on-the-edge": 5, "gone-briefly": 6}),
    "there again": (26, {"changed": 5, "changed-on-the-edge": 5, "gone-briefly": 6, "gone-long": 6}),
}
BEFORE_THE_CHANGE = {offering("from-a-new-pod"): 9.0, offering("went-wrong"): 4.0}


@pytest.mark.parametrize(("number", "expected"), OFFERED.values(), ids=OFFERED)
def test_the_last_offering_that_is_no_hour_old_counts(
    telemetry: PrometheusTelemetry, windows: tuple[Window, ...], number: int, expected: dict[str, float]
) -> None:
    others = BEFORE_THE_CHANGE if number < 2 else {offering("from-a-new-pod"): 3.0}
    told = telemetry.read_offerings(windows[number : number + 1])[windows[number]]
    assert told == ALWAYS | others | {offering(name): price for name, price in expected.items()}


NODES = {
    "at the start": (0, {"n2": 5, "n3": 7, "n4": 9}),
    "silent for 20 minutes": (5, {"n2": 5, "n3": 7, "n4": 8}),
    "another price after it": (12, {"n2": 6, "n3": 7, "n4": 8}),
    "silent for more than an hour": (14, {"n2": 6, "n4": 8}),
}


@pytest.mark.parametrize(("number", "expected"), NODES.values(), ids=NODES)
def test_the_last_price_of_a_node_that_is_no_hour_old_counts(
    telemetry: PrometheusTelemetry, windows: tuple[Window, ...], number: int, expected: dict[str, float]
) -> None:
    told = telemetry.read_node_prices(windows[number : number + 1])[windows[number]]
    assert told == {"n1": 4, "n5": 3, "n6": 2, "n7": 3} | expected


def test_prices_of_many_windows_are_those_of_one_after_another(
    telemetry: PrometheusTelemetry, windows: tuple[Window, ...]
) -> None:
    offerings, nodes = telemetry.read_offerings(windows), telemetry.read_node_prices(windows)
    assert tuple(offerings) == tuple(nodes) == windows
    for window in windows:
        assert telemetry.read_offerings([window]) == {window: offerings[window]}
        assert telemetry.read_node_prices([window]) == {window: nodes[window]}

"""What an explanation says that the times, the cards and the use rest on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from gpucost.app.explaining.evidence import Evidence
from gpucost.app.explaining.explain import Explainer
from gpucost.app.explaining.rows import UsageRows
from gpucost.matching.match import Matcher
from gpucost.model.fleet import Cluster, Node, Pod, Request
from gpucost.model.policies import Policy
from gpucost.model.rates import NodeRate, RateOrigin
from gpucost.model.tenancy import LabelKeys
from gpucost.model.time import Window
from gpucost.model.usage import Device, Usage
from gpucost.reports.explain_text import explanation_text
from tests.unit.app.explained_pods import (
    A100,
    CARD,
    MORNING,
    SLICE,
    START,
    line_of,
    make_cluster,
    make_holder,
    make_pod,
    make_usage,
    make_window,
    tell_of,
    told_of,
)

ENGINE, UTIL = "DCGM_FI_PROF_GR_ENGINE_ACTIVE", "DCGM_FI_DEV_GPU_UTIL"
SHARED = {
    "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-SHARED",
    "nvidia.com/gpu.replicas": "4",
    "nvidia.com/gpu.sharing-strategy": "time-slicing",
}
OTHER = replace(CARD, uuid="GPU-b")


def make_node(cards: int, **labels: str) -> Node:
    slots = cards * int(labels.get("nvidia.com/gpu.replicas", "1"))
    return Node(
        name="n1",
        uid="u1",
        created=START - timedelta(days=1),
        labels={"nvidia.com/gpu.count": str(cards)} | labels,
        capacity={"nvidia.com/gpu": slots},
    )


def in_windows(usage: Usage, *windows: int) -> Usage:
    """The same rows, each in another window."""
    return replace(usage, window=np.array(windows), device_scrapes=np.zeros(0))


def explained(node: Node, usage: Usage, *pods: Pod, windows: int = 1) -> Explainer:
    """Of train-0, in the first windows of the morning, through the matching."""
    cluster = Cluster(seen_at=MORNING[-1].end, nodes=(node,), pods=pods, namespaces={})
    explainer = Explainer("train-0", "ml", Policy())
    explainer.on_read(cluster, usage, ())
    matcher = Matcher(cluster=cluster, ended=(), keys=LabelKeys())
    rate = NodeRate(node="n1", hourly_e9=12_000_000_000, origin=RateOrigin.RATE_CARD, source="contract")
    for number in range(windows):
        tell_of(explainer, matcher.match(usage, number, [rate]), Policy())
    return explainer


def text_of(explainer: Explainer) -> str:
    return explanation_text(explainer.explanation(), by_window=False)


BOUND = START - timedelta(hours=1)
PODS = (make_pod(bound=BOUND), make_pod("web", bound=BOUND))
NAMED_SOMETIMES = make_usage((CARD, "train-0", 3.0), (CARD, "web", 7.0))


def test_a_holder_of_a_card_that_shows_an_arbitrary_one_is_timed_by_the_api() -> None:
    explainer = explained(make_node(1, **SHARED), NAMED_SOMETIMES, *PODS)
    text = text_of(explainer)
    assert line_of(text, "held") == "0.083333333 h: timed by the API: bound 2025-03-04T07:00:00Z, has not ended"
    assert "scrapes" not in text
    assert "by the API  " not in text
    (step,) = told_of(explainer.explanation())["holders"][0]["steps"]
    assert [step["held"][key] for key in ("timedBy", "scrapes", "deviceScrapes")] == ["api", None, None]


def test_the_end_of_a_pod_is_told_where_the_api_times_it() -> None:
    ended = START + timedelta(minutes=2, seconds=30)
    explainer = explained(make_node(1, **SHARED), NAMED_SOMETIMES, make_pod(bound=BOUND, ended=ended))
    assert line_of(text_of(explainer), "held") == (
        "0.041666667 h: timed by the API: bound 2025-03-04T07:00:00Z to 2025-03-04T08:02:30Z"
    )


def test_a_shared_card_that_is_named_in_one_of_two_windows_is_one_step_without_scrapes() -> None:
    usage = in_windows(make_usage((CARD, "train-0", 10.0), (CARD, "web", 10.0)), 0, 1)
    text = text_of(explained(make_node(1, **SHARED), usage, *PODS, windows=2))
    assert line_of(text, "held").startswith("0.166666667 h: timed by the API")


def test_a_holder_of_several_shared_cards_is_timed_by_the_api() -> None:
    usage = make_usage((CARD, "train-0", 3.0), (CARD, "web", 7.0), (OTHER, "web", 10.0))
    text = text_of(explained(make_node(2, **SHARED), usage, *PODS))
    assert line_of(text, "held").startswith("0.083333333 h: timed by the API: bound")
    assert "pool" in text


def test_a_shared_card_that_shows_all_its_holders_times_them() -> None:
    usage = replace(
        make_usage((CARD, "train-0", 3.0), (CARD, "web", 10.0)), device_scrapes=np.full(2, 10.0), slots=np.ones(2)
    )
    text = text_of(explained(make_node(1, **SHARED), usage, *PODS))
    assert line_of(text, "held") == "0.025000000 h: 3 of 10 scrapes of the device name it, 30 s apart"


def test_a_holder_that_no_series_names_is_timed_by_the_api_in_steps_of_their_own() -> None:
    usage = in_windows(make_usage((CARD, "train-0", 5.0), (CARD, "", 5.0), (CARD, "", 10.0)), 0, 0, 1)
    told = told_of(explained(make_node(1), usage, PODS[0], windows=2).explanation())
    held = [step["held"] for holder in told["holders"] for step in holder["steps"]]
    assert [(one["timedBy"], one["heldHours"], one["scrapes"]) for one in held] == [
        ("telemetry", "0.041666667", "5.000000000"),
        ("api", "0.083333333", None),
    ]


def test_windows_that_are_timed_by_the_api_and_those_that_are_not_are_steps_of_their_own() -> None:
    both = [(CARD, "train-0", 10.0), (CARD, "web", 10.0)]
    usage = replace(
        make_usage(*both, *both),
        window=np.array([0, 0, 1, 1]),
        device_scrapes=np.full(4, 10.0),
        slots=np.array([1.0, 1.0, 0.0, 0.0]),
    )
    told = told_of(explained(make_node(1, **SHARED), usage, *PODS, windows=2).explanation())
    held = [step["held"] for holder in told["holders"] for step in holder["steps"]]
    assert [(one["timedBy"], one["scrapes"]) for one in held] == [("telemetry", "10.000000000"), ("api", None)]


def test_a_forgotten_pod_on_one_of_several_shared_cards_is_timed_by_the_scrapes_that_name_it() -> None:
    usage = make_usage((CARD, "train-0", 5.0), (CARD, "web", 5.0), (OTHER, "web", 10.0))
    assert line_of(text_of(explained(make_node(2, **SHARED), usage, PODS[1])), "held") == (
        "0.041666667 h: timed by the scrapes that name it, on devices of which nobody knows which it was"
    )


CARDS: dict[str, tuple[Sequence[tuple[str, float]], int, str]] = {
    "a card that took the place of another": (
        (("GPU-a", 10.0), ("GPU-b", 4.0), ("GPU-c", 6.0)),
        4,
        "4 physical, the most that anybody counts: telemetry 2, label nvidia.com/gpu.count 4",
    ),
    "the only card, which was replaced": (
        (("GPU-a", 5.0), ("GPU-b", 5.0)),
        1,
        "1 physical, the most that anybody counts: telemetry 1, label nvidia.com/gpu.count 1",
    ),
    "more cards than are labelled": (
        (("GPU-a", 10.0), ("GPU-b", 10.0)),
        1,
        "2 physical, the most that anybody counts: telemetry 2, label nvidia.com/gpu.count 1",
    ),
    "fewer cards than are labelled": (
        (("GPU-a", 10.0), ("GPU-b", 10.0)),
        4,
        "4 physical, the most that anybody counts: telemetry 2, label nvidia.com/gpu.count 4",
    ),
}


@pytest.mark.parametrize(("seen", "labelled", "words"), CARDS.values(), ids=CARDS)
def test_cards_are_counted_as_the_bill_counts_them(
    seen: Sequence[tuple[str, float]], labelled: int, words: str
) -> None:
    usage = make_usage(*[(replace(CARD, uuid=uuid), "train-0" if uuid == "GPU-a" else "", n) for uuid, n in seen])
    assert line_of(text_of(explained(make_node(labelled), usage, PODS[0])), "cards") == words


def test_the_metrics_that_compute_use_was_read_from_are_told() -> None:
    usage = replace(make_usage((CARD, "train-0", 10.0)), compute_metrics=(ENGINE, UTIL))
    explainer = explained(make_node(1), usage, PODS[0])
    assert line_of(text_of(explainer), "ratios") == (
        f"memory 0.000000, compute 0.000000 (measured by {ENGINE} or {UTIL}), in the mean while held"
    )
    (step,) = told_of(explainer.explanation())["holders"][0]["steps"]
    assert step["use"]["computeMetrics"] == [ENGINE, UTIL]


def test_no_metric_is_told_where_compute_use_was_not_measured() -> None:
    usage = replace(make_usage((CARD, "train-0", 10.0)), compute_metrics=(ENGINE,), compute_ratio=np.full(1, np.nan))
    assert line_of(text_of(explained(make_node(1), usage, PODS[0])), "ratios") == (
        "memory 0.000000, compute not measured, in the mean while held"
    )


def test_a_pool_of_a_profile_that_nobody_knows_is_a_pool() -> None:
    instances = [replace(SLICE, gpu_instance_id=number, profile="2g.9gb", model="NVIDIA Z9") for number in "12"]
    usage = make_usage((instances[0], "train-0", 10.0), (instances[1], "web", 10.0))
    labels = {"nvidia.com/mig.strategy": "mixed", "nvidia.com/mig-2g.9gb.replicas": "4"}
    node = replace(make_node(1, **labels), capacity={"nvidia.com/mig-2g.9gb": 8})
    pods = [replace(pod, requests=(Request("main", "nvidia.com/mig-2g.9gb", 1),)) for pod in PODS]
    text = text_of(explained(node, usage, *pods))
    assert line_of(text, "device").endswith("so its share is an estimate: 0.285714286 of its card")
    assert line_of(text, "pool").endswith("together they are 0.571428571 cards")


def test_rows_are_found_by_window_pod_and_node() -> None:
    elsewhere = Device("n2", "GPU-z", "", "", A100)
    named = [(CARD, "train-0", 1.0), (OTHER, "train-0", 1.0), (elsewhere, "web", 1.0), (CARD, "", 1.0)]
    rows = UsageRows(in_windows(make_usage(*named, *named), 0, 0, 0, 0, 2, 2, 2, 2))
    found: Mapping[str, Any] = {
        "train-0": rows.of_pod(MORNING[2], "ml", "train-0"),
        "web": rows.of_pod(MORNING[0], "ml", "web"),
        "of another window": rows.of_pod(MORNING[1], "ml", "web"),
        "of another namespace": rows.of_pod(MORNING[0], "x", "web"),
        "n1": rows.of_node(MORNING[2], "n1"),
        "no node": rows.of_node(MORNING[0], "n3"),
    }
    assert {about: sorted(numbers.tolist()) for about, numbers in found.items()} == {
        "train-0": [4, 5],
        "web": [2],
        "of another window": [],
        "of another namespace": [],
        "n1": [4, 5, 7],
        "no node": [],
    }


def test_without_anything_that_was_read_nothing_is_said_of_what_times_a_holder() -> None:
    assert Evidence().timed_by(MORNING[0], make_holder(CARD), 1.0) is None


def test_the_samples_and_the_times_of_the_api_behind_it_are_told_where_they_are_at_hand() -> None:
    usage = make_usage(
        (SLICE, "train-0", 6.0),
        (SLICE, "train-0/other", 1.0),
        (SLICE, "", 3.0),
        (replace(SLICE, uuid="GPU-b"), "train-0", 1.0),
        (replace(SLICE, uuid="GPU-c", node="n2"), "x", 10.0),
    )
    pod = make_pod(bound=START + timedelta(minutes=2))
    explainer = Explainer("train-0", "ml", Policy())
    explainer.on_read(make_cluster(pod), usage, ())
    tell_of(explainer, make_window(make_holder(SLICE), slice_share=0.5, held=0.6), Policy())
    text = explanation_text(explainer.explanation(), by_window=False)
    assert line_of(text, "held") == "0.050000000 h: 6 of 10 scrapes of the device name it, 30 s apart"
    assert line_of(text, "by the API") == (
        "bound 2025-03-04T08:02:00Z, has not ended; it holds nothing outside of that"
    )
    assert line_of(text, "cards") == "8 physical, the most that anybody counts: telemetry 2, price list 8"
    held = told_of(explainer.explanation())["holders"][0]["steps"][0]["held"]
    assert (held["scrapes"], held["deviceScrapes"], held["bound"]) == (
        "6.000000000",
        "10.000000000",
        "2025-03-04T08:02:00Z",
    )


def test_a_pod_whose_binding_is_forgotten_is_told_so() -> None:
    explainer = Explainer("train-0", "ml", Policy())
    explainer.on_read(make_cluster(), make_usage((CARD, "train-0", 10.0)), (make_pod(ended=START),))
    tell_of(explainer, make_window(make_holder(CARD)), Policy())
    assert line_of(explanation_text(explainer.explanation(), by_window=False), "by the API") == (
        "when it was bound is forgotten, so telemetry tells since when it held the device; ended 2025-03-04T08:00:00Z"
    )


def test_windows_of_which_it_was_not_told_what_was_read_have_no_samples() -> None:
    explainer = Explainer("train-0", "ml", Policy())
    explainer.on_read(make_cluster(), make_usage((CARD, "train-0", 10.0)), ())
    other = replace(make_window(make_holder(CARD)), window=Window(START - timedelta(minutes=5), START))
    tell_of(explainer, other, Policy())
    assert told_of(explainer.explanation())["holders"][0]["steps"][0]["held"]["scrapes"] is None

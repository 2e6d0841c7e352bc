"""Prices that other programs publish; what a real Prometheus makes of the queries is for tests/integration."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from gpu_series import make_windows
from scripted_server import Asked, Reply, answer, serving

from gpucost.model.errors import SourceUnavailable
from gpucost.model.metered import Offering
from gpucost.model.source import MeteredSource
from gpucost.telemetry.published import node_prices, offering_prices
from gpucost.telemetry.queries import KARPENTER_PRICES, OPENCOST_PRICES, PAST, STAT_LABEL, Matcher, PublishedPriceQuery
from gpucost.telemetry.settings import TelemetrySettings
from gpucost.telemetry.source import PrometheusTelemetry

WINDOWS = make_windows(3)
P4D = {"instance_type": "p4d.24xlarge", "capacity_type": "spot", "zone": "us-east-1a"}
OF_P4D = Offering(instance_type="p4d.24xlarge", capacity_type="spot", zone="us-east-1a")
IS_PAST = {STAT_LABEL: PAST}

Point = tuple[int, float]


def make_points(labels: Mapping[str, str], *points: Point) -> Any:
    columns, values = zip(*points, strict=True)
    return labels, np.array(columns), np.array(values, dtype=float)


def test_an_offering_has_the_price_of_its_window() -> None:
    told = offering_prices([make_points(P4D, (0, 4), (2, 5))], WINDOWS)
    assert told == {WINDOWS[0]: {OF_P4D: 4}, WINDOWS[1]: {}, WINDOWS[2]: {OF_P4D: 5}}


def test_what_is_fresh_counts_before_a_higher_price_of_the_past() -> None:
    old, new = P4D | IS_PAST | {"exported_zone": ""}, P4D
    told = offering_prices([make_points(old, (0, 9), (1, 9)), make_points(new, (1, 4))], WINDOWS)
    assert [told[window] for window in WINDOWS] == [{OF_P4D: 9}, {OF_P4D: 4}, {}]


def test_of_two_that_are_fresh_the_higher_counts() -> None:
    told = offering_prices([make_points(P4D, (0, price)) for price in (4, 6, 5)], WINDOWS)
    assert told[WINDOWS[0]] == {OF_P4D: 6}


@pytest.mark.parametrize("price", [0, -1, float("nan"), float("inf")])
def test_what_is_no_price_is_left_out(price: float) -> None:
    assert offering_prices([make_points(P4D, (0, price))], WINDOWS)[WINDOWS[0]] == {}
    assert node_prices([make_points({"node": "n1"}, (0, price))], WINDOWS)[WINDOWS[0]] == {}


@pytest.mark.parametrize("absent", ["instance_type", "capacity_type"])
def test_a_price_of_nothing_is_left_out(absent: str) -> None:
    assert offering_prices([make_points(P4D | {absent: ""}, (0, 4))], WINDOWS)[WINDOWS[0]] == {}


def test_an_offering_may_have_no_zone() -> None:
    (told,) = offering_prices([make_points(P4D | {"zone": ""}, (0, 4))], WINDOWS)[WINDOWS[0]]
    assert told.zone == ""


NAMES: dict[str, tuple[dict[str, str], dict[str, float]]] = {
    "the node": ({"node": "n1", "instance": "10.0.0.6:9003"}, {"n1": 4}),
    "the node beside that of OpenCost": ({"node": "n9", "exported_node": "n1"}, {"n1": 4}),
    "the instance where there is no node": ({"instance": "n1"}, {"n1": 4}),
    "the instance beside that of OpenCost": ({"instance": "10.0.0.6:9003", "exported_instance": "n1"}, {"n1": 4}),
    "nothing": ({"arch": "amd64"}, {}),
}


@pytest.mark.parametrize(("labels", "expected"), NAMES.values(), ids=NAMES)
def test_the_price_of_a_node_is_by_its_name(labels: dict[str, str], expected: dict[str, float]) -> None:
    assert node_prices([make_points(labels, (0, 4))], WINDOWS)[WINDOWS[0]] == expected


def test_prices_are_asked_of_the_last_hour_with_the_matchers() -> None:
    query = PublishedPriceQuery(metric="price", labels=("node",), matchers=(Matcher("cluster", "=", "prod"),))
    fresh = 'max by (node,exported_node) (price{cluster="prod"} > 0 < +Inf)'
    past = 'max by (node,exported_node) (last_over_time(price{cluster="prod"}[1h]) > 0 < +Inf)'
    assert query.promql() == f'{fresh} or label_replace({past} unless {fresh},"gpucost_stat","past","","")'


def publish(asked: Asked) -> Reply:
    """At the end of every window one price of each program."""
    start, end, step = (float(asked.form[name]) for name in ("start", "end", "step"))
    values = [[start + number * step, "4"] for number in range(round((end - start) / step) + 1)]
    labels = P4D if KARPENTER_PRICES in asked.form["query"] else {"node": "n1"}
    return answer("matrix", {"metric": labels, "values": values})


def test_prices_of_a_day_are_asked_in_slices_of_six_hours() -> None:
    windows = make_windows(288)
    with serving(publish) as server:
        telemetry = PrometheusTelemetry(TelemetrySettings(url=server.url))
        source: MeteredSource = telemetry
        assert source.read_offerings(windows) == {window: {OF_P4D: 4} for window in windows}
        assert source.read_node_prices(windows) == {window: {"n1": 4} for window in windows}
        telemetry.close()
    metrics = [KARPENTER_PRICES if KARPENTER_PRICES in one.form["query"] else OPENCOST_PRICES for one in server.asked]
    assert metrics == [KARPENTER_PRICES] * 4 + [OPENCOST_PRICES] * 4


UNREADABLE: dict[str, Reply] = {
    "labels that are no texts": answer(
        "matrix", {"metric": {"node": 1}, "values": [[WINDOWS[0].end.timestamp(), "4"]]}
    ),
    "points at other times": answer("matrix", {"metric": {"node": "n1"}, "values": [[1.0, "4"]]}),
    "another kind of answer": answer("vector"),
}


@pytest.mark.parametrize("reply", UNREADABLE.values(), ids=UNREADABLE)
def test_an_answer_that_cannot_be_read_is_told_in_a_sentence(reply: Reply) -> None:
    with serving(lambda _: reply) as server:
        telemetry = PrometheusTelemetry(TelemetrySettings(url=server.url))
        with pytest.raises(SourceUnavailable, match="Prometheus at"):
            telemetry.read_node_prices(WINDOWS[:1])
        telemetry.close()

"""What one window knows from the others of its usage."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import nan

import numpy as np
import pytest
from matched_windows import (
    A100,
    NOBODY,
    Shown,
    at,
    card,
    instance,
    make_node,
    make_pod,
    make_rate,
    make_usage,
    named,
    note,
)
from sliced_nodes import GPU, MIG, POD_A, T4, A, sliced

from gpucost.matching.match import Matcher
from gpucost.model.fleet import Cluster, Node, Pod
from gpucost.model.holdings import WindowHoldings
from gpucost.model.tenancy import LabelKeys
from gpucost.model.usage import Usage


def matched(usage: Usage, *, pods: Sequence[Pod], node: Node) -> list[WindowHoldings]:
    cluster = Cluster(seen_at=at(11), nodes=(node,), pods=tuple(pods), namespaces={})
    matcher = Matcher(cluster=cluster, ended=(), keys=LabelKeys())
    rates = [make_rate(node.name, cards=1)]
    return [matcher.match(usage, number, rates) for number in range(len(usage.windows))]


MODELS: dict[str, tuple[list[Shown], Node, Mapping[str, int], list[str]]] = {
    "another window shows it": ([(T4, NOBODY, 10)], sliced(), {"main": 1}, ["Tesla T4", "Tesla T4"]),
    "another window shows an instance like it": (
        [(instance(1), NOBODY, 10)],
        make_node(capacity={MIG: 7}, labels={f"{GPU}.product": "NVIDIA-A100-SXM4-40GB"}),
        {"main:1g.5gb": 1},
        [A100, A100],
    ),
    "no window shows a device of the machine": ([], sliced(), {"main": 1}, ["Tesla-T4", "Tesla-T4"]),
    "no window shows an instance": (
        [],
        make_node(labels={f"{GPU}.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb-SHARED"}, gpus=7),
        {"main": 1},
        ["NVIDIA-A100-SXM4-40GB", "NVIDIA-A100-SXM4-40GB"],
    ),
}


@pytest.mark.parametrize(("shown", "node", "requests", "models"), MODELS.values(), ids=MODELS)
def test_the_model_of_a_device_that_is_not_shown_where(
    shown: list[Shown], node: Node, requests: Mapping[str, int], models: list[str]
) -> None:
    got = matched(make_usage([], shown), pods=[make_pod(requests=requests)], node=node)
    assert [window.holders[0].device.model for window in got] == models


def test_a_device_has_as_many_slots_in_each_window_as_are_asked_for_in_any() -> None:
    node = make_node(labels={f"{GPU}.product": "Tesla-T4-SHARED"}, capacity={})
    pods = [POD_A, make_pod("b", bound=5, ended=8), make_pod("c", bound=7), make_pod("later", bound=10)]
    got = matched(make_usage(*[[(T4, A, 10, nan, 0.8)]] * 2), pods=pods, node=node)
    assert [window.holdings.slot_share.tolist() for window in got] == [[1 / 3], [1 / 3] * 3]
    assert "taken to be 3" in note(got[0], "SlotsEstimated").message


def test_a_holder_some_of_whose_samples_did_not_count_is_flagged_in_that_window() -> None:
    usage = make_usage([(card(), named(), 10)], [(card(), named(), 10)])
    got = matched(replace(usage, odd=np.array([True, False])), pods=[make_pod()], node=make_node(gpus=1))
    assert [window.holders[0].flags for window in got] == [("samples-dropped",), ()]


def test_a_forgotten_holder_of_several_shared_devices_is_one_row_though_one_of_them_is_flagged() -> None:
    usage = make_usage([(T4, A, 10), (card("GPU-b", model="Tesla T4"), A, 10)])
    got = matched(replace(usage, odd=np.array([True, False])), pods=[], node=sliced(cards=2))
    assert [holder.pod for holder in got[0].holders] == ["a"]

"""Scenarios of prices; the pipeline is compared with them elsewhere."""

from datetime import UTC, datetime, timedelta

import pytest

from gpucost.simulation.node_objects import HOURLY_RATE
from gpucost.simulation.scenarios.draft import Draft
from gpucost.simulation.scenarios.exporters import Exporter
from gpucost.simulation.scenarios.measures import POWER
from gpucost.simulation.scenarios.price_words import karpenter_price, opencost_price, power, rate_card
from gpucost.simulation.scenarios.prices import scenario as collection
from gpucost.simulation.scenarios.scenario import LOOK, Scenario
from gpucost.simulation.scenarios.series import openmetrics

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("scenario", collection.scenarios, ids=[one.slug for one in collection.scenarios])
def test_the_truth_adds_up_to_a_bill_that_no_annotation_tells(scenario: Scenario) -> None:
    for window in scenario.truth:
        for node in window.nodes:
            assert sum(charge.cost for charge in node.charges) + node.unallocated == node.bill > 0
    for node_object in scenario.lists_at(START, LOOK)["nodes"]:
        assert HOURLY_RATE not in node_object["metadata"]["annotations"]
    assert list(openmetrics(scenario.series, START))[-1] == "# EOF\n"


def test_a_node_may_cost_something_else_in_each_window() -> None:
    draft = Draft("changing")
    node = draft.node(card_hourly=12)
    draft.rest(node, 1, window=0)
    draft.rest(node, 2, hourly=24, window=1)
    assert [window.nodes[0].bill for window in draft.scenario("It changes.").truth] == [1, 2]


def test_a_rate_card_counts_from_the_time_that_it_says() -> None:
    draft = Draft("dated")
    rate_card(draft, "new", {"nodeHourly": "1"}, created=-60, valid_from=150, valid_until=450, priority=7)
    (card,) = draft.scenario("It is dated.").rate_cards_at(START)
    assert (card["metadata"]["name"], card["metadata"]["creationTimestamp"]) == ("dated-new", "2026-11-24T11:59:00Z")
    assert card["spec"] == {
        "currency": "USD",
        "priority": 7,
        "validFrom": "2026-11-24T12:02:30Z",
        "validUntil": "2026-11-24T12:07:30Z",
        "rates": [{"name": "rate-0", "nodeHourly": "1"}],
    }


def test_power_is_printed_as_the_exporter_prints_it() -> None:
    draft = Draft("power")
    node = draft.node(exporter=Exporter(lower_case=True))
    pod = draft.pod("train-0", node)
    power(draft, node, "a", 300, pod, instance=("7", "1g.5gb"), until=60)
    (series,) = draft.scenario("It draws power.").series
    assert (series.metric, series.value, series.until) == (POWER.lower(), 300, 60)
    assert {
        "uuid": "GPU-power-a",
        "gpu_i_id": "7",
        "hostname": node.name,
        "exported_pod": "train-0",
        "scenario": "power",
    }.items() <= series.labels.items()


def test_published_prices_are_of_the_scenario_alone() -> None:
    draft = Draft("published")
    karpenter_price(draft, "p4d.24xlarge", 20.0, until=300)
    opencost_price(draft, draft.node(), 19.0)
    karpenter, opencost = draft.scenario("They are published.").series
    assert {"instance_type": "p4d.24xlarge", "zone": "us-east-1a", "scenario": "published"}.items() <= (
        karpenter.labels.items()
    )
    assert {"node": "published-node", "scenario": "published"}.items() <= opencost.labels.items()
    assert (START + timedelta(seconds=karpenter.until), opencost.value) == (START + timedelta(minutes=5), 19.0)

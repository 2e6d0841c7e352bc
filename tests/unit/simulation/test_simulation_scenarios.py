from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from gpucost.simulation.scenarios.all_scenarios import SCENARIOS, THEMES
from gpucost.simulation.scenarios.collection import Collection
from gpucost.simulation.scenarios.draft import Draft
from gpucost.simulation.scenarios.measures import USED
from gpucost.simulation.scenarios.scenario import LOOK, WINDOWS, Scenario
from gpucost.simulation.scenarios.series import Series, openmetrics

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LONGEST_LABEL = 63

each_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.slug for scenario in SCENARIOS])


@each_scenario
def test_the_truth_of_every_window_adds_up_to_the_bill(scenario: Scenario) -> None:
    for window in scenario.truth:
        for node in window.nodes:
            assert sum(charge.cost for charge in node.charges) + node.unallocated + node.unobserved == node.bill
            assert node.reasons is None or sum(node.reasons.values()) == node.unallocated


@each_scenario
def test_nobody_truly_uses_more_than_they_pay_for(scenario: Scenario) -> None:
    for charge in (charge for window in scenario.truth for node in window.nodes for charge in node.charges):
        assert charge.cost > 0
        assert charge.unknown >= 0
        assert charge.unknown == charge.cost if charge.used is None else charge.used >= 0
        assert charge.idle is None or charge.idle >= 0


@each_scenario
def test_every_charge_is_of_a_pod_and_a_node_of_the_scenario(scenario: Scenario) -> None:
    assert len(scenario.truth) == WINDOWS
    pods = {(pod.node.name, pod.namespace, pod.name) for pod in scenario.pods}
    names = {node.name for node in scenario.nodes}
    for window in scenario.truth:
        assert Counter(node.node for node in window.nodes).keys() <= names
        assert len(window.nodes) == len({node.uid for node in window.nodes})
        assert {(c.node, c.namespace, c.pod) for node in window.nodes for c in node.charges} <= pods


@each_scenario
def test_a_scenario_says_what_it_models(scenario: Scenario) -> None:
    assert scenario.story.rstrip().endswith(".")
    assert all(series.labels["scenario"] == scenario.slug for series in scenario.series)


def test_no_two_scenarios_share_a_name() -> None:
    assert sum(len(theme.scenario.scenarios) for theme in THEMES) == len(SCENARIOS)
    for names in (
        [scenario.slug for scenario in SCENARIOS],
        [name for scenario in SCENARIOS for name in {node.name for node in scenario.nodes}],
        [namespace for scenario in SCENARIOS for namespace in scenario.namespaces],
    ):
        assert [name for name, count in Counter(names).items() if count > 1] == []
    assert all(len(namespace) <= LONGEST_LABEL for scenario in SCENARIOS for namespace in scenario.namespaces)


def test_all_scenarios_are_one_history_with_one_sample_a_time() -> None:
    lines = list(openmetrics((series for scenario in SCENARIOS for series in scenario.series), START))
    assert lines[-1] == "# EOF\n"
    types = [line for line in lines if line.startswith("# TYPE")]
    assert len(types) == len(set(types))
    heads = [line.rsplit(" ", 2)[0] for line in lines if not line.startswith("#")]
    blocks = [head for head, following in pairwise([*heads, ""]) if head != following]
    assert len(blocks) == len(set(blocks)), "samples of one series must follow one another"


def test_samples_lie_on_the_grid_of_the_first_window() -> None:
    series = Series(metric="m", labels={"a": "b"}, value=2, since=-40, until=65, every=30)
    at = int(START.timestamp())
    text = [f'm{{a="b"}} 2 {at + second}\n' for second in (-30, 0, 30, 60)]
    assert list(openmetrics([series], START)) == ["# TYPE m gauge\n", *text, "# EOF\n"]


def test_two_samples_at_one_time_are_refused() -> None:
    series = Series(metric="m", labels={}, value=1)
    with pytest.raises(ValueError, match="two samples at one time"):
        list(openmetrics([series, series], START))


def test_memory_that_is_no_whole_number_of_mib_is_refused() -> None:
    draft = Draft("odd")
    with pytest.raises(ValueError, match="no whole number"):
        draft.see(draft.node(), "a", memory=1 / 3)


def test_the_api_lists_what_was_there_at_the_look() -> None:
    collection = Collection()

    @collection
    def looked_at_twice(s: Draft) -> None:
        """A pod that goes and a pod that ends."""
        node = s.node()
        s.pod("gone-0", node, listed_until=150)
        s.pod("done-0", node, ended=200)
        s.pod("new-0", node, bound=400)

    (scenario,) = collection.scenarios
    assert (scenario.slug, scenario.name) == ("looked-at-twice", "looked at twice")
    phases = {
        look: {pod["metadata"]["name"]: pod["status"]["phase"] for pod in scenario.lists_at(START, look)["pods"]}
        for look in (120, LOOK)
    }
    assert phases == {
        120: {"gone-0": "Running", "done-0": "Running"},
        LOOK: {"done-0": "Succeeded", "new-0": "Running"},
    }


def test_windows_follow_one_another_from_the_start() -> None:
    first, second = SCENARIOS[0].windows(START)
    assert (first.start, first.end, second.end) == (START, START + timedelta(minutes=5), START + timedelta(minutes=10))


def test_a_name_is_printed_in_place_of_that_of_the_exporter_or_beside_it() -> None:
    stored = {
        scenario.slug: next(
            one.labels for one in scenario.series if one.metric == USED and "train-0" in one.labels.values()
        )
        for scenario in SCENARIOS
        if scenario.slug.startswith("names-of-holders-")
    }
    beside = stored["names-of-holders-kept-beside-those-of-the-exporter"]
    in_place = stored["names-of-holders-in-place-of-those-of-the-exporter"]
    assert (beside["exported_pod"], beside["pod"]) == ("train-0", "nvidia-dcgm-exporter-whole")
    assert (in_place.get("exported_pod"), in_place["pod"]) == (None, "train-0")

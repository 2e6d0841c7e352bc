import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gpucost.app.computing.looks import LatestLook
from gpucost.app.computing.simulated import SimulatedCluster
from gpucost.app.mending.restoring import MEMORY
from gpucost.app.process.health import Health
from gpucost.app.process.leadership import Leadership
from gpucost.app.process.metrics import make_registry
from gpucost.app.process.reload import Configuration
from gpucost.app.process.web import WebServer
from gpucost.app.windows.gaps import NO_SAMPLES
from gpucost.app.windows.state import LoopState
from gpucost.model.errors import ConfigurationError, SourceUnavailable
from gpucost.model.holdings import NodeFacts
from gpucost.model.rates import MissingRate, NodeRate, RateOrigin
from gpucost.simulation.fleet import make_fleet

START = datetime(2026, 3, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def look() -> LatestLook:
    fleet = make_fleet(seed=1, start=START, end=START + timedelta(hours=6))
    cluster = SimulatedCluster(fleet, fleet.end).read()
    rates = {
        "gpu-h100-1": NodeRate(
            node="gpu-h100-1", hourly_e9=55_040_000_000, origin=RateOrigin.RATE_CARD, source="list", cards=8
        )
    }
    nodes = tuple(
        NodeFacts(node=node, rate=rates.get(node.name, MissingRate(node=node.name, reason="none")), uncut_share=0.0)
        for node in cluster.nodes
        if node.name.startswith("gpu-")
    )
    odd = replace(cluster.pods[0], labels={"team": 'a"b\\c\nd'})
    return LatestLook(pods=(odd, *cluster.pods[1:]), namespaces=cluster.namespaces, nodes=nodes)


def serve(listen: str, look: LatestLook, state: LoopState, folder: Path) -> WebServer:
    config = folder / "config.yaml"
    config.touch()
    leadership = Leadership(None)
    configuration = Configuration(config, check=lambda _: None, clock=lambda: START)
    return WebServer(listen, Health(state, leadership), make_registry(state, look, leadership, configuration))


@pytest.fixture
def server(look: LatestLook, tmp_path: Path) -> Iterator[tuple[str, LoopState]]:
    state = LoopState()
    web = serve("127.0.0.1:0", look, state, tmp_path)
    yield f"http://127.0.0.1:{web.port}", state
    web.close()


def ask(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def samples_of(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    return {
        family.name: [(sample.labels, sample.value) for sample in family.samples]
        for family in text_string_to_metric_families(text)
    }


def test_every_container_of_every_gpu_pod_is_told_with_its_count(
    server: tuple[str, LoopState], look: LatestLook
) -> None:
    told = samples_of(ask(f"{server[0]}/metrics")[1])["gpucost_pod_info"]
    wanted = sorted((pod.uid, request.container, float(request.count)) for pod in look.pods for request in pod.requests)
    assert sorted((labels["uid"], labels["container"], value) for labels, value in told) == wanted


def test_a_label_value_is_told_as_it_is_whatever_it_holds(server: tuple[str, LoopState]) -> None:
    told = samples_of(ask(f"{server[0]}/metrics")[1])["gpucost_pod_info"]
    assert 'a"b\\c\nd' in {labels["team"] for labels, _ in told}


def test_a_node_without_a_rate_is_told_without_one(server: tuple[str, LoopState]) -> None:
    told = {labels["node"]: labels for labels, _ in samples_of(ask(f"{server[0]}/metrics")[1])["gpucost_node_info"]}
    assert (told["gpu-h100-1"]["rate"], told["gpu-h100-1"]["cards"]) == ("55.040000000", "8")
    assert (told["gpu-a100-1"]["rate"], told["gpu-a100-1"]["instance_type"]) == ("", "p4d.24xlarge")


def test_a_pod_that_has_ended_says_when(server: tuple[str, LoopState], look: LatestLook) -> None:
    told = samples_of(ask(f"{server[0]}/metrics")[1])["gpucost_pod_ended_timestamp_seconds"]
    ended = {pod.uid: pod.ended.timestamp() for pod in look.pods if pod.ended}
    assert {labels["uid"]: value for labels, value in told} == ended != {}


def test_probes_answer_by_the_state_of_the_loop(server: tuple[str, LoopState]) -> None:
    url, state = server
    state.begin()
    assert ask(f"{url}/healthz") == (200, "ok\n")
    state.fail(SourceUnavailable("Prometheus is away"))
    assert ask(f"{url}/readyz") == (503, "Prometheus is away\n")
    state.begin()
    state.succeed()
    assert ask(f"{url}/readyz") == (200, "ok\n")
    state.loop_ended = True
    assert ask(f"{url}/healthz")[0] == 503
    assert ask(f"{url}/elsewhere")[0] == 404


def test_an_address_that_cannot_be_had_is_one_sentence(
    server: tuple[str, LoopState], look: LatestLook, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used"):
        serve(server[0].removeprefix("http://"), look, LoopState(), tmp_path)


def test_a_replica_says_whether_it_leads_and_by_which_configuration(server: tuple[str, LoopState]) -> None:
    told = samples_of(ask(f"{server[0]}/metrics")[1])
    assert told["gpucost_leader"] == [({}, 1.0)]
    assert told["gpucost_config_refused"] == [({}, 0.0)]
    assert told["gpucost_config_loaded_timestamp_seconds"] == [({}, START.timestamp())]


def test_what_the_loop_closed_incomplete_or_put_right_is_counted(server: tuple[str, LoopState]) -> None:
    url, state = server
    state.close_incomplete(NO_SAMPLES, 3)
    state.count_mended(MEMORY)
    told = samples_of(ask(f"{url}/metrics")[1])
    windows = {labels["reason"]: value for labels, value in told["gpucost_windows_incomplete"]}
    reports = {labels["how"]: value for labels, value in told["gpucost_reports_mended"]}
    assert {reason for reason, count in windows.items() if count} == {NO_SAMPLES}
    assert windows[NO_SAMPLES] == 3
    assert {how for how, count in reports.items() if count} == {MEMORY}


def test_who_stands_by_says_nothing_of_what_others_do_meanwhile(server: tuple[str, LoopState]) -> None:
    url, state = server
    state.committed_until, state.windows_behind, state.windows_committed = START, 3, 7
    state.stand_by()
    told = samples_of(ask(f"{url}/metrics")[1])
    assert "gpucost_committed_until_timestamp_seconds" not in told
    assert told["gpucost_windows_behind"] == [({}, 0.0)]
    assert told["gpucost_windows_committed"] == [({}, 7.0)]


def test_what_is_forgotten_is_not_shown(look: LatestLook, tmp_path: Path) -> None:
    forgetful = replace(look)
    forgetful.forget()
    web = serve("127.0.0.1:0", forgetful, LoopState(), tmp_path)
    told = samples_of(ask(f"http://127.0.0.1:{web.port}/metrics")[1])
    web.close()
    assert (told["gpucost_pod_info"], told["gpucost_node_info"]) == ([], [])

import argparse
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiClient, Configuration

from gpucost.app.cli import sources
from gpucost.app.cli.main import main
from gpucost.app.cli.sources import Sources
from gpucost.app.configuration.settings import Settings
from gpucost.app.prices.rates import resolver_of
from gpucost.cluster.connection import connect
from gpucost.cluster.files import ClusterFiles
from gpucost.model.errors import ConfigurationError
from gpucost.model.fleet import Node
from gpucost.model.rates import MissingRate, NodeRate
from gpucost.model.time import Window
from gpucost.pricing.rate_cards import RateCards, parse_rate_cards

AT = datetime(2026, 11, 24, tzinfo=UTC)
WINDOW = Window(AT, AT + timedelta(minutes=5))
BROKEN_CARD = {
    "apiVersion": "gpucost.io/v1alpha1",
    "kind": "GpuRateCard",
    "metadata": {"name": "contract"},
    "spec": {"rates": [{"name": "p4d", "nodeHourly": "cheap"}]},
}
TOLD = 'GpuRateCard contract/p4d is not used: nodeHourly "cheap" is not a number'


class FakeStore:
    missing: tuple[str, ...] = ()

    def __init__(self, _client: ApiClient, *, operator_namespace: str) -> None:
        self.namespace = operator_namespace

    def missing_kinds(self) -> tuple[str, ...]:
        return self.missing

    def read_rate_cards(self) -> Sequence[Any]:
        return [BROKEN_CARD]


def make_options(**given: object) -> argparse.Namespace:
    return argparse.Namespace(**{"kubeconfig": None, "context": None, "cluster_dir": None, "rates": None} | given)


def make_sources(**given: object) -> Sources:
    prometheus = Settings().prometheus.model_copy(update={"url": "http://127.0.0.1:1"})
    settings = Settings().model_copy(update={"prometheus": prometheus})
    return Sources(make_options(**given), settings, seen_at=AT)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> type[FakeStore]:
    """A live cluster with one broken card."""
    monkeypatch.setattr(sources, "connect", lambda *_, **__: ApiClient(Configuration(host="http://127.0.0.1:1")))
    store = type("Store", (FakeStore,), {})
    monkeypatch.setattr(sources, "ReportStore", store)
    return store


def save_cards(folder: Path) -> Path:
    path = folder / "rates.yaml"
    path.write_text(yaml.safe_dump(BROKEN_CARD))
    return path


@pytest.mark.usefixtures("cluster")
def test_a_broken_card_of_a_live_cluster_is_told() -> None:
    (problem,) = make_sources().problems
    assert problem.startswith(TOLD)


@pytest.mark.usefixtures("cluster")
def test_a_broken_card_of_a_file_is_told_on_a_live_cluster(tmp_path: Path) -> None:
    (problem,) = make_sources(rates=save_cards(tmp_path)).problems
    assert problem.startswith(TOLD)


def test_a_broken_card_of_a_file_is_told_beside_saved_objects(tmp_path: Path) -> None:
    (problem,) = make_sources(cluster_dir=tmp_path, rates=save_cards(tmp_path)).problems
    assert problem.startswith(TOLD)


def test_a_cluster_in_which_nothing_is_installed_has_no_cards(cluster: type[FakeStore]) -> None:
    cluster.missing = ("GpuCostReport", "GpuRateCard")
    assert make_sources().problems == ()


def test_missing_namespaces_are_told(tmp_path: Path) -> None:
    for plural in ("nodes", "pods"):
        (tmp_path / f"{plural}.json").write_text('{"apiVersion": "v1", "kind": "List", "items": []}')
    files = ClusterFiles(tmp_path, seen_at=AT)
    files.read()
    (problem,) = files.problems
    assert problem.startswith(f"{tmp_path / 'namespaces.json'} is missing")
    assert "kubectl get namespaces" in problem


def test_no_cluster_at_all_leads_to_saved_objects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(variable, raising=False)
    assert main(["report", "--prometheus", "http://127.0.0.1:1"]) == 1
    assert capsys.readouterr().err.endswith("; or read saved objects with --cluster-dir\n")


def test_only_commands_that_read_saved_objects_are_told_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"name a kubeconfig$"):
        connect(environ={})


def test_a_kubeconfig_that_is_not_there_is_named() -> None:
    with pytest.raises(
        ConfigurationError, match=r"kubeconfig /gone/config \(from --kubeconfig\).*: there is no such file"
    ):
        connect(Path("/gone/config"))


def test_a_broken_kubeconfig_comes_with_a_command_that_can_be_pasted(tmp_path: Path) -> None:
    path = tmp_path / "my config"
    path.write_text("{")
    with pytest.raises(ConfigurationError) as caught:
        connect(path)
    assert f"try it with \"KUBECONFIG='{path}' kubectl get nodes\"" in str(caught.value)


def test_of_several_kubeconfigs_those_that_are_there_count(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(
        "{apiVersion: v1, kind: Config, current-context: here, clusters: [{name: c, cluster: {server: 'https://k'}}],"
        " users: [{name: u, user: {token: t}}], contexts: [{name: here, context: {cluster: c, user: u}}]}"
    )
    assert connect(environ={"KUBECONFIG": f"/gone{os.pathsep}{path}"}).configuration.host == "https://k"


UNREACHABLE = {
    "the option, where that was given": (("--prometheus", "http://127.0.0.1:1"), "check --prometheus"),
    "the key, where that was": ((), "check prometheus.url"),
}


@pytest.mark.parametrize(("arguments", "told"), UNREACHABLE.values(), ids=UNREACHABLE)
def test_a_prometheus_that_is_away_is_told_with(
    arguments: tuple[str, ...], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for plural in ("nodes", "pods", "namespaces"):
        (tmp_path / f"{plural}.json").write_text('{"apiVersion": "v1", "kind": "List", "items": []}')
    config = tmp_path / "config.yaml"
    config.write_text("prometheus: {url: 'http://127.0.0.1:1'}")
    code = main(["report", "--last", "1h", "--cluster-dir", str(tmp_path), "--config", str(config), *arguments])
    out, err = capsys.readouterr()
    assert (code, out) == (1, "")
    assert told in err


def make_node() -> Node:
    labels = {"node.kubernetes.io/instance-type": "p4d.24xlarge"}
    return Node(name="n1", uid="u1", created=AT, labels=labels, annotations={}, capacity={})


def test_list_prices_stand_in_only_where_the_settings_let_them() -> None:
    (with_prices,) = resolver_of(RateCards(), Settings()).rates_of([make_node()], WINDOW)
    without = Settings().model_copy(update={"list_prices": False})
    (without_prices,) = resolver_of(RateCards(), without).rates_of([make_node()], WINDOW)
    assert isinstance(with_prices, NodeRate)
    assert isinstance(without_prices, MissingRate)


def test_cards_come_before_list_prices() -> None:
    card = BROKEN_CARD | {"spec": {"rates": [{"name": "p4d", "nodeHourly": "2.50"}]}}
    (rate,) = resolver_of(parse_rate_cards([card], Settings().price_rules), Settings()).rates_of([make_node()], WINDOW)
    assert isinstance(rate, NodeRate)
    assert rate.hourly_e9 == 2_500_000_000

"""``gpucost doctor`` and ``gpucost rates`` on a real API server and a real Prometheus."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import FleetBox
from running_operator import with_token

from gpucost.app.cli.main import main

pytestmark = pytest.mark.cluster


class Command:
    def __init__(self, box: FleetBox, capsys: pytest.CaptureFixture[str]) -> None:
        self._box = box
        self._capsys = capsys

    def __call__(self, *arguments: str, kubeconfig: Path) -> tuple[int, list[dict[str, Any]]]:
        """Exit code and rows."""
        prometheus = self._box.sandbox.prometheus_url
        code = main([*arguments, "-o", "json", "--kubeconfig", str(kubeconfig), "--prometheus", prometheus])
        rows: list[dict[str, Any]] = json.loads(self._capsys.readouterr().out)
        return code, rows


@pytest.fixture
def gpucost(fleet_box: FleetBox, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(fleet_box, capsys)


def test_with_the_rights_of_the_operator_nothing_fails_and_everything_is_known(
    gpucost: Command, fleet_box: FleetBox
) -> None:
    code, findings = gpucost("doctor", kubeconfig=fleet_box.operator_kubeconfig)
    assert [finding for finding in findings if finding["status"] in ("failure", "unknown")] == []
    assert code == 0
    (rights,) = (finding["found"] for finding in findings if finding["subject"] == "rights")
    assert rights.endswith("and do all that the operator must in namespace gpucost")


def test_an_operator_that_lacks_a_right_is_told_which_and_a_reader_is_not(
    gpucost: Command, fleet_box: FleetBox, tmp_path: Path
) -> None:
    kubectl = fleet_box.sandbox.kubectl
    for account, verbs in (("reader", "list"), ("half", "list,create")):
        kubectl("create", "serviceaccount", account, "-n", "gpucost")
        resources = "pods,nodes,namespaces,gpuratecards.gpucost.io,gpucostreports.gpucost.io"
        kubectl("create", "clusterrole", f"doctor-{account}", f"--verb={verbs}", f"--resource={resources}")
        binding = (f"--clusterrole=doctor-{account}", f"--serviceaccount=gpucost:{account}")
        kubectl("create", "clusterrolebinding", f"doctor-{account}", *binding)
    found = {account: rights_of(gpucost, fleet_box, tmp_path, account) for account in ("reader", "half")}
    assert found["reader"]["status"] == "ok"
    assert "it writes nothing" in found["reader"]["found"]
    assert found["half"]["status"] == "failure"
    assert "get, watch, patch, delete gpucostreports" in found["half"]["found"]
    assert "list, create, delete gpucostwindows in namespace gpucost" in found["half"]["found"]
    assert "create events in namespace default" in found["half"]["found"]


def rights_of(gpucost: Command, fleet_box: FleetBox, folder: Path, account: str) -> dict[str, str]:
    token = fleet_box.sandbox.kubectl("create", "token", account, "-n", "gpucost").strip()
    kubeconfig = with_token(fleet_box.sandbox.kubeconfig, token, folder / f"{account}.kubeconfig")
    _, findings = gpucost("doctor", kubeconfig=kubeconfig)
    (rights,) = (finding for finding in findings if finding["subject"] == "rights")
    return dict(rights)


def test_an_account_that_may_list_nothing_is_told_what_it_lacks(
    gpucost: Command, fleet_box: FleetBox, tmp_path: Path
) -> None:
    token = fleet_box.sandbox.kubectl("create", "token", "default", "-n", "default").strip()
    kubeconfig = with_token(fleet_box.sandbox.kubeconfig, token, tmp_path / "poor.kubeconfig")
    code, findings = gpucost("doctor", kubeconfig=kubeconfig)
    states = {finding["subject"]: finding for finding in findings}
    assert code == 1
    assert (
        states["rights"]["found"] == "this account may not list nodes, pods, namespaces, gpuratecards in all namespaces"
    )
    assert states["GPU nodes"]["status"] == "failure"
    assert (states["API server"]["status"], states["Prometheus"]["status"]) == ("ok", "ok")
    assert (states["node rates"]["status"], states["GPU metrics"]["status"]) == ("unknown", "unknown")


def test_every_gpu_node_of_the_cluster_has_its_rate(gpucost: Command, fleet_box: FleetBox) -> None:
    code, rows = gpucost("rates", kubeconfig=fleet_box.operator_kubeconfig)
    assert code == 0
    assert [row["node"] for row in rows] == sorted(node.name for node in fleet_box.fleet.gpu_nodes)
    assert all(row["hourlyRate"] for row in rows)

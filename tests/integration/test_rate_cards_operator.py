"""What the running operator tells of GpuRateCards: statuses, Events, and whose rate stays on the bill."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from fault_proxy import FaultProxy, Mode
from running_operator import NAMESPACE, RunningOperator, install

from gpucost.model.time import DAY, Window, start_of_day
from gpucost.simulation.fleet import Fleet, make_fleet
from sandbox.session import Sandbox

pytestmark = pytest.mark.cluster

Eventually = Callable[[Callable[[], object], float], bool]
Object = dict[str, Any]

H100 = {"instanceType": "p5.48xlarge"}
A100 = {"instanceType": "p4d.24xlarge"}
SOON = 30.0
GOOD = {"Accepted": ("True", "AllRatesAccepted"), "Conflicting": ("False", "NoConflict")}


@dataclass(frozen=True)
class Cards:
    """The cards of a cluster whose first windows of a past day are waiting to be computed."""

    sandbox: Sandbox
    fleet: Fleet
    now: datetime
    kubeconfig: Path
    folder: Path

    def apply(self, name: str, *rates: Object, **spec: Any) -> None:
        card = {
            "apiVersion": "gpucost.io/v1alpha1",
            "kind": "GpuRateCard",
            "metadata": {"name": name},
            "spec": {"currency": "USD", **spec, "rates": list(rates)},
        }
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(card))
        self.sandbox.kubectl("apply", "-f", str(path))

    def delete(self, name: str) -> None:
        self.sandbox.kubectl("delete", "gpuratecard", name)

    def read(self, name: str) -> Object:
        card: Object = json.loads(self.sandbox.kubectl("get", "grc", name, "-o", "json", "--show-managed-fields"))
        return card

    def status(self, name: str) -> Object:
        status: Object = self.read(name).get("status", {})
        return status

    def conditions(self, name: str) -> dict[str, tuple[str, str]]:
        return {each["type"]: (each["status"], each["reason"]) for each in self.status(name).get("conditions", ())}

    def nodes(self, name: str) -> dict[str, tuple[int, int]]:
        return {rate["name"]: (rate["nodes"], rate["nodesInForce"]) for rate in self.status(name).get("rates", ())}

    def events(self, name: str) -> list[tuple[str, str]]:
        """Type and reason."""
        uid = self.read(name)["metadata"]["uid"]
        selector = f"--field-selector=involvedObject.kind=GpuRateCard,involvedObject.uid={uid}"
        items = json.loads(self.sandbox.kubectl("get", "events", "-A", "-o", "json", selector))["items"]
        assert {(item["metadata"]["namespace"], item["reportingComponent"]) for item in items} <= {
            ("default", "gpucost")
        }
        return sorted((item["type"], item["reason"]) for item in items for _ in range(item["count"]))

    def reach(self, instance_type: str = "") -> tuple[int, int]:
        """GPU nodes of a type (empty: all) that a rate matches, and those of them whose own annotation leaves it be."""
        found = [node for node in self.fleet.gpu_nodes if instance_type in ("", node.instance_type)]
        return len(found), sum(not node.rate_is_annotated for node in found)

    def operator(self, *, prometheus_url: str = "") -> RunningOperator:
        """With a log of its own, also where it is started again."""
        folder = Path(mkdtemp(dir=self.folder))
        return RunningOperator(folder, self.kubeconfig, prometheus_url or self.sandbox.prometheus_url, now=self.now)


@pytest.fixture(scope="module")
def box(
    control_plane_binaries: dict[str, Path],
    prometheus_binaries: dict[str, Path],
    kubectl: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Sandbox, Fleet, Window, Path]]:
    assert control_plane_binaries
    assert prometheus_binaries
    assert kubectl
    start = start_of_day(datetime.now(UTC)) - DAY
    window = Window(start, start + timedelta(minutes=15))
    fleet = make_fleet(seed=5, start=start, end=start + DAY)
    with Sandbox.start(tmp_path_factory.mktemp("cards"), fleet=fleet, history=window) as sandbox:
        yield sandbox, fleet, window, install(sandbox)


@pytest.fixture
def cards(box: tuple[Sandbox, Fleet, Window, Path], tmp_path: Path) -> Cards:
    sandbox, fleet, window, kubeconfig = box
    for kind in ("grc", "gcr", "cgcr", "gcw"):
        sandbox.kubectl("delete", kind, "--all", *(["-A"] if kind in ("gcr", "gcw") else []))
    return Cards(sandbox, fleet, window.end + timedelta(minutes=3), kubeconfig, tmp_path)


def rates_on_nodes(operator: RunningOperator) -> dict[str, tuple[str, str]]:
    """Node to rate and source, as the metrics page says."""
    found = {}
    for line in operator.ask("/metrics")[1].splitlines():
        if line.startswith("gpucost_node_info{"):
            labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', line))
            found[labels["node"]] = labels["rate"], labels["source"]
    return found


def count_of_cards(operator: RunningOperator) -> dict[str, float]:
    page = operator.ask("/metrics")[1]
    return {state: float(count) for state, count in re.findall(r'gpucost_rate_cards{state="(\w+)"} (\S+)', page)}


def test_cards_are_judged_soon_after_they_are_written_also_while_prometheus_is_away(
    cards: Cards, eventually: Eventually
) -> None:
    cards.apply("contract", {"name": "h100", "match": H100, "nodeHourly": "20"})
    with (
        FaultProxy(cards.sandbox.prometheus_url, Mode.REFUSE) as proxy,
        cards.operator(prometheus_url=proxy.url) as operator,
    ):
        assert eventually(lambda: cards.conditions("contract") == GOOD, SOON), operator.log()
        assert cards.nodes("contract") == {"h100": (1, 1)}
        status = cards.status("contract")
        assert (status["observedGeneration"], status["nodesInForce"]) == (1, 1)

        cards.apply(
            "contract", {"name": "h100", "match": H100, "nodeHourly": "20"}, {"name": "rest", "nodeHourly": "9"}
        )
        matched, free = cards.reach()
        assert eventually(lambda: cards.nodes("contract").get("rest") == (matched, free - 1), SOON), operator.log()
        assert cards.status("contract")["observedGeneration"] == 2
        assert count_of_cards(operator) == {"accepted": 1, "refused": 0, "conflicting": 0}
        assert cards.events("contract") == []
        assert operator.stop() < 10


def test_a_bad_rate_is_told_once_and_takes_no_good_one_down(cards: Cards, eventually: Eventually) -> None:
    never = {"name": "never", "match": H100, "nodeHourly": "1", "validUntil": "2020-01-01T00:00:00Z"}
    good = {"name": "good", "match": A100, "nodeHourly": "7"}
    cards.apply("half-bad", never, good, validFrom="2021-01-01T00:00:00Z")
    cards.apply("other-currency", {"name": "all", "nodeHourly": "1"}, currency="EUR")
    with cards.operator() as operator:
        assert eventually(lambda: cards.conditions("half-bad").get("Accepted", "?")[0] == "False", SOON), operator.log()
        assert eventually(lambda: cards.conditions("other-currency"), SOON), operator.log()
        assert cards.nodes("half-bad") == {"good": cards.reach("p4d.24xlarge")}
        assert cards.events("half-bad") == [("Warning", cards.conditions("half-bad")["Accepted"][1])]
        assert cards.conditions("other-currency")["Accepted"] == ("False", "CurrencyUnknown")
        assert eventually(lambda: rates_on_nodes(operator).get("gpu-a100-1", "?")[0] == "7.000000000", 60)
        assert operator.stop() < 10

    before = cards.read("half-bad")
    described = cards.sandbox.kubectl("describe", "grc", "half-bad")
    assert "never" in described.partition("Conditions:")[2]
    assert re.search(r"Warning\s+\w+\s+.*gpucost", described.partition("Events:")[2])
    row = " ".join(cards.sandbox.kubectl("get", "grc", "half-bad").splitlines()[1].split())
    assert row.startswith(f"half-bad False False {cards.reach('p4d.24xlarge')[1]} USD")

    with cards.operator() as operator:
        assert eventually(lambda: count_of_cards(operator).get("refused") == 2, SOON), operator.log()
        assert eventually(lambda: operator.ask("/readyz")[0] == 200, SOON), operator.log()
        assert cards.read("half-bad") == before
        assert len(cards.events("half-bad")) == 1

        cards.apply("half-bad", good)
        assert eventually(lambda: cards.conditions("half-bad") == GOOD, SOON), operator.log()
        assert [kind for kind, _ in cards.events("half-bad")] == ["Normal", "Warning"]
        assert operator.stop() < 10
    managers = {
        (entry["manager"], entry.get("subresource"))
        for entry in cards.read("half-bad")["metadata"]["managedFields"]
        if entry["manager"].startswith("gpucost")
    }
    assert managers == {("gpucost", "status")}


def test_of_two_cards_that_tie_the_older_stays_on_the_bill_until_it_is_gone(
    cards: Cards, eventually: Eventually
) -> None:
    cards.apply("a-first", {"name": "h100", "match": H100, "nodeHourly": "20"})
    cards.apply("b-second", {"name": "h100", "match": H100, "nodeHourly": "1"})
    with cards.operator() as operator:
        assert eventually(lambda: "Conflicting" in cards.conditions("b-second"), SOON), operator.log()
        assert cards.conditions("b-second")["Conflicting"] == ("True", "OlderCardDecides")
        assert cards.conditions("a-first") == GOOD
        message = next(
            each["message"] for each in cards.status("b-second")["conditions"] if "a-first" in each["message"]
        )
        assert "h100" in message
        assert cards.nodes("b-second") == {"h100": (1, 0)}
        assert cards.events("b-second") == [("Warning", "OlderCardDecides")]
        assert cards.events("a-first") == []
        assert eventually(lambda: rates_on_nodes(operator).get("gpu-h100-1", "?")[0] == "20.000000000", 60)
        assert "a-first" in rates_on_nodes(operator)["gpu-h100-1"][1]

        cards.delete("a-first")
        assert eventually(lambda: cards.conditions("b-second") == GOOD, SOON), operator.log()
        assert cards.nodes("b-second") == {"h100": (1, 1)}
        assert cards.events("b-second") == [("Normal", "NoConflict"), ("Warning", "OlderCardDecides")]
        assert operator.stop() < 10


def test_the_operator_may_write_the_status_of_a_card_and_events_and_nothing_else_of_them(cards: Cards) -> None:
    account = f"--as=system:serviceaccount:{NAMESPACE}:gpucost"
    listed = cards.sandbox.kubectl("auth", "can-i", "--list", account, "-n", "default").splitlines()
    verbs = {line.split()[0]: line.rpartition("[")[2].rstrip("]") for line in listed}
    assert verbs["events"] == "create"
    assert verbs["gpuratecards.gpucost.io/status"] == "patch"
    assert verbs["gpuratecards.gpucost.io"] == "list watch"

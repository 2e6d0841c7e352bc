import csv
import io
import json
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpucost.app.cli import sources
from gpucost.app.cli.main import main
from gpucost.app.computing.simulated import SimulatedTelemetry
from gpucost.simulation.fleet import make_fleet
from gpucost.simulation.objects import lists_at
from tests.unit.app.simulated_command import END, MORNING, START, Ran
from tests.unit.cluster.kube_objects import make_node

P4D = {"node.kubernetes.io/instance-type": "p4d.24xlarge", "topology.kubernetes.io/region": "us-east-1"}
UNLISTED = {"node.kubernetes.io/instance-type": "own.8x"}


def make_card(name: str = "contract", *rates: Mapping[str, Any], **terms: Any) -> dict[str, Any]:
    return {
        "apiVersion": "gpucost.io/v1alpha1",
        "kind": "GpuRateCard",
        "metadata": {"name": name},
        "spec": {"rates": list(rates) or [{"name": "all", "nodeHourly": "16"}], **terms},
    }


class Folder:
    """A saved cluster, files beside it, and commands that read them."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._path = path
        self._capsys = capsys

    def save(self, name: str, content: object) -> str:
        path = self._path / name
        path.write_text(yaml.safe_dump(content) if name.endswith(".yaml") else json.dumps(content))
        return str(path)

    def save_nodes(self, *nodes: Mapping[str, Any]) -> None:
        for plural in ("pods", "namespaces"):
            self.save(f"{plural}.json", {"kind": "List", "items": []})
        self.save("nodes.json", {"kind": "List", "items": nodes})

    def __call__(self, *arguments: str) -> Ran:
        code = main([*arguments, "--cluster-dir", str(self._path)])
        return Ran(code, *self._capsys.readouterr())

    def rows(self, *arguments: str) -> dict[str, dict[str, Any]]:
        """By name of the node."""
        ran = self("rates", "-o", "json", *arguments)
        assert ran.code == 0
        return {row["node"]: row for row in json.loads(ran.out)}


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Folder:
    folder = Folder(tmp_path, capsys)
    annotated = make_node("b-annotated", metadata__labels=P4D)
    annotated["metadata"]["annotations"] = {"gpucost.io/hourly-rate": "8"}
    folder.save_nodes(
        make_node("c-listed", metadata__labels=P4D),
        annotated,
        make_node("a-own", metadata__labels=UNLISTED),
        make_node("cpu", metadata__labels={"node.kubernetes.io/instance-type": "m5.large"}, status__capacity={}),
    )
    return folder


def test_every_gpu_node_has_a_row_in_order_of_its_name_without_a_prometheus(folder: Folder) -> None:
    rows = folder.rows()
    assert list(rows) == ["a-own", "b-annotated", "c-listed"]
    assert [row["origin"] for row in rows.values()] == [None, "annotation", "list-price"]
    assert (rows["b-annotated"]["hourlyRate"], rows["b-annotated"]["gpuHourPrice"]) == ("8.000000000", "1.000000000")
    assert rows["a-own"]["flags"] == ["no-rate"]
    assert rows["a-own"]["hourlyRate"] is None


def test_a_missing_rate_is_told_with_its_reason_and_no_failure(folder: Folder) -> None:
    ran = folder("rates")
    assert ran.code == 0
    (told,) = ran.told
    assert told.startswith("no-rate: Node a-own: no GpuRateCard matches it")
    assert told.count("no GpuRateCard matches it") == 1
    assert "a-own" in ran.out


def test_unmatched_are_those_whose_price_is_a_stand_in_or_missing(folder: Folder) -> None:
    assert list(folder.rows("--unmatched")) == ["a-own", "c-listed"]


def test_where_all_are_matched_that_is_told(folder: Folder) -> None:
    ran = folder("rates", "--unmatched", "--rates", folder.save("rates.yaml", make_card()))
    assert (ran.code, ran.out) == (0, "")
    assert ran.told == ["An annotation or a GpuRateCard prices every GPU node."]


def test_no_gpu_node_is_told_and_no_failure(folder: Folder) -> None:
    folder.save_nodes()
    ran = folder("rates", "-o", "json")
    assert (ran.code, json.loads(ran.out)) == (0, [])
    assert "There is no GPU node; " in ran.err


def test_a_rate_that_matches_no_node_and_one_that_is_bad_are_told(folder: Folder) -> None:
    card = make_card(
        "contract",
        {"name": "p5", "nodeHourly": "50", "match": {"instanceType": "p5.48xlarge"}},
        {"name": "bad", "nodeHourly": "cheap"},
        {"name": "over", "nodeHourly": "9", "match": {"zone": "nowhere"}, "validUntil": "2025-01-01T00:00:00Z"},
    )
    told = folder("rates", "--rates", folder.save("rates.yaml", card)).told
    assert [line for line in told if "matches no node" in line] == [
        "GpuRateCard contract/p5 matches no node with GPUs; correct its match, or remove it"
    ]
    assert any(line.startswith("GpuRateCard contract/bad ") for line in told)


def test_two_cards_that_tie_are_told(folder: Folder) -> None:
    cards = {"kind": "List", "items": [make_card("a"), make_card("b")]}
    told = folder("rates", "--rates", folder.save("rates.yaml", cards)).told
    assert [line for line in told if line.startswith("GpuRateCard b/all ties with a/all")]


NEEDS = {
    "prices that other programs publish": (
        {"prometheus": {"prices": ["karpenter"]}},
        make_card("contract", {"name": "none", "nodeHourly": "1", "match": {"zone": "x"}}),
        "Prices of karpenter",
    ),
    "power that a card bills": (
        {},
        make_card("own", {"name": "dgx", "owned": {"purchase": "1", "lifetimeHours": 9, "powerPricePerKWh": "0.1"}}),
        "The power of owned hardware is not known",
    ),
}


@pytest.mark.parametrize(("config", "card", "told"), NEEDS.values(), ids=NEEDS)
def test_without_a_prometheus_it_is_told_what_is_not_known_for_want_of_it(
    config: object, card: object, told: str, folder: Folder
) -> None:
    ran = folder("rates", "--config", folder.save("config.yaml", config), "--rates", folder.save("rates.yaml", card))
    assert ran.code == 0
    assert [line for line in ran.told if line.startswith(told)]


@pytest.mark.parametrize("output", ["table", "wide", "json", "yaml", "csv"])
def test_the_bundled_list_needs_no_cluster(output: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rates", "--catalog", "-o", output]) == 0
    out, err = capsys.readouterr()
    assert "p4d.24xlarge" in out
    assert err == ""


def test_every_row_of_the_bundled_list_has_a_source_and_a_date(capsys: pytest.CaptureFixture[str]) -> None:
    main(["rates", "--catalog", "-o", "csv"])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {row["kind"] for row in rows} == {"instance", "gpu-model"}
    assert all(row["source"] and row["date"] and Decimal(row["gpuHourPrice"]) > 0 for row in rows)


def test_a_time_without_another_card_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["rates", "--last", "1h"])
    assert caught.value.code == 2
    assert "go with --what-if FILE" in capsys.readouterr().err


@pytest.fixture
def morning(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Folder:
    """The simulated fleet as saved objects, and a Prometheus that knows its morning."""
    fleet = make_fleet(seed=1, start=START, end=END)
    folder = Folder(tmp_path, capsys)
    for name, page in lists_at(fleet, END).items():
        folder.save(name, page)
    monkeypatch.setattr(sources, "PrometheusTelemetry", lambda _settings: SimulatedTelemetry(fleet))
    return folder


def costs_by_team(folder: Folder, *arguments: str) -> dict[tuple[str, str], Decimal]:
    costs: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in json.loads(folder("allocations", *MORNING, "-o", "json", *arguments).out):
        if row["kind"] == "holder":
            costs[row["namespace"], row["team"]] += Decimal(row["cost"])
    return costs


def test_what_if_shows_what_allocations_say_under_either_price(morning: Folder) -> None:
    path = morning.save("card.yaml", make_card("contract", {"name": "all", "nodeHourly": "16.000000007"}))
    read = json.loads(morning("rates", "--what-if", path, *MORNING, "-o", "json").out)
    teams = {(team["namespace"], team["team"]): team for team in read["teams"]}
    assert {group: Decimal(team["costNow"]) for group, team in teams.items()} == costs_by_team(morning)
    assert {group: Decimal(team["costThen"]) for group, team in teams.items()} == costs_by_team(
        morning, "--rates", path
    )
    assert all(
        Decimal(team["difference"]) == Decimal(team["costThen"]) - Decimal(team["costNow"]) for team in teams.values()
    )


def test_either_bill_adds_up_to_the_last_digit(morning: Folder) -> None:
    path = morning.save("card.yaml", make_card(gpuFraction="0.9"))
    read = json.loads(morning("rates", "--what-if", path, *MORNING, "-o", "json").out)
    bill = read["nodeBill"]
    for key in ("costNow", "costThen", "difference"):
        parts = [Decimal(bill[part][key]) for part in ("allocated", "unallocated", "unobserved", "host")]
        assert sum(parts) == Decimal(bill["nodeCost"][key])
        assert sum(Decimal(team[key]) for team in read["teams"]) == parts[0]
    assert Decimal(bill["host"]["costThen"]) > Decimal(bill["host"]["costNow"]) == 0


def test_what_if_takes_the_place_of_a_card_of_its_name_and_leaves_the_others(morning: Folder) -> None:
    there = {"kind": "List", "items": [make_card("a"), make_card("b", priority=-1)]}
    rates = ("--rates", morning.save("rates.yaml", there))
    same = morning.save("same.yaml", make_card("a"))
    read = json.loads(morning("rates", "--what-if", same, *MORNING, *rates, "-o", "json").out)
    assert {change["difference"] for change in read["nodeBill"].values()} == {"0.000000000"}


def test_a_new_card_that_ties_with_one_that_is_there_changes_nothing_and_says_so(morning: Folder) -> None:
    rates = ("--rates", morning.save("rates.yaml", make_card("old")))
    ran = morning(
        "rates",
        "--what-if",
        morning.save("new.yaml", make_card("z-new", {"name": "all", "nodeHourly": "1"})),
        *MORNING,
        *rates,
        "-o",
        "json",
    )
    assert {change["difference"] for change in json.loads(ran.out)["nodeBill"].values()} == {"0.000000000"}
    assert "GpuRateCard z-new/all ties with old/all" in ran.err


def test_a_card_that_counts_only_later_is_told(morning: Folder) -> None:
    path = morning.save("card.yaml", make_card(validFrom="2030-01-01T00:00:00Z"))
    assert "counts from 2030-01-01T00:00:00Z on, after this time" in morning("rates", "--what-if", path, *MORNING).err


@pytest.mark.parametrize("output", ["table", "wide", "yaml", "csv"])
def test_what_if_has_every_output(morning: Folder, output: str) -> None:
    ran = morning("rates", "--what-if", morning.save("card.yaml", make_card()), *MORNING, "-o", output)
    assert ran.code == 0
    assert "unallocated" in ran.out


def test_a_file_without_cards_is_a_sentence(morning: Folder) -> None:
    ran = morning("rates", "--what-if", morning.save("card.yaml", {"kind": "ConfigMap"}), *MORNING)
    assert (ran.code, ran.out) == (1, "")
    assert "it must hold GpuRateCards only" in ran.err

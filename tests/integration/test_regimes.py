"""Every scenario through a real Prometheus and the whole pipeline, against the truth that is written in it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest

from gpucost.app.computing.looks import RememberingCluster
from gpucost.app.computing.pipeline import Pipeline
from gpucost.app.configuration.rules import rules_of
from gpucost.app.configuration.settings import Settings
from gpucost.app.prices.rates import Prices
from gpucost.cluster.decode import decode_cluster_uid, decode_namespaces, decode_nodes, decode_pods
from gpucost.cluster.resources import GpuResources
from gpucost.model.fleet import Cluster
from gpucost.model.ledger import HolderLine, Ledger, NodeLine
from gpucost.model.money import E9
from gpucost.model.time import floor_to
from gpucost.simulation.scenarios.all_scenarios import SCENARIOS
from gpucost.simulation.scenarios.rate_cards import rate_card_object
from gpucost.simulation.scenarios.scenario import ALIASES, LOOK, WINDOW, Charge, NodeTruth, Scenario, WindowTruth
from gpucost.simulation.scenarios.series import openmetrics
from gpucost.telemetry.queries import Matcher
from gpucost.telemetry.settings import TelemetrySettings
from gpucost.telemetry.source import PrometheusTelemetry
from sandbox.prometheus import load_history, prometheus

pytestmark = pytest.mark.cluster

RESOURCES = GpuResources.with_aliases(ALIASES)


class ScriptedCluster:
    """A `ClusterSource`: one look after another, as the scenario has them; the last for ever."""

    def __init__(self, scenario: Scenario, start: datetime) -> None:
        self._looks = list(scenario.looks)
        self._scenario, self._start = scenario, start
        self.problems: tuple[str, ...] = ()

    def read(self) -> Cluster:
        look = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        lists = self._scenario.lists_at(self._start, look)
        pages = {kind: msgspec.json.encode({"kind": "List", "items": items}) for kind, items in lists.items()}
        nodes, pods = decode_nodes(pages["nodes"], RESOURCES), decode_pods(pages["pods"], RESOURCES)
        self.problems = (*nodes.problems, *pods.problems)
        return Cluster(
            seen_at=self._start + timedelta(seconds=look),
            nodes=nodes.objects,
            pods=pods.objects,
            namespaces=dict(decode_namespaces(pages["namespaces"]).objects),
            uid=decode_cluster_uid(pages["namespaces"]),
        )


@pytest.fixture(scope="module")
def start() -> datetime:
    return floor_to(datetime.now(UTC) - timedelta(seconds=LOOK + 60), WINDOW)


@pytest.fixture(scope="module")
def url(
    start: datetime, prometheus_binaries: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("regimes")
    history = folder / "scenarios.om"
    with history.open("w") as file:
        file.writelines(openmetrics((series for scenario in SCENARIOS for series in scenario.series), start))
    load_history(prometheus_binaries["promtool"], [history], folder)
    with prometheus(prometheus_binaries, folder) as server:
        yield server.url


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.slug for scenario in SCENARIOS])
def test_every_regime_costs_what_it_truly_costs(scenario: Scenario, url: str, start: datetime) -> None:
    ledgers = compute(scenario, url, start)
    wrong = [
        f"  window {number}: {line}"
        for number, (ledger, truth) in enumerate(zip(ledgers, scenario.truth, strict=True))
        for line in differences(ledger, truth)
    ]
    assert not wrong, "\n".join([f"{scenario.name}: {scenario.story}", *wrong])


def compute(scenario: Scenario, url: str, start: datetime) -> tuple[Ledger, ...]:
    matchers = tuple(Matcher.parse(matcher) for matcher in scenario.matchers)
    telemetry = PrometheusTelemetry(TelemetrySettings(url=url, matchers=matchers))
    cluster = RememberingCluster(ScriptedCluster(scenario, start), keep=timedelta(hours=1))
    settings = Settings.model_validate(scenario.configured)
    cards = [rate_card_object(card, start) for card in scenario.rate_cards]
    rates = Prices(settings, lambda: cards, telemetry)
    pipeline = Pipeline(cluster=cluster, telemetry=telemetry, rates=rates, rules=rules_of(settings))
    for _ in scenario.looks[1:]:
        cluster.read()
    try:
        return pipeline.compute(scenario.windows(start))
    finally:
        telemetry.close()


def differences(ledger: Ledger, truth: WindowTruth) -> Iterator[str]:
    """One line for each figure or word that is not as the truth has it."""
    left = list(ledger.holders)
    # What names more of a row comes first, so that "whichever other" finds what is left.
    charges = [charge for node in truth.nodes for charge in node.charges]
    for charge in sorted(charges, key=precision, reverse=True):
        rows = [row for row in left if is_of(row, charge)]
        left = [row for row in left if row not in rows]
        yield from of_charge(rows, charge)
    for row in left:
        yield f"{label(row)} is charged {row.figures.cost / E9:.9f}, and is no part of the truth"
    lines = {line.uid: line for line in ledger.nodes}
    for node in truth.nodes:
        if node.uid in lines:
            yield from of_node(lines.pop(node.uid), node)
        elif node.bill:
            yield f"node {node.node} has no line; its bill is {float(node.bill):.9f}"
    for line in lines.values():
        yield f"node {line.node} is billed {line.cost / E9:.9f}, and is no part of the truth"
    told = {note.type for note in ledger.notes}
    yield from (f"condition {note} is missing; told are {sorted(told)}" for note in sorted(truth.notes - told))
    yield from (f"condition {note} is told, and is no part of the truth" for note in sorted(told - truth.notes))


def precision(charge: Charge) -> int:
    return sum(map(bool, (charge.pod_uid, charge.uuid, charge.gpu_instance_id, charge.container)))


def is_of(row: HolderLine, charge: Charge) -> bool:
    wanted = (charge.pod_uid, charge.uuid, charge.gpu_instance_id, charge.container)
    got = (row.pod_uid, row.uuid, row.gpu_instance_id, row.container)
    names = (charge.node, charge.namespace, charge.pod)
    return names == (row.node, row.namespace, row.pod) and all(
        one in ("", other) for one, other in zip(wanted, got, strict=True)
    )


def of_charge(rows: list[HolderLine], charge: Charge) -> Iterator[str]:
    who = f"{charge.pod} {charge.container} {charge.uuid}/{charge.gpu_instance_id}".rstrip(" /")
    if not rows:
        yield f"{who} has no row; it owes {float(charge.cost):.9f}"
        return
    got = {
        name: sum(getattr(row.figures, f"{name}_cost" if name != "cost" else name) for row in rows)
        for name in ("cost", "used", "idle", "unknown_use")
    }
    is_seen = any(row.figures.is_use_seen for row in rows)
    yield from unequal(f"{who} cost", charge.cost, got["cost"], len(rows))
    if charge.used is None or charge.idle is None:
        if is_seen:
            yield f"{who} used: expected unknown, got {got['used'] / E9:.9f}"
    elif not is_seen:
        yield f"{who} used: expected {float(charge.used):.9f}, got unknown"
    else:
        yield from unequal(f"{who} used", charge.used, got["used"], len(rows))
        yield from unequal(f"{who} idle", charge.idle, got["idle"], 2 * len(rows))
        yield from unequal(f"{who} unknown use", charge.unknown, got["unknown_use"], 2 * len(rows))
    flags = frozenset().union(*(row.flags for row in rows))
    if flags != charge.flags:
        yield f"{who} flags: expected {sorted(charge.flags)}, got {sorted(flags)}"
    for column, word in charge.says.items():
        said = sorted({getattr(row, column) for row in rows})
        if said != [word]:
            yield f"{who} {column}: expected {word}, got {', '.join(map(str, said))}"


def of_node(line: NodeLine, truth: NodeTruth) -> Iterator[str]:
    if line.residual:
        yield f"node {line.node} residual: expected 0, got {line.residual}"
    yield from unequal(f"node {line.node} bill", truth.bill, line.cost, 1)
    yield from unequal(f"node {line.node} unallocated", truth.unallocated, sum(line.unallocated.values()), 2)
    yield from unequal(f"node {line.node} unobserved", truth.unobserved, line.unobserved, 2)
    if truth.reasons is not None:
        for reason in sorted({*truth.reasons, *line.unallocated}):
            expected = truth.reasons.get(reason, Fraction(0))
            yield from unequal(f"node {line.node} {reason}", expected, line.unallocated.get(reason, 0), 2)


def unequal(what: str, expected: Fraction, got: int, tolerance: int) -> Iterator[str]:
    difference = Fraction(got) - expected * E9
    if abs(difference) > tolerance:
        yield f"{what}: expected {float(expected):.9f}, got {got / E9:.9f}, difference {float(difference) / E9:.9f}"


def label(row: HolderLine) -> str:
    return f"{row.pod} {row.container} {row.uuid}/{row.gpu_instance_id} ({', '.join(row.flags)})"

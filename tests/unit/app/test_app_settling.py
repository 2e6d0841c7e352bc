"""What a command makes of answers that are less than everything: taken at once, told in the ledgers they touch."""

from collections.abc import Sequence

import pytest
from loop_world import HOUR, LENGTH, START, TIMING, OneLook, ScriptedTelemetry, windows

from gpucost.app.computing.pipeline import Pipeline
from gpucost.app.configuration.rules import Rules
from gpucost.app.configuration.settings import Settings
from gpucost.app.prices.rates import Prices
from gpucost.app.windows.settling import Settling
from gpucost.model.errors import SourceUnavailable
from gpucost.model.ledger import Ledger
from gpucost.model.tenancy import LabelKeys
from gpucost.model.time import Window
from gpucost.telemetry.signs import Signs

NOW = START + 8 * HOUR
TWO = windows(13, 15)
CASES: dict[str, tuple[ScriptedTelemetry, tuple[str, str]]] = {
    "partial": (ScriptedTelemetry(partial=TWO), ("TelemetryIncomplete", "PartialAnswer")),
    "too heavy": (ScriptedTelemetry(heavy=TWO), ("TelemetryIncomplete", "QueryTooHeavy")),
    "empty": (
        ScriptedTelemetry(silent=TWO, seen=Signs(gpus=(START,), anything=(START,))),
        ("TelemetryIncomplete", "NoSamples"),
    ),
    "older than what is stored": (
        ScriptedTelemetry(silent=TWO, seen=Signs(gpus=(TWO[-1].end,), anything=(TWO[-1].end,))),
        ("BeyondRetention", "NothingStored"),
    ),
}


def settled(telemetry: ScriptedTelemetry, asked: Sequence[Window]) -> Sequence[Ledger]:
    return Settling(pipeline(telemetry), telemetry, TIMING, NOW).compute(asked)


def pipeline(telemetry: ScriptedTelemetry) -> Pipeline:
    return Pipeline(
        cluster=OneLook(),
        telemetry=telemetry,
        rates=Prices(Settings(), tuple),
        rules=Rules(currency="USD", keys=LabelKeys()),
    )


def gaps(ledger: Ledger) -> set[tuple[str, str]]:
    return {
        (note.type, note.reason) for note in ledger.notes if note.type in ("TelemetryIncomplete", "BeyondRetention")
    }


@pytest.mark.parametrize(("telemetry", "told"), CASES.values(), ids=CASES)
def test_only_the_windows_that_lack_something_say_so(telemetry: ScriptedTelemetry, told: tuple[str, str]) -> None:
    ledgers = settled(telemetry, windows(12, 20))
    assert [ledger.window for ledger in ledgers] == list(windows(12, 20))
    assert {ledger.window: gaps(ledger) for ledger in ledgers if gaps(ledger)} == {window: {told} for window in TWO}
    for ledger in ledgers:
        assert sum(line.figures.cost for line in ledger.holders) == sum(node.allocated for node in ledger.nodes)
        assert {node.residual for node in ledger.nodes} == {0}


def test_a_partial_answer_has_the_figures_that_it_has() -> None:
    partial = settled(ScriptedTelemetry(partial=TWO), windows(12, 20))
    whole = settled(ScriptedTelemetry(), windows(12, 20))
    assert [ledger.holders for ledger in partial] == [ledger.holders for ledger in whole]


def test_the_youngest_window_waits_for_nothing() -> None:
    last = Window(NOW - LENGTH, NOW)
    (ledger,) = settled(ScriptedTelemetry(silent=(last,), seen=Signs(gpus=(START,), anything=(START,))), (last,))
    assert gaps(ledger) == {("TelemetryIncomplete", "NoSamples")}


def test_an_outage_is_an_error() -> None:
    with pytest.raises(SourceUnavailable, match="away"):
        settled(ScriptedTelemetry(is_down=True), windows(12, 20))

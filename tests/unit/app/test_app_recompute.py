import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpucost.app.cli.main import main, make_parser
from gpucost.app.cli.recompute import call
from gpucost.app.recomputing.recompute import Outcome
from gpucost.model.errors import SourceUnavailable
from gpucost.model.ledger import HolderLine
from gpucost.model.time import DAY, Period, PeriodKind
from gpucost.reports.fold import fold_report
from gpucost.reports.fold_cluster import fold_cluster
from gpucost.reports.recompute_output import RECOMPUTE_COLUMNS
from gpucost.reports.recomputed_day import Line, RecomputedDay
from gpucost.reports.record import record_of
from tests.unit.reports.made_ledgers import (
    DAY_START,
    NOW,
    USD,
    make_figures,
    make_holder,
    make_ledger,
    make_node_line,
)

PERIOD = Period(DAY_START, DAY_START + DAY, PeriodKind.DAY)
TODAY = f"{DAY_START:%Y-%m-%d}"
YESTERDAY = f"{DAY_START - DAY:%Y-%m-%d}"
TOMORROW = f"{DAY_START + DAY:%Y-%m-%d}"
REFUSAL = "2026-11-24 is not written, since not only the rates differ"
WRONG_USAGE = {
    "no day": ([], "--from"),
    "a time of day": (["--from", "2026-11-24T01:00:00Z"], "days are recomputed whole: 2026-11-24"),
    "an end in the middle of a day": (["--from", TODAY, "--to", "2026-11-25T12:00:00Z"], "no UTC midnight"),
    "an end before the start": (["--from", TODAY, "--to", YESTERDAY], "exchange the two"),
    "too many days": (["--from", "2001-01-01"], "more than 3650d"),
    "a filter of what is written": (["--from", TODAY, "--apply", "--team", "search"], "leave them out"),
    "to write without the operator's configuration": (["--from", TODAY, "--apply"], "--apply needs --config"),
}


def make_day(before: int = 2, after: int = 1, **line: Any) -> RecomputedDay:
    """Of one team whose used cost was ``before`` and would be ``after``, on a node with a host part."""
    statuses = []
    for usd in (before, after):
        holder: HolderLine = make_holder(make_figures(usd * USD, 3 * usd * USD))
        record = record_of([make_ledger([holder], nodes=[make_node_line([holder], host=USD)])])
        group = ("ml-prod", "search")
        team = fold_report(None, record, group, PERIOD, now=NOW)
        statuses.append((team, fold_cluster(None, record, PERIOD, now=NOW)))
    (old, old_cluster), (new, new_cluster) = statuses
    return RecomputedDay(
        period=PERIOD,
        currency="USD",
        teams={("ml-prod", "search"): Line(recorded=old, recomputed=new, **line)},
        cluster=Line(recorded=old_cluster, recomputed=new_cluster, **line),
    )


@dataclass
class Recomputed:
    """In the place of `Recomputer`: what comes of each day; an exception is raised."""

    outcomes: dict[str, Outcome | Exception | None] = field(default_factory=lambda: {TODAY: Outcome(day=make_day())})
    applied: list[str] = field(default_factory=list)

    def show(self, period: Period, progress: Callable[[int], None]) -> Outcome | None:
        progress(1)
        found = self.outcomes.get(period.name)
        if isinstance(found, Exception):
            raise found
        return found

    def apply(self, period: Period, progress: Callable[[int], None]) -> Outcome | None:
        self.applied.append(period.name)
        return self.show(period, progress)


@pytest.fixture
def recomputed(monkeypatch: pytest.MonkeyPatch) -> Recomputed:
    made = Recomputed()
    monkeypatch.setattr("gpucost.app.recomputing.recompute.Recomputer", lambda *_, **__: made)
    monkeypatch.setattr("gpucost.cluster.connection.connect", lambda *_, **__: None)
    monkeypatch.setattr("gpucost.reports.storage.store.ReportStore", lambda *_, **__: None)
    return made


def run(*arguments: str, now: datetime = NOW) -> int:
    options = make_parser().parse_args(["recompute", "--from", TODAY, "--prometheus", "http://127.0.0.1:1", *arguments])
    return call(options, clock=lambda: now)


@pytest.mark.parametrize(("arguments", "told"), WRONG_USAGE.values(), ids=WRONG_USAGE)
def test_wrong_usage_is_told(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["recompute", *arguments])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_a_day_to_come_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
    assert main(["recompute", "--from", tomorrow]) == 1
    assert "is still to come" in capsys.readouterr().err


def test_the_rows_add_up(recomputed: Recomputed, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-o", "json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert all(tuple(row) == RECOMPUTE_COLUMNS for row in rows)
    found = {row["line"]: (row["cost"], row["recomputedCost"], row["difference"]) for row in rows}
    zero = "0.000000000"
    assert found == {
        "team": ("8.000000000", "4.000000000", "-4.000000000"),
        "allocated": ("8.000000000", "4.000000000", "-4.000000000"),
        "unallocated": (zero, zero, zero),
        "unobserved": (zero, zero, zero),
        "host": ("1.000000000", "1.000000000", zero),
        "nodeCost": ("9.000000000", "5.000000000", "-4.000000000"),
    }
    assert [row["usedCostDifference"] for row in rows] == ["-1.000000000", "-1.000000000", None, None, None, None]
    assert recomputed.applied == []


def test_the_other_outputs_say_the_same(recomputed: Recomputed, capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(recomputed.outcomes[TODAY], Outcome)
    outputs = {}
    for output in ("json", "yaml", "csv"):
        run("-o", output)
        outputs[output] = capsys.readouterr().out
    rows = json.loads(outputs["json"])
    assert yaml.safe_load(outputs["yaml"]) == rows
    assert [row["difference"] for row in csv.DictReader(io.StringIO(outputs["csv"]))] == [
        row["difference"] for row in rows
    ]


def test_a_price_beside_none_is_a_difference_and_a_missing_report_is_none(
    recomputed: Recomputed, capsys: pytest.CaptureFixture[str]
) -> None:
    day = make_day()
    (group, line), *_ = day.teams.items()
    assert line.recorded is not None
    unpriced = replace(line, recorded=line.recorded.model_copy(update={"cost": None, "used_cost": None}))
    missing = replace(line, recorded=None, remark="it has no report")
    recomputed.outcomes[TODAY] = Outcome(day=replace(day, teams={group: unpriced, ("ml-prod", "vision"): missing}))
    run("-o", "json")
    one, other, *_ = json.loads(capsys.readouterr().out)
    assert (one["cost"], one["difference"], one["usedCostDifference"]) == (None, "4.000000000", "1.000000000")
    assert (other["cost"], other["difference"], other["note"]) == (None, None, "it has no report")


def test_a_table_has_a_row_for_each_team_and_the_bill_below(
    recomputed: Recomputed, capsys: pytest.CaptureFixture[str]
) -> None:
    recomputed.outcomes[TODAY] = Outcome(day=make_day(doubts=("GPU-hours differ",)))
    run()
    header, team, *_, bill = capsys.readouterr().out.splitlines()
    assert header.split() == ["DAY", "NAMESPACE", "TEAM", "COST", "RECOMPUTED", "DIFFERENCE", "NOTE"]
    assert team.split()[:6] == [TODAY, "ml-prod", "search", "8.000000000", "4.000000000", "-4.000000000"]
    assert team.endswith("not only the rates: GPU-hours differ")
    assert bill.split()[:2] == [TODAY, "(nodeCost)"]
    run("-o", "wide")
    assert "USED DIFFERENCE" in capsys.readouterr().out


def test_names_that_a_terminal_would_obey_are_made_plain(
    recomputed: Recomputed, capsys: pytest.CaptureFixture[str]
) -> None:
    day = make_day()
    recomputed.outcomes[TODAY] = Outcome(day=replace(day, teams={("ml", "a\x1b[2Jb"): next(iter(day.teams.values()))}))
    run()
    assert "a?[2Jb" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "rows"), [(("--team", "search"), 1), (("-n", "nowhere"), 0)])
@pytest.mark.usefixtures("recomputed")
def test_a_filter_shows_teams_only(arguments: tuple[str, ...], rows: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments, "-o", "json") == 0
    out, err = capsys.readouterr()
    assert len(json.loads(out)) == rows
    assert ("Nothing is reported in namespace nowhere in these days." in err) == (rows == 0)


def test_days_without_a_report_are_told_and_skipped(recomputed: Recomputed, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(now=NOW + 2 * DAY) == 0
    out, err = capsys.readouterr()
    assert err == "There is no report of 2026-11-25, 2026-11-26, so nothing of it is recomputed.\n"
    assert len(out.splitlines()) == 7
    assert recomputed.applied == []


def test_an_end_leaves_its_own_day_out(recomputed: Recomputed, capsys: pytest.CaptureFixture[str]) -> None:
    recomputed.outcomes = {}
    run("--to", "2026-11-25", now=NOW + 2 * DAY)
    assert "There is no report of 2026-11-24, so" in capsys.readouterr().err


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.yaml"
    path.write_text("{}")
    return str(path)


def test_a_refused_day_is_code_1_and_the_others_are_done(
    recomputed: Recomputed, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recomputed.outcomes = {TODAY: Outcome(day=make_day(), refusal=REFUSAL), TOMORROW: Outcome(day=make_day())}
    assert run("--apply", "--config", config, now=NOW + DAY) == 1
    out, err = capsys.readouterr()
    assert recomputed.applied == [TODAY, TOMORROW]
    assert err == f"{REFUSAL}.\n"
    assert out.count("(nodeCost)") == 2


@pytest.mark.parametrize("is_applied", [True, False])
def test_what_was_written_before_a_failure_is_shown(
    recomputed: Recomputed, config: str, is_applied: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    recomputed.outcomes[TOMORROW] = SourceUnavailable("Set prometheus.url to one that answers")
    with pytest.raises(SourceUnavailable, match="Set --prometheus to one that answers"):
        run(*(("--apply", "--config", config) if is_applied else ()), now=NOW + DAY)
    assert ("(nodeCost)" in capsys.readouterr().out) == is_applied

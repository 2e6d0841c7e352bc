"""Windows that are scraped while the operator runs, against the fleet's closed form."""

import json
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from conftest import FleetBox
from running_operator import RunningOperator, read_cluster_report, read_reports

from gpucost.model.money import E9, parse_e9
from gpucost.model.time import Window, parse_time
from gpucost.simulation.truth import true_lines, true_totals

pytestmark = pytest.mark.cluster

Eventually = Callable[[Callable[[], object], float], bool]
LENGTH = timedelta(minutes=1)
SCRAPES = 2
WHOLE_WINDOWS = 2
SETTINGS = {"window": "1m", "settleDelay": "5s", "lateness": "30s"}


@dataclass(frozen=True)
class Snapshot:
    """What the reports of a day say, up to a window's end."""

    until: datetime
    costs: Mapping[tuple[str, str], int]
    seen: int
    held: int


def take_snapshot(box: FleetBox) -> Snapshot | None:
    """None: there is nothing yet, or a window is on its way into the reports."""
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    cluster = read_cluster_report(box.sandbox, day)
    if cluster is None or "status" not in cluster:
        return None
    status = cluster["status"]
    until = parse_time(status["lastWindowEnd"])
    teams = {key: report["status"] for key, report in read_reports(box.sandbox, day).items() if "status" in report}
    if any(parse_time(team["lastWindowEnd"]) > until for team in teams.values()):
        return None
    return Snapshot(
        until=until,
        costs={key: parse_e9(team["cost"]) for key, team in teams.items()},
        seen=parse_e9(status["basis"]["seenHours"]),
        held=parse_e9(status["basis"]["heldHours"]),
    )


def was_scraped_whole(box: FleetBox, window: Window) -> bool | None:
    """Whether Prometheus has every sample of every device; None: one came late, into another window than its own."""
    query = f"sum by (UUID, GPU_I_ID) (count_over_time(DCGM_FI_DEV_FB_USED[{window.milliseconds}ms]))"
    form = urllib.parse.urlencode({"query": query, "time": window.end.timestamp()})
    with urllib.request.urlopen(f"{box.sandbox.prometheus_url}/api/v1/query?{form}", timeout=10) as answer:
        series = json.load(answer)["data"]["result"]
    devices = sum(len(node.devices) for node in box.fleet.gpu_nodes)
    counts = [float(each["value"][1]) for each in series]
    if any(count > SCRAPES for count in counts):
        return None
    return len(counts) == devices and all(count == SCRAPES for count in counts)


def assert_true(box: FleetBox, window: Window, before: Snapshot, after: Snapshot) -> None:
    lines = true_lines(box.fleet, [window])
    rows = Counter((line.namespace, line.team) for line in lines)
    totals = {key: figures.cost for key, figures in true_totals(lines).items()}
    for key in before.costs.keys() | after.costs.keys() | totals.keys():
        grown = after.costs.get(key, 0) - before.costs.get(key, 0)
        assert abs(grown - totals.get(key, Fraction(0)) * E9) <= rows[key], (key, window)


def test_live_windows_equal_the_closed_form_or_show_what_was_missed(
    fleet_box: FleetBox, tmp_path: Path, eventually: Eventually
) -> None:
    taken: dict[datetime, Snapshot] = {}
    judged: dict[Window, bool | None] = {}

    def has_seen_enough() -> bool:
        latest = take_snapshot(fleet_box)
        if latest is None:
            return False
        taken.setdefault(latest.until, latest)
        window = Window(latest.until - LENGTH, latest.until)
        before = taken.get(window.start)
        if before is None or window in judged or window.start <= fleet_box.history.end:
            return False
        judged[window] = was_scraped_whole(fleet_box, window)
        if judged[window]:
            assert_true(fleet_box, window, before, latest)
        elif judged[window] is False:
            assert latest.seen - before.seen < latest.held - before.held
        return list(judged.values()).count(True) >= WHOLE_WINDOWS

    with RunningOperator(
        tmp_path, fleet_box.operator_kubeconfig, fleet_box.sandbox.prometheus_url, settings=SETTINGS
    ) as operator:
        assert eventually(has_seen_enough, 480), operator.log()
        print(f"resident: {operator.resident_bytes() / 2**20:.0f} MiB")
        assert operator.stop() < 10

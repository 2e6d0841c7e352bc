from collections import defaultdict
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import groupby
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from simulated_fleets import STEP, make_day, read_samples

from gpucost.simulation.fleet import Fleet
from gpucost.simulation.history import write_openmetrics
from gpucost.simulation.scrape import Target, stored_labels, targets

HOURS = 3
Stored = dict[frozenset[tuple[str, str]], Fraction]

START = datetime(2026, 11, 23, 21, 30, tzinfo=UTC)
END = START + timedelta(hours=HOURS)


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return make_day()


@pytest.fixture(scope="module")
def files(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_openmetrics(fleet, START, END, tmp_path_factory.mktemp("history"))


@pytest.fixture(scope="module")
def stored(files: list[Path]) -> dict[datetime, Stored]:
    """By time of sample, everything that the files hold."""
    found: defaultdict[datetime, Stored] = defaultdict(dict)
    for path in files:
        for sample in read_samples(path.read_text()):
            assert sample.time is not None
            series = frozenset({("__name__", sample.name), *sample.labels.items()})
            at = datetime.fromtimestamp(sample.time, UTC)
            assert series not in found[at]
            found[at][series] = sample.value
    return found


def scraped(target: Target, at: datetime) -> Stored:
    return {
        frozenset({("__name__", sample.name), *stored_labels(target, sample.labels).items()}): sample.value
        for sample in read_samples(target.page(at))
    }


def test_there_is_a_file_for_every_even_two_hours(files: list[Path]) -> None:
    assert [path.name for path in files] == ["20261123T200000Z.om", "20261123T220000Z.om", "20261124T000000Z.om"]


def test_samples_lie_on_the_grid_after_the_start_and_up_to_the_end(stored: dict[datetime, Stored]) -> None:
    assert sorted(stored) == [START + STEP * number for number in range(1, HOURS * 120 + 1)]


def test_a_file_holds_no_sample_of_the_next_block(files: list[Path]) -> None:
    for path in files:
        begin = datetime.strptime(path.stem, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        times = {sample.time for sample in read_samples(path.read_text()) if sample.time}
        assert begin.timestamp() <= min(times) <= max(times) < (begin + timedelta(hours=2)).timestamp()


@pytest.mark.parametrize("minutes", [1, 29, 30, 149, 150, 180])
def test_history_is_what_the_pages_would_have_given(fleet: Fleet, stored: dict[datetime, Stored], minutes: int) -> None:
    at = START + timedelta(minutes=minutes)
    expected: Stored = {}
    for target in targets(fleet):
        expected |= scraped(target, at)
    assert stored[at] == expected


def test_kube_state_metrics_is_sampled_on_full_minutes_only(stored: dict[datetime, Stored]) -> None:
    for at, series in stored.items():
        has_kube = any(value.startswith("kube_") for labels in series for name, value in labels if name == "__name__")
        assert has_kube == (at.second == 0)


def test_files_parse_as_openmetrics_with_each_family_in_one_piece(fleet: Fleet, tmp_path: Path) -> None:
    (path,) = write_openmetrics(fleet, START, START + timedelta(minutes=5), tmp_path)
    text = path.read_text()
    assert text.endswith("# EOF\n")
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["DCGM_FI_DEV_FB_USED"].type == "gauge"
    names = [sample.name for sample in read_samples(text)]
    assert [name for name, _ in groupby(names)] == list(families)


def test_idle_devices_keep_the_pod_of_their_exporter_and_name_no_other(stored: dict[datetime, Stored]) -> None:
    used = [dict(labels) for labels in stored[END] if ("__name__", "DCGM_FI_DEV_FB_USED") in labels]
    assert len(used) == 50
    assert all(labels["pod"].startswith("nvidia-dcgm-exporter-") for labels in used)
    assert all(labels["namespace"] == "gpu-operator" and labels["job"] == "nvidia-dcgm-exporter" for labels in used)
    idle = [labels for labels in used if "exported_pod" not in labels]
    assert 20 < len(idle) < 45
    assert all("exported_namespace" not in labels for labels in idle)
    assert {labels["exported_container"] for labels in used if "exported_pod" in labels} == {
        "main",
        "encoder",
        "decoder",
    }

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kubernetes.client import ApiClient

from gpucost.app.computing.simulated import SimulatedCluster, SimulatedTelemetry
from gpucost.app.configuration.settings import Settings
from gpucost.app.doctor.examination import Examination
from gpucost.model.errors import ConfigurationError, GpuCostError, SourceUnavailable
from gpucost.model.metered import NodePower, Offering
from gpucost.model.source import ClusterSource
from gpucost.model.time import Window
from gpucost.model.usage import Usage
from gpucost.reports.findings import Finding, Health
from gpucost.simulation.fleet import Fleet, make_fleet

NOW = datetime(2026, 11, 24, 9, 1, 30, tzinfo=UTC)
SUBJECTS = {
    "configuration",
    "API server",
    "CRDs",
    "rights",
    "GPU nodes",
    "GPU feature discovery",
    "Prometheus",
    "newest sample",
    "memory metrics",
    "compute metrics",
    "pod labels",
    "rate cards",
    "node rates",
    "doubtful rates",
    "age of prices",
    "bundled list",
    "team labels",
}


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return make_fleet(seed=1, start=NOW - timedelta(hours=1), end=NOW)


class HealthyPrometheus(SimulatedTelemetry):
    name = "Prometheus http://prometheus"

    def server_time(self) -> datetime:
        return NOW

    def newest_sample(self) -> datetime:
        return NOW - timedelta(seconds=12)

    def read_power(self, _windows: Sequence[Window]) -> Mapping[Window, Mapping[str, NodePower]]:
        return {}

    def read_offerings(self, _windows: Sequence[Window]) -> Mapping[Window, Mapping[Offering, float]]:
        raise SourceUnavailable("Prometheus http://prometheus does not answer; check prometheus.url")

    def read_node_prices(self, _windows: Sequence[Window]) -> Mapping[Window, Mapping[str, float]]:
        raise AssertionError("nothing rests on prices of nodes")


@dataclass
class MadeAccess:
    """A simulated cluster in saved objects, and a healthy Prometheus; a name of ``broken`` fails."""

    fleet: Fleet
    broken: Mapping[str, GpuCostError] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    given: tuple[object, ...] = ()
    is_live: bool = False
    configuration: str = "defaults"
    prometheus_class: type[HealthyPrometheus] = HealthyPrometheus

    def settings(self) -> Settings:
        self._break("settings")
        return Settings.model_validate(self.config)

    def connect(self) -> ApiClient:
        self._break("connect")
        raise AssertionError("there is no cluster")

    def cluster(self, _settings: Settings, _client: ApiClient | None, at: datetime) -> ClusterSource:
        self._break("cluster")
        return SimulatedCluster(self.fleet, at)

    def cards(self, _settings: Settings, client: Callable[[], ApiClient | None]) -> tuple[object, ...]:
        self._break("cards")
        client()
        return self.given

    def prometheus(self, _settings: Settings) -> HealthyPrometheus:
        self._break("prometheus")
        return self.prometheus_class(self.fleet)

    def _break(self, name: str) -> None:
        if name in self.broken:
            raise self.broken[name]


def examine(access: MadeAccess) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in Examination(access, lambda: NOW).findings():
        found.setdefault(finding.subject, []).append(finding)
    return found


def health(found: Mapping[str, list[Finding]]) -> dict[str, set[Health]]:
    return {subject: {finding.health for finding in findings} for subject, findings in found.items()}


def test_everything_is_looked_at_and_a_sound_installation_has_no_failure(fleet: Fleet) -> None:
    found = examine(MadeAccess(fleet))
    assert set(found) == SUBJECTS
    unknown = {subject for subject, states in health(found).items() if Health.UNKNOWN in states}
    assert unknown == {"API server", "CRDs", "rights"}
    assert Health.FAILURE not in set().union(*health(found).values())


OUTAGES = {
    "the configuration": (
        {"settings": ConfigurationError("config.yaml: window 5 is wrong; write 5m")},
        "configuration",
        {"Prometheus", "rate cards", "node rates", "bundled list", "team labels"},
        {"GPU nodes", "GPU feature discovery"},
    ),
    "Prometheus": (
        {"prometheus": SourceUnavailable("Prometheus is away; mend it")},
        "Prometheus",
        {"newest sample", "GPU metrics", "pod labels"},
        {"GPU nodes", "rate cards", "node rates", "age of prices", "bundled list"},
    ),
    "the cluster": (
        {"cluster": SourceUnavailable("nodes.json is missing; save it")},
        "GPU nodes",
        {"GPU feature discovery", "GPU metrics", "pod labels", "rate cards", "node rates", "team labels"},
        {"configuration", "Prometheus", "newest sample", "bundled list"},
    ),
    "the rate cards": (
        {"cards": ConfigurationError("The rates file cannot be read; name another")},
        "rate cards",
        {"node rates", "doubtful rates", "age of prices"},
        {"GPU nodes", "Prometheus", "memory metrics", "bundled list"},
    ),
}


@pytest.mark.parametrize(("broken", "failed", "unknown", "seen"), OUTAGES.values(), ids=OUTAGES)
def test_a_failure_is_told_once_with_its_fix_and_hides_nothing_that_does_not_rest_on_it(
    broken: Mapping[str, GpuCostError], failed: str, unknown: set[str], seen: set[str], fleet: Fleet
) -> None:
    found = examine(MadeAccess(fleet, broken))
    failures = [finding for findings in found.values() for finding in findings if finding.health is Health.FAILURE]
    assert [finding.subject for finding in failures] == [failed]
    assert failures[0].fix
    states = health(found)
    assert {subject: states[subject] for subject in unknown} == {subject: {Health.UNKNOWN} for subject in unknown}
    assert all(Health.UNKNOWN not in states[subject] for subject in seen)
    assert all(finding.found for finding in (each for findings in found.values() for each in findings))


def test_without_an_api_server_all_that_it_would_tell_is_unknown_and_prometheus_is_asked(fleet: Fleet) -> None:
    away = {"connect": ConfigurationError("No Kubernetes cluster is configured; name a kubeconfig")}
    states = health(examine(MadeAccess(fleet, away, is_live=True)))
    assert states["API server"] == {Health.FAILURE}
    assert {states[subject].pop() for subject in ("CRDs", "rights", "GPU nodes", "node rates")} == {Health.UNKNOWN}
    assert states["Prometheus"] == {Health.OK}


def test_where_prometheus_does_not_tell_prices_the_others_still_count(fleet: Fleet) -> None:
    found = examine(MadeAccess(fleet, config={"prometheus": {"prices": ["karpenter"]}}))
    assert health(found)["node rates"] == {Health.OK}


class LateClock(HealthyPrometheus):
    def server_time(self) -> datetime:
        return NOW - timedelta(minutes=3)


class NoSamples(HealthyPrometheus):
    def newest_sample(self) -> None:  # type: ignore[override]
        return None


class NoPodLabels(HealthyPrometheus):
    def read_usage(self, windows: Sequence[Window]) -> Usage:
        usage = super().read_usage(windows)
        return replace(usage, holder=usage.holder * 0 - 1)


class NoCompute(HealthyPrometheus):
    def read_usage(self, windows: Sequence[Window]) -> Usage:
        usage = super().read_usage(windows)
        return replace(usage, compute_ratio=usage.compute_ratio * float("nan"))


class Overloaded(HealthyPrometheus):
    def read_usage(self, _windows: Sequence[Window]) -> Usage:
        raise SourceUnavailable("Prometheus timed out; give it more room")


TROUBLES: Mapping[str, tuple[type[HealthyPrometheus], str, Health, str]] = {
    "a clock that is late": (LateClock, "Prometheus", Health.WARNING, "180 s behind this machine's"),
    "no sample": (NoSamples, "newest sample", Health.FAILURE, "no GPU metric of the last ten minutes"),
    "series without pods": (NoPodLabels, "pod labels", Health.FAILURE, "no series names a pod on gpu-"),
    "no compute use": (NoCompute, "compute metrics", Health.FAILURE, "4 of 4 GPU nodes are not measured: gpu-"),
    "an overload": (Overloaded, "GPU metrics", Health.FAILURE, "Prometheus timed out"),
}


@pytest.mark.parametrize(("prometheus", "subject", "status", "told"), TROUBLES.values(), ids=TROUBLES)
def test_what_prometheus_lacks_is_told_with_its_fix(
    prometheus: type[HealthyPrometheus], subject: str, status: Health, told: str, fleet: Fleet
) -> None:
    (finding,) = examine(MadeAccess(fleet, prometheus_class=prometheus))[subject]
    assert finding.health is status
    assert told in finding.found
    assert finding.fix


def make_card(name: str, **rate: Any) -> dict[str, Any]:
    price = {} if "owned" in rate else {"nodeHourly": "1"}
    return {"metadata": {"name": name}, "spec": {"rates": [{"name": "all"} | price | rate]}}


def make_old_card(name: str, rates: int, **rate: Any) -> dict[str, Any]:
    old = {"nodeHourly": "1", "validUntil": "2026-11-01T00:00:00Z"} | rate
    return {"metadata": {"name": name}, "spec": {"rates": [{"name": f"r{number}"} | old for number in range(rates)]}}


CARDS = {
    "one that is refused": ([make_card("a", nodeHourly="cheap")], Health.FAILURE, "GpuRateCard a/all"),
    "one that has expired": ([make_card("a", validUntil="2026-11-01T00:00:00Z")], Health.WARNING, "has expired"),
    "one that matches nothing": ([make_card("a", match={"zone": "x"})], Health.WARNING, "matches no node with GPUs"),
    "several rates that have expired": (
        [make_old_card("a", 5)],
        Health.WARNING,
        "a/r0 has expired (2026-11-01T00:00:00Z) (also a/r1, a/r2, a/r3 and 1 more)",
    ),
    "several rates that match nothing": (
        [make_old_card("a", 5, validUntil=None, match={"zone": "x"})],
        Health.WARNING,
        "a/r0 matches no node with GPUs (also a/r1, a/r2, a/r3 and 1 more)",
    ),
    "two that tie": ([make_card("a"), make_card("b")], Health.WARNING, "b/all ties with a/all"),
    "one that counts": ([make_card("a")], Health.OK, "1 card with 1 rate"),
    "one that counts later": ([make_card("a", validFrom="2026-12-01T00:00:00Z")], Health.OK, "1 card with 1 rate"),
}


@pytest.mark.parametrize(("cards", "status", "told"), CARDS.values(), ids=CARDS)
def test_rate_cards(cards: Sequence[object], status: Health, told: str, fleet: Fleet) -> None:
    findings = examine(MadeAccess(fleet, given=tuple(cards)))["rate cards"]
    assert [finding.health for finding in findings] == [status]
    assert told in findings[0].found
    assert status is Health.OK or findings[0].fix


def test_nodes_without_a_rate_are_a_failure_with_the_reason(fleet: Fleet) -> None:
    (finding,) = examine(MadeAccess(fleet, config={"listPrices": False}))["node rates"]
    assert finding.health is Health.FAILURE
    assert finding.found.startswith("3 of 4 GPU nodes have no rate: Node gpu-a100-1: ")
    assert "GpuRateCard" in finding.fix


def test_a_doubtful_rate_is_told_with_the_fix_of_its_doubt(fleet: Fleet) -> None:
    owned = {"purchase": "1000", "lifetimeHours": 100, "powerPricePerKWh": "0.18"}
    (finding,) = examine(MadeAccess(fleet, given=(make_card("own", owned=owned),)))["doubtful rates"]
    assert finding.health is Health.WARNING
    assert finding.found.startswith("power-missing: Node gpu-a100-1: ")
    assert finding.found.endswith("(also gpu-h100-1, gpu-idle-1)")
    assert "DCGM_FI_DEV_POWER_USAGE" in finding.fix


def test_prices_of_long_ago_are_a_warning(fleet: Fleet) -> None:
    old = make_card("a", validFrom="2026-01-01T00:00:00Z")
    (finding,) = examine(MadeAccess(fleet, given=(old,)))["age of prices"]
    assert finding.health is Health.WARNING
    assert "more than 180 days old (up to 327)" in finding.found


@pytest.mark.parametrize(("years", "status"), [(0, Health.OK), (1, Health.WARNING)])
def test_a_bundled_list_of_long_ago_is_a_warning(years: int, status: Health) -> None:
    now = NOW.replace(year=NOW.year + years)
    fleet = make_fleet(seed=1, start=now - timedelta(hours=1), end=now)
    found = list(Examination(MadeAccess(fleet), lambda: now).findings())
    (finding,) = [finding for finding in found if finding.subject == "bundled list"]
    assert finding.health is status
    if years:
        assert any("the list prices of gpu-a100-1" in finding.found for finding in found)


def test_pods_without_a_team_are_told_with_their_share(fleet: Fleet) -> None:
    (finding,) = examine(MadeAccess(fleet, config={"labels": {"team": ["squad"]}}))["team labels"]
    assert finding.health is Health.WARNING
    assert "(100.0%) belong to no team" in finding.found
    assert finding.fix == "label them or their namespaces with squad"

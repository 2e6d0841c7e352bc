"""Our kinds in a real API server, and objects to put there."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kubernetes.client import ApiClient

from gpucost.cluster.connection import connect
from gpucost.model.time import Period, PeriodKind
from gpucost.reports.build import build_cluster_report, build_report, cluster_report_spec, report_spec
from gpucost.reports.naming import cluster_report_name, report_name
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus, ClusterReportSummary
from gpucost.reports.resources.fields import Basis, GpuHours, Summary
from gpucost.reports.resources.gpu_cost_report import ReportStatus
from gpucost.reports.storage.store import ReportStore
from sandbox.control_plane import ControlPlane

CRDS = Path(__file__).parents[2] / "crds"
OPERATOR_NAMESPACE = "gpucost-system"
DAY = Period(datetime(2026, 11, 24, tzinfo=UTC), datetime(2026, 11, 25, tzinfo=UTC), PeriodKind.DAY)
ZERO = "0.000000000"
Object = dict[str, Any]


@dataclass(frozen=True)
class Api:
    """A real API server that has our CRDs."""

    client: ApiClient
    kubeconfig: Path
    kubectl_path: Path

    def kubectl(self, *arguments: str, told: str | None = None) -> str:
        """What it prints; ``told`` is its standard input."""
        return self._run(*arguments, told=told, check=True).stdout

    def refusal(self, *arguments: str, told: str | None = None) -> str:
        """The complaint of a call that must fail."""
        done = self._run(*arguments, told=told, check=False)
        assert done.returncode != 0, f"kubectl {' '.join(arguments)} did it: {done.stdout}"
        return done.stderr

    def _run(self, *arguments: str, told: str | None, check: bool) -> subprocess.CompletedProcess[str]:
        command = [str(self.kubectl_path), "--kubeconfig", str(self.kubeconfig), *arguments]
        return subprocess.run(command, input=told, capture_output=True, text=True, check=check, timeout=60)


def install_crds(plane: ControlPlane, kubectl: Path) -> Api:
    """Strictly: a field that the API server does not know fails."""
    api = Api(connect(plane.kubeconfig), plane.kubeconfig, kubectl)
    api.kubectl("apply", "--server-side", "--validate=strict", "-f", str(CRDS))
    api.kubectl("wait", "--for=condition=Established", "--timeout=30s", "-f", str(CRDS))
    store = ReportStore(api.client, operator_namespace=OPERATOR_NAMESPACE)
    assert eventually(lambda: not store.missing_kinds())
    if not api.kubectl("get", "namespace", OPERATOR_NAMESPACE, "--ignore-not-found"):
        api.kubectl("create", "namespace", OPERATOR_NAMESPACE)
    return api


def eventually(holds: Callable[[], object], seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def make_report(namespace: str, team: str = "research", *, period: Period = DAY, **status: Any) -> Object:
    """As the operator writes it, with a cost of 1.5 and figures that nobody knows."""
    return build_report(
        report_name(team, period),
        namespace,
        period,
        report_spec((namespace, team), period, "USD"),
        ReportStatus(
            **{
                "phase": "Open",
                "last_window_end": "2026-11-24T00:05:00Z",
                "windows": 1,
                "cost": "1.500000000",
                "unknown_use_cost": "1.500000000",
                "estimated_cost": ZERO,
                "unallocated_share": ZERO,
                "gpu_hours": GpuHours(reserved="0.500000000", charged="0.500000000", unpriced=ZERO),
                "unpriced_gpu_hours": ZERO,
                "products": 1,
                "basis": make_basis(),
                "summary": Summary(
                    cost="1.50",
                    used_cost="-",
                    idle_cost="-",
                    gpu_hours="0.5",
                    efficiency="-",
                    coverage="0%",
                    estimated="0.00",
                ),
                **status,
            }
        ),
    )


def make_cluster_report(period: Period = DAY, **status: Any) -> Object:
    return build_cluster_report(
        cluster_report_name(period),
        period,
        cluster_report_spec(period, "USD"),
        ClusterReportStatus(
            **{
                "phase": "Open",
                "last_window_end": "2026-11-24T00:05:00Z",
                "windows": 1,
                "allocated": "1.500000000",
                "unallocated": ZERO,
                "unobserved": ZERO,
                "host": ZERO,
                "residual": ZERO,
                "estimated_cost": ZERO,
                "gpu_hours": GpuHours(reserved="0.500000000", charged="0.500000000", unpriced=ZERO),
                "unpriced_gpu_hours": ZERO,
                "unassigned_cost": ZERO,
                "basis": make_basis(),
                "summary": ClusterReportSummary(
                    node_cost="1.50",
                    allocated="1.50",
                    used_cost="-",
                    unallocated="0.00",
                    unobserved="0.00",
                    host="0.00",
                    unassigned="0%",
                    coverage="0%",
                ),
                **status,
            }
        ),
    )


def make_basis() -> Basis:
    return Basis(
        held_hours="0.500000000",
        seen_hours=ZERO,
        memory_hours=ZERO,
        memory_used_hours=ZERO,
        compute_hours=ZERO,
        compute_used_hours=ZERO,
    )

"""Complete objects, as the API server takes them and as ``gpucost report -o json`` prints them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from gpucost.model.time import Period, format_time
from gpucost.reports import naming
from gpucost.reports.record import Group
from gpucost.reports.resources import cluster_gpu_cost_report, gpu_cost_report
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportSpec, ClusterReportStatus
from gpucost.reports.resources.fields import API_VERSION
from gpucost.reports.resources.gpu_cost_report import ReportSpec, ReportStatus

Object = dict[str, Any]
"""An object as the API writes it in JSON."""


def report_spec(
    group: Group,
    period: Period,
    currency: str,
    *,
    covered: tuple[datetime, datetime] | None = None,
) -> ReportSpec:
    """Of a report in the namespace of the group. ``covered``: where that is less than the period."""
    start, end = covered or (period.start, period.end)
    return ReportSpec(
        team=group[1],
        period=period.kind,
        start=format_time(start),
        end=format_time(end),
        currency=currency,
    )


def cluster_report_spec(
    period: Period, currency: str, *, covered: tuple[datetime, datetime] | None = None
) -> ClusterReportSpec:
    start, end = covered or (period.start, period.end)
    return ClusterReportSpec(period=period.kind, start=format_time(start), end=format_time(end), currency=currency)


def build_report(name: str, namespace: str, period: Period, spec: ReportSpec, status: ReportStatus) -> Object:
    return {
        "apiVersion": API_VERSION,
        "kind": gpu_cost_report.KIND,
        "metadata": {"name": name, "namespace": namespace, "labels": naming.report_labels(spec.team, period)},
        "spec": spec.model_dump(mode="json", by_alias=True, exclude_none=True),
        "status": _dump(status),
    }


def build_cluster_report(name: str, period: Period, spec: ClusterReportSpec, status: ClusterReportStatus) -> Object:
    return {
        "apiVersion": API_VERSION,
        "kind": cluster_gpu_cost_report.KIND,
        "metadata": {"name": name, "labels": naming.period_labels(period)},
        "spec": spec.model_dump(mode="json", by_alias=True, exclude_none=True),
        "status": _dump(status),
    }


def build_list(objects: Iterable[Object]) -> Object:
    """As ``kubectl get -o json`` prints several objects."""
    return {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": list(objects)}


def _dump(status: ReportStatus | ClusterReportStatus) -> Object:
    """An unknown figure is written as null, so that nobody takes a missing key for a missing feature."""
    return status.model_dump(mode="json", by_alias=True)

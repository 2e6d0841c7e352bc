"""GpuCostReports as CSV: one row a report, the exact figures."""

from collections.abc import Sequence

from gpucost.reports.build import Object
from gpucost.reports.csv_text import to_csv
from gpucost.reports.tables import find

_COLUMNS = {
    "namespace": ".metadata.namespace",
    "name": ".metadata.name",
    "team": ".spec.team",
    "period": ".spec.period",
    "start": ".spec.start",
    "end": ".spec.end",
    "phase": ".status.phase",
    "currency": ".spec.currency",
    "cost": ".status.cost",
    "usedCost": ".status.usedCost",
    "idleCost": ".status.idleCost",
    "unknownUseCost": ".status.unknownUseCost",
    "estimatedCost": ".status.estimatedCost",
    "unallocatedShare": ".status.unallocatedShare",
    "reservedGpuHours": ".status.gpuHours.reserved",
    "usedGpuHours": ".status.gpuHours.used",
    "chargedGpuHours": ".status.gpuHours.charged",
    "unpricedGpuHours": ".status.unpricedGpuHours",
    "efficiency": ".status.efficiency",
    "memoryRatio": ".status.memoryRatio",
    "computeRatio": ".status.computeRatio",
    "coverage": ".status.coverage",
}


def reports_csv(reports: Sequence[Object]) -> str:
    return to_csv(tuple(_COLUMNS), ([find(report, path) for path in _COLUMNS.values()] for report in reports))

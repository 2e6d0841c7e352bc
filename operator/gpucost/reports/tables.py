"""What ``kubectl get gcr`` and ``kubectl get cgcr`` print, without a cluster."""

from collections.abc import Mapping, Sequence
from typing import Any

from gpucost.reports.build import Object
from gpucost.reports.columns import CLUSTER_REPORT_COLUMNS, REPORT_COLUMNS, Column
from gpucost.reports.text_table import text_table


def report_table(reports: Sequence[Object], *, wide: bool = False) -> str:
    """GpuCostReports of all namespaces as kubectl prints them; nothing at all where there are none."""
    return _table(reports, REPORT_COLUMNS, wide=wide, with_namespace=True)


def cluster_report_table(reports: Sequence[Object], *, wide: bool = False) -> str:
    """ClusterGpuCostReports as kubectl prints them; nothing at all where there are none."""
    return _table(reports, CLUSTER_REPORT_COLUMNS, wide=wide, with_namespace=False)


def find(obj: Object, json_path: str) -> Any:
    """What ``.status.summary.cost`` leads to; None where nothing is."""
    found: Any = obj
    for key in json_path.removeprefix(".").split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found


def _table(objects: Sequence[Object], columns: Sequence[Column], *, wide: bool, with_namespace: bool) -> str:
    if not objects:
        return ""
    named = [("NAMESPACE", ".metadata.namespace")] if with_namespace else []
    shown = [(column.name.upper(), column.json_path) for column in columns if wide or column.priority == 0]
    paths = [*named, ("NAME", ".metadata.name"), *shown]
    return text_table([name for name, _ in paths], [[_cell(find(obj, path)) for _, path in paths] for obj in objects])


def _cell(value: Any) -> str:
    return "" if value is None else str(value)

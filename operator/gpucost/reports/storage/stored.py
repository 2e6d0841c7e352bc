"""Reports as they were read from the API server: what their next version goes on from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from gpucost.model.errors import InputError
from gpucost.model.time import parse_time
from gpucost.reports.build import Object
from gpucost.reports.resources import cluster_gpu_cost_report, gpu_cost_report
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportSpec, ClusterReportStatus
from gpucost.reports.resources.gpu_cost_report import ReportSpec, ReportStatus

SpecT = TypeVar("SpecT", ReportSpec, ClusterReportSpec)
StatusT = TypeVar("StatusT", ReportStatus, ClusterReportStatus)
ModelT = TypeVar("ModelT", bound=BaseModel)

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored(Generic[SpecT, StatusT]):
    name: str
    namespace: str | None
    """None: cluster-scoped."""
    uid: str
    resource_version: str
    labels: Mapping[str, str]
    spec: SpecT
    status: StatusT | None
    """None: not written yet, or there is a ``problem``."""
    problem: str = ""
    """Why a status that is there cannot be understood; such a report is never written over."""

    @property
    def last_window_end(self) -> datetime | None:
        return parse_time(self.status.last_window_end) if self.status else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReport(Stored[ReportSpec, ReportStatus]):
    namespace: str

    @property
    def origin(self) -> str:
        """Namespace of the pods; the report itself may live in the operator's."""
        return self.spec.namespace or self.namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredClusterReport(Stored[ClusterReportSpec, ClusterReportStatus]):
    namespace: None = None


def parse_report(document: Object) -> StoredReport:
    """Raises InputError where the spec cannot be understood."""
    subject = f"{gpu_cost_report.KIND} {document['metadata']['name']} in namespace {document['metadata']['namespace']}"
    status, problem = _parse_status(ReportStatus, document, subject)
    return StoredReport(
        **_identity(document),
        namespace=document["metadata"]["namespace"],
        spec=_parse(ReportSpec, document.get("spec"), f"{subject}: spec"),
        status=status,
        problem=problem,
    )


def parse_cluster_report(document: Object) -> StoredClusterReport:
    """Raises InputError where the spec cannot be understood."""
    subject = f"{cluster_gpu_cost_report.KIND} {document['metadata']['name']}"
    status, problem = _parse_status(ClusterReportStatus, document, subject)
    return StoredClusterReport(
        **_identity(document),
        spec=_parse(ClusterReportSpec, document.get("spec"), f"{subject}: spec"),
        status=status,
        problem=problem,
    )


def _identity(document: Object) -> dict[str, Any]:
    metadata = document["metadata"]
    return {
        "name": metadata["name"],
        "uid": metadata["uid"],
        "resource_version": metadata["resourceVersion"],
        "labels": metadata.get("labels") or {},
    }


def _parse_status(model: type[ModelT], document: Object, subject: str) -> tuple[ModelT | None, str]:
    if not document.get("status"):
        return None, ""
    try:
        return _parse(model, document["status"], f"{subject}: status"), ""
    except InputError as error:
        return None, str(error)


def _parse(model: type[ModelT], part: object, subject: str) -> ModelT:
    try:
        return model.model_validate(part)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)[:_MOST_NAMED]
        causes = "; ".join(f"{'.'.join(str(step) for step in entry['loc'])}: {entry['msg']}" for entry in found)
        raise InputError(
            f"{subject} cannot be understood ({causes}); run the version of gpucost that wrote it, or mend it by hand"
        ) from error

"""Digest of the figures of a status: tells whether anybody else changed them."""

import hashlib
from typing import TypeVar

import msgspec

from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.gpu_cost_report import ReportStatus

_NO_FIGURES = {"digest", "conditions"}
Status = TypeVar("Status", ReportStatus, ClusterReportStatus)


def digest_of(status: ReportStatus | ClusterReportStatus) -> str:
    figures = status.model_dump(mode="json", by_alias=True, exclude=_NO_FIGURES, exclude_none=True)
    return "sha256:" + hashlib.sha256(msgspec.json.encode(figures, order="deterministic")).hexdigest()


def seal(status: Status) -> Status:
    """The status with the digest of its figures."""
    return status.model_copy(update={"digest": digest_of(status)})


def is_intact(status: ReportStatus | ClusterReportStatus) -> bool:
    """False where the figures are not those that were sealed."""
    return bool(status.digest == digest_of(status))

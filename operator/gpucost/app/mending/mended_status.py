"""What a report says of having been put right: conditions that stay until the end of its period."""

from datetime import datetime
from typing import TypeVar, cast

from gpucost.app.mending.remembering_store import Editor
from gpucost.model.time import format_time
from gpucost.reports.conditions import INTACT, Finding, set_condition
from gpucost.reports.digest import digest_of
from gpucost.reports.fold import FINAL
from gpucost.reports.resources.cluster_gpu_cost_report import ClusterReportStatus
from gpucost.reports.resources.gpu_cost_report import ReportStatus

AnyStatus = ReportStatus | ClusterReportStatus
StatusT = TypeVar("StatusT", bound=AnyStatus)

EDIT_MENDED = "ForeignEditMended"
RECONSTRUCTED = "Reconstructed"
RECOMPUTED = "Recomputed"
SUMMED_FROM_DAYS = "SummedFromDays"

_RESTS_ON = {
    RECOMPUTED: "computed again from what Prometheus, the API server and the price sources say now, which may be"
    " another figure than the first one",
    SUMMED_FROM_DAYS: "summed again from the reports of its days",
}


def with_edit_mended(status: StatusT, editor: Editor | None, now: datetime) -> StatusT:
    """``status`` are the figures as they ought to be."""
    who = editor.manager if editor else "Somebody else"
    when = f" at {editor.time}" if editor and editor.time else ""
    message = f"{who} changed the figures{when}; they were put right at {format_time(now)}."
    return _with(status, Finding(INTACT, "False", EDIT_MENDED, message), now)


def with_reconstruction_told(status: StatusT, reason: str, now: datetime) -> StatusT:
    """``reason``: `RECOMPUTED` or `SUMMED_FROM_DAYS`."""
    message = f"The figures were lost, and {_RESTS_ON[reason]}, at {format_time(now)}."
    return _with(status, Finding(RECONSTRUCTED, "True", reason, message), now)


def closed(status: StatusT) -> StatusT:
    """The last word on its period."""
    final = status.model_copy(update={"phase": FINAL})
    return cast(StatusT, final.model_copy(update={"digest": digest_of(final)}))


def _with(status: StatusT, finding: Finding, now: datetime) -> StatusT:
    return cast(StatusT, status.model_copy(update={"conditions": set_condition(status.conditions, finding, now)}))

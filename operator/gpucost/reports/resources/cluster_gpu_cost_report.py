"""ClusterGpuCostReport: the node bill of one UTC day or month, reconciled to the last digit."""

from typing import Annotated

from pydantic import Field

from gpucost.model.time import PeriodKind
from gpucost.reports.resources.fields import (
    MOST_ENTRIES,
    Amount,
    Basis,
    Condition,
    Entry,
    GpuHours,
    Hours,
    Part,
    RateUse,
    Ratio,
    Time,
)

KIND = "ClusterGpuCostReport"
PLURAL = "clustergpucostreports"

Entries = Annotated[tuple[Entry, ...], Field(max_length=MOST_ENTRIES + 1)]


class ClusterReportSpec(Part):
    """What the report covers: all GPU nodes of the cluster."""

    period: PeriodKind
    start: Time
    end: Time
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$", max_length=3)]


class Bill(Part):
    """A node bill and its parts: ``nodeCost = allocated + unallocated + unobserved + host + residual``."""

    name: Annotated[str, Field(min_length=1, max_length=253)]
    node_cost: Amount | None = Field(default=None, description="Node rate x life; null: there is no rate.")
    allocated: Amount
    unallocated: Amount = Field(description="Card time that nobody held.")
    unobserved: Amount = Field(description="Card time of which nobody can say who held it.")
    host: Amount = Field(description="The part of the node rate that is not given to GPUs.")
    residual: Amount = Field(description="What the parts miss of the bill; must be 0.")
    node_hours: Hours


class Reason(Part):
    """Why card time was not held."""

    name: Annotated[str, Field(min_length=1, max_length=63)]
    cost: Amount


class ClusterReportSummary(Part):
    """Rounded, for ``kubectl get``; the exact figures stand beside it."""

    node_cost: Annotated[str, Field(max_length=32)]
    allocated: Annotated[str, Field(max_length=32)]
    used_cost: Annotated[str, Field(max_length=32)]
    unallocated: Annotated[str, Field(max_length=32)]
    unobserved: Annotated[str, Field(max_length=32)]
    host: Annotated[str, Field(max_length=32)]
    unassigned: Annotated[str, Field(max_length=16)]
    coverage: Annotated[str, Field(max_length=16)]


class ClusterReportStatus(Part):
    """The figures. ``nodeCost = allocated + unallocated + unobserved + host``; ``residual`` is the difference, 0."""

    phase: Annotated[str, Field(pattern=r"^(Open|Final)$")]
    last_window_end: Time = Field(description="End of the last window that is in every report.")
    windows: Annotated[int, Field(ge=0)] = Field(description="Windows that are in.")
    node_cost: Amount | None = Field(default=None, description="Null: no node has a rate.")
    allocated: Amount = Field(description="The sum of the teams' costs.")
    unallocated: Amount = Field(description="Card time that nobody held.")
    unobserved: Amount = Field(description="Card time of which nobody can say who held it.")
    host: Amount = Field(description="The part of the node rates that is not given to GPUs.")
    residual: Amount = Field(description="What the parts miss of the bill; must be 0.")
    used_cost: Amount | None = None
    idle_cost: Amount | None = None
    unknown_use_cost: Amount | None = None
    estimated_cost: Amount
    gpu_hours: GpuHours
    unpriced_gpu_hours: Hours
    efficiency: Ratio | None = None
    memory_ratio: Ratio | None = None
    compute_ratio: Ratio | None = None
    coverage: Ratio | None = None
    unassigned_cost: Amount = Field(description="Cost of pods without a team: the labelling backlog.")
    unassigned_ratio: Ratio | None = Field(default=None, description="unassignedCost / allocated.")
    basis: Basis
    summary: ClusterReportSummary
    unallocated_by_reason: Annotated[tuple[Reason, ...], Field(max_length=16)] = ()
    by_node_pool: Annotated[tuple[Bill, ...], Field(max_length=MOST_ENTRIES + 1)] = Field(
        default=(), description="By instance type."
    )
    by_node: Annotated[tuple[Bill, ...], Field(max_length=MOST_ENTRIES + 1)] = ()
    by_team: Entries = ()
    by_namespace: Entries = ()
    rates: Annotated[tuple[RateUse, ...], Field(max_length=MOST_ENTRIES + 1)] = ()
    conditions: Annotated[tuple[Condition, ...], Field(max_length=16)] = ()
    digest: Annotated[str, Field(max_length=80)] = ""

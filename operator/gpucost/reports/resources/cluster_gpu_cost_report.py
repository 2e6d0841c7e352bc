"""ClusterGpuCostReport: the node bill of one UTC day or month, reconciled to the last digit."""

from typing import Annotated

from pydantic import Field

from gpucost.model.time import PeriodKind
from gpucost.reports.resources.fields import (
    MOST_ENTRIES,
    Adjustments,
    Amount,
    Basis,
    Concerns,
    Conditions,
    Currency,
    Entry,
    GpuHours,
    Hours,
    Name,
    Part,
    Phase,
    RateUse,
    Ratio,
    ReportSizes,
    Rounded,
    RoundedRatio,
    Time,
)

KIND = "ClusterGpuCostReport"
PLURAL = "clustergpucostreports"

Entries = Annotated[tuple[Entry, ...], Field(max_length=MOST_ENTRIES + 1)]


class ClusterReportSpec(Part):
    """What the report covers: all GPU nodes of the cluster."""

    period: PeriodKind = Field(description="Whether the report is of a UTC day or of a month.")
    start: Time = Field(description="Start of what is covered.")
    end: Time = Field(description="End of what is covered.")
    currency: Currency


class Bill(Part):
    """A node bill and its parts: ``nodeCost = allocated + unallocated + unobserved + host + residual``."""

    name: Name = Field(description="Node or instance type.")
    node_cost: Amount | None = Field(default=None, description="Node rate x life; null: there is no rate.")
    allocated: Amount = Field(description="What teams pay for.")
    unallocated: Amount = Field(description="Card time that nobody held.")
    unobserved: Amount = Field(description="Card time of which nobody can say who held it.")
    host: Amount = Field(description="The part of the node rate that is not given to GPUs.")
    residual: Amount = Field(description="What the parts miss of the bill; must be 0.")
    node_hours: Hours = Field(description="Hours that the nodes lived.")


class Reason(Part):
    """Why card time was not held."""

    name: Annotated[str, Field(min_length=1, max_length=63)] = Field(
        description="Such as free, sliver (of a MIG card), cordoned or notReady."
    )
    cost: Amount = Field(description="Cost of the card time that was not held for this reason.")


class ClusterReportSummary(Part):
    """Rounded, for ``kubectl get``; the exact figures stand beside it."""

    node_cost: Rounded = Field(description="The bill of all GPU nodes.")
    allocated: Rounded = Field(description="The part of the bill that teams pay for.")
    used_cost: Rounded = Field(description="The part of the allocated cost that was used.")
    unallocated: Rounded = Field(description="The part of the bill that nobody held.")
    unobserved: Rounded = Field(description="The part of the bill of which nobody can say who held it.")
    host: Rounded = Field(description="The part of the bill that is not given to GPUs.")
    unassigned: RoundedRatio = Field(description="Part of the allocated cost of pods without a team.")
    coverage: RoundedRatio = Field(description="Part of the held time for which use was measured.")


class ClusterReportStatus(Part):
    """The figures. ``nodeCost = allocated + unallocated + unobserved + host``; ``residual`` is the difference, 0."""

    phase: Phase
    last_window_end: Time = Field(description="End of the last window that is in every report.")
    windows: Annotated[int, Field(ge=0)] = Field(description="Windows that are in.")
    node_cost: Amount | None = Field(
        default=None, description="The bill: node rates x lives; null: no node has a rate."
    )
    allocated: Amount = Field(description="The sum of the teams' costs.")
    unallocated: Amount = Field(description="Card time that nobody held.")
    unobserved: Amount = Field(description="Card time of which nobody can say who held it.")
    host: Amount = Field(description="The part of the node rates that is not given to GPUs.")
    residual: Amount = Field(description="What the parts miss of the bill; must be 0.")
    used_cost: Amount | None = Field(default=None, description="Used share x node rate; null: use was never seen.")
    idle_cost: Amount | None = Field(default=None, description="Charged but not used; null: use was never seen.")
    unknown_use_cost: Amount | None = Field(default=None, description="Charged while use was not seen.")
    estimated_cost: Amount = Field(description="The part of the allocated cost that rests on estimates.")
    gpu_hours: GpuHours
    unpriced_gpu_hours: Hours = Field(description="Charged hours on nodes without a rate: not in allocated.")
    efficiency: Ratio | None = Field(default=None, description="usedCost / (usedCost + idleCost).")
    memory_ratio: Ratio | None = Field(default=None, description="Mean of memory used / memory total while held.")
    compute_ratio: Ratio | None = Field(default=None, description="Mean compute use while held.")
    coverage: Ratio | None = Field(default=None, description="Part of the held time for which use was measured.")
    unassigned_cost: Amount = Field(description="Cost of pods without a team: the labelling backlog.")
    unassigned_ratio: Ratio | None = Field(default=None, description="unassignedCost / allocated.")
    basis: Basis
    summary: ClusterReportSummary
    unallocated_by_reason: Annotated[tuple[Reason, ...], Field(max_length=16)] = Field(
        default=(), description="Why card time was not held."
    )
    by_node_pool: Annotated[tuple[Bill, ...], Field(max_length=MOST_ENTRIES + 1)] = Field(
        default=(), description="By instance type."
    )
    by_node: Annotated[tuple[Bill, ...], Field(max_length=MOST_ENTRIES + 1)] = Field(default=(), description="By node.")
    by_team: Entries = Field(default=(), description="By team, over all namespaces.")
    by_namespace: Entries = Field(default=(), description="By namespace; stays when the namespace goes.")
    rates: Annotated[tuple[RateUse, ...], Field(max_length=MOST_ENTRIES + 1)] = Field(
        default=(), description="Where the rates of the nodes came from."
    )
    reports: ReportSizes | None = Field(
        default=None, description="All reports of the period when it was closed; null while it is open."
    )
    adjustments: Adjustments | None = None
    concerns: Concerns = ()
    conditions: Conditions = ()
    digest: Annotated[str, Field(max_length=80)] = Field(
        default="", description="Digest of the figures above; tells whether anybody else changed them."
    )

"""GpuCostReport: what one team spent on GPUs in one namespace, in one UTC day or month."""

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
    Summary,
    Time,
)

KIND = "GpuCostReport"
PLURAL = "gpucostreports"

Entries = Annotated[tuple[Entry, ...], Field(max_length=MOST_ENTRIES + 1)]


class ReportSpec(Part):
    """What the report covers."""

    namespace: Name | None = Field(
        default=None, description="Origin of the pods, where the report cannot live in their namespace."
    )
    team: Annotated[str, Field(min_length=1, max_length=63)] = Field(
        description="Team as the pods or their namespace are labelled; unassigned where they are not."
    )
    period: PeriodKind = Field(description="Whether the report is of a UTC day or of a month.")
    start: Time = Field(description="Start of what is covered.")
    end: Time = Field(description="End of what is covered.")
    currency: Currency


class ReportStatus(Part):
    """The figures. ``cost = usedCost + idleCost + unknownUseCost``; a ratio is null where it has nothing to rest on."""

    phase: Phase
    last_window_end: Time = Field(description="End of the last window in which this team held a GPU here.")
    windows: Annotated[int, Field(ge=0)] = Field(description="Windows in which this team held a GPU here.")
    cost: Amount | None = Field(default=None, description="What the team pays for; null: nothing of it has a rate.")
    used_cost: Amount | None = Field(default=None, description="Used share x node rate; null: use was never seen.")
    idle_cost: Amount | None = Field(default=None, description="Charged but not used; null: use was never seen.")
    unknown_use_cost: Amount | None = Field(default=None, description="Charged while use was not seen.")
    estimated_cost: Amount = Field(description="The part of the cost that rests on estimates.")
    unallocated_share: Amount = Field(
        description="This team's part of what nobody held, under the configured policy; never inside cost."
    )
    gpu_hours: GpuHours
    efficiency: Ratio | None = Field(default=None, description="usedCost / (usedCost + idleCost).")
    memory_ratio: Ratio | None = Field(default=None, description="Mean of memory used / memory total while held.")
    compute_ratio: Ratio | None = Field(default=None, description="Mean compute use while held.")
    coverage: Ratio | None = Field(default=None, description="Part of the held time for which use was measured.")
    unpriced_gpu_hours: Hours = Field(description="Charged hours on nodes without a rate: not in cost.")
    products: Annotated[int, Field(ge=0)] = Field(description="How many products the cost is spread over.")
    basis: Basis
    summary: Summary
    by_product: Entries = Field(default=(), description="By the product label.")
    by_cost_centre: Entries = Field(default=(), description="By the cost centre label.")
    by_environment: Entries = Field(default=(), description="By the environment label.")
    by_workload: Entries = Field(default=(), description="By the top owner of the pods, such as Deployment/llm.")
    by_workload_type: Entries = Field(default=(), description="By serving and batch.")
    by_device: Entries = Field(default=(), description="By GPU model and MIG profile.")
    top_pods: Entries = Field(default=(), description="The pods; the first to come are listed, the rest is in other.")
    rates: Annotated[tuple[RateUse, ...], Field(max_length=MOST_ENTRIES + 1)] = Field(
        default=(), description="Where the rates of the nodes came from."
    )
    adjustments: Adjustments | None = None
    concerns: Concerns = ()
    conditions: Conditions = ()
    digest: Annotated[str, Field(max_length=80)] = Field(
        default="", description="Digest of the figures above; tells whether anybody else changed them."
    )

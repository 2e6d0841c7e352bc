"""Types of fields that the custom resources share, each with the bounds that the API server keeps."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

GROUP = "gpucost.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

MOST_ENTRIES = 100
"""Longest breakdown list; what does not fit is summed in one more entry, `OTHER`. Long names make it shorter."""
OTHER = "other"
MOST_SUBJECTS = 10
MOST_SUBJECT_CHARACTERS = 253
MOST_CAUSE_CHARACTERS = 400
MOST_ADJUSTMENTS = 20
"""Longest list of adjustments; older ones are summed in its first line."""

Amount = Annotated[
    str,
    Field(
        pattern=r"^-?[0-9]{1,18}\.[0-9]{9}$",
        max_length=29,
        description="Exact decimal with nine decimals; money is in the currency of the spec.",
    ),
]
Hours = Annotated[
    str, Field(pattern=r"^[0-9]{1,18}\.[0-9]{9}$", max_length=28, description="Hours with nine decimals.")
]
Ratio = Annotated[
    str, Field(pattern=r"^-?[0-9]{1,12}\.[0-9]{6}$", max_length=20, description="Ratio with six decimals, 1 is all.")
]
Time = Annotated[str, Field(max_length=20, json_schema_extra={"format": "date-time"})]
Name = Annotated[str, Field(min_length=1, max_length=253)]
Currency = Annotated[
    str, Field(pattern=r"^[A-Z]{3}$", max_length=3, description="Currency of all money in the report, ISO 4217.")
]
Phase = Annotated[
    str, Field(pattern=r"^(Open|Final)$", max_length=5, description="Open until the period is over, then Final.")
]
Rounded = Annotated[str, Field(max_length=32)]
RoundedRatio = Annotated[str, Field(max_length=16)]
ConditionType = Annotated[
    str, Field(min_length=1, max_length=316, pattern=r"^[A-Za-z][A-Za-z0-9]*$", description="What it is about.")
]
ConditionReason = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1024,
        pattern=r"^[A-Za-z][A-Za-z0-9]*$",
        description="Why, in one word for programs.",
    ),
]


class Part(BaseModel):
    """A part of a resource: unknown keys are refused, so that a typo is no silent loss."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Concern(Part):
    """What came up while the figures were made, and of what; a condition of the same type tells it."""

    type: ConditionType
    reason: ConditionReason
    cause: Annotated[str, Field(max_length=MOST_CAUSE_CHARACTERS)] = Field(
        description="What there is to say of the first subject, in a sentence for people."
    )
    subjects: Annotated[
        tuple[Annotated[str, Field(max_length=MOST_SUBJECT_CHARACTERS)], ...], Field(max_length=MOST_SUBJECTS)
    ] = Field(description="What it concerns, such as nodes; the first to come are named.")
    others: bool = Field(default=False, description="Whether it concerns more than the subjects that are named.")


Concerns = Annotated[
    tuple[Concern, ...], Field(max_length=16, description="What came up while the figures were made, and of what.")
]


class Condition(Part):
    """Something that a reader of the object should know; as ``metav1.Condition``."""

    type: ConditionType
    status: Annotated[str, Field(pattern=r"^(True|False|Unknown)$", max_length=7)] = Field(
        description="True, False or Unknown."
    )
    reason: ConditionReason
    message: Annotated[str, Field(max_length=32768)] = Field(default="", description="Why, in a sentence for people.")
    last_transition_time: Time = Field(description="When the status last changed.")
    observed_generation: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Generation of the object that it is about."
    )


Conditions = Annotated[tuple[Condition, ...], Field(max_length=32)]


class Entry(Part):
    """One line of a breakdown. The entries of a list add up to the total of the report."""

    name: Annotated[str, Field(min_length=1, max_length=512)] = Field(description="What the entry is of.")
    cost: Amount | None = Field(default=None, description="What is paid for; null: nothing of it has a rate.")
    used_cost: Amount | None = Field(default=None, description="The used part; null: use was never seen.")
    idle_cost: Amount | None = Field(default=None, description="Charged but not used; null: use was never seen.")
    unknown_use_cost: Amount | None = Field(default=None, description="Charged while use was not seen.")
    gpu_hours: Hours = Field(description="Charged hours of a whole card.")


class GpuHours(Part):
    """Hours of a whole card; half a card for two hours is one."""

    reserved: Hours = Field(description="Kept from others.")
    used: Hours | None = Field(default=None, description="Really used; null: use was never seen.")
    charged: Hours = Field(description="The larger of reserved and used: what is paid for.")
    unpriced: Hours = Field(description="The part of the charged hours on nodes without a rate: not in the cost.")


class Basis(Part):
    """Sums that the ratios of the report are made from, so that anyone can retrace them."""

    held_hours: Hours = Field(description="Hours for which devices were held, whatever their size.")
    seen_hours: Hours = Field(description="The part of them for which use was measured: coverage = seen / held.")
    memory_hours: Hours = Field(description="Hours of a whole card for which memory use is known.")
    memory_used_hours: Hours = Field(description="memoryRatio = memoryUsedHours / memoryHours.")
    compute_hours: Hours = Field(description="Hours of a whole card for which compute use is known.")
    compute_used_hours: Hours = Field(description="computeRatio = computeUsedHours / computeHours.")


class Summary(Part):
    """Rounded, for ``kubectl get``; the exact figures stand beside it."""

    cost: Rounded = Field(description="What the team pays for.")
    used_cost: Rounded = Field(description="The part of the cost that was used.")
    idle_cost: Rounded = Field(description="The part of the cost that was held but not used.")
    gpu_hours: Rounded = Field(description="Charged hours of a whole card.")
    efficiency: RoundedRatio = Field(description="Used / (used + idle).")
    coverage: RoundedRatio = Field(description="Part of the held time for which use was measured.")
    estimated: Rounded = Field(description="The part of the cost that rests on estimates.")


class RateUse(Part):
    """Where node rates came from."""

    source: Annotated[str, Field(max_length=300)] = Field(description="Where the rates came from.")
    node_hours: Hours = Field(description="Hours of a node that were priced so.")


class ReportSizes(Part):
    """What the reports of a period take on the API server."""

    count: Annotated[int, Field(ge=0)] = Field(description="How many there were, this one included.")
    size: Annotated[int, Field(ge=0)] = Field(description="Their size in bytes, as JSON.")


class Adjustment(Part):
    """How the figures came to be others than those that the operator decided: one recomputation."""

    time: Time = Field(description="When it was written.")
    reason: Annotated[str, Field(min_length=1, max_length=300)] = Field(description="Why, in a sentence for people.")
    window_end: Time = Field(description="End of the last window that was recomputed; later ones are as decided.")
    cost_before: Amount | None = Field(
        default=None,
        description="The cost (of a cluster's report its nodeCost) before; null: no rate, or the line sums several.",
    )
    cost_after: Amount | None = Field(default=None, description="The same after; null as costBefore.")
    cost_difference: Amount = Field(description="What it added to the cost, with no rate counted as 0.")
    used_cost_difference: Amount = Field(description="What it added to usedCost, with null counted as 0.")


Adjustments = Annotated[
    tuple[Adjustment, ...],
    Field(
        max_length=MOST_ADJUSTMENTS,
        description="Recomputations that are in the figures, oldest first; null: there was none.",
    ),
]

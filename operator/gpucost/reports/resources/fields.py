"""Types of fields that the custom resources share, each with the bounds that the API server keeps."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

GROUP = "gpucost.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

MOST_ENTRIES = 100
"""Longest breakdown list; what does not fit is summed in one more entry, `OTHER`."""
OTHER = "other"

Amount = Annotated[
    str,
    Field(
        pattern=r"^-?[0-9]{1,18}\.[0-9]{9}$",
        max_length=29,
        description="Exact decimal with nine decimals; money is in the currency of the spec.",
    ),
]
Hours = Annotated[
    str, Field(pattern=r"^[0-9]{1,18}\.[0-9]{9}$", max_length=28, description="Exact hours with nine decimals.")
]
Ratio = Annotated[
    str, Field(pattern=r"^-?[0-9]{1,12}\.[0-9]{6}$", max_length=20, description="Ratio with six decimals, 1 is all.")
]
Time = Annotated[str, Field(max_length=20, json_schema_extra={"format": "date-time"})]
Name = Annotated[str, Field(min_length=1, max_length=253)]
Sentence = Annotated[str, Field(max_length=1024)]


class Part(BaseModel):
    """A part of a resource: unknown keys are refused, so that a typo is no silent loss."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Condition(Part):
    """As ``metav1.Condition``."""

    type: Annotated[str, Field(min_length=1, max_length=316, pattern=r"^[A-Za-z][A-Za-z0-9]*$")]
    status: Annotated[str, Field(pattern=r"^(True|False|Unknown)$")]
    reason: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[A-Za-z][A-Za-z0-9]*$")]
    message: Annotated[str, Field(max_length=32768)] = ""
    last_transition_time: Time
    observed_generation: Annotated[int, Field(ge=0)] | None = None


class Entry(Part):
    """One line of a breakdown. The entries of a list add up to the total of the report."""

    name: Annotated[str, Field(min_length=1, max_length=512)]
    cost: Amount | None = Field(default=None, description="Null: nothing of it has a rate.")
    used_cost: Amount | None = Field(default=None, description="Null: use was never seen.")
    idle_cost: Amount | None = Field(default=None, description="Charged but not used; null: use was never seen.")
    unknown_use_cost: Amount | None = Field(default=None, description="Charged while use was not seen.")
    gpu_hours: Hours = Field(description="Charged hours of a whole card.")


class GpuHours(Part):
    """Hours of a whole card; half a card for two hours is one."""

    reserved: Hours
    used: Hours | None = Field(default=None, description="Null: use was never seen.")
    charged: Hours
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

    cost: Annotated[str, Field(max_length=32)]
    used_cost: Annotated[str, Field(max_length=32)]
    idle_cost: Annotated[str, Field(max_length=32)]
    gpu_hours: Annotated[str, Field(max_length=32)]
    efficiency: Annotated[str, Field(max_length=16)]
    coverage: Annotated[str, Field(max_length=16)]
    estimated: Annotated[str, Field(max_length=32)]


class RateUse(Part):
    """Where node rates came from."""

    source: Annotated[str, Field(max_length=300)]
    node_hours: Hours = Field(description="Hours of a node that were priced so.")

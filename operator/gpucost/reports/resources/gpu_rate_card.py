"""GpuRateCard: what its status says; what it holds is the business of pricing."""

from typing import Annotated

from pydantic import Field

from gpucost.reports.resources.fields import Conditions, Name, Part

KIND = "GpuRateCard"
PLURAL = "gpuratecards"

MOST_RATES = 1000

Count = Annotated[int, Field(ge=0)]


class RateStatus(Part):
    """How far a rate of the card reaches at this time."""

    name: Name = Field(description="Name of the rate within the card.")
    nodes: Count = Field(description="GPU nodes that it matches.")
    nodes_in_force: Count = Field(description="GPU nodes whose rate it is, since nothing that goes first has one.")


class RateCardStatus(Part):
    """What the operator makes of the card."""

    observed_generation: Count = Field(description="Generation of the card that this is about.")
    nodes_in_force: Count = Field(description="GPU nodes whose rate comes from this card.")
    rates: Annotated[tuple[RateStatus, ...], Field(max_length=MOST_RATES)] = Field(
        default=(), description="The rates that can be used, with the nodes that they reach."
    )
    conditions: Conditions = ()

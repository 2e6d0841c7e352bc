"""GpuCostWindow: the decided result of one window, or of several in a row; not for people."""

from typing import Annotated

from pydantic import Field

from gpucost.reports.resources.fields import Part, Time

KIND = "GpuCostWindow"
PLURAL = "gpucostwindows"

MOST_CHUNK_CHARACTERS = 500_000


class WindowSpec(Part):
    """An index says what is covered and how many chunks hold the rows; a chunk holds a piece of them.

    The chunks are written first and the index last, so a record without an index was never decided.
    """

    start: Time = Field(description="Start of what was decided.")
    end: Time = Field(description="End of what was decided.")
    chunk: Annotated[int, Field(ge=0, le=1000)] = Field(description="0: the index; else the number of the chunk.")
    chunks: Annotated[int, Field(ge=0, le=1000)] = Field(description="How many chunks follow the index.")
    data: Annotated[str, Field(max_length=MOST_CHUNK_CHARACTERS)] = Field(
        default="", description="Base64 of a piece of the compressed rows."
    )
    digest: Annotated[str, Field(max_length=80)] = Field(description="Digest of all rows, uncompressed.")

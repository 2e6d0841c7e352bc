"""Answers of servers that may be too long, or never come to their end."""

import time
from collections.abc import Callable

_PIECE_BYTES = 2**20
"""Asked for at once: Python makes room for all of it before it knows how much there is."""


def read_whole(read: Callable[[int], bytes], *, most: int, deadline: float) -> bytes:
    """What ``read`` gives until it gives nothing; it has ended once there are more than ``most`` bytes.

    ``read`` is to come back with what there is, as `read1` does: one that waits for a full piece may wait for ever.
    ``deadline`` is of the monotonic clock. Raises TimeoutError, an OSError, where it has passed before the end.
    """
    pieces: list[bytes] = []
    size = 0
    while size <= most and (piece := read(min(_PIECE_BYTES, most + 1 - size))):
        if time.monotonic() > deadline:
            raise TimeoutError("its answer had not come to an end in time")
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)

"""Reading many windows a few hours at a time, and in halves what is too heavy for the server."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from gpucost.model.errors import IncompleteAnswer
from gpucost.model.time import Window
from gpucost.telemetry.client import PrometheusClient
from gpucost.telemetry.replies import QueryTooHeavy

READ_SECONDS = 120.0
"""For one call that reads windows: no query begins later, so that who asks can do with less at once."""

_LONGEST_QUERY = timedelta(hours=6)
"""A day at once costs the server several times the memory and is no faster."""

T = TypeVar("T")
Hurry = Callable[[], None]
"""Raises IncompleteAnswer once the time for the call is up."""


def read_in_parts(
    windows: Sequence[Window],
    read: Callable[[Sequence[Window], Hurry], T],
    nothing: Callable[[Sequence[Window]], T],
    *,
    client: PrometheusClient,
    clock: Callable[[], float] = time.monotonic,
) -> list[T]:
    """What ``read`` has of all windows, in their order.

    Where it has no whole answer even of one window, the client decides whether ``nothing`` is one.

    Raises IncompleteAnswer where it is not, and whatever else ``read`` raises.
    """
    deadline = clock() + READ_SECONDS
    parts: list[T] = []
    done = 0
    size = max(1, _LONGEST_QUERY // windows[0].length) if windows else 0

    def hurry() -> None:
        if clock() > deadline:
            raise IncompleteAnswer(
                f"{client.name} told of {done} of {len(windows)} windows in {READ_SECONDS:g} s; ask for fewer at once,"
                " give Prometheus more room or, where its queries time out, raise prometheus.timeout"
            )

    while done < len(windows):
        part = windows[done : done + size]
        try:
            parts.append(read(part, hurry))
        except IncompleteAnswer as error:
            if isinstance(error, QueryTooHeavy) and len(part) > 1:
                size = len(part) // 2
                continue
            client.bear(error)
            parts.append(nothing(part))
        done += len(part)
    return parts

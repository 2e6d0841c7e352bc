"""Prices that other programs publish in Prometheus: Karpenter's of what can be bought, OpenCost's of nodes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from typing import TypeVar

from gpucost.model.metered import Offering
from gpucost.model.time import Window
from gpucost.model.usage import Floats, Indices
from gpucost.telemetry.pods import own_label
from gpucost.telemetry.queries import PAST, STAT_LABEL

OFFERING_LABELS = ("instance_type", "capacity_type", "zone")
NODE_LABELS = ("node", "instance")
"""OpenCost prints the node's name in both."""

K = TypeVar("K")

Points = Iterable[tuple[Mapping[str, str], Indices, Floats]]
"""Of every series: its labels, and (p,) index of window and value of its points."""


def offering_prices(points: Points, windows: Sequence[Window]) -> dict[Window, dict[Offering, float]]:
    """The answer to a `PublishedPriceQuery` of Karpenter's prices by `OFFERING_LABELS`."""
    return _prices(points, windows, _offering)


def node_prices(points: Points, windows: Sequence[Window]) -> dict[Window, dict[str, float]]:
    """The answer to a `PublishedPriceQuery` of OpenCost's prices by `NODE_LABELS`."""
    return _prices(points, windows, _node)


def _prices(
    points: Points, windows: Sequence[Window], key_of: Callable[[Mapping[str, str]], K | None]
) -> dict[Window, dict[K, float]]:
    """By window and key the highest of those that are fresh, else of those that are past."""
    fresh: list[dict[K, float]] = [{} for _ in windows]
    past: list[dict[K, float]] = [{} for _ in windows]
    for labels, columns, values in points:
        key = key_of(labels)
        if key is None:
            continue
        found = past if labels.get(STAT_LABEL) == PAST else fresh
        for column, price in zip(columns.tolist(), values.tolist(), strict=True):
            if isfinite(price) and price > found[column].get(key, 0.0):
                found[column][key] = price
    return {window: before | now for window, before, now in zip(windows, past, fresh, strict=True)}


def _offering(labels: Mapping[str, str]) -> Offering | None:
    instance_type, capacity_type, zone = (own_label(labels, label) for label in OFFERING_LABELS)
    if not instance_type or not capacity_type:
        return None
    return Offering(instance_type=instance_type, capacity_type=capacity_type, zone=zone)


def _node(labels: Mapping[str, str]) -> str | None:
    return next(filter(None, (own_label(labels, label) for label in NODE_LABELS)), None)

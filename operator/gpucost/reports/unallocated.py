"""Whom the card time that nobody held on a node is shown to; rules: docs/how-it-computes.md."""

from collections.abc import Iterable, Sequence

from gpucost.model.holdings import Holder
from gpucost.model.policies import UnallocatedPolicy


def unallocated_shares(
    policy: UnallocatedPolicy,
    rest: Sequence[int],
    node: Sequence[int],
    holders: Sequence[Holder],
    weights: Sequence[tuple[int, int]],
) -> list[int]:
    """The part of every row; the parts of a node add up to its ``rest``, unless nobody held anything there.

    Axes: n nodes, h rows. ``rest`` (n,) is what nobody held, in units of 1e-9; ``node`` (h,) indexes it; ``weights``
    (h,) are cost, and charged hours for nodes on which nothing costs anything.
    """
    shares = [0] * len(node)
    if policy is UnallocatedPolicy.SEPARATE:
        return shares
    split = _by_pod if policy is UnallocatedPolicy.EVEN else _by_weight
    for place, rows in _rows_by_node(node).items():
        parts = split(rest[place], [holders[row] for row in rows], [weights[row] for row in rows])
        for row, part in zip(rows, parts, strict=True):
            shares[row] = part
    return shares


def split_exactly(amount: int, weights: Sequence[int]) -> list[int]:
    """``amount`` by ``weights``, none of them negative, as integers that add up to it; evenly where all are 0.

    Largest remainder: every part is the floor of its real value or one more, the first of equals gets it.
    """
    total = sum(weights)
    if total == 0:
        return split_exactly(amount, [1] * len(weights)) if weights else []
    parts = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: -(amount * weights[index] % total))
    for index in by_remainder[: amount - sum(parts)]:
        parts[index] += 1
    return parts


def _by_weight(rest: int, _holders: Sequence[Holder], weights: Sequence[tuple[int, int]]) -> list[int]:
    costs = [cost for cost, _ in weights]
    return split_exactly(rest, costs if any(costs) else [hours for _, hours in weights])


def _by_pod(rest: int, holders: Sequence[Holder], _weights: Sequence[tuple[int, int]]) -> list[int]:
    """As much for every pod, however many devices it holds; within a pod as much for every row."""
    pods: dict[tuple[str, str, str], list[int]] = {}
    for index, holder in enumerate(holders):
        pods.setdefault((holder.namespace, holder.pod, holder.pod_uid), []).append(index)
    parts = [0] * len(holders)
    for of_pod, rows in zip(split_exactly(rest, [1] * len(pods)), pods.values(), strict=True):
        for index, part in zip(rows, split_exactly(of_pod, [1] * len(rows)), strict=True):
            parts[index] = part
    return parts


def _rows_by_node(node: Iterable[int]) -> dict[int, list[int]]:
    rows: dict[int, list[int]] = {}
    for row, place in enumerate(node):
        rows.setdefault(place, []).append(row)
    return rows

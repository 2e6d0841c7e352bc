"""Builders of ledgers, and hypothesis strategies for them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from gpucost.model.holdings import Note
from gpucost.model.ledger import Figures, HolderLine, Ledger, NodeLine
from gpucost.model.money import E9, HOUR_TICKS
from gpucost.model.time import Period, PeriodKind, Window, period_of

DAY_START = datetime(2026, 11, 24, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LENGTH = timedelta(minutes=5)
HOUR = HOUR_TICKS
USD = E9
FEW = settings(max_examples=30, deadline=None)
"""Ledgers are slow to draw, and every example has many rows."""


def make_window(number: int = 0) -> Window:
    start = DAY_START + number * LENGTH
    return Window(start, start + LENGTH)


def make_period(kind: PeriodKind = PeriodKind.DAY) -> Period:
    return period_of(make_window(), kind)


def make_figures(
    used: int = 0,
    idle: int = 0,
    unknown: int = 0,
    *,
    shown: int = 0,
    hours: int = HOUR,
    priced: bool = True,
    seen: float = 1.0,
) -> Figures:
    """Costs as given, on a device of a whole card that was held for ``hours``; ``shown`` of what nobody held."""
    return Figures(
        cost=used + idle + unknown,
        used_cost=used,
        idle_cost=idle,
        unknown_use_cost=unknown,
        unallocated_share=shown,
        reserved_hours=hours,
        used_hours=hours // 4 if seen else 0,
        charged_hours=hours,
        unpriced_hours=0 if priced else hours,
        held_hours=hours,
        seen_hours=round(hours * seen),
        memory_hours=round(hours * seen),
        memory_used_hours=round(hours * seen) // 4,
        compute_hours=round(hours * seen),
        compute_used_hours=round(hours * seen) // 8,
    )


UNPRICED = make_figures(priced=False)
UNSEEN = make_figures(unknown=8 * USD, seen=0.0)
UNPRICED_AND_UNSEEN = make_figures(priced=False, seen=0.0)


def make_holder(figures: Figures | None = None, **names: Any) -> HolderLine:
    defaults: dict[str, Any] = {
        "namespace": "ml-prod",
        "pod": "llm-0",
        "pod_uid": "uid-llm-0",
        "container": "server",
        "node": "n1",
        "uuid": "GPU-1",
        "gpu_instance_id": "",
        "profile": "",
        "model": "NVIDIA A100-SXM4-40GB",
        "sharing": "exclusive",
        "team": "search",
        "product": "ranker",
        "cost_centre": "4711",
        "environment": "prod",
        "workload": "StatefulSet/llm",
        "workload_type": "serving",
        "slice_share": 1.0,
    }
    return HolderLine(**defaults | names, figures=figures or make_figures(2 * USD, 6 * USD))


def make_node_line(holders: Sequence[HolderLine] = (), node: str = "n1", **parts: Any) -> NodeLine:
    """A node whose bill is what its holders pay and the ``parts``."""
    allocated = sum(holder.figures.cost for holder in holders if holder.node == node)
    unallocated = parts.get("unallocated", {})
    cost = allocated + sum(unallocated.values()) + parts.get("unobserved", 0) + parts.get("host", 0)
    defaults: dict[str, Any] = {
        "rate_e9": 32 * USD,
        "uid": f"uid-{node}",
        "pool": "p4d.24xlarge",
        "rate_source": "annotation gpucost.io/hourly-rate",
        "alive_hours": HOUR // 12,
    }
    return NodeLine(**defaults | {"node": node, "cost": cost, "allocated": allocated} | parts)


def make_ledger(
    holders: Sequence[HolderLine] = (),
    nodes: Sequence[NodeLine] | None = None,
    notes: Sequence[Note] = (),
    number: int = 0,
) -> Ledger:
    """The window of that number in the day; by default with one node line for every node that is held."""
    if nodes is None:
        nodes = [make_node_line(holders, node) for node in sorted({holder.node for holder in holders})]
    return Ledger(
        window=make_window(number), currency="USD", holders=tuple(holders), nodes=tuple(nodes), notes=tuple(notes)
    )


def make_note(subject: str = "n1", message: str = "Node n1: there is no rate; annotate it.", **names: str) -> Note:
    return Note(**{"type": "RateMissing", "reason": "NodesWithoutRate", **names}, subject=subject, message=message)


AMOUNT = st.integers(0, 10**12)
FIGURES = st.builds(
    lambda used, idle, unknown, shown, hours, priced, seen: make_figures(
        used if priced and seen else 0,
        idle if priced and seen else 0,
        unknown if priced else 0,
        shown=shown if priced else 0,
        hours=hours,
        priced=priced,
        seen=seen,
    ),
    AMOUNT,
    AMOUNT,
    AMOUNT,
    AMOUNT,
    st.integers(1, 10**10),
    st.booleans(),
    st.sampled_from([0.0, 0.5, 1.0]),
)
NOTES = st.builds(
    lambda subject, kind: make_note(subject, f"{kind} of {subject}.", type=kind),
    st.sampled_from(["n1", "n2", "unpriced"]),
    st.sampled_from(["RateMissing", "CardCountDisagrees"]),
)
NAME = st.sampled_from(["a", "b", "c", "other", "unassigned"])


@st.composite
def ledgers(draw: st.DrawFn) -> list[Ledger]:
    """Consecutive windows; a node is priced or not for all of its holders, as in a real ledger."""
    return [make_ledger(*_rows(draw), number=number) for number in range(draw(st.integers(1, 5)))]


def _rows(draw: st.DrawFn) -> tuple[list[HolderLine], list[NodeLine], list[Note]]:
    holders = [
        make_holder(
            figures,
            node="unpriced" if figures.unpriced_hours else draw(st.sampled_from(["n1", "n2"])),
            **{name: draw(NAME) for name in ("namespace", "team", "product", "pod", "workload", "cost_centre")},
        )
        for figures in draw(st.lists(FIGURES, max_size=6))
    ]
    nodes = [
        make_node_line(
            holders, name, unallocated={"free": draw(AMOUNT), "sliver": draw(AMOUNT)}, unobserved=draw(AMOUNT)
        )
        for name in ("n1", "n2")
    ]
    unpriced = make_node_line(holders, "unpriced", rate_e9=None, rate_source="", pool="unknown")
    return holders, [*nodes, unpriced], draw(st.lists(NOTES, max_size=3))

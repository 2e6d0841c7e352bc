"""The columns of ``kubectl get``: the CRDs are generated from them and the command line prints reports by them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One printer column; ``json_path`` of a report's is dotted keys from the object's root, nothing else."""

    name: str
    json_path: str
    description: str
    type: str = "string"
    """``string`` or ``integer``; never ``date``, which kubectl would print as an age."""
    priority: int = 0
    """1: only in wide output."""


REPORT_COLUMNS = (
    Column("Team", ".spec.team", "Team that held the GPUs."),
    Column("Period", ".spec.period", "UTC day or month that the report covers."),
    Column("Cost", ".status.summary.cost", "What the team pays for."),
    Column("Used", ".status.summary.usedCost", "The part of the cost that was used."),
    Column("Idle", ".status.summary.idleCost", "The part of the cost that was held but not used."),
    Column("GPU-Hours", ".status.summary.gpuHours", "Charged hours of a whole card."),
    Column("Efficiency", ".status.summary.efficiency", "Used / (used + idle)."),
    Column("Phase", ".status.phase", "Open until the period is over, then Final."),
    Column("Coverage", ".status.summary.coverage", "Part of the held time for which use was measured.", priority=1),
    Column("Estimated", ".status.summary.estimated", "The part of the cost that rests on estimates.", priority=1),
    Column("Products", ".status.products", "Products that the cost is spread over.", type="integer", priority=1),
    Column("Currency", ".spec.currency", "Currency of all money in the report.", priority=1),
    Column("Last Window", ".status.lastWindowEnd", "End of the last window in which the team held a GPU.", priority=1),
)

CLUSTER_REPORT_COLUMNS = (
    Column("Period", ".spec.period", "UTC day or month that the report covers."),
    Column("Node-Cost", ".status.summary.nodeCost", "The bill of all GPU nodes."),
    Column("Allocated", ".status.summary.allocated", "The part of the bill that teams pay for."),
    Column("Used", ".status.summary.usedCost", "The part of the allocated cost that was used."),
    Column("Unallocated", ".status.summary.unallocated", "The part of the bill that nobody held."),
    Column("Unobserved", ".status.summary.unobserved", "The part of which nobody can say who held it."),
    Column("Host", ".status.summary.host", "The part of the bill that is not given to GPUs."),
    Column("Unassigned", ".status.summary.unassigned", "Part of the allocated cost of pods without a team."),
    Column("Phase", ".status.phase", "Open until the period is over, then Final."),
    Column("Coverage", ".status.summary.coverage", "Part of the held time for which use was measured.", priority=1),
    Column("Residual", ".status.residual", "What the parts miss of the bill; must be 0.", priority=1),
    Column("Currency", ".spec.currency", "Currency of all money in the report.", priority=1),
    Column("Last Window", ".status.lastWindowEnd", "End of the last window that is in the report.", priority=1),
)

WINDOW_COLUMNS = (
    Column("Start", ".spec.start", "Start of what was decided."),
    Column("End", ".spec.end", "End of what was decided."),
    Column("Chunk", ".spec.chunk", "0: the index.", type="integer"),
    Column("Chunks", ".spec.chunks", "How many chunks hold the rows.", type="integer"),
)


def _status_of(condition: str) -> str:
    """Where a condition says True or False."""
    return f'.status.conditions[?(@.type=="{condition}")].status'


RATE_CARD_COLUMNS = (
    Column("Accepted", _status_of("Accepted"), "Whether all of its rates can be used."),
    Column("Conflicting", _status_of("Conflicting"), "Whether an older card has the same claim to nodes."),
    Column("Nodes", ".status.nodesInForce", "GPU nodes whose rate comes from it.", type="integer"),
    Column("Currency", ".spec.currency", "Currency of the prices."),
    Column("Priority", ".spec.priority", "The highest that matches counts.", type="integer"),
    Column("Valid From", ".spec.validFrom", "First moment at which it counts."),
    Column("Valid Until", ".spec.validUntil", "First moment at which it no longer counts."),
    Column("Source", ".spec.source", "Where the prices come from."),
)

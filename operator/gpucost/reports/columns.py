"""The columns of ``kubectl get``: the CRDs are generated from them and the command line prints by them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One printer column; ``json_path`` is dotted keys from the object's root, nothing else."""

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

"""Numbers and names of one window put together: a ledger."""

from collections.abc import Iterator, Sequence

from gpucost.model.attributed import Attribution
from gpucost.model.holdings import Holder, NodeBills, NodeFacts, Note, WindowHoldings
from gpucost.model.ledger import FIGURES, Figures, HolderLine, Ledger, NodeLine
from gpucost.model.money import HOUR_TICKS
from gpucost.model.policies import UnallocatedPolicy
from gpucost.model.rates import MissingRate, NodeRate
from gpucost.model.usage import Bools, Indices, Ints
from gpucost.reports.conditions import (
    NODES_WITHOUT_RATE,
    PRICE_IGNORED,
    PRICE_OUT_OF_BOUNDS,
    PRICE_STANDS_IN,
    RATE_MISSING,
    RATES_ESTIMATED,
)
from gpucost.reports.unallocated import unallocated_shares

CAPPED = "capped"
ESTIMATED = "estimated"
RATE_ESTIMATED = "rate-estimated"
UNKNOWN_POOL = "unknown"
MOST_SOURCE_CHARACTERS = 300
"""Of a rate's source in a report."""

_ON_ESTIMATES = frozenset({ESTIMATED, RATE_ESTIMATED})
_NOT_OF_THE_ENGINE = ("estimated_cost", "unpriced_hours", "unallocated_share")
_FIGURES_OF_THE_ENGINE = tuple(name for name in FIGURES if name not in _NOT_OF_THE_ENGINE)


def ledger_of(
    window: WindowHoldings,
    attribution: Attribution,
    currency: str,
    unallocated: UnallocatedPolicy = UnallocatedPolicy.SEPARATE,
) -> Ledger:
    """Name every row and every node's rest; no cost is rounded here, so the residuals are those of the engine: 0."""
    holdings = window.holdings
    node_of_row = _integers(holdings.device_node[holdings.device])
    facts_of_row = [window.nodes[node] for node in node_of_row]
    slice_share = holdings.slice_share[holdings.device].tolist()
    flags = _flags(holdings.estimated, attribution.capped, facts_of_row)
    nodes = tuple(_node_line(facts, index, holdings.bills, attribution) for index, facts in enumerate(window.nodes))
    shown = unallocated_shares(
        unallocated,
        [sum(node.unallocated.values()) for node in nodes],
        node_of_row,
        window.holders,
        list(zip(_integers(attribution.cost), _integers(attribution.charged_hours), strict=True)),
    )
    figures = _figures(attribution, shown, flags, facts_of_row)
    rows = zip(window.holders, facts_of_row, slice_share, figures, flags, strict=True)
    return Ledger(
        window=window.window,
        currency=currency,
        holders=tuple(
            _holder_line(holder, facts.node.name, share, amounts, holder.flags + found)
            for holder, facts, share, amounts, found in rows
        ),
        nodes=nodes,
        notes=window.notes + tuple(_notes_of_rates(window.nodes)),
    )


def _flags(estimated: Bools, capped: Bools, facts_of_row: Sequence[NodeFacts]) -> list[tuple[str, ...]]:
    """What makes the figures of each row doubtful."""
    rates = [facts.rate for facts in facts_of_row]
    found = {
        CAPPED: capped.tolist(),
        ESTIMATED: estimated.tolist(),
        RATE_ESTIMATED: [isinstance(rate, NodeRate) and rate.is_estimate for rate in rates],
    }
    return [tuple(flag for flag, rows in found.items() if rows[row]) for row in range(len(rates))]


def _figures(
    attribution: Attribution,
    shown: Sequence[int],
    flags: Sequence[tuple[str, ...]],
    facts_of_row: Sequence[NodeFacts],
) -> list[Figures]:
    columns = [_integers(getattr(attribution, name)) for name in _FIGURES_OF_THE_ENGINE]
    rows = []
    for row, amounts in enumerate(zip(*columns, strict=True)):
        named = dict(zip(_FIGURES_OF_THE_ENGINE, amounts, strict=True))
        rows.append(
            Figures(
                **named,
                estimated_cost=named["cost"] if _ON_ESTIMATES.intersection(flags[row]) else 0,
                unpriced_hours=named["charged_hours"] if isinstance(facts_of_row[row].rate, MissingRate) else 0,
                unallocated_share=shown[row],
            )
        )
    return rows


def _integers(amounts: Ints | Indices) -> list[int]:
    """Python's own integers: numpy's would not survive JSON, and overflow."""
    integers: list[int] = amounts.tolist()
    return integers


def _holder_line(holder: Holder, node: str, slice_share: float, figures: Figures, flags: tuple[str, ...]) -> HolderLine:
    tenant, device = holder.tenant, holder.device
    return HolderLine(
        namespace=holder.namespace,
        pod=holder.pod,
        pod_uid=holder.pod_uid,
        container=holder.container,
        node=node,
        uuid=device.uuid,
        gpu_instance_id=device.gpu_instance_id,
        profile=device.profile,
        model=device.model,
        sharing=holder.sharing,
        team=tenant.team,
        product=tenant.product,
        cost_centre=tenant.cost_centre,
        environment=tenant.environment,
        workload=tenant.workload,
        workload_type=tenant.workload_type,
        slice_share=slice_share,
        figures=figures,
        flags=tuple(dict.fromkeys(flags)),
    )


def _node_line(facts: NodeFacts, index: int, bills: NodeBills, attribution: Attribution) -> NodeLine:
    rate = facts.rate
    rest = int(attribution.unallocated_cost[index])
    rest_hours = int(attribution.unallocated_hours[index])
    observed = bool(bills.observed[index])
    rate_e9, rate_source = (None, "") if isinstance(rate, MissingRate) else (rate.hourly_e9, _source_of(rate))
    reasons = _by_reason(facts, rest, int(bills.gpu_cost_e9[index]) / int(bills.cards[index]))
    return NodeLine(
        node=facts.node.name,
        uid=facts.node.uid,
        pool=facts.node.instance_type or UNKNOWN_POOL,
        rate_e9=rate_e9,
        rate_source=rate_source,
        cost=int(bills.cost_e9[index]),
        allocated=int(attribution.allocated_cost[index]),
        unallocated=reasons if observed else {},
        unobserved=0 if observed else rest,
        host=int(attribution.host_cost[index]),
        alive_hours=round(float(bills.alive_hours[index]) * HOUR_TICKS),
        unallocated_hours=rest_hours if observed else 0,
        unobserved_hours=0 if observed else rest_hours,
    )


def _source_of(rate: NodeRate) -> str:
    dated = f"{rate.source} ({rate.as_of})" if rate.as_of else rate.source
    return dated[:MOST_SOURCE_CHARACTERS]


def _by_reason(facts: NodeFacts, rest: int, card_cost: float) -> dict[str, int]:
    """Why nobody held it: a node that takes no pods explains all of it, where that is known of the window."""
    if facts.state_known and not facts.node.ready:
        reasons = {"notReady": rest}
    elif facts.state_known and not facts.node.schedulable:
        reasons = {"cordoned": rest}
    else:
        sliver = min(round(facts.uncut_share * card_cost), rest)
        reasons = {"free": rest - sliver, "sliver": sliver}
    return {reason: cost for reason, cost in reasons.items() if cost}


def _notes_of_rates(nodes: Sequence[NodeFacts]) -> Iterator[Note]:
    for facts in nodes:
        name, rate = facts.node.name, facts.rate
        if isinstance(rate, MissingRate):
            yield Note(RATE_MISSING, NODES_WITHOUT_RATE, name, rate.reason)
            continue
        for doubt in rate.doubts:
            told = f"Node {name}: {doubt.message}"
            if doubt.is_estimate:
                yield Note(RATES_ESTIMATED, PRICE_STANDS_IN, name, told)
            else:
                yield Note(PRICE_IGNORED, PRICE_OUT_OF_BOUNDS, name, told)

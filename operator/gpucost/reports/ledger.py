"""Numbers and names of one window put together: a ledger."""

from gpucost.model.attributed import Attribution
from gpucost.model.holdings import Holder, NodeBills, NodeFacts, Note, WindowHoldings
from gpucost.model.ledger import FIGURES, Figures, HolderLine, Ledger, NodeLine
from gpucost.model.money import E9
from gpucost.model.rates import MissingRate, NodeRate
from gpucost.model.usage import Ints
from gpucost.reports.conditions import NODES_WITHOUT_RATE, RATE_MISSING

CAPPED = "capped"
ESTIMATED = "estimated"
UNKNOWN_POOL = "unknown"
MOST_SOURCE_CHARACTERS = 300
"""Of a rate's source in a report."""

_FIGURES_OF_THE_ENGINE = tuple(name for name in FIGURES if name not in ("estimated_cost", "unpriced_hours"))


def ledger_of(window: WindowHoldings, attribution: Attribution, currency: str) -> Ledger:
    """Name every row and every node's rest; nothing is rounded here, so the residuals are those of the engine: 0."""
    holdings = window.holdings
    node_of_row = holdings.device_node[holdings.device].tolist()
    slice_share = holdings.slice_share[holdings.device].tolist()
    estimated = holdings.estimated.tolist()
    capped = attribution.capped.tolist()
    figures = _figures(attribution, estimated, holdings.bills.priced[holdings.device_node[holdings.device]].tolist())
    allocated = [0] * len(window.nodes)
    lines = []
    for row, (holder, node) in enumerate(zip(window.holders, node_of_row, strict=True)):
        allocated[node] += figures[row].cost
        flags = ((CAPPED,) if capped[row] else ()) + ((ESTIMATED,) if estimated[row] else ())
        name = window.nodes[node].node.name
        lines.append(_holder_line(holder, name, slice_share[row], figures[row], holder.flags + flags))
    nodes = tuple(
        _node_line(facts, index, holdings.bills, attribution, allocated[index])
        for index, facts in enumerate(window.nodes)
    )
    return Ledger(
        window=window.window,
        currency=currency,
        holders=tuple(lines),
        nodes=nodes,
        notes=window.notes + _missing_rates(window.nodes),
    )


def _figures(attribution: Attribution, estimated: list[bool], priced: list[bool]) -> list[Figures]:
    columns = [_integers(getattr(attribution, name)) for name in _FIGURES_OF_THE_ENGINE]
    rows = []
    for row, amounts in enumerate(zip(*columns, strict=True)):
        named = dict(zip(_FIGURES_OF_THE_ENGINE, amounts, strict=True))
        rows.append(
            Figures(
                **named,
                estimated_cost=named["cost"] if estimated[row] else 0,
                unpriced_hours=0 if priced[row] else named["charged_hours"],
            )
        )
    return rows


def _integers(amounts: Ints) -> list[int]:
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


def _node_line(facts: NodeFacts, index: int, bills: NodeBills, attribution: Attribution, allocated: int) -> NodeLine:
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
        cards=int(bills.cards[index]),
        rate_e9=rate_e9,
        rate_source=rate_source,
        cost=int(bills.cost_e9[index]),
        allocated=allocated,
        unallocated=reasons if observed else {},
        unobserved=0 if observed else rest,
        host=int(attribution.host_cost[index]),
        alive_hours=round(float(bills.alive_hours[index]) * E9),
        unallocated_hours=rest_hours if observed else 0,
        unobserved_hours=0 if observed else rest_hours,
    )


def _source_of(rate: NodeRate) -> str:
    dated = f"{rate.source} ({rate.as_of})" if rate.as_of else rate.source
    return dated[:MOST_SOURCE_CHARACTERS]


def _by_reason(facts: NodeFacts, rest: int, card_cost: float) -> dict[str, int]:
    """Why nobody held it: a node that takes no pods explains all of it."""
    if not facts.node.ready:
        reasons = {"notReady": rest}
    elif not facts.node.schedulable:
        reasons = {"cordoned": rest}
    else:
        sliver = min(round(facts.uncut_share * card_cost), rest)
        reasons = {"free": rest - sliver, "sliver": sliver}
    return {reason: cost for reason, cost in reasons.items() if cost}


def _missing_rates(nodes: tuple[NodeFacts, ...]) -> tuple[Note, ...]:
    return tuple(
        Note(RATE_MISSING, NODES_WITHOUT_RATE, facts.node.name, facts.rate.reason)
        for facts in nodes
        if isinstance(facts.rate, MissingRate)
    )

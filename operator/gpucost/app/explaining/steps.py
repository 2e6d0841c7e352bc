"""One row of a window, taken apart: where each of its factors comes from."""

from math import isnan

import numpy as np

from gpucost.app.explaining.evidence import Evidence
from gpucost.attribution.used_ratio import used_ratio
from gpucost.matching.notes import CARD_COUNT_ESTIMATED
from gpucost.matching.slices import share_of, share_of_device
from gpucost.model.cards import told_cards
from gpucost.model.fleet import Node
from gpucost.model.holdings import Holder, NodeFacts, WindowHoldings
from gpucost.model.ledger import HolderLine
from gpucost.model.mig import guess_slices, slices_of
from gpucost.model.money import HOUR_TICKS
from gpucost.model.policies import Policy, UsedRatio
from gpucost.model.rates import NodeRate
from gpucost.reports.explanation import CardBasis, DeviceBasis, PriceBasis, Step, TimedBy

MEMORY, COMPUTE, BOTH = "memory", "compute", "both"


def step_of(found: WindowHoldings, row: int, line: HolderLine, policy: Policy, evidence: Evidence) -> Step:
    """Row ``row`` of the window, which became ``line`` of its ledger."""
    holdings, holder = found.holdings, found.holders[row]
    device = int(holdings.device[row])
    node = int(holdings.device_node[device])
    facts, bills = found.nodes[node], holdings.bills
    memory, compute = float(holdings.memory_ratio[row]), float(holdings.compute_ratio[row])
    slot_share = float(holdings.slot_share[row])
    timed_by = evidence.timed_by(found.window, holder, slot_share)
    ratio = float(used_ratio(np.array([memory]), np.array([compute]), policy)[0])
    return Step(
        window=found.window,
        price=PriceBasis(
            node=facts.node.name,
            uid=facts.node.uid,
            instance_type=facts.node.instance_type,
            rate=facts.rate,
            gpu_fraction=facts.rate.gpu_fraction if isinstance(facts.rate, NodeRate) else 1.0,
            cards=_cards(found, facts, int(bills.cards[node]), evidence),
        ),
        alive_hours=round(float(bills.alive_hours[node]) * HOUR_TICKS),
        bill_e9=int(bills.cost_e9[node]),
        gpu_bill_e9=int(bills.gpu_cost_e9[node]),
        device=_device(holder, facts.node, float(holdings.slice_share[device]), policy),
        slot_share=slot_share,
        timed_by=timed_by,
        samples=evidence.samples_of(found.window, holder) if timed_by is TimedBy.TELEMETRY else None,
        life=evidence.life_of(holder),
        memory_ratio=_known(memory),
        compute_ratio=_known(compute),
        compute_metrics=() if isnan(compute) else evidence.compute_metrics,
        used_ratio=_known(ratio),
        decided_by="" if isnan(ratio) else _decided_by(memory, compute, policy),
        line=line,
    )


def _cards(found: WindowHoldings, facts: NodeFacts, cards: int, evidence: Evidence) -> CardBasis:
    name = facts.node.name
    if any(note.type == CARD_COUNT_ESTIMATED and note.subject == name for note in found.notes):
        return CardBasis(cards=cards, sources=())
    told = told_cards(facts.node, facts.rate.cards if isinstance(facts.rate, NodeRate) else None)
    # Only telemetry can count more than what is told.
    is_beyond = cards > max(told.listed, told.labelled)
    counted = {
        "telemetry": cards if is_beyond else min(evidence.cards_seen(found.window, name), cards),
        "price list": told.listed,
        "label nvidia.com/gpu.count": told.labelled,
    }
    return CardBasis(cards=cards, sources=tuple((source, count) for source, count in counted.items() if count))


def _device(holder: Holder, node: Node, share: float, policy: Policy) -> DeviceBasis:
    device = holder.device
    is_instance = bool(device.gpu_instance_id or device.profile)
    basis = policy.slice_basis
    own = share_of_device(device, node, basis) if device.uuid else share_of(device.profile, device.model, node, basis)
    return DeviceBasis(
        uuid=device.uuid,
        gpu_instance_id=device.gpu_instance_id,
        profile=device.profile,
        model=device.model,
        sharing=holder.sharing,
        slices=slices_of(device.profile, device.model) if is_instance else None,
        card_slices=_slices_of_card(device.model),
        is_guess=not own.known,
        basis=basis,
        own_share=own.part,
        share=share,
    )


def _slices_of_card(model: str) -> tuple[int, int]:
    compute = guess_slices("1g.1gb", model).compute.denominator
    return compute, 8 if compute == 7 else compute


def _decided_by(memory: float, compute: float, policy: Policy) -> str:
    """Which of the ratios, of which at least one is known, made the used ratio."""
    if isnan(memory) or isnan(compute):
        return COMPUTE if isnan(memory) else MEMORY
    match policy.used_ratio:
        case UsedRatio.MEMORY:
            return MEMORY
        case UsedRatio.COMPUTE:
            return COMPUTE
        case UsedRatio.MAX:
            return MEMORY if memory > compute else COMPUTE if compute > memory else BOTH
        case _:
            return BOTH


def _known(ratio: float) -> float | None:
    return None if isnan(ratio) else ratio

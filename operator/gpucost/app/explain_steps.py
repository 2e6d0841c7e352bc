"""One row of a window, taken apart: where each of its factors comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan

import numpy as np

from gpucost.attribution.used_ratio import used_ratio
from gpucost.matching.notes import CARD_COUNT_ESTIMATED
from gpucost.model.cards import told_cards
from gpucost.model.fleet import Cluster, Pod
from gpucost.model.holdings import Holder, NodeFacts, WindowHoldings
from gpucost.model.ledger import HolderLine
from gpucost.model.mig import guess_slices, slices_of
from gpucost.model.money import HOUR_TICKS
from gpucost.model.policies import Policy, UsedRatio
from gpucost.model.rates import NodeRate
from gpucost.model.time import Window
from gpucost.model.usage import Usage
from gpucost.reports.explanation import CardBasis, DeviceBasis, Life, PriceBasis, Samples, Step

MEMORY, COMPUTE, BOTH = "memory", "compute", "both"


@dataclass(frozen=True)
class Evidence:
    """What was read: telemetry, and pods by the API or what is left of it."""

    usage: Usage | None = None
    pods: Mapping[str, Pod] = field(default_factory=dict)
    """By UID."""

    @staticmethod
    def of(cluster: Cluster, usage: Usage, ended: Sequence[Pod]) -> "Evidence":
        return Evidence(usage, {pod.uid: pod for pod in (*ended, *cluster.pods) if pod.uid})

    def samples_of(self, window: Window, holder: Holder) -> Samples | None:
        """None: no series names the holder on its device."""
        if self.usage is None or window not in self.usage.windows:
            return None
        usage, rows = self.usage, self.usage.rows_of(self.usage.windows.index(window))
        named = [
            row
            for row in range(rows.start, rows.stop)
            if usage.holder[row] >= 0 and usage.devices[usage.device[row]] == holder.device and self._names(row, holder)
        ]
        if not named:
            return None
        return Samples(
            scrapes=float(usage.scrapes[named].sum()),
            device_scrapes=float(usage.device_scrapes[named].max()),
            interval_seconds=float(usage.row_interval_seconds[named[0]]),
        )

    def life_of(self, holder: Holder) -> Life | None:
        pod = self.pods.get(holder.pod_uid)
        return Life(bound=pod.bound, ended=pod.ended) if pod else None

    def cards_seen(self, window: Window, node: str) -> int:
        """Distinct cards of the node in telemetry; 0: none, or it is not at hand."""
        if self.usage is None or window not in self.usage.windows:
            return 0
        rows = self.usage.rows_of(self.usage.windows.index(window))
        devices = (self.usage.devices[number] for number in np.unique(self.usage.device[rows]))
        return len({device.uuid for device in devices if device.node == node})

    def _names(self, row: int, holder: Holder) -> bool:
        assert self.usage is not None  # noqa: S101 - asked only of rows of it
        name = self.usage.holders[self.usage.holder[row]]
        return (
            (name.namespace, name.pod) == (holder.namespace, holder.pod)
            and name.container in ("", holder.container)
            and name.pod_uid in ("", holder.pod_uid)
        )


def step_of(found: WindowHoldings, row: int, line: HolderLine, policy: Policy, evidence: Evidence) -> Step:
    """Row ``row`` of the window, which became ``line`` of its ledger."""
    holdings, holder = found.holdings, found.holders[row]
    device = int(holdings.device[row])
    node = int(holdings.device_node[device])
    facts, bills = found.nodes[node], holdings.bills
    memory, compute = float(holdings.memory_ratio[row]), float(holdings.compute_ratio[row])
    ratio = float(used_ratio(np.array([memory]), np.array([compute]), policy)[0])
    return Step(
        window=found.window,
        price=PriceBasis(
            node=facts.node.name,
            uid=facts.node.uid,
            instance_type=facts.node.instance_type,
            rate=facts.rate,
            gpu_fraction=_gpu_fraction(facts, policy),
            cards=_cards(found, facts, int(bills.cards[node]), evidence),
        ),
        alive_hours=round(float(bills.alive_hours[node]) * HOUR_TICKS),
        bill_e9=int(bills.cost_e9[node]),
        gpu_bill_e9=int(bills.gpu_cost_e9[node]),
        device=_device(holder, float(holdings.slice_share[device]), policy),
        slot_share=float(holdings.slot_share[row]),
        samples=evidence.samples_of(found.window, holder),
        life=evidence.life_of(holder),
        memory_ratio=_known(memory),
        compute_ratio=_known(compute),
        used_ratio=_known(ratio),
        decided_by="" if isnan(ratio) else _decided_by(memory, compute, policy),
        line=line,
    )


def _gpu_fraction(facts: NodeFacts, policy: Policy) -> float:
    told = facts.rate.gpu_fraction if isinstance(facts.rate, NodeRate) else None
    return policy.gpu_fraction if told is None else told


def _cards(found: WindowHoldings, facts: NodeFacts, cards: int, evidence: Evidence) -> CardBasis:
    name = facts.node.name
    if any(note.type == CARD_COUNT_ESTIMATED and note.subject == name for note in found.notes):
        return CardBasis(cards=cards, sources=())
    told = told_cards(facts.node, facts.rate.cards if isinstance(facts.rate, NodeRate) else None)
    beyond = cards if cards > max(told.listed, told.labelled) else 0
    counted = {
        "telemetry": evidence.cards_seen(found.window, name) or beyond,
        "price list": told.listed,
        "label nvidia.com/gpu.count": told.labelled,
    }
    return CardBasis(cards=cards, sources=tuple((source, count) for source, count in counted.items() if count))


def _device(holder: Holder, share: float, policy: Policy) -> DeviceBasis:
    device = holder.device
    is_instance = bool(device.gpu_instance_id or device.profile)
    slices = slices_of(device.profile, device.model) if is_instance else None
    return DeviceBasis(
        uuid=device.uuid,
        gpu_instance_id=device.gpu_instance_id,
        profile=device.profile,
        model=device.model,
        sharing=holder.sharing,
        slices=slices,
        card_slices=_slices_of_card(device.model),
        is_guess=is_instance and slices is None,
        basis=policy.slice_basis,
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

"""Builders of explained pods, and readers of what is said of them."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np

from gpucost.app.explaining.explain import Explainer
from gpucost.attribution.engine import attribute
from gpucost.model.bills import part_e9
from gpucost.model.fleet import Cluster, Node, Pod, Request
from gpucost.model.holdings import Holder, Holdings, NodeBills, NodeFacts, Note, WindowHoldings
from gpucost.model.policies import Policy
from gpucost.model.rates import MissingRate, NodeRate, RateOrigin
from gpucost.model.tenancy import Tenant
from gpucost.model.time import windows_between
from gpucost.model.usage import Device, NamedHolder, Usage
from gpucost.reports.explain_json import explanation_json
from gpucost.reports.explain_text import explanation_text
from gpucost.reports.explanation import Explanation
from gpucost.reports.ledger import ledger_of

START = datetime(2025, 3, 4, 8, tzinfo=UTC)
MORNING = windows_between(START, START + timedelta(hours=1), timedelta(minutes=5))
WINDOW = MORNING[0]
UNIT = Fraction(1, 10**9)
A100 = "NVIDIA A100-SXM4-40GB"
CARD = Device("n1", "GPU-a", "", "", A100)
SLICE = Device("n1", "GPU-a", "1", "3g.20gb", A100)
TENANT = Tenant(
    team="vision", product="p", cost_centre="c", environment="e", workload="Job/train", workload_type="batch"
)


def told_of(explanation: Explanation, *, by_window: bool = False) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(explanation_json(explanation, by_window=by_window))
    return told


def wrong_products_of(text: str) -> list[tuple[Fraction, Fraction, Fraction]]:
    """Of all products in the text: what the factors come to, what is printed, how far apart they may be."""
    return [product for product in products_of(text) if abs(product[0] - product[1]) > product[2]]


def products_of(text: str) -> list[tuple[Fraction, Fraction, Fraction]]:
    found = []
    for terms, printed in re.findall(r"([\d.]+(?: h)?(?: [x/] [\d.]+(?: h)?)+) = (\d+\.\d{9})", text):
        first, *rest = re.split(r" ([x/]) ", terms.replace(" h", ""))
        value, terms_of = Fraction(first), [Fraction(first)]
        for sign, term in zip(rest[::2], rest[1::2], strict=True):
            value = value * Fraction(term) if sign == "x" else value / Fraction(term)
            terms_of.append(Fraction(term))
        found.append((value, Fraction(printed), 4 * UNIT * (1 + max(terms_of))))
    return found


def make_holder(device: Device, *, pod: str = "train-0", namespace: str = "ml", **more: Any) -> Holder:
    sharing = "mig" if device.profile else "exclusive"
    return Holder(
        namespace=namespace,
        pod=pod,
        pod_uid=f"uid-{pod}",
        container="main",
        device=device,
        **({"sharing": sharing, "tenant": TENANT} | more),
    )


def make_rate(**fields: Any) -> NodeRate:
    rate = NodeRate(
        node="n1",
        hourly_e9=21_957_642_000,
        origin=RateOrigin.RATE_CARD,
        source="contract",
        as_of="2026-09-25",
        cards=8,
    )
    return replace(rate, **fields)


def make_window(
    *holders: Holder,
    slice_share: float = 1.0,
    held: float = 1.0,
    slots: float = 1.0,
    seen: float = 1.0,
    memory: float = 0.6,
    compute: float = 0.45,
    rate: NodeRate | MissingRate | None = None,
    notes: tuple[Note, ...] = (),
    cards: int = 8,
    gpu_fraction: float = 1.0,
) -> WindowHoldings:
    """One node of 21.957642 an hour; every holder holds a device of its own, all alike."""
    rows = len(holders)
    rate = rate or make_rate()
    cost = np.array([rate.hourly_e9 // 12 if isinstance(rate, NodeRate) else 0])
    return WindowHoldings(
        window=WINDOW,
        holdings=Holdings(
            bills=NodeBills(
                cost_e9=cost,
                gpu_cost_e9=part_e9(cost, np.array([gpu_fraction])),
                priced=cost > 0,
                cards=np.array([cards]),
                alive_hours=np.array([1 / 12]),
                observed=np.array([True]),
            ),
            device_node=np.zeros(rows, dtype=np.intp),
            slice_share=np.full(rows, slice_share),
            device=np.arange(rows),
            held_ratio=np.full(rows, held),
            slot_share=np.full(rows, slots),
            seen_ratio=np.full(rows, seen),
            memory_ratio=np.full(rows, memory),
            compute_ratio=np.full(rows, compute),
            estimated=np.zeros(rows, dtype=np.bool_),
        ),
        holders=holders,
        nodes=(NodeFacts(node=Node(name="n1", uid="u1", created=START), rate=rate, uncut_share=0.0),),
        notes=notes,
    )


def make_explainer(found: WindowHoldings, *, policy: Policy | None = None, namespace: str | None = "ml") -> Explainer:
    explainer = Explainer("train-0", namespace, policy or Policy())
    tell_of(explainer, found, policy or Policy())
    return explainer


def tell_of(explainer: Explainer, found: WindowHoldings, policy: Policy) -> None:
    attribution = attribute(found.holdings, policy)
    explainer.on_window(found, attribution, ledger_of(found, attribution, "USD"))


def line_of(text: str, about: str) -> str:
    """What the only line about that says."""
    (line,) = [line for line in text.splitlines() if re.match(rf"    {about}  ", line)]
    return line.strip().removeprefix(about).strip()


def text_of(found: WindowHoldings, policy: Policy | None = None) -> str:
    return explanation_text(make_explainer(found, policy=policy).explanation(), by_window=False)


def make_usage(*scrapes: tuple[Device, str, float]) -> Usage:
    """Device, pod (with ``/container`` where that is not main) and scrapes; a pod without a name is nobody."""
    devices = tuple({device: None for device, _, _ in scrapes})
    pods = tuple({pod: None for _, pod, _ in scrapes if pod})
    return Usage(
        windows=MORNING,
        devices=devices,
        holders=tuple(NamedHolder("ml", *(f"{pod}/main".split("/")[:2])) for pod in pods),
        window=np.zeros(len(scrapes), dtype=np.intp),
        device=np.array([devices.index(device) for device, _, _ in scrapes]),
        holder=np.array([pods.index(pod) if pod else -1 for _, pod, _ in scrapes]),
        scrapes=np.array([count for _, _, count in scrapes]),
        memory_ratio=np.zeros(len(scrapes)),
        compute_ratio=np.zeros(len(scrapes)),
        row_interval_seconds=np.full(len(scrapes), 30.0),
        interval_seconds=np.full(len(MORNING), 30.0),
    )


def make_pod(name: str = "train-0", namespace: str = "ml", **times: datetime) -> Pod:
    return Pod(
        uid=f"uid-{name}",
        namespace=namespace,
        name=name,
        node="n1",
        requests=(Request("main", "nvidia.com/gpu", 1),),
        **times,
    )


def make_cluster(*pods: Pod) -> Cluster:
    return Cluster(seen_at=MORNING[-1].end, nodes=(), pods=pods, namespaces={})

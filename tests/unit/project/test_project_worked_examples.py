"""Every bold figure of docs/how-it-computes.md is what the code computes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import nan
from pathlib import Path

import numpy as np
import pytest

from gpucost.attribution.engine import attribute
from gpucost.matching.match import Matcher
from gpucost.model.attributed import Attribution
from gpucost.model.bills import bill_e9, part_e9
from gpucost.model.cards import told_cards
from gpucost.model.fleet import Cluster, Node, Pod, Request
from gpucost.model.holdings import Holder, Holdings, NodeBills, NodeFacts, WindowHoldings
from gpucost.model.mig import slices_of
from gpucost.model.money import format_e9
from gpucost.model.policies import Policy, SliceBasis, UnallocatedPolicy, UsedRatio
from gpucost.model.rates import NodeRate, RateOrigin
from gpucost.model.tenancy import LabelKeys, Tenant
from gpucost.model.time import Window
from gpucost.model.usage import Device, NamedHolder, Usage
from gpucost.reports.ledger import ledger_of

PAGE = Path(__file__).parents[3] / "docs" / "how-it-computes.md"
RATE_E9 = 21_957_642_000
CARDS = 8
WINDOW = Window(datetime(2026, 11, 24, tzinfo=UTC), datetime(2026, 11, 24, 0, 5, tzinfo=UTC))
A100 = "NVIDIA A100-SXM4-40GB"
NODE = Node(name="n1", uid="u1", created=WINDOW.start - timedelta(days=1))

Row = tuple[str, float, float, float, float]
"""Pod, held ratio, slot share; memory and compute ratio while held."""


def share(profile: str, basis: SliceBasis = SliceBasis.DOMINANT) -> float:
    slices = slices_of(profile, A100)
    assert slices is not None
    return float({"dominant": slices.dominant, "compute": slices.compute, "memory": slices.memory}[basis])


def make_holdings(
    rows: Sequence[Row],
    devices: Sequence[int] = (),
    *,
    slice_share: float = 1.0,
    gpu_fraction: float = 1.0,
    cards: int = CARDS,
) -> WindowHoldings:
    """One window of the node; every row holds a device of its own, but for ``devices``."""
    index = np.array(devices or range(len(rows)), dtype=np.intp)
    cost = bill_e9(np.array([RATE_E9]), np.array([WINDOW.milliseconds]))
    pods, held, slots, memory, compute = zip(*rows, strict=True)
    tenant = Tenant(team="t", product="p", cost_centre="c", environment="e", workload="w", workload_type="batch")
    return WindowHoldings(
        window=WINDOW,
        holdings=Holdings(
            bills=NodeBills(
                cost_e9=cost,
                gpu_cost_e9=part_e9(cost, np.array([gpu_fraction])),
                priced=np.array([True]),
                cards=np.array([cards]),
                alive_hours=np.array([WINDOW.hours]),
                observed=np.array([True]),
            ),
            device_node=np.zeros(index.max() + 1, dtype=np.intp),
            slice_share=np.full(index.max() + 1, slice_share),
            device=index,
            held_ratio=np.array(held),
            slot_share=np.array(slots),
            seen_ratio=np.ones(len(rows)),
            memory_ratio=np.array(memory),
            compute_ratio=np.array(compute),
            estimated=np.zeros(len(rows), dtype=np.bool_),
        ),
        holders=tuple(
            Holder(
                namespace="ml",
                pod=pod,
                pod_uid=pod,
                container="main",
                device=Device("n1", "GPU", "", "", A100),
                sharing="exclusive",
                tenant=tenant,
            )
            for pod in pods
        ),
        nodes=(
            NodeFacts(
                node=NODE,
                rate=NodeRate(node="n1", hourly_e9=RATE_E9, origin=RateOrigin.RATE_CARD, source="list"),
                uncut_share=0.0,
            ),
        ),
        notes=(),
    )


def of(found: WindowHoldings, policy: Policy | None = None) -> Attribution:
    return attribute(found.holdings, policy or Policy())


def texts(*amounts_e9: int) -> list[str]:
    return [format_e9(int(amount)) for amount in amounts_e9]


def train(*, gpu_fraction: float = 1.0, policy: Policy | None = None) -> Attribution:
    rows: list[Row] = [("train", 0.6, 1.0, 0.60, 0.45)]
    return of(make_holdings(rows, slice_share=share("3g.20gb"), gpu_fraction=gpu_fraction), policy)


def one_example() -> list[str]:
    got = train()
    bill = int(got.cost[0] + got.unallocated_cost[0])
    return texts(bill, got.cost[0], got.used_cost[0], got.idle_cost[0], got.unallocated_cost[0])


def physical_cards() -> list[str]:
    labels = {"nvidia.com/gpu.product": f"{A100.replace(' ', '-')}-MIG-1g.5gb", "nvidia.com/gpu.count": "56"}
    node = Node(name="n1", uid="u1", created=WINDOW.start, labels=labels, capacity={"nvidia.com/gpu": 56})
    told = told_cards(node)
    assert told.labelled == 0
    rows: list[Row] = [("a", 1.0, 1.0, 0.0, 0.0)]
    costs = [of(make_holdings(rows, slice_share=share("1g.5gb"), cards=cards)).cost[0] for cards in (told.cards, 56)]
    return [str(told.cards), *texts(*costs)]


SLOTS = 4
LABELS = {
    "nvidia.com/gpu.count": "8",
    "nvidia.com/gpu.replicas": "4",
    "nvidia.com/gpu.sharing-strategy": "time-slicing",
}
Shown = tuple[str, str, float, float]
"""Card, pod (empty: nobody), memory and compute ratio."""


def make_shared(*shown: Shown, pods: Sequence[str], cards: int = CARDS, own_memory: bool = False) -> WindowHoldings:
    """What the matching makes of time-sliced cards that are scraped ten times; each pod asks for one slot."""
    labels = LABELS | {"nvidia.com/gpu.count": str(cards)}
    node = replace(NODE, labels=labels, capacity={"nvidia.com/gpu": cards * SLOTS})
    bound = WINDOW.start - timedelta(hours=1)
    uuids, names = sorted({uuid for uuid, *_ in shown}), sorted({pod for _, pod, *_ in shown if pod})
    named = np.array([pod != "" for _, pod, *_ in shown])
    rows = len(shown)
    usage = Usage(
        windows=(WINDOW,),
        devices=tuple(Device("n1", uuid, "", "", A100) for uuid in uuids),
        holders=tuple(NamedHolder("ml", pod, "main") for pod in names),
        window=np.zeros(rows, dtype=np.intp),
        device=np.array([uuids.index(uuid) for uuid, *_ in shown]),
        holder=np.array([names.index(pod) if pod else -1 for _, pod, *_ in shown]),
        scrapes=np.full(rows, 10.0),
        memory_ratio=np.array([memory for *_, memory, _ in shown]),
        compute_ratio=np.array([compute for *_, compute in shown]),
        row_interval_seconds=np.full(rows, 30.0),
        interval_seconds=np.array([30.0]),
        device_scrapes=np.full(rows, 10.0),
        slots=named.astype(np.float64),
        own_memory=named & own_memory,
    )
    cluster = Cluster(
        seen_at=WINDOW.end,
        nodes=(node,),
        pods=tuple(
            Pod(
                uid=f"uid-{pod}",
                namespace="ml",
                name=pod,
                node="n1",
                requests=(Request("main", "nvidia.com/gpu", 1),),
                bound=bound,
            )
            for pod in pods
        ),
        namespaces={},
    )
    rate = NodeRate(
        node="n1", hourly_e9=RATE_E9 * cards // CARDS, origin=RateOrigin.RATE_CARD, source="list", cards=cards
    )
    return Matcher(cluster=cluster, ended=(), keys=LabelKeys()).match(usage, 0, [rate])


def free(*uuids: str) -> list[Shown]:
    return [(uuid, "", nan, 0.0) for uuid in uuids]


def sharing() -> list[str]:
    others = free(*(f"GPU-{number}" for number in range(2, 9)))
    two = of(make_shared(("GPU-1", "a", nan, 0.6), ("GPU-1", "b", nan, 0.6), *others, pods="ab"))
    alone = of(make_shared(("GPU-1", "a", nan, 0.6), *others, pods="a"))
    card = of(make_holdings([("a", 1.0, 1.0, 0.0, 0.0)])).cost[0]
    rows = ("GPU-1", "a", 0.35, 0.5), ("GPU-1", "b", 0.10, 0.5)
    measured = of(make_shared(*rows, *others, pods="ab", own_memory=True))
    pool = of(make_shared(("GPU-1", "", nan, 0.6), ("GPU-2", "", nan, 0.2), pods="ab", cards=2))
    full: list[Row] = [("a", 1.0, 0.5, 0.9, nan), ("b", 1.0, 0.5, 0.0, nan)]
    capped = of(make_holdings(full, (0, 0)))
    assert capped.capped.any()
    assert int(pool.cost[1]) - int(pool.cost[0]) in (0, 1)
    return texts(
        *two.cost,
        card - two.cost.sum(),
        *alone.cost,
        *measured.used_cost,
        pool.cost[0],
        *capped.cost,
    )


def used_ratio() -> list[str]:
    chosen = [Policy(used_ratio=ratio, memory_weight=0.25) for ratio in UsedRatio]
    got = [train(policy=policy) for policy in chosen]
    assert {int(each.cost[0]) for each in got} == {int(train().cost[0])}
    return texts(*(each.used_cost[0] for each in got))


def slice_basis() -> list[str]:
    rows: list[Row] = [("a", 1.0, 1.0, 0.0, 0.0)]
    return texts(
        *(
            of(make_holdings(rows, slice_share=share(profile, basis))).cost[0]
            for profile in ("1g.5gb", "1g.10gb", "3g.20gb", "7g.40gb")
            for basis in SliceBasis
        )
    )


def unallocated() -> list[str]:
    rows: list[Row] = [(pod, 1.0, 1.0, 0.5, 0.5) for pod in ("a", "b", "b")]
    found = make_holdings(rows)
    attribution = of(found)
    shown = []
    for policy in UnallocatedPolicy:
        lines = ledger_of(found, attribution, "USD", policy).holders
        first, *others = (line.figures for line in lines)
        assert first.cost + sum(other.cost for other in others) == int(attribution.cost.sum())
        shown += [first.unallocated_share, sum(other.unallocated_share for other in others)]
    a, b = attribution.cost[0], attribution.cost[1:].sum()
    return texts(a, b, attribution.unallocated_cost[0], *shown)


def gpu_fraction() -> list[str]:
    got = train(gpu_fraction=0.9)
    gpu_part = got.cost[0] + got.unallocated_cost[0]
    return texts(gpu_part, got.host_cost[0], got.cost[0], got.unallocated_cost[0])


EXAMPLES = {
    "One example, from rate to report": one_example,
    "Physical cards": physical_cards,
    "Sharing without MIG": sharing,
    "Which use counts: `usedRatio`": used_ratio,
    "What part of its card an instance is: `sliceBasis`": slice_basis,
    "What nobody held: `unallocated`": unallocated,
    "What is not for the GPUs: `gpuFraction`": gpu_fraction,
}


def bold_figures() -> Mapping[str, list[str]]:
    """By section of the page, in their order."""
    sections = re.split(r"^##+ (.*)$", PAGE.read_text(), flags=re.MULTILINE)[1:]
    figures = {
        title: re.findall(r"\*\*([\d.]+)\*\*", text) for title, text in zip(sections[::2], sections[1::2], strict=True)
    }
    return {title: found for title, found in figures.items() if found}


def test_every_section_with_figures_has_an_example_in_code() -> None:
    assert set(bold_figures()) == set(EXAMPLES)


@pytest.mark.parametrize("section", EXAMPLES)
def test_the_figures_are_those_of_the_code(section: str) -> None:
    computed = EXAMPLES[section]()
    assert bold_figures()[section] == computed

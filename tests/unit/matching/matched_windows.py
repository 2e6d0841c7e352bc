"""Builders of nodes, pods and usages on one clock of five-minute windows, and a readable form of what was matched.

Times are minutes after the start of the first window; scrapes come every 30 s, ten a window.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import isnan, nan
from typing import Any, NamedTuple

import numpy as np

from gpucost.matching.match import Matcher
from gpucost.model.fleet import GPU_RESOURCE, MIG_RESOURCE_PREFIX, Cluster, Node, Pod, Request
from gpucost.model.holdings import Note, WindowHoldings
from gpucost.model.policies import Policy
from gpucost.model.rates import MissingRate, NodeRate, RateOrigin
from gpucost.model.tenancy import LabelKeys
from gpucost.model.time import windows_between
from gpucost.model.usage import Device, NamedHolder, Usage

START = datetime(2026, 11, 24, 8, tzinfo=UTC)
FIVE_MINUTES = timedelta(minutes=5)
A100 = "NVIDIA A100-SXM4-40GB"
SCRAPE_SECONDS = 30.0
GPU_HOUR_E9 = 4_000_000_000
NOBODY = NamedHolder("", "", "")


class Shared(NamedTuple):
    """A series of a shared device that was scraped ``of`` times."""

    device: Device
    holder: NamedHolder
    scrapes: float = 10
    memory: float = nan
    compute: float = nan
    of: float = 10
    slots: float = 0
    own: str = ""
    """Words: which ratios are the holder's own measurement."""
    beside: bool = False


Shown = tuple[Device, NamedHolder, float] | tuple[Device, NamedHolder, float, float, float] | Shared
"""Device, holder, scrapes; then the memory and the compute ratio, else those of a device that is in use if held."""


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def make_node(
    name: str = "n1",
    *,
    created: float = -60,
    last_seen: float | None = None,
    ended: float | None = None,
    uid: str | None = None,
    labels: Mapping[str, str] | None = None,
    gpus: int = 2,
    capacity: Mapping[str, int] | None = None,
) -> Node:
    """``capacity`` by resource, in the place of ``gpus``."""
    return Node(
        name=name,
        uid=f"uid-{name}" if uid is None else uid,
        created=at(created),
        last_seen=None if last_seen is None else at(last_seen),
        ended=None if ended is None else at(ended),
        labels=labels or {},
        capacity=capacity if capacity is not None else {GPU_RESOURCE: gpus} if gpus else {},
    )


def make_pod(
    name: str = "train-0",
    *,
    node: str = "n1",
    bound: float | None = -30,
    last_seen: float | None = None,
    ended: float | None = None,
    requests: Mapping[str, int] | None = None,
    uid: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> Pod:
    """``requests``: container to the number of cards; ``main:1g.5gb`` asks for instances, ``main:.shared`` for slots.

    None: one card for the container ``main``.
    """
    claims = {"main": 1} if requests is None else requests
    return Pod(
        uid=f"uid-{name}" if uid is None else uid,
        namespace="ml",
        name=name,
        node=node,
        labels={"team": "vision"} if labels is None else labels,
        requests=tuple(_request(claim, count) for claim, count in claims.items()),
        bound=None if bound is None else at(bound),
        last_seen=None if last_seen is None else at(last_seen),
        ended=None if ended is None else at(ended),
    )


def _request(claim: str, count: int) -> Request:
    container, _, profile = claim.partition(":")
    plain = not profile or profile == ".shared"
    return Request(container, GPU_RESOURCE + profile if plain else MIG_RESOURCE_PREFIX + profile, count)


def card(uuid: str = "GPU-a", node: str = "n1", model: str = A100) -> Device:
    return Device(node, uuid, "", "", model)


def instance(number: int, profile: str = "1g.5gb", uuid: str = "GPU-a", node: str = "n1", model: str = A100) -> Device:
    return Device(node, uuid, str(number), profile, model)


def named(pod: str = "train-0", container: str = "main", uid: str = "") -> NamedHolder:
    return NamedHolder("ml", pod, container, uid)


def make_usage(*windows: Sequence[Shown], intervals: Mapping[Device, float] | None = None) -> Usage:
    """One sequence of series for each window; ``intervals`` in seconds of devices that are not scraped every 30 s."""
    shown = [(number, *series) for number, window in enumerate(windows) for series in window]
    devices = tuple(sorted({device for _, device, *_ in shown}))
    holders = tuple(sorted({holder for _, _, holder, *_ in shown} - {NOBODY}))
    ratios = [series[4:6] or ((0.02, 0.0) if series[2] == NOBODY else (0.5, 0.25)) for series in shown]
    seconds = [(intervals or {}).get(device, SCRAPE_SECONDS) for _, device, *_ in shown]
    extras = [
        series if isinstance(series, Shared) else Shared(*series[:3], of=0) for window in windows for series in window
    ]
    usage = Usage(
        windows=windows_between(START, START + len(windows) * FIVE_MINUTES, FIVE_MINUTES),
        devices=devices,
        holders=holders,
        window=np.array([number for number, *_ in shown], dtype=np.intp),
        device=np.array([devices.index(device) for _, device, *_ in shown], dtype=np.intp),
        holder=np.array([-1 if h == NOBODY else holders.index(h) for _, _, h, *_ in shown], dtype=np.intp),
        scrapes=np.array([scrapes for _, _, _, scrapes, *_ in shown], dtype=np.float64),
        memory_ratio=np.array([memory for memory, _ in ratios], dtype=np.float64),
        compute_ratio=np.array([compute for _, compute in ratios], dtype=np.float64),
        row_interval_seconds=np.array(seconds, dtype=np.float64),
        interval_seconds=np.array([SCRAPE_SECONDS if window else nan for window in windows], dtype=np.float64),
    )
    of = np.array([extra.of for extra in extras], dtype=np.float64)
    return replace(
        usage,
        device_scrapes=np.where(of > 0, of, usage.device_scrapes),
        slots=np.array([extra.slots for extra in extras], dtype=np.float64),
        own_memory=np.array(["memory" in extra.own for extra in extras], dtype=np.bool_),
        own_compute=np.array(["compute" in extra.own for extra in extras], dtype=np.bool_),
        beside=np.array([extra.beside for extra in extras], dtype=np.bool_),
    )


def make_rate(node: str = "n1", **fields: Any) -> NodeRate:
    return replace(
        NodeRate(node=node, hourly_e9=2 * GPU_HOUR_E9, origin=RateOrigin.RATE_CARD, source="test", cards=2), **fields
    )


def match(
    *series: Shown,
    pods: Sequence[Pod] = (),
    ended: Sequence[Pod] = (),
    nodes: Sequence[Node] | None = None,
    rates: Sequence[NodeRate | MissingRate] | None = None,
    namespaces: Mapping[str, Mapping[str, str]] | None = None,
    policy: Policy | None = None,
    seen_at: float = 10,
    intervals: Mapping[Device, float] | None = None,
) -> WindowHoldings:
    """The first window, of a node ``n1`` with two cards."""
    usage = make_usage(series, intervals=intervals)
    nodes = [make_node()] if nodes is None else nodes
    cluster = Cluster(seen_at=at(seen_at), nodes=tuple(nodes), pods=tuple(pods), namespaces=namespaces or {})
    matcher = Matcher(cluster=cluster, ended=ended, keys=LabelKeys(), policy=policy or Policy())
    return matcher.match(usage, 0, [make_rate(node.name) for node in nodes] if rates is None else rates)


def held(got: WindowHoldings) -> dict[str, float]:
    """``device pod`` to the part of the node's life; an unknown device is a question mark."""
    return {place: round(float(got.holdings.held_ratio[row]), 6) for row, place in enumerate(held_by(got))}


def lines(got: WindowHoldings) -> dict[str, float]:
    """Uid of each billed node to the minutes that it lived."""
    hours = got.holdings.bills.alive_hours.tolist()
    return {facts.node.uid: round(alive * 60, 6) for facts, alive in zip(got.nodes, hours, strict=True)}


def minutes(got: WindowHoldings) -> dict[str, float]:
    """``node device pod`` to the minutes for which it was held; the node by its uid."""
    line = got.holdings.device_node[got.holdings.device]
    held_ms = got.holdings.held_ratio * got.holdings.bills.alive_hours[line] * 60
    return {
        f"{got.nodes[line[row]].node.uid} {holder.device.uuid or '?'} {holder.pod}": round(float(held_ms[row]), 6)
        for row, holder in enumerate(got.holders)
    }


def shares(got: WindowHoldings) -> dict[str, float]:
    """``device pod`` to the part of a card."""
    share = got.holdings.slice_share[got.holdings.device]
    return {place: float(share[row]) for row, place in enumerate(held(got))}


def figures(got: WindowHoldings) -> dict[str, tuple[float, float | None]]:
    """``device pod`` to cards' worth of time that was reserved and used, None: use is unknown; to four decimals."""
    holdings = got.holdings
    held = holdings.slice_share[holdings.device] * holdings.held_ratio
    ratio = np.fmax(holdings.memory_ratio, holdings.compute_ratio)
    reserved, used = (held * holdings.slot_share).tolist(), (held * holdings.seen_ratio * ratio).tolist()
    return {
        place: (round(reserved[row], 4), None if isnan(used[row]) else round(used[row], 4))
        for row, place in enumerate(held_by(got))
    }


def held_by(got: WindowHoldings) -> list[str]:
    """``device pod`` of each row."""
    return [
        f"{'/'.join(filter(None, (holder.device.uuid or '?', holder.device.gpu_instance_id)))} {holder.pod}"
        for holder in got.holders
    ]


def note_types(got: WindowHoldings) -> list[str]:
    return [note.type for note in got.notes]


def note(got: WindowHoldings, kind: str) -> Note:
    (found,) = (one for one in got.notes if one.type == kind)
    return found

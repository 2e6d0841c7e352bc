"""One window: who held which device, on which nodes, at which bill.

Regimes: whole cards, and MIG by the device plugin. A regime comes in at three places: which kind of device a request
is for (`kinds`), how a device's time is split among the names that it shows (`named`), and where a holder goes that no
series names (`unnamed`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from gpucost.matching import notes
from gpucost.matching.claims import Claims
from gpucost.matching.devices import Devices, Seen
from gpucost.matching.lives import Lives
from gpucost.matching.named import Named
from gpucost.matching.nodes import Nodes, Rates
from gpucost.matching.pods import Pods, to_ms
from gpucost.matching.rows import holdings_of
from gpucost.matching.unnamed import Unnamed, UnnamedRow
from gpucost.model.bills import HOUR_MS, bill_e9, part_e9
from gpucost.model.fleet import Cluster, Node, Pod
from gpucost.model.holdings import NodeBills, NodeFacts, WindowHoldings
from gpucost.model.rates import MissingRate, NodeRate
from gpucost.model.tenancy import LabelKeys, Tenant, tenant_of
from gpucost.model.time import Window
from gpucost.model.usage import Bools, Device, Ints, Usage

API_MEMORY = timedelta(hours=1)
"""How far back a look at the API is taken to know: pods that ended are deleted, nodes change their state."""


@dataclass(frozen=True)
class _Prepared:
    """What is the same in all windows of a usage."""

    usage: Usage
    devices: Devices
    named: Named
    unnamed: Unnamed


class Matcher:
    """Prepared once for a cluster, and once for each usage, so that each window is cheap."""

    def __init__(self, *, cluster: Cluster, ended: Sequence[Pod], keys: LabelKeys, gpu_fraction: float = 1.0) -> None:
        """``ended``: pods that telemetry names and the API forgot.

        ``gpu_fraction``: the part of a node's bill that goes to its cards where its rate does not say.
        """
        self._cluster, self._keys = cluster, keys
        self._tenants: dict[tuple[str, str, str], Tenant] = {}
        self._nodes = Nodes(cluster.nodes, gpu_fraction)
        self._pods = Pods(cluster.pods, ended, self._tenant_of)
        self._claims = Claims(self._pods.lives, self._nodes)
        self._prepared: _Prepared | None = None

    def match(self, usage: Usage, number: int, rates: Sequence[NodeRate | MissingRate]) -> WindowHoldings:
        """Window ``number`` of the usage; ``rates`` of that window, in the order of the cluster's nodes.

        Devices of nodes that the API does not know are left out and noted. Nodes are ordered by name and age, rows by
        node, device, pod and container, whatever the order of series and pods was. A node that showed nothing in a
        window which lies further back than the API remembers is not ``observed``: pods that held its cards may be
        forgotten by now.
        """
        shown = self._prepare(usage)
        window, rows = usage.windows[number], usage.rows_of(number)
        rates_then = self._nodes.rates(rates)
        seen = self._look(shown, rows, window, rates_then)
        lives = self._lives(window, rates_then, seen)
        named = shown.named.rows(rows, seen, lives)
        unnamed = shown.unnamed.rows(named, seen, lives)
        cards = self._nodes.cards(seen, rates_then)
        observed = (seen.machine_ms[lives.machine] > 0) | (window.end >= self._cluster.seen_at - API_MEMORY)

        bills = _bills(lives, rates_then, cards.used, observed)
        holders, holdings = holdings_of(bills, lives, devices=shown.devices, seen=seen, named=named, unnamed=unnamed)
        return WindowHoldings(
            window=window,
            holdings=holdings,
            holders=holders,
            nodes=tuple(
                NodeFacts(
                    node=self._nodes.all[node],
                    rate=rates_then.named[node],
                    uncut_share=float(seen.uncut_share[machine]),
                    state_known=window.end >= self._looked_at(self._nodes.all[node]) - API_MEMORY,
                )
                for node, machine in zip(lives.line, lives.machine, strict=True)
            ),
            notes=(
                *notes.unknown_nodes(_of_unknown_nodes(shown, rows)),
                *notes.card_counts(self._nodes, lives.line, cards),
                *notes.unknown_profiles(_guessed(shown.devices, seen, unnamed)),
                *notes.not_attributed(self._nodes, lives.machine, self._claims.unattributed),
            ),
        )

    def _prepare(self, usage: Usage) -> _Prepared:
        if self._prepared is None or self._prepared.usage is not usage:
            devices = Devices(usage.devices, self._nodes.machines)
            named = Named(usage, devices, self._pods, self._claims)
            unnamed = Unnamed(self._nodes, devices, self._claims, self._tenant_of)
            self._prepared = _Prepared(usage, devices, named, unnamed)
        return self._prepared

    def _tenant_of(self, pod: Pod) -> Tenant:
        key = pod.uid, pod.namespace, pod.name
        if key not in self._tenants:
            self._tenants[key] = tenant_of(pod, self._cluster.namespaces.get(pod.namespace, {}), self._keys)
        return self._tenants[key]

    def _looked_at(self, node: Node) -> datetime:
        return node.last_seen or self._cluster.seen_at

    def _look(self, shown: _Prepared, rows: slice, window: Window, rates: Rates) -> Seen:
        device = shown.devices.index[shown.usage.device[rows]]
        ours = device >= 0
        interval_ms = shown.usage.row_interval_seconds[rows] * 1000.0
        sampled_ms = shown.usage.scrapes[rows] * interval_ms
        of_device = np.zeros(len(shown.devices.all))
        of_device[device[ours]] = interval_ms[ours]
        return shown.devices.seen(
            np.bincount(device[ours], sampled_ms[ours], minlength=of_device.size).astype(np.float64),
            shown.named.named_ms(rows, sampled_ms),
            of_device,
            replaced=self._nodes.replaced(window, rates),
            window_ms=window.milliseconds,
        )

    def _lives(self, window: Window, rates: Rates, seen: Seen) -> Lives:
        start, end = to_ms(window.start), to_ms(window.end)
        first_bound_ms = self._claims.first_bound_ms(start, end, len(self._nodes.machines))
        return self._nodes.spans.lives(window, seen, first_bound_ms, self._nodes.have_cards(seen, rates))


def _bills(lives: Lives, rates: Rates, cards: Ints, observed: Bools) -> NodeBills:
    line, alive_ms = lives.line, lives.end_ms - lives.begin_ms
    cost_e9 = bill_e9(rates.hourly_e9[line], alive_ms)
    return NodeBills(
        cost_e9=cost_e9,
        gpu_cost_e9=part_e9(cost_e9, rates.gpu_fraction[line]),
        priced=rates.priced[line],
        cards=cards[line],
        alive_hours=alive_ms / HOUR_MS,
        observed=observed,
    )


def _of_unknown_nodes(shown: _Prepared, rows: slice) -> Iterator[Device]:
    device = shown.usage.device[rows]
    return (shown.usage.devices[number] for number in np.unique(device[shown.devices.index[device] < 0]))


def _guessed(devices: Devices, seen: Seen, unnamed: tuple[UnnamedRow, ...]) -> Iterator[Device]:
    """Devices of the window whose share of their card is a guess."""
    yield from (devices.all[number] for number in np.flatnonzero(devices.guessed & (seen.sampled_ms > 0)))
    yield from (row.holder.device for row in unnamed if row.estimated)

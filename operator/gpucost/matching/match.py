"""One window: who held which device, on which nodes, at which bill.

Regimes: whole cards and MIG instances, each alone or shared by time-slicing, MPS or compute instances. A regime comes
in at five places: which kind of device a request is for (`kinds`), how the devices of a kind are shared (`regimes`),
which named holders count (`sharers`), and where a holder goes that no series names, on a device of its own (`unnamed`)
or in the pool of shared ones (`pools`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from gpucost.matching import notes
from gpucost.matching.claims import Claims
from gpucost.matching.devices import Devices, Seen
from gpucost.matching.groups import Groups
from gpucost.matching.lacking import lacks_of
from gpucost.matching.lives import Lives
from gpucost.matching.measured import Measured, measure
from gpucost.matching.named import UNKNOWN_PROFILE, Named
from gpucost.matching.nodes import CardCount, Nodes, Rates
from gpucost.matching.pods import Pods, to_ms
from gpucost.matching.pools import Pools
from gpucost.matching.regimes import Regimes, regimes_of
from gpucost.matching.rows import HeldRows, Places, holdings_of
from gpucost.matching.sharers import sharers_of
from gpucost.matching.unheld import used_without_holder
from gpucost.matching.unnamed import Unnamed
from gpucost.model.bills import HOUR_MS, bill_e9, part_e9
from gpucost.model.fleet import Cluster, Node, Pod
from gpucost.model.holdings import Holder, NodeBills, NodeFacts, Note, WindowHoldings
from gpucost.model.policies import Policy
from gpucost.model.rates import MissingRate, NodeRate
from gpucost.model.tenancy import LabelKeys, Tenant, tenant_of
from gpucost.model.time import Window
from gpucost.model.usage import Bools, Device, Ints, Usage

API_MEMORY = timedelta(hours=1)
"""How far back a look at the API is taken to know: pods that ended are deleted, nodes change their state."""
_DEFAULT = Policy()


@dataclass(frozen=True)
class _Prepared:
    """What is the same in all windows of a usage."""

    usage: Usage
    devices: Devices
    groups: Groups
    named: Named
    unnamed: Unnamed
    pools: Pools


@dataclass(frozen=True)
class _Look:
    """What is known of a window before anybody is known to hold anything."""

    measured: Measured
    seen: Seen
    lives: Lives
    cards: CardCount
    regimes: Regimes
    held_ms: Ints
    """(c,) for how long the API says that claims hold."""


class Matcher:
    """Prepared once for a cluster, and once for each usage, so that each window is cheap."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        ended: Sequence[Pod],
        keys: LabelKeys,
        policy: Policy = _DEFAULT,
    ) -> None:
        """``ended``: pods that telemetry names and the API forgot."""
        self._cluster, self._keys, self._policy = cluster, keys, policy
        self._tenants: dict[tuple[str, str, str], Tenant] = {}
        self._nodes = Nodes(cluster.nodes)
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
        look = self._look(shown, rows, window, rates_then)
        lives, places = look.lives, Places(shown.devices, look.seen)
        held = self._held(shown, rows, look, places)
        rates_then = rates_then.of_cards(look.cards)
        observed = (look.seen.machine_ms[lives.machine] > 0) | (window.end >= self._cluster.seen_at - API_MEMORY)
        bills = _bills(lives, rates_then, look.cards.used, observed)
        holders, holdings = holdings_of(bills, lives, places, held)
        return WindowHoldings(
            window=window,
            holdings=holdings,
            holders=holders,
            nodes=tuple(
                NodeFacts(
                    node=self._nodes.all[node],
                    rate=rates_then.named[node],
                    uncut_share=float(look.seen.uncut_share[machine]),
                    state_known=window.end >= self._looked_at(self._nodes.all[node]) - API_MEMORY,
                )
                for node, machine in zip(lives.line, lives.machine, strict=True)
            ),
            notes=self._notes(shown, rows, look, places, held),
        )

    def _prepare(self, usage: Usage) -> _Prepared:
        if self._prepared is None or self._prepared.usage is not usage:
            basis = self._policy.slice_basis
            devices = Devices(usage.devices, self._nodes.machines, self._nodes.described, basis)
            groups = Groups(self._nodes, devices, self._claims)
            unnamed = Unnamed(self._nodes, devices, groups, self._tenant_of, basis)
            self._prepared = _Prepared(
                usage=usage,
                devices=devices,
                groups=groups,
                named=Named(usage, devices, self._pods, self._claims),
                unnamed=unnamed,
                pools=Pools(devices, groups, self._claims, unnamed),
            )
        return self._prepared

    def _look(self, shown: _Prepared, rows: slice, window: Window, rates: Rates) -> _Look:
        measured = measure(shown.usage, rows, shown.devices)
        renewed = self._nodes.spans.several(window)
        seen = shown.devices.seen(
            measured.sampled_ms,
            np.minimum(measured.named_ms, measured.sampled_ms),
            measured.interval_ms,
            told=self._nodes.cards_told(rates, renewed),
            renewed=renewed,
            window_ms=window.milliseconds,
        )
        lives = self._lives(window, rates, seen)
        cards = self._nodes.cards(seen, rates)
        held_ms = self._claims.held_ms(lives)
        regimes = regimes_of(
            shown.groups,
            self._claims,
            seen=seen,
            measured=measured,
            told_cards=self._nodes.of_machines(np.where(cards.told > 0, cards.most, 0)),
            held_ms=held_ms,
            span=(to_ms(shown.usage.windows[0].start), to_ms(shown.usage.windows[-1].end)),
        )
        machine = self._nodes.machine
        handed_out = cards.as_handed_out(whole=regimes.plain_whole[machine], unclear=regimes.plain_unclear[machine])
        return _Look(measured=measured, seen=seen, lives=lives, cards=handed_out, regimes=regimes, held_ms=held_ms)

    def _held(self, shown: _Prepared, rows: slice, look: _Look, places: Places) -> HeldRows:
        seen, lives, regimes, measured = look.seen, look.lives, look.regimes, look.measured
        sharers = sharers_of(
            shown.named.rows(rows, seen, lives),
            regimes,
            groups=shown.groups,
            claims=self._claims,
            machine=shown.devices.machine,
            seen=seen,
            measured=measured,
            lives=lives,
        )
        lacks = lacks_of(self._claims, look.held_ms, regimes=regimes, sharers=sharers, seen=seen, lives=lives)
        alone = [lack for lack in lacks if not regimes.shared[lack.group]]
        together = [lack for lack in lacks if regimes.shared[lack.group]]
        parts = [sharers.rows()]
        if alone:
            parts.append(
                shown.unnamed.rows(alone, sharers, regimes=regimes, seen=seen, measured=measured, places=places)
            )
        if together or sharers.forgotten.holders:
            pooled = shown.pools.rows(
                together, sharers.forgotten, regimes, seen=seen, measured=measured, lives=lives, places=places
            )
            parts.append(pooled)
        return HeldRows.joined(parts)

    def _notes(self, shown: _Prepared, rows: slice, look: _Look, places: Places, held: HeldRows) -> tuple[Note, ...]:
        machine = places.machine[held.place]
        unheld = used_without_holder(shown.devices, look.regimes, look.measured, place=held.place, machine=machine)
        on_devices = held.place[held.place < len(shown.devices.all)]
        groups_held = (*shown.groups.of_device[on_devices].tolist(), *look.regimes.of_claim[look.held_ms > 0].tolist())
        return (
            *notes.unknown_nodes(_of_unknown_nodes(shown, rows)),
            *notes.card_counts(self._nodes, look.lives.line, look.cards),
            *notes.unknown_profiles(_guessed(shown.devices, look.seen, held.holders)),
            *notes.slots_estimated(self._nodes, shown.groups, look.regimes, groups_held),
            *notes.used_without_holder(shown.devices.all[number] for number in unheld.tolist()),
            *notes.not_attributed(self._nodes, look.lives.machine, self._claims.unattributed),
        )

    def _tenant_of(self, pod: Pod) -> Tenant:
        key = pod.uid, pod.namespace, pod.name
        if key not in self._tenants:
            self._tenants[key] = tenant_of(pod, self._cluster.namespaces.get(pod.namespace, {}), self._keys)
        return self._tenants[key]

    def _looked_at(self, node: Node) -> datetime:
        return node.last_seen or self._cluster.seen_at

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


def _guessed(devices: Devices, seen: Seen, holders: Iterable[Holder]) -> Iterator[Device]:
    """Devices of the window whose share of their card is a guess."""
    yield from (devices.all[number] for number in np.flatnonzero(devices.guessed & (seen.sampled_ms > 0)))
    yield from (holder.device for holder in holders if UNKNOWN_PROFILE in holder.flags)

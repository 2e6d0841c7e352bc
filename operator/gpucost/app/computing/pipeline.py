"""From the sources to decided windows: one path for the operator, the command line and the demo."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from gpucost.app.configuration.rules import Rules
from gpucost.attribution.engine import attribute
from gpucost.matching.match import Matcher
from gpucost.model.attributed import Attribution
from gpucost.model.fleet import Cluster, Node, Pod
from gpucost.model.holdings import WindowHoldings
from gpucost.model.ledger import Ledger
from gpucost.model.source import ClusterSource, RateDesk, RateSource, TelemetrySource
from gpucost.model.time import Window
from gpucost.model.usage import NamedHolder, Usage
from gpucost.reports.ledger import ledger_of
from gpucost.telemetry.metrics import MetricNames
from gpucost.telemetry.usage import usage_of


class Witness(Protocol):
    """Is told what the figures are made of, on their way."""

    def on_rates(self, rates: RateSource) -> None: ...

    def on_read(self, cluster: Cluster, usage: Usage, ended: Sequence[Pod]) -> None: ...

    def on_window(self, found: WindowHoldings, attribution: Attribution, ledger: Ledger) -> None: ...


class Pipeline:
    """Computes windows; nothing of it is remembered between two calls but what the sources remember."""

    def __init__(
        self,
        *,
        cluster: ClusterSource,
        telemetry: TelemetrySource,
        rates: RateDesk,
        rules: Rules,
    ) -> None:
        self._cluster = cluster
        self._telemetry = telemetry
        self._rates = rates
        self._rules = rules

    def compute(
        self,
        windows: Sequence[Window],
        *,
        blind: bool = False,
        witness: Witness | None = None,
    ) -> tuple[Ledger, ...]:
        """The ledgers of windows that follow one another without a gap, in their order.

        ``blind``: telemetry is not asked; what the API says is charged, and the rest is unobserved.

        Raises SourceUnavailable or IncompleteAnswer; then nothing was decided and trying again may help.
        """
        cluster, usage, ended = self._read(windows, blind=blind)
        rates = self._rates.read(windows, blind=blind)
        if witness is not None:
            witness.on_rates(rates)
            witness.on_read(cluster, usage, ended)
        return self._ledgers(cluster, usage, ended, rates, witness)

    def compute_each(
        self, windows: Sequence[Window], desks: Sequence[RateDesk], *, blind: bool = False
    ) -> tuple[tuple[Ledger, ...], ...]:
        """The same windows under the rates of one desk after another: what is read is read once.

        Raises as `compute`.
        """
        cluster, usage, ended = self._read(windows, blind=blind)
        sources = [desk.read(windows, blind=blind) for desk in desks]
        return tuple(self._ledgers(cluster, usage, ended, rates) for rates in sources)

    def _read(self, windows: Sequence[Window], *, blind: bool) -> tuple[Cluster, Usage, Sequence[Pod]]:
        cluster = self._cluster.read()
        if blind:
            usage = usage_of({}, windows, MetricNames())
        else:
            usage = self._telemetry.read_usage(windows)
            cluster = self._with_ended_nodes(cluster, windows)
        unknown = _holders_to_look_up(usage, cluster)
        ended = self._telemetry.read_ended_pods(unknown, windows[-1].end) if unknown else ()
        return cluster, usage, _ended_with_their_nodes(ended, cluster)

    def _with_ended_nodes(self, cluster: Cluster, windows: Sequence[Window]) -> Cluster:
        """With those that vanished before anybody watched; asked only where the windows reach so far back."""
        if cluster.watched_since is not None and cluster.watched_since <= windows[0].start:
            return cluster
        ended = self._telemetry.read_ended_nodes(cluster, windows)
        return replace(cluster, nodes=(*cluster.nodes, *ended)) if ended else cluster

    def _ledgers(
        self, cluster: Cluster, usage: Usage, ended: Sequence[Pod], rates: RateSource, witness: Witness | None = None
    ) -> tuple[Ledger, ...]:
        policy = self._rules.policy
        matcher = Matcher(cluster=cluster, ended=ended, keys=self._rules.keys, policy=policy)
        ledgers = []
        for number, window in enumerate(usage.windows):
            holdings = matcher.match(usage, number, rates.rates_of(cluster.nodes, window))
            attribution = attribute(holdings.holdings, policy)
            ledgers.append(ledger_of(holdings, attribution, self._rules.currency, policy.unallocated))
            if witness is not None:
                witness.on_window(holdings, attribution, ledgers[-1])
        return tuple(ledgers)


def _ended_with_their_nodes(pods: Sequence[Pod], cluster: Cluster) -> tuple[Pod, ...]:
    """Where nobody tells a pod's own end, it ended with its node: it was never on a later one of the same name."""
    nodes: dict[str, list[Node]] = {}
    for node in sorted(cluster.nodes, key=lambda node: node.created):
        nodes.setdefault(node.name, []).append(node)

    def end(pod: Pod) -> Pod:
        if pod.ended is not None or pod.bound is None:
            return pod
        *_, own = (None, *(node for node in nodes.get(pod.node, ()) if node.created <= pod.bound))
        return pod if own is None or own.ended is None else replace(pod, last_seen=own.last_seen, ended=own.ended)

    return tuple(end(pod) for pod in pods)


def _holders_to_look_up(usage: Usage, cluster: Cluster) -> tuple[NamedHolder, ...]:
    """Holders that telemetry names and that no listed pod explains from the first window on that names them.

    A pod that came again under the same name is listed, but was not bound yet when its predecessor was named. Whether
    that was in the same window or long before must make no difference to the window.
    """
    listed: dict[tuple[str, str], list[Pod]] = {}
    for pod in cluster.pods:
        listed.setdefault((pod.namespace, pod.name), []).append(pod)
    named: dict[int, int] = {}
    for holder, window in zip(usage.holder.tolist(), usage.window.tolist(), strict=True):
        if holder >= 0:
            named.setdefault(holder, window)

    def is_explained(holder: NamedHolder, since: Window) -> bool:
        return any(
            pod.bound is None or pod.bound <= since.start for pod in listed.get((holder.namespace, holder.pod), ())
        )

    return tuple(
        usage.holders[holder]
        for holder, window in named.items()
        if not is_explained(usage.holders[holder], usage.windows[window])
    )

"""Collects what the pipeline computes of one pod, to show the way from samples to cost."""

from collections.abc import Sequence
from difflib import get_close_matches

from gpucost.app.explaining.evidence import Evidence
from gpucost.app.explaining.steps import step_of
from gpucost.model.attributed import Attribution
from gpucost.model.errors import ConfigurationError
from gpucost.model.fleet import Cluster, Pod
from gpucost.model.holdings import WindowHoldings
from gpucost.model.ledger import Ledger
from gpucost.model.policies import Policy
from gpucost.model.source import RateSource
from gpucost.model.time import Window, format_time
from gpucost.model.usage import Usage
from gpucost.reports.allocations import allocation_rows
from gpucost.reports.explanation import Explanation, HolderExplanation, Step, by_row

_MOST_NAMES = 3
_LIKENESS = 0.5

_Name = tuple[str, str]
"""Namespace and name."""


class Explainer:
    """Told by `Pipeline.compute` of what it read (``on_read``) and of every window (``on_window``).

    Without ``on_read`` the figures are the same, but the scrapes and the API's times behind them are not known.
    """

    def __init__(self, pod: str, namespace: str | None, policy: Policy) -> None:
        """``namespace`` None: wherever the pod is, as long as that is one namespace only."""
        self._pod, self._namespace, self._policy = pod, namespace, policy
        self._steps: list[Step] = []
        self._ledgers: list[Ledger] = []
        """Without their rows."""
        self._holders: set[_Name] = set()
        self._listed: dict[_Name, Pod] = {}
        self._evidence = Evidence()

    def on_rates(self, _rates: RateSource) -> None:
        """Each step says what its own rate is."""

    def on_read(self, cluster: Cluster, usage: Usage, ended: Sequence[Pod]) -> None:
        self._evidence = Evidence.of(cluster, usage, ended)
        self._listed |= {(pod.namespace, pod.name): pod for pod in (*ended, *cluster.pods)}

    def on_window(self, found: WindowHoldings, _attribution: Attribution, ledger: Ledger) -> None:
        self._ledgers.append(Ledger(window=ledger.window, currency=ledger.currency, holders=(), nodes=()))
        for row, line in enumerate(ledger.holders):
            self._holders.add((line.namespace, line.pod))
            if line.pod == self._pod and self._namespace in (None, line.namespace):
                self._steps.append(step_of(found, row, line, self._policy, self._evidence))

    def explanation(self) -> Explanation:
        """Of at least one window. Raises ConfigurationError where it is about no pod, or about several."""
        namespaces = sorted({step.line.namespace for step in self._steps})
        if not namespaces:
            raise ConfigurationError(f"{self._name()} held no GPU in {self._interval()}: {self._why_nothing()}")
        if len(namespaces) > 1:
            raise ConfigurationError(
                f"There is a pod {self._pod} in several namespaces ({', '.join(namespaces)}); name one of them with -n"
            )
        first, last = self._ledgers[0], self._ledgers[-1]
        return Explanation(
            namespace=namespaces[0],
            pod=self._pod,
            start=first.window.start,
            end=last.window.end,
            window=first.window.length,
            currency=first.currency,
            policy=self._policy,
            holders=tuple(_holder(steps, first.currency) for steps in by_row(self._steps)),
        )

    def _why_nothing(self) -> str:
        elsewhere = sorted(namespace for namespace, pod in self._holders if pod == self._pod)
        if elsewhere:
            return f"a pod of that name did in namespace {', '.join(elsewhere)}; give that with -n"
        listed = [
            pod for name, pod in self._listed.items() if name[1] == self._pod and self._namespace in (None, name[0])
        ]
        if listed:
            return f"{self._why_not_then(listed[0])}; ask for another time with --from and --to"
        why = "it was not bound to a node then, requests no GPU, or does not exist"
        nearest = self._nearest()
        if nearest:
            return f"{why}; names like it that did are {', '.join(nearest)}"
        return f"{why}; `gpucost allocations` shows who did" if self._holders else f"{why}; nobody did"

    def _why_not_then(self, pod: Pod) -> str:
        first, last = self._ledgers[0].window, self._ledgers[-1].window
        if pod.bound is not None and pod.bound >= last.end:
            return f"it was bound to node {pod.node} only at {format_time(pod.bound)}"
        if pod.ended is not None and pod.ended <= first.start:
            return f"it had ended at {format_time(pod.ended)}"
        return f"its node {pod.node} is no GPU node that was there then, or what it requests is not attributed"

    def _nearest(self) -> list[str]:
        """Names with their namespaces; those of the namespace that was asked for come first."""
        names = {name: f"{namespace}/{name}" for namespace, name in sorted(self._holders)}
        names |= {name: f"{namespace}/{name}" for namespace, name in self._holders if namespace == self._namespace}
        return [names[name] for name in get_close_matches(self._pod, names, n=_MOST_NAMES, cutoff=_LIKENESS)]

    def _name(self) -> str:
        return f"Pod {self._namespace}/{self._pod}" if self._namespace is not None else f"Pod {self._pod}"

    def _interval(self) -> str:
        windows: list[Window] = [ledger.window for ledger in self._ledgers]
        return f"{format_time(windows[0].start)} - {format_time(windows[-1].end)}"


def _holder(steps: tuple[Step, ...], currency: str) -> HolderExplanation:
    """The row is made as ``gpucost allocations`` makes it, so the figures are the same to the last digit."""
    (row,) = allocation_rows(
        [Ledger(window=step.window, currency=currency, holders=(step.line,), nodes=()) for step in steps]
    )
    return HolderExplanation(row=row, steps=steps)

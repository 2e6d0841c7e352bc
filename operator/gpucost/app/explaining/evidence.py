"""What the figures of a row rest on: the scrapes that name its holder, or the API's times."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from gpucost.app.explaining.rows import UsageRows
from gpucost.model.fleet import Cluster, Pod
from gpucost.model.holdings import Holder
from gpucost.model.sharing import MPS, TIME_SLICING
from gpucost.model.time import Window
from gpucost.model.usage import Indices, Usage
from gpucost.reports.explain_words import NOT_IN_TELEMETRY
from gpucost.reports.explanation import ROUNDING, Life, Samples, TimedBy


@dataclass(frozen=True)
class _Telemetry:
    usage: Usage
    rows: UsageRows


@dataclass(frozen=True)
class Evidence:
    """What was read: telemetry, and pods by the API or what is left of it."""

    _telemetry: _Telemetry | None = None
    _pods: Mapping[str, Pod] = field(default_factory=dict)
    """By UID."""
    _timed: frozenset[str] = frozenset()
    """UIDs of pods of which the API says when they held what they asked for."""

    @staticmethod
    def of(cluster: Cluster, usage: Usage, ended: Sequence[Pod]) -> "Evidence":
        timed = [pod for pod in ended if pod.bound and pod.ended] + [pod for pod in cluster.pods if pod.bound]
        return Evidence(
            _Telemetry(usage, UsageRows(usage)),
            {pod.uid: pod for pod in (*ended, *cluster.pods) if pod.uid},
            frozenset(pod.uid for pod in timed if pod.uid),
        )

    def timed_by(self, window: Window, holder: Holder, slot_share: float) -> TimedBy | None:
        """What says for how long it held its device, as matching has it; None: what was read is not at hand."""
        if self._of(window) is None:
            return TimedBy.API if NOT_IN_TELEMETRY in holder.flags else None
        if holder.pod_uid not in self._timed:
            return TimedBy.TELEMETRY
        is_named = self.samples_of(window, holder) is not None and NOT_IN_TELEMETRY not in holder.flags
        return TimedBy.TELEMETRY if is_named and self._shows_all(window, holder, slot_share) else TimedBy.API

    def samples_of(self, window: Window, holder: Holder) -> Samples | None:
        """None: no series names the holder on its device."""
        told = self._of(window)
        if told is None:
            return None
        usage = told.usage
        named = [
            row
            for row in told.rows.of_pod(window, holder.namespace, holder.pod).tolist()
            if usage.devices[usage.device[row]] == holder.device and _names(usage, row, holder)
        ]
        if not named:
            return None
        return Samples(
            scrapes=float(usage.scrapes[named].sum()),
            device_scrapes=float(usage.device_scrapes[named].max()),
            interval_seconds=float(usage.row_interval_seconds[named[0]]),
        )

    def life_of(self, holder: Holder) -> Life | None:
        pod = self._pods.get(holder.pod_uid)
        return Life(bound=pod.bound, ended=pod.ended) if pod else None

    def cards_seen(self, window: Window, node: str) -> int:
        """Cards of the node that telemetry shows at one time; 0: none, or it is not at hand.

        The mean rounded up, so that a card which takes the place of another is not one more.
        """
        told = self._of(window)
        seconds = _seen_seconds(told.usage, told.rows.of_node(window, node)) if told else {}
        return ceil(sum(seconds.values()) / max(seconds.values()) - ROUNDING) if seconds else 0

    @property
    def compute_metrics(self) -> tuple[str, ...]:
        """Names of the metrics that compute use was read from."""
        return self._telemetry.usage.compute_metrics if self._telemetry else ()

    def _of(self, window: Window) -> _Telemetry | None:
        return self._telemetry if self._telemetry is not None and window in self._telemetry.rows else None

    def _shows_all(self, window: Window, holder: Holder, slot_share: float) -> bool:
        """Whether devices of that kind show all who hold them, and not an arbitrary one of several."""
        if holder.sharing not in (TIME_SLICING, MPS):  # of compute instances none is told apart
            return slot_share > 1 - ROUNDING
        told = self._of(window)
        if told is None:
            return False
        usage, device = told.usage, holder.device
        return any(
            usage.holder[row] >= 0
            and (usage.slots[row] > 0 or usage.own_memory[row] or usage.own_compute[row])
            and usage.devices[usage.device[row]].profile == device.profile
            for row in told.rows.of_node(window, device.node).tolist()
        )


def _names(usage: Usage, row: int, holder: Holder) -> bool:
    """Whether a row that names the holder's pod means the holder."""
    name = usage.holders[usage.holder[row]]
    return name.container in ("", holder.container) and name.pod_uid in ("", holder.pod_uid)


def _seen_seconds(usage: Usage, rows: Indices) -> Mapping[str, float]:
    """For how long each card was seen: as long as any of its instances."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for row in rows.tolist():
        device = usage.devices[usage.device[row]]
        sampled = float(usage.device_scrapes[row] * usage.row_interval_seconds[row])
        seconds[device.uuid] = max(seconds[device.uuid], sampled)
    return seconds

"""What the pipeline asks of its sources; live, from files or simulated, they answer alike."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from gpucost.model.fleet import Cluster, Node, Pod
from gpucost.model.metered import NodePower, Offering
from gpucost.model.rates import MissingRate, NodeRate
from gpucost.model.time import Window
from gpucost.model.usage import NamedHolder, Usage


class ClusterSource(Protocol):
    @property
    def problems(self) -> tuple[str, ...]:
        """What the last look had to leave out, so that it is not billed: a sentence each."""

    def read(self) -> Cluster:
        """One look at the API.

        Raises SourceUnavailable where it does not answer.
        """


class TelemetrySource(Protocol):
    def newest_sample(self) -> datetime | None:
        """When the source last saw a GPU sample; None: it has seen none lately."""

    def read_usage(self, windows: Sequence[Window]) -> Usage:
        """Use of every device in windows that follow one another without a gap.

        Raises SourceUnavailable, or IncompleteAnswer where the answer is partial.
        """

    def read_ended_pods(self, holders: Sequence[NamedHolder], until: datetime) -> Sequence[Pod]:
        """Pods that telemetry names and the API has forgotten, with their last known labels."""

    def read_ended_nodes(self, cluster: Cluster, windows: Sequence[Window]) -> Sequence[Node]:
        """GPU nodes that were in the cluster in the windows, as we said ourselves then, and that it lists no more.

        Raises SourceUnavailable, or IncompleteAnswer where the answer is partial.
        """


class MeteredSource(Protocol):
    """What of telemetry prices rest on. Each is by window; the windows follow one another without a gap.

    Raises SourceUnavailable, or IncompleteAnswer where the answer is partial.
    """

    def read_power(self, windows: Sequence[Window]) -> Mapping[Window, Mapping[str, NodePower]]:
        """Power of the cards, by name of the node."""

    def read_offerings(self, windows: Sequence[Window]) -> Mapping[Window, Mapping[Offering, float]]:
        """Karpenter's prices of what can be bought, currency per hour."""

    def read_node_prices(self, windows: Sequence[Window]) -> Mapping[Window, Mapping[str, float]]:
        """OpenCost's prices by name of the node, currency per hour."""


class RateSource(Protocol):
    @property
    def label_keys(self) -> frozenset[str]:
        """Of the labels of nodes that decide a rate, beside those that tell instance type and GPUs."""

    def rates_of(self, nodes: Sequence[Node], window: Window) -> Sequence[NodeRate | MissingRate]:
        """The rate of every node in the window, in the order of ``nodes``."""


class RateDesk(Protocol):
    """Knows where prices are kept; what it hands out stays as it is, whatever becomes of them."""

    def read(self, windows: Sequence[Window], *, blind: bool = False) -> RateSource:
        """The rates of these windows as the sources have them now; ``blind``: telemetry is not asked.

        Raises SourceUnavailable, or IncompleteAnswer where the answer is partial.
        """

"""The ways to what the doctor looks at."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from kubernetes.client import ApiClient

from gpucost.app.configuration.settings import Settings
from gpucost.model.source import ClusterSource, MeteredSource, TelemetrySource


class Prometheus(TelemetrySource, MeteredSource, Protocol):
    @property
    def name(self) -> str:
        """For messages."""

    def server_time(self) -> datetime:
        """Raises SourceUnavailable, or IncompleteAnswer where the answer is partial."""


class Access(Protocol):
    """Each method may raise GpuCostError."""

    @property
    def is_live(self) -> bool:
        """False: saved objects stand in for a cluster."""

    @property
    def configuration(self) -> str:
        """Where the settings are from, for people."""

    def settings(self) -> Settings: ...

    def connect(self) -> ApiClient: ...

    def cluster(self, settings: Settings, client: ApiClient | None, at: datetime) -> ClusterSource:
        """``client`` None: the saved objects, as of ``at``."""

    def cards(self, settings: Settings, client: Callable[[], ApiClient | None]) -> tuple[object, ...]:
        """GpuRateCards; ``client`` is asked for only where they are the cluster's."""

    def prometheus(self, settings: Settings) -> Prometheus: ...

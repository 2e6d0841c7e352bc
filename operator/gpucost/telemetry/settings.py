"""What the telemetry source is told."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from gpucost.model.tenancy import LabelKeys
from gpucost.telemetry.metrics import MetricNames
from gpucost.telemetry.queries import Matcher


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetrySettings:
    url: str = field(repr=False)
    """Base URL of the Prometheus API, without ``/api/v1``."""
    matchers: tuple[Matcher, ...] = ()
    """For a Prometheus that holds several clusters: every selector carries them."""
    metrics: MetricNames = field(default_factory=MetricNames)
    scrape_interval: timedelta | None = None
    """None: told, job by job, from the most samples that a device had in the window."""
    token_file: Path | None = None
    """Bearer token, read anew for every request, since it may be rotated."""
    ca_file: Path | None = None
    """Certificates to trust instead of the system's."""
    username_file: Path | None = None
    password_file: Path | None = None
    """Both or neither; instead of a token."""
    certificate_file: Path | None = None
    key_file: Path | None = None
    """Our own certificate and its key, both or neither."""
    header_files: tuple[tuple[str, Path], ...] = ()
    """Names of further headers, and the files that hold their values."""
    timeout_seconds: float = 7.0
    """For one query. Short: a call in a thread holds the exit of the process until it ends."""
    max_answer_bytes: int = 64 * 2**20
    pod_history: timedelta = timedelta(days=1)
    """How far back it is asked about pods that have ended."""
    node_history: timedelta = timedelta(days=7)
    """How far before the windows it is asked about nodes that are gone: an outage of ourselves may be so long."""
    label_keys: LabelKeys = field(default_factory=LabelKeys)
    """What a pod's labels are called whose tenant is known from our own series."""

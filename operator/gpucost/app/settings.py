"""The configuration file: one YAML document, checked whole before anything starts."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from gpucost.app.durations import parse_duration
from gpucost.model.errors import ConfigurationError
from gpucost.model.tenancy import LabelKeys
from gpucost.model.time import DAY
from gpucost.telemetry.queries import Matcher, MetricNames
from gpucost.telemetry.settings import TelemetrySettings

NAMESPACE_VARIABLE = "GPUCOST_NAMESPACE"
DEFAULT_NAMESPACE = "gpucost"

_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_MOST_FILE_BYTES = 2**20
_MOST_NAMED = 3


def _as_duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_as_duration)]
LabelKey = Annotated[str, Field(min_length=1, max_length=317, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
Keys = Annotated[tuple[LabelKey, ...], Field(min_length=1, max_length=20)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class PrometheusSettings(_Section):
    """Where samples come from."""

    url: str = ""
    """Base URL of the API, without ``/api/v1``."""
    matchers: tuple[str, ...] = ()
    """Label matchers that every selector carries, for a Prometheus that holds several clusters."""
    scrape_interval: Duration | None = None
    """None: told from the most samples that a device had in a window."""
    timeout: Duration = timedelta(seconds=7)
    """For one query. A stop waits for the query in work, so it must stay below the pod's grace period."""
    token_file: Path | None = None
    ca_file: Path | None = None
    max_answer_bytes: int = Field(default=64 * 2**20, ge=2**16)

    @field_validator("matchers")
    @classmethod
    def _parse(cls, matchers: tuple[str, ...]) -> tuple[str, ...]:
        for matcher in matchers:
            Matcher.parse(matcher)
        return matchers

    @field_validator("timeout")
    @classmethod
    def _bound(cls, timeout: timedelta) -> timedelta:
        if not timedelta(seconds=1) <= timeout <= timedelta(minutes=5):
            raise ValueError("must be between 1s and 5m")
        return timeout

    def telemetry(self) -> TelemetrySettings:
        """Raises ConfigurationError where no URL is set."""
        if not self.url:
            raise ConfigurationError(
                "prometheus.url is not set; name the Prometheus that scrapes dcgm-exporter,"
                " such as http://prometheus.monitoring.svc:9090"
            )
        return TelemetrySettings(
            url=self.url,
            matchers=tuple(Matcher.parse(matcher) for matcher in self.matchers),
            metrics=MetricNames(),
            scrape_interval=self.scrape_interval,
            token_file=self.token_file,
            ca_file=self.ca_file,
            timeout_seconds=self.timeout.total_seconds(),
            max_answer_bytes=self.max_answer_bytes,
        )


class LabelSettings(_Section):
    """Which label keys name a dimension, first match wins; looked up on the pod, then on its namespace."""

    team: Keys = LabelKeys().team
    product: Keys = LabelKeys().product
    cost_centre: Keys = LabelKeys().cost_centre
    environment: Keys = LabelKeys().environment
    workload_type: Keys = LabelKeys().workload_type

    def keys(self) -> LabelKeys:
        return LabelKeys(**{name: getattr(self, name) for name in type(self).model_fields})


class Settings(_Section):
    """All of it, with a default for everything but ``prometheus.url``."""

    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    window: Duration = timedelta(minutes=5)
    """Length of a window; divides a day."""
    settle_delay: Duration = timedelta(seconds=60)
    """How long after its end a window is computed, so that its last samples are in."""
    lateness: Duration = timedelta(minutes=10)
    """How long a window waits for a sample after its end before it is closed with what there is."""
    backfill_max_age: Duration = timedelta(days=7)
    """How far back windows that were missed are computed."""
    gpu_fraction: float = Field(default=1.0, gt=0, le=1)
    """Part of the node rate that goes to the GPUs; the rest is the host line."""
    list_prices: bool = True
    """Whether bundled list prices may stand in where neither annotation nor rate card has a price."""
    namespace: str = Field(default_factory=lambda: operator_namespace(os.environ), min_length=1, max_length=63)
    """Where window records live, and reports whose own namespace is gone."""
    listen: str = Field(default="0.0.0.0:8080", pattern=r"^[^\s]*:\d{1,5}$")
    """Address of ``/healthz``, ``/readyz`` and ``/metrics``."""
    prometheus: PrometheusSettings = Field(default_factory=PrometheusSettings)
    labels: LabelSettings = Field(default_factory=LabelSettings)

    @model_validator(mode="after")
    def _divides_a_day(self) -> "Settings":
        if not timedelta(seconds=30) <= self.window <= DAY or DAY % self.window:
            raise ValueError("window must be between 30s and 24h and divide a day, such as 5m")
        return self


def operator_namespace(environ: Mapping[str, str]) -> str:
    """From the environment, else the pod's own, else `DEFAULT_NAMESPACE`."""
    if environ.get(NAMESPACE_VARIABLE):
        return environ[NAMESPACE_VARIABLE]
    try:
        return _ACCOUNT_NAMESPACE.read_text(encoding="utf-8").strip() or DEFAULT_NAMESPACE
    except OSError:
        return DEFAULT_NAMESPACE


def load_settings(path: Path) -> Settings:
    """Raises ConfigurationError with the key that is wrong."""
    try:
        if path.stat().st_size > _MOST_FILE_BYTES:
            raise ConfigurationError(f"The configuration {path} is larger than {_MOST_FILE_BYTES} bytes")
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"The configuration {path} cannot be read: {error.strerror}; name a YAML file with --config"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The configuration {path} is no YAML: {' '.join(str(error).split())}") from error
    if content is not None and not isinstance(content, dict):
        raise ConfigurationError(f"The configuration {path} holds no keys; write it as key: value")
    return parse_settings(content or {}, str(path))


def parse_settings(content: Mapping[str, Any], origin: str) -> Settings:
    """Raises ConfigurationError with the keys that are wrong; ``origin`` says where they stand."""
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        raise ConfigurationError(f"{origin}: {_complaint(error)}") from error


def _complaint(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False)
    parts = []
    for entry in found[:_MOST_NAMED]:
        key = ".".join(str(step) for step in entry["loc"])
        if entry["type"] == "extra_forbidden":
            parts.append(f"{key} is an unknown key; check its spelling against docs/reference/configuration.md")
            continue
        cause = entry["msg"].removeprefix("Value error, ")
        shown = f' "{str(entry["input"])[:40]}"' if isinstance(entry["input"], str | int | float | bool) else ""
        parts.append(f"{key}{shown}: {cause}" if key else cause)
    if len(found) > _MOST_NAMED:
        parts.append(f"and {len(found) - _MOST_NAMED} more")
    return "; ".join(parts)

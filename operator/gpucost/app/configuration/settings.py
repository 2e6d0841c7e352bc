"""The configuration file: one YAML document, checked whole before anything starts."""

import os
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BeforeValidator, Field, ValidationError, model_validator

from gpucost.app.configuration.complaints import explain
from gpucost.app.configuration.fields import (
    A_NAMESPACE,
    MOST_ENTRIES,
    NAMESPACE,
    Address,
    Currency,
    Delay,
    ExchangeRates,
    GpuPart,
    LabelKeyList,
    Namespace,
    Section,
    Span,
    as_decimal,
    must_be,
    one_of,
    that,
)
from gpucost.app.configuration.retention_rules import RetentionRules
from gpucost.app.configuration.settings_prometheus import PrometheusSettings
from gpucost.app.leading.lease import MOST_DURATION, LeaseTiming
from gpucost.cluster.resources import GpuResources
from gpucost.model.errors import ConfigurationError
from gpucost.model.policies import Policy, SliceBasis, UnallocatedPolicy, UsedRatio
from gpucost.model.tenancy import LabelKeys
from gpucost.model.time import DAY
from gpucost.pricing.rules import FractionModel, PriceRules
from gpucost.telemetry.settings import TelemetrySettings

NAMESPACE_VARIABLE = "GPUCOST_NAMESPACE"
DEFAULT_NAMESPACE = "gpucost"

_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_MOST_FILE_BYTES = 2**20


class LabelSettings(Section):
    """Which label keys name a dimension, first match wins; looked up on the pod, then on its namespace."""

    team: LabelKeyList = LabelKeys().team
    product: LabelKeyList = LabelKeys().product
    cost_centre: LabelKeyList = LabelKeys().cost_centre
    environment: LabelKeyList = LabelKeys().environment
    workload_type: LabelKeyList = LabelKeys().workload_type
    namespace_first: Annotated[bool, Field(strict=True), must_be("true or false")] = False
    """Whether a label of the namespace goes before one of the pod."""

    def keys(self) -> LabelKeys:
        return LabelKeys(**{name: getattr(self, name) for name in type(self).model_fields})


class LeaderElectionSettings(Section):
    """Of several replicas one does the work; the others stand by."""

    enabled: Annotated[bool, Field(strict=True), must_be("true or false")] = True
    """False: for one replica that nobody else ever runs beside."""
    lease_duration: Annotated[
        Span,
        Field(ge=timedelta(seconds=1), le=timedelta(seconds=MOST_DURATION)),
        that(lambda duration: not duration % timedelta(seconds=1)),
        must_be("a span of whole seconds with its unit, from 1s to 5m, such as 30s"),
    ] = timedelta(seconds=30)
    """For how long the Lease outlives its holder. Renewed three to six times in this time, by two small calls."""

    @property
    def timing(self) -> LeaseTiming:
        return LeaseTiming(self.lease_duration // timedelta(seconds=1))


class RetentionSettings(Section):
    """For how long reports are kept, and how much all of them together may be."""

    days: Annotated[
        int, Field(strict=True, ge=1, le=3650), must_be("a whole number of days, from 1 to 3650, such as 35")
    ] = RetentionRules().days
    """How long after its end a Day is kept."""
    months: Annotated[
        int, Field(strict=True, ge=1, le=1200), must_be("a whole number of months, from 1 to 1200, such as 13")
    ] = RetentionRules().months
    """How many months are kept beside the one that is not over."""
    objects: Annotated[
        int, Field(strict=True, ge=100), must_be("a whole number of reports, at least 100, such as 20000")
    ] = RetentionRules().objects
    """Where there are more reports, days are removed before their time."""
    megabytes: Annotated[
        int, Field(strict=True, ge=1), must_be("a whole number of megabytes, at least 1, such as 300")
    ] = RetentionRules().megabytes
    """Where all reports together are larger, days are removed before their time."""

    @property
    def rules(self) -> RetentionRules:
        return RetentionRules(**self.model_dump())


class Settings(Section):
    """All of it, with a default for everything but ``prometheus.url``."""

    currency: Currency = "USD"
    window: Annotated[
        Span,
        Field(ge=timedelta(seconds=30), le=DAY),
        that(lambda window: not DAY % window),
        must_be("a span of time with its unit, from 30s to 24h, that divides a day, such as 5m"),
    ] = timedelta(minutes=5)
    settle_delay: Delay = timedelta(seconds=60)
    """How long after its end a window is computed, so that its last samples are in."""
    lateness: Delay = timedelta(minutes=10)
    """How long a window waits for a sample after its end before it is closed with what there is."""
    backfill_max_age: Annotated[
        Span, Field(ge=timedelta(hours=1)), must_be("a span of time with its unit, from 1h to 3650d, such as 7d")
    ] = timedelta(days=7)
    """How far back windows that were missed are computed."""
    gpu_fraction: GpuPart = FractionModel.ALL
    """Part of the node rate that goes to the GPUs; the rest is the host line."""
    exchange_rates: ExchangeRates = Field(default_factory=dict)
    """Other currencies that prices may be in: what one unit of them is in ``currency``."""
    spot_ratio: Annotated[
        Decimal, BeforeValidator(as_decimal), Field(gt=0, le=1), must_be("a number above 0 and at most 1, such as 0.4")
    ] = PriceRules().spot_ratio
    """What a spot node is taken to cost, of its list price."""
    used_ratio: Annotated[UsedRatio, must_be(one_of(UsedRatio))] = UsedRatio.MAX
    """How much of what is held counts as used, from the memory ratio and the compute ratio."""
    memory_weight: Annotated[float, Field(strict=True, ge=0, le=1), must_be("a number from 0 to 1, such as 0.5")] = 0.5
    """With usedRatio ``weighted``: the weight of the memory ratio; compute has the rest."""
    slice_basis: Annotated[SliceBasis, must_be(one_of(SliceBasis))] = SliceBasis.DOMINANT
    """What part of its card a MIG instance is."""
    unallocated: Annotated[UnallocatedPolicy, must_be(one_of(UnallocatedPolicy))] = UnallocatedPolicy.SEPARATE
    """Who is shown a part of what nobody held on a node; it is never inside their cost."""
    list_prices: Annotated[bool, Field(strict=True), must_be("true or false")] = True
    """Whether bundled list prices, and prices by GPU model, may stand in where no other source has a price."""
    namespace: Namespace = Field(default_factory=lambda: operator_namespace(os.environ))
    """Where window records live, and reports whose own namespace is gone."""
    listen: Address = "0.0.0.0:8080"
    """Address of ``/healthz``, ``/readyz`` and ``/metrics``."""
    resource_aliases: Annotated[
        Mapping[str, str],
        Field(max_length=MOST_ENTRIES),
        that(GpuResources.with_aliases),
        must_be(
            "names of resources and the NVIDIA resource that each stands for, such as"
            " {k8s.amazonaws.com/vgpu: nvidia.com/gpu.shared}"
        ),
    ] = Field(default_factory=dict)
    """For device plugins that hand GPUs out under other names."""
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    leader_election: LeaderElectionSettings = Field(default_factory=LeaderElectionSettings)
    prometheus: PrometheusSettings = Field(default_factory=PrometheusSettings)
    labels: LabelSettings = Field(default_factory=LabelSettings)

    @property
    def resources(self) -> GpuResources:
        return GpuResources.with_aliases(self.resource_aliases)

    def telemetry(self) -> TelemetrySettings:
        """Raises ConfigurationError where no Prometheus is named."""
        return self.prometheus.telemetry(self.labels.keys())

    @property
    def policy(self) -> Policy:
        return Policy(
            used_ratio=self.used_ratio,
            memory_weight=self.memory_weight,
            slice_basis=self.slice_basis,
            unallocated=self.unallocated,
        )

    @property
    def price_rules(self) -> PriceRules:
        return PriceRules(
            currency=self.currency,
            exchange_rates=self.exchange_rates,
            published=tuple(dict.fromkeys(self.prometheus.prices)),
            list_prices=self.list_prices,
            spot_ratio=self.spot_ratio,
            gpu_fraction=self.gpu_fraction,
        )

    @model_validator(mode="after")
    def _is_no_rate_to_itself(self) -> "Settings":
        if self.currency in self.exchange_rates:
            raise ValueError(f"exchangeRates must not hold {self.currency}, which is the currency itself; leave it out")
        return self

    @model_validator(mode="after")
    def _is_scraped_in_every_window(self) -> "Settings":
        interval = self.prometheus.scrape_interval
        if interval is not None and interval > self.window:
            raise ValueError("prometheus.scrapeInterval must be at most the window, such as 30s with a window of 5m")
        return self


def operator_namespace(environ: Mapping[str, str]) -> str:
    """From the environment, else the pod's own, else `DEFAULT_NAMESPACE`.

    Raises ConfigurationError where the environment's is no name of a namespace.
    """
    name = environ.get(NAMESPACE_VARIABLE)
    if name:
        if not NAMESPACE.fullmatch(name):
            raise ConfigurationError(f'${NAMESPACE_VARIABLE} "{name[:80]}" must be {A_NAMESPACE}')
        return name
    try:
        return _ACCOUNT_NAMESPACE.read_text(encoding="utf-8").strip() or DEFAULT_NAMESPACE
    except OSError:
        return DEFAULT_NAMESPACE


def load_settings(path: Path) -> Settings:
    """Raises ConfigurationError with the keys that are wrong."""
    return parse_settings(read_configuration(path), path)


def read_configuration(path: Path) -> bytes:
    """Raises ConfigurationError where the file cannot be read, or is too large to be one."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"The configuration {path} cannot be read: {error.strerror}; name a YAML file with --config"
        ) from error
    if len(content) > _MOST_FILE_BYTES:
        raise ConfigurationError(
            f"The configuration {path} is larger than {_MOST_FILE_BYTES} bytes; name a YAML file of settings"
        )
    return content


def parse_settings(content: bytes, path: Path) -> Settings:
    """``path``: for messages. Raises ConfigurationError with the keys that are wrong."""
    keys = _parse_yaml(content, path)
    try:
        return Settings.model_validate({} if keys is None else keys)
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {explain(error, Settings)}") from error


def _parse_yaml(content: bytes, path: Path) -> Any:
    try:
        keys: Any = yaml.safe_load(content.decode())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        cause = " ".join(str(error).split())
        raise ConfigurationError(f"The configuration {path} is no YAML: {cause}; write it as key: value") from error
    if keys is not None and not isinstance(keys, dict):
        raise ConfigurationError(f"The configuration {path} holds no keys; write it as key: value")
    return keys

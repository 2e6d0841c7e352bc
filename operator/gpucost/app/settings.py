"""The configuration file: one YAML document, checked whole before anything starts."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from gpucost.app.complaints import explain
from gpucost.app.fields import (
    A_NAMESPACE,
    MOST_ENTRIES,
    NAMESPACE,
    Address,
    Currency,
    Delay,
    ExchangeRates,
    FilePath,
    GpuPart,
    LabelKeyList,
    MatcherList,
    MetricNameList,
    Namespace,
    Span,
    as_decimal,
    list_of,
    must_be,
    one_of,
    that,
)
from gpucost.cluster.resources import GpuResources
from gpucost.model.errors import ConfigurationError
from gpucost.model.policies import Policy, SliceBasis, UnallocatedPolicy, UsedRatio
from gpucost.model.tenancy import LabelKeys
from gpucost.model.time import DAY
from gpucost.pricing.rules import FractionModel, PriceRules, PublishedPrices
from gpucost.telemetry.metrics import ComputeMetric, MetricNames
from gpucost.telemetry.queries import Matcher
from gpucost.telemetry.settings import TelemetrySettings

NAMESPACE_VARIABLE = "GPUCOST_NAMESPACE"
DEFAULT_NAMESPACE = "gpucost"

_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_MOST_FILE_BYTES = 2**20


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class ComputeMetricSettings(_Section):
    """A measurement of compute use."""

    names: MetricNameList
    full: Annotated[float, Field(strict=True, gt=0), must_be("a number above 0: 1 for a ratio, 100 for percent")] = 1.0
    """The value of a device that is busy all the time."""
    measures_instances: Annotated[bool, Field(strict=True), must_be("true or false")] = True
    """Whether it says anything of MIG instances."""
    per_pod: Annotated[bool, Field(strict=True), must_be("true or false")] = False
    """Whether newer exporters print what each pod used, beside the device's total."""


class MetricSettings(_Section):
    """What the exporter's metrics are called; of several names of one metric the first that is printed counts."""

    memory_used: MetricNameList = MetricNames().memory_used
    memory_free: MetricNameList = MetricNames().memory_free
    memory_reserved: MetricNameList = MetricNames().memory_reserved
    power: MetricNameList = MetricNames().power
    """Power of a card in watts."""
    compute: Annotated[tuple[ComputeMetricSettings, ...], Field(min_length=1, max_length=8)] = tuple(
        ComputeMetricSettings.model_validate({to_camel(key): value for key, value in asdict(metric).items()})
        for metric in MetricNames().compute
    )
    """The first that was measured counts."""

    def names(self) -> MetricNames:
        """Raises ConfigurationError where a metric is named twice."""
        return MetricNames(
            memory_used=self.memory_used,
            memory_free=self.memory_free,
            memory_reserved=self.memory_reserved,
            power=self.power,
            compute=tuple(ComputeMetric(**metric.model_dump()) for metric in self.compute),
        )


class PrometheusSettings(_Section):
    """Where samples come from."""

    url: Annotated[str, must_be("a URL, such as http://prometheus.monitoring.svc:9090")] = ""
    """Base URL of the API, without ``/api/v1``."""
    matchers: MatcherList = ()
    """Label matchers that every selector carries, for a Prometheus that holds several clusters."""
    scrape_interval: Annotated[
        Annotated[Span, Field(gt=timedelta(0))] | None,
        must_be("a span of time with its unit, longer than 0s and at most the window, such as 30s"),
    ] = None
    """None: told from the most samples that a device had in a window."""
    timeout: Annotated[
        Span,
        Field(ge=timedelta(seconds=1), le=timedelta(minutes=5)),
        must_be("a span of time with its unit, from 1s to 5m, such as 10s"),
    ] = timedelta(seconds=7)
    """For one query. A stop waits for the query in work, so it must stay below the pod's grace period."""
    metrics: MetricSettings = Field(default_factory=MetricSettings)
    prices: Annotated[
        tuple[Annotated[PublishedPrices, must_be(one_of(PublishedPrices))], ...],
        list_of(f"names, each {one_of(PublishedPrices)}, such as [karpenter]"),
    ] = ()
    """Whose prices are asked where no rate card has one, the first that has an answer counts."""
    token_file: FilePath = None
    ca_file: FilePath = None
    max_answer_bytes: Annotated[
        int, Field(strict=True, ge=2**16), must_be("a whole number of bytes, at least 65536, such as 67108864")
    ] = 64 * 2**20

    def telemetry(self, keys: LabelKeys) -> TelemetrySettings:
        """``keys``: what labels are called. Raises ConfigurationError where no URL is set."""
        if not self.url:
            raise ConfigurationError(
                "prometheus.url is not set; name the Prometheus that scrapes dcgm-exporter,"
                " such as http://prometheus.monitoring.svc:9090"
            )
        return TelemetrySettings(
            url=self.url,
            matchers=tuple(Matcher.parse(matcher) for matcher in self.matchers),
            metrics=self.metrics.names(),
            scrape_interval=self.scrape_interval,
            token_file=self.token_file,
            ca_file=self.ca_file,
            timeout_seconds=self.timeout.total_seconds(),
            max_answer_bytes=self.max_answer_bytes,
            label_keys=keys,
        )


class LabelSettings(_Section):
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


class Settings(_Section):
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
    content = _read_yaml(path)
    try:
        return Settings.model_validate({} if content is None else content)
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {explain(error, Settings)}") from error


def _read_yaml(path: Path) -> Any:
    try:
        if path.stat().st_size > _MOST_FILE_BYTES:
            raise ConfigurationError(
                f"The configuration {path} is larger than {_MOST_FILE_BYTES} bytes; name a YAML file of settings"
            )
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"The configuration {path} cannot be read: {error.strerror}; name a YAML file with --config"
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        cause = " ".join(str(error).split())
        raise ConfigurationError(f"The configuration {path} is no YAML: {cause}; write it as key: value") from error
    if content is not None and not isinstance(content, dict):
        raise ConfigurationError(f"The configuration {path} holds no keys; write it as key: value")
    return content

"""Section ``prometheus`` of the configuration: where samples are, and what they are called."""

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field
from pydantic.alias_generators import to_camel

from gpucost.app.configuration.fields import (
    FilePath,
    HeaderFiles,
    MatcherList,
    MetricNameList,
    Section,
    Span,
    list_of,
    must_be,
    one_of,
)
from gpucost.model.errors import ConfigurationError
from gpucost.model.tenancy import LabelKeys
from gpucost.pricing.rules import PublishedPrices
from gpucost.telemetry.metrics import ComputeMetric, MetricNames
from gpucost.telemetry.queries import Matcher
from gpucost.telemetry.settings import TelemetrySettings


class ComputeMetricSettings(Section):
    """A measurement of compute use."""

    names: MetricNameList
    full: Annotated[float, Field(strict=True, gt=0), must_be("a number above 0: 1 for a ratio, 100 for percent")] = 1.0
    """The value of a device that is busy all the time."""
    measures_instances: Annotated[bool, Field(strict=True), must_be("true or false")] = True
    """Whether it says anything of MIG instances."""
    per_pod: Annotated[bool, Field(strict=True), must_be("true or false")] = False
    """Whether newer exporters print what each pod used, beside the device's total."""


class MetricSettings(Section):
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


class PrometheusSettings(Section):
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
    username_file: FilePath = None
    password_file: FilePath = None
    ca_file: FilePath = None
    certificate_file: FilePath = None
    key_file: FilePath = None
    headers: HeaderFiles = Field(default_factory=dict)
    """Names of headers that are sent with every query, such as ``X-Scope-OrgID``, to files that hold their values."""
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
        self._check_credentials()
        return TelemetrySettings(
            url=self.url,
            matchers=tuple(Matcher.parse(matcher) for matcher in self.matchers),
            metrics=self.metrics.names(),
            scrape_interval=self.scrape_interval,
            token_file=self.token_file,
            ca_file=self.ca_file,
            username_file=self.username_file,
            password_file=self.password_file,
            certificate_file=self.certificate_file,
            key_file=self.key_file,
            header_files=tuple(self.headers.items()),
            timeout_seconds=self.timeout.total_seconds(),
            max_answer_bytes=self.max_answer_bytes,
            label_keys=keys,
        )

    def _check_credentials(self) -> None:
        """Raises ConfigurationError where they contradict each other."""
        _check_pair(usernameFile=self.username_file, passwordFile=self.password_file)
        _check_pair(certificateFile=self.certificate_file, keyFile=self.key_file)
        parts = urlsplit(self.url)
        senders = {
            "prometheus.tokenFile": self.token_file is not None,
            "prometheus.passwordFile": self.password_file is not None,
            "a user's name or password in prometheus.url": "@" in parts.netloc,
        }
        told = [name for name, is_told in senders.items() if is_told]
        if len(told) > 1:
            raise ConfigurationError(
                f"{told[0]} and {told[1]} are both set, and there is one Authorization header; leave one of them out"
            )
        if self.certificate_file is not None and parts.scheme != "https":
            raise ConfigurationError(
                "prometheus.certificateFile is set and prometheus.url is no https URL, so that nobody would ask for it;"
                " write https, or leave the certificate out"
            )


def _check_pair(**files: Path | None) -> None:
    told = [key for key, path in files.items() if path is not None]
    lacking = [key for key, path in files.items() if path is None]
    if told and lacking:
        raise ConfigurationError(
            f"prometheus.{told[0]} is set and prometheus.{lacking[0]} is not; set both or neither of them"
        )

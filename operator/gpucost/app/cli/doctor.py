"""``gpucost doctor``: every precondition looked at, each failure with its fix."""

import argparse
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gpucost.app.cli.arguments import add_sources, configuration_of, require_prometheus
from gpucost.app.cli.messages import write
from gpucost.app.configuration.settings import Settings
from gpucost.reports.findings import Finding, Health, findings_json, findings_table

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

    from gpucost.app.doctor.access import Prometheus
    from gpucost.model.source import ClusterSource


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "doctor",
        help="every precondition looked at, each failure with its fix",
        description="Looks at the configuration, the cluster, Prometheus and the prices, and writes nothing. Ends with"
        " 1 where something failed; warnings alone are no failure.",
    )
    parser.add_argument("-o", "--output", choices=["table", "json"], default="table", help="default: table")
    add_sources(parser)
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    from gpucost.app.doctor.examination import Examination  # noqa: PLC0415 - kubernetes takes a second to import

    examination = Examination(OptionAccess(options), lambda: datetime.now(UTC))
    findings = [_naming_the_option(finding, options) for finding in examination.findings()]
    write(findings_json(findings) if options.output == "json" else findings_table(findings))
    return int(any(finding.health is Health.FAILURE for finding in findings))


def _naming_the_option(finding: Finding, options: argparse.Namespace) -> Finding:
    """Who gave an option looks for that, and not for the key of the configuration."""
    if not options.prometheus:
        return finding
    found, fix = (text.replace("prometheus.url", "--prometheus") for text in (finding.found, finding.fix))
    return replace(finding, found=found, fix=fix)


class OptionAccess:
    """`Access` as the options name it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options

    @property
    def is_live(self) -> bool:
        return self._options.cluster_dir is None

    @property
    def configuration(self) -> str:
        config = self._options.config
        return f"{config} can be used" if config else "defaults are used, since no --config is given"

    def settings(self) -> Settings:
        return configuration_of(self._options)

    def connect(self) -> "ApiClient":
        from gpucost.app.cli.sources import connect_to  # noqa: PLC0415 - as above

        return connect_to(self._options)

    def cluster(self, settings: Settings, client: "ApiClient | None", at: datetime) -> "ClusterSource":
        from gpucost.app.cli.sources import cluster_of  # noqa: PLC0415

        return cluster_of(self._options, settings, client, at)

    def cards(self, settings: Settings, client: "Callable[[], ApiClient | None]") -> tuple[object, ...]:
        from gpucost.app.cli.sources import cards_of  # noqa: PLC0415

        return cards_of(self._options, settings, None if self._options.rates else client())

    def prometheus(self, settings: Settings) -> "Prometheus":
        from gpucost.telemetry.source import PrometheusTelemetry  # noqa: PLC0415

        require_prometheus(settings)
        return PrometheusTelemetry(settings.telemetry())

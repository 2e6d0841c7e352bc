"""Options that several commands share, and what they mean."""

import argparse
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gpucost.app.configuration.durations import LONGEST, parse_duration
from gpucost.app.configuration.settings import Settings, load_settings
from gpucost.model.errors import ConfigurationError, GpuCostError
from gpucost.model.time import Window, floor_to, format_time

OUTPUTS = ("table", "wide", "json", "yaml", "csv")
DEFAULT_SPAN = timedelta(hours=24)

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOST_SHOWN = 40
_FIRST_YEAR = 2000
"""Nothing was measured before, and times need room before them to be reckoned with."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Whole windows."""

    start: datetime
    end: datetime


def moment(text: str) -> datetime:
    """A time with its zone, or a date, which means its UTC midnight."""
    try:
        read = datetime.fromisoformat(text)
        if read.tzinfo is None and not _DATE.fullmatch(text):
            raise argparse.ArgumentTypeError(f'"{text}" has no time zone; write it as {read:%Y-%m-%dT%H:%M:%S}Z')
        read = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(
            f'"{text[:_MOST_SHOWN]}" is no time; write it as 2026-11-24T00:00:00Z, or 2026-11-24 for its UTC midnight'
        ) from error
    if read.year < _FIRST_YEAR:
        raise argparse.ArgumentTypeError(f'"{text}" is too long ago; write a time from {_FIRST_YEAR} on')
    return read


def duration(text: str) -> timedelta:
    try:
        span = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not span:
        raise argparse.ArgumentTypeError(f'"{text}" is no time at all; write a longer span, such as 24h')
    return span


def add_sources(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where the data comes from")
    group.add_argument("--config", type=Path, metavar="FILE", help="the operator's configuration")
    group.add_argument("--kubeconfig", type=Path, metavar="FILE", help="the cluster (default: $KUBECONFIG)")
    group.add_argument("--context", metavar="NAME", help="the kubeconfig's context to use")
    group.add_argument(
        "--cluster-dir",
        type=Path,
        metavar="DIR",
        help="instead of a cluster: a folder with nodes.json, pods.json and namespaces.json"
        " as `kubectl get -A -o json` prints them",
    )
    group.add_argument("--prometheus", metavar="URL", help="the Prometheus that scrapes dcgm-exporter")
    group.add_argument("--rates", type=Path, metavar="FILE", help="GpuRateCards to use instead of the cluster's")


def add_interval(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which time (UTC, whole windows; default: the last 24h)")
    first = group.add_mutually_exclusive_group()
    first.add_argument(
        "--from", dest="start", type=moment, metavar="T", help="such as 2026-11-24T00:00:00Z or 2026-11-24"
    )
    first.add_argument("--last", type=duration, metavar="SPAN", help="such as 90m, 24h or 7d, up to --to")
    group.add_argument("--to", dest="end", type=moment, metavar="T", help="default: the end of the last settled window")
    parser.set_defaults(refuse=parser.error)


def add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", choices=OUTPUTS, default="table", help="default: table")


def configuration_of(options: argparse.Namespace) -> Settings:
    """The configuration file's settings with the command line's on top; perhaps without a Prometheus."""
    settings = load_settings(options.config) if options.config else Settings()
    return with_prometheus(settings, options)


def with_prometheus(settings: Settings, options: argparse.Namespace) -> Settings:
    """With the Prometheus that the command line names, if any."""
    if not options.prometheus:
        return settings
    prometheus = settings.prometheus.model_copy(update={"url": options.prometheus})
    return settings.model_copy(update={"prometheus": prometheus})


def settings_of(options: argparse.Namespace) -> Settings:
    """As `configuration_of`. Raises ConfigurationError where no Prometheus is named."""
    settings = configuration_of(options)
    require_prometheus(settings)
    return settings


def require_prometheus(settings: Settings) -> None:
    """Raises ConfigurationError where none is named."""
    if not settings.prometheus.url:
        raise ConfigurationError(
            "No Prometheus is named; give --prometheus URL, or set prometheus.url in the file of --config"
        )


@contextmanager
def naming_the_option(options: argparse.Namespace) -> Iterator[None]:
    """Messages about Prometheus name the key of the configuration; whoever gave an option looks for that."""
    try:
        yield
    except GpuCostError as error:
        if not options.prometheus:
            raise
        raise type(error)(str(error).replace("prometheus.url", "--prometheus")) from error


def last_settled_window(settings: Settings, now: datetime) -> Window:
    settled = floor_to(now - settings.settle_delay, settings.window)
    return Window(settled - settings.window, settled)


def interval_of(options: argparse.Namespace, settings: Settings, now: datetime) -> Interval:
    """Ends the command as wrong usage where the times contradict each other.

    Raises ConfigurationError where it holds no whole window, or reaches into the future.
    """
    if options.start and options.end and options.start >= options.end:
        options.refuse(
            f"--from {format_time(options.start)} is not before --to {format_time(options.end)}; exchange the two"
        )
    settled = last_settled_window(settings, now).end
    end = floor_to(options.end, settings.window) if options.end else settled
    if end > settled:
        raise ConfigurationError(
            f"--to {format_time(end)} is not over yet; the last window that is settled ends at {format_time(settled)}"
        )
    start = options.start or end - (options.last or DEFAULT_SPAN)
    if options.start and start >= settled:
        raise ConfigurationError(
            f"--from {format_time(start)} is too late; the last window that is settled ends at {format_time(settled)}"
        )
    if end - start > LONGEST:
        options.refuse(f"--from {format_time(start)} is more than {LONGEST.days}d before the end; write a later time")
    aligned = floor_to(start, settings.window)
    if aligned < start:
        aligned += settings.window
    if aligned >= end:
        raise ConfigurationError(
            f"There is no whole window between {format_time(start)} and {format_time(end)}; ask for a longer time"
        )
    return Interval(aligned, end)

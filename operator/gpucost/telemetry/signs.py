"""When Prometheus had samples at all: tells an exporter that was never there from an answer that lacks it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gpucost.model.time import Window
from gpucost.telemetry.client import PrometheusClient
from gpucost.telemetry.decode import decode_points
from gpucost.telemetry.queries import STAT_LABEL, SignsQuery
from gpucost.telemetry.settings import TelemetrySettings

_SHORTEST_STEP = timedelta(hours=1)
_MOST_STEPS = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """Moments at which there were fresh samples, ascending; looked at every hour, or more rarely over a long time."""

    gpus: tuple[datetime, ...] = ()
    """Of the metrics that usage is read from."""
    anything: tuple[datetime, ...] = ()
    """Of whatever is scraped."""

    def had_gpus_by(self, moment: datetime) -> bool:
        return bool(self.gpus) and self.gpus[0] <= moment


def read_signs(client: PrometheusClient, settings: TelemetrySettings, since: datetime, until: datetime) -> Signs:
    """From ``since`` to ``until``, which is looked at for certain.

    Raises SourceUnavailable, or IncompleteAnswer where the answer is partial.
    """
    moments = _moments(since, until)
    query = SignsQuery(metrics=settings.metrics.all, matchers=settings.matchers)
    body = client.custom_query_range(query.promql(), moments[0], moments[-1])
    found = {
        labels.get(STAT_LABEL, ""): tuple(moments[column].end for column in sorted(columns.tolist()))
        for labels, columns, _ in decode_points(body, moments, client.name)
    }
    return Signs(gpus=found.get("gpu", ()), anything=found.get("any", ()))


def _moments(since: datetime, until: datetime) -> Sequence[Window]:
    """As ends of windows, the last of which is ``until``."""
    seconds = max(_SHORTEST_STEP, (until - since) / _MOST_STEPS) // timedelta(seconds=1)
    step = timedelta(seconds=seconds)
    count = max(1, (until - since) // step + 1)
    return tuple(Window(until - (back + 1) * step, until - back * step) for back in reversed(range(count)))

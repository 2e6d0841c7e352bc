"""What is taken of answers that are not whole, and what Prometheus is asked about times without samples."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from gpu_series import START, held_by, make_labels, make_windows
from scripted_server import Asked, Reply, answer, json_reply, serving

from gpucost.model.errors import IncompleteAnswer, SourceUnavailable
from gpucost.model.usage import NamedHolder
from gpucost.telemetry.replies import QueryTooHeavy
from gpucost.telemetry.settings import TelemetrySettings
from gpucost.telemetry.source import PrometheusTelemetry

HEAVY = json_reply(422, errorType="execution", error="too many samples")
HOUR = timedelta(hours=1)


def whole(asked: Asked, **envelope: object) -> Reply:
    """One card with ten samples in every window."""
    if not asked.path.endswith("/query_range"):
        return answer("vector", {"metric": {}, "value": [0, "1"]}, **envelope)
    first, last, step = (float(asked.form[key]) for key in ("start", "end", "step"))
    ends = np.arange(first, last + 1, step).tolist()
    halves = [
        {"metric": make_labels(**held_by()) | {"gpucost_stat": stat}, "values": [[end, value] for end in ends]}
        for stat, value in (("sum", "5"), ("count", "10"))
    ]
    return answer("matrix", *halves, **envelope)


def partial(asked: Asked) -> Reply:
    return whole(asked, warnings=["a store is away"])


def heavy_ranges(asked: Asked) -> Reply:
    return HEAVY if asked.path.endswith("/query_range") else whole(asked)


def down(_asked: Asked) -> Reply:
    return json_reply(500, error="down")


TAKEN: dict[str, tuple[Callable[[Asked], Reply], int, type[IncompleteAnswer]]] = {
    "of a partial answer what there is": (partial, 10, IncompleteAnswer),
    "of a query that is too heavy nothing": (heavy_ranges, 0, QueryTooHeavy),
}


@pytest.mark.parametrize(("script", "scrapes", "kind"), TAKEN.values(), ids=TAKEN)
def test_who_cannot_wait_takes(script: Callable[[Asked], Reply], scrapes: int, kind: type[IncompleteAnswer]) -> None:
    with serving(script) as server:
        telemetry = PrometheusTelemetry(TelemetrySettings(url=server.url))
        with pytest.raises(kind):
            telemetry.read_usage(make_windows(1))
        with telemetry.settling() as complaints:
            usage = telemetry.read_usage(make_windows(1))
        with pytest.raises(kind):
            telemetry.read_usage(make_windows(1))
        telemetry.close()
    assert usage.windows == make_windows(1)
    assert usage.scrapes.sum() == scrapes
    assert {type(complaint) for complaint in complaints} == {kind}


def test_who_cannot_wait_does_without_prices_and_pods_that_are_too_heavy_to_ask_for() -> None:
    with serving(lambda _: HEAVY) as server:
        telemetry = PrometheusTelemetry(TelemetrySettings(url=server.url))
        with telemetry.settling() as complaints:
            assert telemetry.read_offerings(make_windows(1)) == {}
            assert telemetry.read_node_prices(make_windows(1)) == {}
            assert telemetry.read_ended_pods([NamedHolder("ml", "train-0", "main")], START) == ()
        telemetry.close()
    assert len(complaints) == 3


def test_an_outage_is_no_answer_for_anybody() -> None:
    with serving(down) as server:
        telemetry = PrometheusTelemetry(TelemetrySettings(url=server.url))
        with telemetry.settling() as complaints, pytest.raises(SourceUnavailable):
            telemetry.read_usage(make_windows(1))
        telemetry.close()
    assert complaints == []


def test_the_clock_of_a_prometheus_that_is_only_partly_there_is_right() -> None:
    with serving(partial) as server:
        telemetry = PrometheusTelemetry(TelemetrySettings(url=server.url))
        assert telemetry.server_time().timestamp() == 1.0
        telemetry.close()


def signs_script(asked: Asked) -> Reply:
    """Targets for the last two moments that are asked for, GPUs for the last one."""
    last, step = float(asked.form["end"]), float(asked.form["step"])
    series = [
        {"metric": {"gpucost_stat": part}, "values": [[last - back * step, "3"] for back in reversed(range(moments))]}
        for part, moments in (("any", 2), ("gpu", 1))
    ]
    return answer("matrix", *series)


SPANS = {"a day by the hour": (timedelta(hours=24), HOUR), "a month by the three hours": (30 * 24 * HOUR, 3 * HOUR)}


@pytest.mark.parametrize(("span", "step"), SPANS.values(), ids=SPANS)
def test_signs_are_looked_for_from_the_end_backwards_in_one_query(span: timedelta, step: timedelta) -> None:
    until = START + timedelta(minutes=17)
    with serving(signs_script) as server:
        telemetry = PrometheusTelemetry(TelemetrySettings(url=server.url))
        signs = telemetry.signs(until - span, until)
        telemetry.close()
    assert signs.gpus == (until,)
    assert signs.anything == (until - step, until)
    assert signs.had_gpus_by(until)
    assert not signs.had_gpus_by(until - timedelta(seconds=1))
    (asked,) = server.asked
    assert float(asked.form["start"]) == (until - span).timestamp()
    assert "count(up{})" in asked.form["query"]


def test_a_time_of_which_nothing_is_known_has_no_signs() -> None:
    with serving(lambda _: answer("matrix")) as server:
        telemetry = PrometheusTelemetry(TelemetrySettings(url=server.url))
        signs = telemetry.signs(START, START)
        telemetry.close()
    assert (signs.gpus, signs.anything) == ((), ())

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from gpu_series import make_windows

from gpucost.model.errors import SourceUnavailable
from gpucost.telemetry.decode import WindowDecoder, decode_raw, decode_time, decode_value, decode_vector

ORIGIN = "Prometheus at http://p"
ENDS = [window.end.timestamp() for window in make_windows(3)]


def make_body(*result: Any, kind: str = "matrix", **envelope: Any) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}} | envelope).encode()


def make_series(stat: str, *points: tuple[float, str], **labels: str) -> dict[str, Any]:
    return {"metric": {"gpucost_stat": stat, "UUID": "GPU-a"} | labels, "values": points}


def decode(body: bytes) -> Any:
    return WindowDecoder().decode(body, ["fb"], make_windows(3), ORIGIN)["fb"]


def test_sum_and_count_of_a_series_come_together() -> None:
    answer = decode(
        make_body(
            make_series("sum", (ENDS[0], "12.5"), (ENDS[2], "7")),
            make_series("sum", (ENDS[1], "NaN"), UUID="GPU-b"),
            make_series("count", (ENDS[0], "10"), (ENDS[2], "3")),
            make_series("count", (ENDS[1], "1"), UUID="GPU-b"),
        )
    )
    assert [labels.UUID for labels in answer.labels] == ["GPU-a", "GPU-b"]
    np.testing.assert_array_equal(answer.sums, [[12.5, 0, 7], [0, np.nan, 0]])
    np.testing.assert_array_equal(answer.counts, [[10, 0, 3], [0, 1, 0]])


def test_metrics_that_were_asked_for_at_once_come_apart() -> None:
    body = make_body(
        make_series("sum", (ENDS[0], "1")),
        make_series("count", (ENDS[0], "10")),
        make_series("sum/1", (ENDS[1], "2"), UUID="GPU-b"),
        make_series("count/1", (ENDS[1], "20"), UUID="GPU-b"),
        make_series("sum/1", (ENDS[1], "3")),
        make_series("count/1", (ENDS[1], "30")),
    )
    answers = WindowDecoder().decode(body, ["fb", "FB"], make_windows(3), ORIGIN)
    assert [labels.UUID for labels in answers["fb"].labels] == ["GPU-a"]
    np.testing.assert_array_equal([answers["fb"].sums, answers["fb"].counts], [[[1, 0, 0]], [[10, 0, 0]]])
    assert [labels.UUID for labels in answers["FB"].labels] == ["GPU-b", "GPU-a"]
    np.testing.assert_array_equal(answers["FB"].sums, [[0, 2, 0], [0, 3, 0]])
    np.testing.assert_array_equal(answers["FB"].counts, [[0, 20, 0], [0, 30, 0]])


def test_raw_samples_keep_their_times_and_what_is_no_number() -> None:
    series = {"metric": {"__name__": "fb", "UUID": "GPU-a"}, "values": [(ENDS[0] + 0.5, "NaN"), (ENDS[1], "-Inf")]}
    (raw,) = decode_raw(make_body(series), ORIGIN)
    assert raw.labels.UUID == "GPU-a"
    np.testing.assert_array_equal(raw.seconds, [ENDS[0] + 0.5, ENDS[1]])
    np.testing.assert_array_equal(raw.values, [np.nan, -np.inf])


def test_values_are_read_as_prometheus_prints_them() -> None:
    texts = ["1e-09", "+Inf", "-1.5e+21"]
    answer = decode(make_body(make_series("sum", *zip(ENDS, texts, strict=True))))
    np.testing.assert_array_equal(answer.sums, [[1e-9, np.inf, -1.5e21]])


def test_a_metric_that_does_not_exist_has_no_series() -> None:
    answer = decode(make_body())
    assert (answer.labels, answer.sums.shape) == ((), (0, 3))


def test_labels_that_come_again_are_remembered_right() -> None:
    decoder = WindowDecoder()
    for uuid in ("GPU-a", "GPU-b", "GPU-a"):
        body = make_body(make_series("sum", (ENDS[0], "1"), UUID=uuid))
        answer = decoder.decode(body, ["fb"], make_windows(3), ORIGIN)["fb"]
        assert [labels.UUID for labels in answer.labels] == [uuid]


POINT = (ENDS[0], "1")
FAULTS: dict[str, bytes] = {
    "HTML": b"<html>Sign in</html>",
    "nothing": b"",
    "JSON that was cut": make_body(make_series("sum", POINT))[:-20],
    "no text": b"\xff\xfe{}",
    "another result type": make_body(kind="vector"),
    "an error": b'{"status":"error","errorType":"internal","error":"x"}',
    "an error with data": make_body(status="error"),
    "a result that is no list": make_body()[:-3] + b"{}}}",
    "a part that was not asked for": make_body(make_series("sum/1", POINT)),
    "labels that are no words": make_body({"metric": {"UUID": 7}, "values": [POINT]}),
    "a point without its time": make_body({"metric": {}, "values": [["1"]]}),
    "a value that is no number": make_body(make_series("sum", (ENDS[0], "lots"))),
    "a value that is missing": make_body({"metric": {}, "values": [[ENDS[0], None]]}),
    "a point between two windows": make_body(make_series("sum", (ENDS[0] + 17, "1"))),
    "a point before the first window": make_body(make_series("sum", (ENDS[0] - 300, "1"))),
    "a point after the last window": make_body(make_series("sum", (ENDS[2] + 300, "1"))),
}


@pytest.mark.parametrize("body", FAULTS.values(), ids=FAULTS)
def test_what_cannot_be_read_is_an_outage(body: bytes) -> None:
    with pytest.raises(SourceUnavailable, match=r"^Prometheus at http://p sent an answer that cannot be read"):
        decode(body)


def make_vector(*values: str) -> bytes:
    return make_body(*({"metric": {"pod": f"p{n}"}, "value": [0, v]} for n, v in enumerate(values)), kind="vector")


def test_an_instant_answer_gives_labels_and_values() -> None:
    assert decode_vector(make_vector("1", "2.5"), ORIGIN) == [({"pod": "p0"}, 1), ({"pod": "p1"}, 2.5)]


def test_an_instant_answer_without_series_is_no_value() -> None:
    assert decode_value(make_vector(), ORIGIN) is None
    assert decode_time(make_vector(), ORIGIN) is None


def test_a_time_is_exact_to_the_millisecond() -> None:
    expected = datetime(2026, 11, 24, 8, 0, 0, 123000, tzinfo=UTC)
    assert decode_time(make_vector("1795507200.123"), ORIGIN) == expected


NO_TIMES = {"no number": "soon", "NaN": "NaN", "infinite": "+Inf", "beyond all calendars": "1e300"}


@pytest.mark.parametrize("value", NO_TIMES.values(), ids=NO_TIMES)
def test_what_is_no_time_is_an_outage(value: str) -> None:
    with pytest.raises(SourceUnavailable, match="cannot be read"):
        decode_time(make_vector(value), ORIGIN)


INSTANT: dict[str, Callable[[bytes, str], object]] = {
    "vector": decode_vector,
    "value": decode_value,
    "time": decode_time,
}


@pytest.mark.parametrize("read", INSTANT.values(), ids=INSTANT)
def test_a_matrix_is_no_instant_answer(read: Callable[[bytes, str], object]) -> None:
    with pytest.raises(SourceUnavailable, match="a matrix where a vector"):
        read(make_body(), ORIGIN)

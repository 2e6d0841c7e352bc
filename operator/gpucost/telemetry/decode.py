"""Prometheus' JSON into arrays: only what is read is decoded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

import msgspec
import numpy as np

from gpucost.model.errors import SourceUnavailable
from gpucost.model.time import Window
from gpucost.model.usage import Floats, Indices
from gpucost.telemetry.codes import KeyCodes
from gpucost.telemetry.queries import STAT_LABEL
from gpucost.telemetry.series import MetricAnswer, SeriesLabels

S = TypeVar("S")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_REMEMBERED = 400_000
_OFF_GRID = 1e-3  # of a window; servers print times to the millisecond
_BRACKETS = b'[]"'


class _Sample(msgspec.Struct, gc=False):
    """A series of an instant answer: its labels, and time and value, the value as text."""

    labels: dict[str, str] = msgspec.field(name="metric")
    value: tuple[float, str]


class _Points(msgspec.Struct, gc=False):
    labels: msgspec.Raw = msgspec.field(name="metric")
    values: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class _Stat(msgspec.Struct):
    stat: str = msgspec.field(default="", name=STAT_LABEL)


class _Data(msgspec.Struct, Generic[S]):
    kind: str = msgspec.field(name="resultType")
    result: list[S]


class _Envelope(msgspec.Struct, Generic[S]):
    status: str
    data: _Data[S]


_VECTOR = msgspec.json.Decoder(_Envelope[_Sample])
_POINTS = msgspec.json.Decoder(_Envelope[_Points])
_LABELS = msgspec.json.Decoder(SeriesLabels)
_ALL_LABELS = msgspec.json.Decoder(dict[str, str])
_STAT = msgspec.json.Decoder(_Stat)


def decode_vector(body: bytes, origin: str) -> list[tuple[dict[str, str], float]]:
    """Labels and value of every series of an instant answer.

    Raises SourceUnavailable where it is none.
    """
    series = _result(_VECTOR, body, "vector", origin)
    try:
        return [(sample.labels, float(sample.value[1])) for sample in series]
    except ValueError as error:
        raise _unreadable(origin, error) from error


def decode_value(body: bytes, origin: str) -> float | None:
    """The only value of an instant answer; None: it has no series.

    Raises as `decode_vector`.
    """
    series = decode_vector(body, origin)
    return series[0][1] if series else None


def decode_time(body: bytes, origin: str) -> datetime | None:
    """The only value of an instant answer, a Unix time; None: it has no series.

    Raises as `decode_vector`.
    """
    seconds = decode_value(body, origin)
    if seconds is None:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=round(seconds * 1000))
    except (ValueError, OverflowError) as error:
        raise _unreadable(origin, f"{seconds} is no time") from error


@dataclass(frozen=True, kw_only=True)
class RawSeries:
    """Axis: p samples."""

    labels: SeriesLabels
    seconds: Floats
    """(p,) Unix time."""
    values: Floats
    """(p,)"""


def decode_raw(body: bytes, origin: str) -> Iterator[RawSeries]:
    """The answer to a `RawSamplesQuery`.

    Raises as `decode_vector`.
    """
    for item in _result(_POINTS, body, "matrix", origin):
        labels, _ = _labels_of(bytes(item.labels), origin)
        numbers, _ = _numbers([bytes(item.values)], origin)
        yield RawSeries(labels=labels, seconds=numbers[0::2], values=numbers[1::2])


def decode_points(
    body: bytes, windows: Sequence[Window], origin: str
) -> Iterator[tuple[dict[str, str], Indices, Floats]]:
    """Of every series of a range answer: its labels, and (p,) index of window and value of its points.

    ``windows`` are those that were asked for, of one length, without a gap. Raises as `decode_vector`.
    """
    series = _result(_POINTS, body, "matrix", origin)
    owner, column, values = _points([bytes(item.values) for item in series], windows, origin)
    edges = np.searchsorted(owner, np.arange(len(series) + 1))
    for item, first, last in zip(series, edges, edges[1:], strict=False):
        try:
            labels = _ALL_LABELS.decode(item.labels)
        except msgspec.MsgspecError as error:
            raise _unreadable(origin, error) from error
        yield labels, column[first:last], values[first:last]


class WindowDecoder:
    """Answers to a `WindowQuery` over a range; remembers labels, since most come again with the next metric.

    For one thread.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], _KnownLabels] = {}
        """By what was asked for: the next answer to the same lists nearly the same series."""

    def decode(
        self, body: bytes, metrics: Sequence[str], windows: Sequence[Window], origin: str
    ) -> dict[str, MetricAnswer]:
        """``metrics`` and ``windows`` are those that were asked for: the windows of one length, without a gap.

        Raises as `decode_vector`.
        """
        series = _result(_POINTS, body, "matrix", origin)
        rows: dict[str, dict[SeriesLabels, int]] = {name: {} for name in metrics}
        parts = {f"{stat}/{number}": name for number, name in enumerate(metrics) for stat in ("sum", "count")}
        parts |= {"sum": metrics[0], "count": metrics[0], "": metrics[0]}
        known = self._known.setdefault(tuple(metrics), _KnownLabels())
        total = 0
        row = np.zeros(len(series), dtype=np.intp)
        is_count = np.zeros(len(series), dtype=np.bool_)
        for number, (labels, stat) in enumerate(known.labels_of([bytes(item.labels) for item in series], origin)):
            if stat not in parts:
                raise _unreadable(origin, f"a part {stat!r} was not asked for")
            row[number] = rows[parts[stat]].setdefault(labels, total)
            total += row[number] == total
            is_count[number] = stat.startswith("count")
        owner, column, values = _points([bytes(item.values) for item in series], windows, origin)
        halves = np.zeros((2, total, len(windows)))
        halves[is_count[owner].astype(np.intp), row[owner], column] = values
        return {name: _answer(of_name, halves) for name, of_name in rows.items()}


class _KnownLabels:
    """What raw labels mean; forgotten at once where they become too many."""

    def __init__(self) -> None:
        self._codes = KeyCodes()
        self._meanings: list[tuple[SeriesLabels, str]] = []

    def labels_of(self, raw: Sequence[bytes], origin: str) -> list[tuple[SeriesLabels, str]]:
        if len(self._meanings) + len(raw) > _MOST_REMEMBERED:
            self._forget()
        codes = self._codes.codes_of(raw).tolist()
        try:
            self._meanings += [_labels_of(key, origin) for key in self._codes.keys_from(len(self._meanings))]
        except SourceUnavailable:
            self._forget()
            raise
        return [self._meanings[code] for code in codes]

    def _forget(self) -> None:
        self._codes.forget()
        self._meanings.clear()


def _answer(rows: Mapping[SeriesLabels, int], halves: Floats) -> MetricAnswer:
    """``halves`` (2, s, w): sums, then counts, of the series of all metrics."""
    if len(rows) < halves.shape[1]:
        halves = halves[:, list(rows.values())]
    return MetricAnswer(labels=tuple(rows), sums=halves[0], counts=halves[1])


def _labels_of(raw: bytes, origin: str) -> tuple[SeriesLabels, str]:
    try:
        return _LABELS.decode(raw), _STAT.decode(raw).stat
    except msgspec.MsgspecError as error:
        raise _unreadable(origin, error) from error


def _points(raw: Sequence[bytes], windows: Sequence[Window], origin: str) -> tuple[Indices, Indices, Floats]:
    """All points of all series, parsed in one go: index of series, index of window, value; (p,) each."""
    numbers, owner = _numbers(raw, origin)
    if owner.size == 0:
        return owner, owner, np.zeros(0)
    first, step = windows[0].end.timestamp(), windows[0].length.total_seconds()
    place = (numbers[0::2] - first) / step
    column = np.rint(place)
    if not np.all((abs(place - column) < _OFF_GRID) & (column >= 0) & (column < len(windows))):
        raise _unreadable(origin, "points lie at other times than were asked for")
    return owner, column.astype(np.intp), numbers[1::2]


def _numbers(raw: Sequence[bytes], origin: str) -> tuple[Floats, Indices]:
    """(2 p,) time and value of every point in turn; (p,) index of its series."""
    lengths = np.array([values.count(b"[") - 1 for values in raw], dtype=np.intp).clip(min=0)
    flat = b",".join(values.translate(None, _BRACKETS) for values in raw if len(values) > 2)
    try:
        numbers = np.fromstring(flat, dtype=np.float64, sep=",")
    except ValueError as error:
        raise _unreadable(origin, error) from error
    owner = np.repeat(np.arange(len(raw)), lengths)
    if numbers.size != 2 * owner.size:
        raise _unreadable(origin, "points are not pairs of time and value")
    return numbers, owner


def _result(decoder: "msgspec.json.Decoder[_Envelope[S]]", body: bytes, kind: str, origin: str) -> list[S]:
    try:
        envelope = decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(origin, error) from error
    if envelope.status != "success" or envelope.data.kind != kind:
        raise _unreadable(origin, f"{envelope.status} with a {envelope.data.kind} where a {kind} was asked for")
    return envelope.data.result


def _unreadable(origin: str, cause: object) -> SourceUnavailable:
    return SourceUnavailable(
        f"{origin} sent an answer that cannot be read ({cause}); see whether a proxy between us changes it"
    )

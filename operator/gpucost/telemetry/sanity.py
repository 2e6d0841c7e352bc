"""What no device can have measured: left out, and counted by reason.

A sum says only that something is wrong with one of its samples. Where the samples themselves can be had, they replace
it; else the metric is absent for that series in that window. Axes: s series, w windows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from gpucost.model.time import Window
from gpucost.model.usage import Bools, Floats, Indices
from gpucost.telemetry.decode import RawSeries
from gpucost.telemetry.metrics import MetricNames
from gpucost.telemetry.series import MetricAnswer, SeriesLabels

NOT_A_NUMBER = "notANumber"
NEGATIVE = "negative"
SENTINEL = "sentinel"
ABOVE_FULL = "aboveFull"
IMPOSSIBLE_NAME = "impossibleName"
DUPLICATE_JOB = "duplicateJob"
DUPLICATE_INSTANCE = "duplicateInstance"
ZERO_PER_POD = "zeroPerPod"
SILENT_ZERO = "silentZero"
REASONS: Mapping[str, str] = MappingProxyType(
    {
        NOT_A_NUMBER: "NaN or infinite",
        NEGATIVE: "below zero",
        SENTINEL: "what DCGM prints where it has no value",
        ABOVE_FULL: "more than a device can be used: a little above counts as full, the rest is left out",
        IMPOSSIBLE_NAME: "names a pod that cannot exist, so that the device counts as held by nobody",
        DUPLICATE_JOB: "of a device that another scrape job or replica tells of as well",
        DUPLICATE_INSTANCE: "of a device that another address of the same job tells of as well",
        ZERO_PER_POD: "0 of every holder while the device is in use: the exporter cannot tell processes apart",
        SILENT_ZERO: "0 of the engine while the device is busy: the profiling metrics are not working",
    }
)
"""Every key of ``Usage.dropped``, and what it means."""

MOST_MEMORY = 2.0**47 - 1
"""DCGM's numbers for "no value" are more than this; old exporters print them. No metric in use comes near."""
MOST_OVER_FULL = 1.5
"""Times full; noise is clamped, more than this is no measurement."""


def doubtful(answer: MetricAnswer, most: float) -> Bools:
    """(s, w) whether the mean of the samples is no measurement; ``most`` is the highest that is one."""
    with np.errstate(invalid="ignore"):  # infinities
        fine = (answer.sums >= 0) & (answer.sums <= most * _measured(answer))
    return ~fine & (answer.counts > 0)


def curable(answer: MetricAnswer, most: float) -> Bools:
    """(s, w) where some samples may be measurements though their mean is none.

    Not where all are a little too high: that is another unit.
    """
    doubt = doubtful(answer, most)
    if not doubt.any():
        return doubt
    means = _means(answer)
    return doubt & ~((means > most) & (means <= MOST_MEMORY))


def mended(
    answer: MetricAnswer, raw: Iterable[RawSeries], windows: Sequence[Window], most: float, where: Bools
) -> MetricAnswer:
    """With the samples themselves for those sums that are named in ``where`` (s, w), as far as ``raw`` has them."""
    row_of = {answer.labels[row]: row for row in np.flatnonzero(where.any(axis=1)).tolist()}
    column, row, values = _placed(raw, row_of, windows)
    asked = where[row, column]
    column, row, values = column[asked], row[asked], values[asked]
    reason = _reasons(values, most)
    good = reason == ""
    counts, sums, measured = np.zeros((3, *answer.counts.shape))
    np.add.at(counts, (row, column), 1.0)
    np.add.at(measured, (row[good], column[good]), 1.0)
    np.add.at(sums, (row[good], column[good]), values[good])
    known = counts > 0
    return replace(
        answer,
        sums=np.where(known, sums, answer.sums),
        measured=np.where(known, measured, _measured(answer)),
        dropped=_more(answer.dropped, reason[~good], column[~good], np.ones(np.count_nonzero(~good)), len(windows)),
    )


def without_doubtful(answer: MetricAnswer, most: float) -> MetricAnswer:
    """Without the sums that are no measurements."""
    doubt = doubtful(answer, most)
    if not doubt.any():
        return answer
    column = np.nonzero(doubt)[1]
    reason = _reasons(_means(answer)[doubt], most)
    return replace(
        answer,
        sums=np.where(doubt, 0.0, answer.sums),
        measured=np.where(doubt, 0.0, _measured(answer)),
        dropped=_more(answer.dropped, reason, column, answer.counts[doubt], answer.counts.shape[1]),
    )


def most_of(names: MetricNames) -> dict[str, float]:
    """The highest value of each metric that is a measurement."""
    memory = {name: MOST_MEMORY for group in names.memory for name in group}
    return memory | {name: metric.full * MOST_OVER_FULL for metric in names.compute for name in metric.names}


def sane(answers: Mapping[str, MetricAnswer], names: MetricNames) -> dict[str, MetricAnswer]:
    """Without what no device can have measured."""
    most = most_of(names)
    return {name: without_doubtful(answer, most[name]) for name, answer in answers.items()}


def _measured(answer: MetricAnswer) -> Floats:
    return answer.counts if answer.measured is None else answer.measured


def _means(answer: MetricAnswer) -> Floats:
    measured = _measured(answer)
    return np.divide(answer.sums, measured, out=np.zeros_like(answer.sums), where=measured > 0)


def _reasons(values: Floats, most: float) -> "np.ndarray[tuple[int], np.dtype[np.str_]]":
    """Why each value is none; empty where it is."""
    finite = np.isfinite(values)
    return np.select(
        [~finite, values < 0, values > MOST_MEMORY, values > most],
        [NOT_A_NUMBER, NEGATIVE, SENTINEL, ABOVE_FULL],
        default="",
    )


def _more(
    before: Mapping[str, Floats],
    reason: "np.ndarray[tuple[int], np.dtype[np.str_]]",
    column: Indices,
    samples: Floats,
    windows: int,
) -> dict[str, Floats]:
    dropped = dict(before)
    for one in np.unique(reason).tolist():
        of_it = reason == one
        counts = np.bincount(column[of_it], samples[of_it], minlength=windows).astype(np.float64)
        dropped[one] = dropped.get(one, 0.0) + counts
    return dropped


def _placed(
    raw: Iterable[RawSeries], row_of: Mapping[SeriesLabels, int], windows: Sequence[Window]
) -> tuple[Indices, Indices, Floats]:
    """Window, row and value of every sample of the wanted series that lies in a window."""
    wanted = [series for series in raw if series.labels in row_of]
    rows = [np.full(series.values.size, row_of[series.labels], dtype=np.intp) for series in wanted]
    row = np.concatenate([np.zeros(0, dtype=np.intp), *rows])
    values = np.concatenate([np.zeros(0), *(series.values for series in wanted)])
    ms = np.rint(np.concatenate([np.zeros(0), *(series.seconds for series in wanted)]) * 1000.0)
    first, step = windows[0].start.timestamp() * 1000.0, windows[0].milliseconds
    # A sample on an edge belongs to the window that it ends.
    column = (np.ceil((ms - first) / step) - 1).astype(np.intp)
    inside = (column >= 0) & (column < len(windows))
    return column[inside], row[inside], values[inside]

"""From metric answers to the rows that the pipeline computes with: who held which device, and how it was used.

Axes: s series, k tracks (one device as one instance of one source tells of it), c cells (a device with one of its
holders, or with none), d devices, w windows, r rows.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from itertools import groupby
from typing import TypeVar

import numpy as np

from gpucost.model.time import Window
from gpucost.model.usage import Bools, Floats, Indices, Usage
from gpucost.telemetry.alternatives import Counting, Tracks, count_once, plausible_scrapes, tracks_of
from gpucost.telemetry.cells import Cells
from gpucost.telemetry.joining import join_usages
from gpucost.telemetry.lanes import Lanes
from gpucost.telemetry.metrics import MetricNames
from gpucost.telemetry.own_values import Use
from gpucost.telemetry.ratios import uses_of
from gpucost.telemetry.sanity import DUPLICATE_INSTANCE, DUPLICATE_JOB, IMPOSSIBLE_NAME, sane
from gpucost.telemetry.scrapes import Scrapes, counted, left_out, samples_by, scrapes_by, scrapes_of
from gpucost.telemetry.series import Exporters, MetricAnswer, add_rows, jobs_with_target_pods, max_rows, meaning_of
from gpucost.telemetry.told import Meanings, Told, mark_totals, meanings_of, told_by

Array = TypeVar("Array", Floats, Bools)


def usage_of(
    answers: Mapping[str, MetricAnswer],
    windows: Sequence[Window],
    names: MetricNames,
    scrape_interval: timedelta | None = None,
    exporters: Exporters | None = None,
) -> Usage:
    """Group metric answers (by name; a metric may be missing) into rows of window, device and holder.

    Every window is computed from its own samples, whichever others it is asked for with. Where a device is told of more
    than once, `count_once` says what counts. ``scrape_interval`` None: told, window by window and source by source,
    from the most scrapes that a device had. ``exporters``: for those that do not say on which node they are.
    """
    known = sane({name: answers[name] for name in names.all if name in answers}, names)
    parts = []
    for run, target_pods in _runs(jobs_with_target_pods(known.values(), len(windows))):
        cut = {name: answer.within(run) for name, answer in known.items()}
        meanings = meanings_of(
            cut.values(), partial(meaning_of, jobs_with_target_pods=target_pods, exporters=exporters or {})
        )
        parts.append(_usage_of(cut, windows[run], names, meanings, scrape_interval))
    return join_usages(parts)


def _runs(values: Iterable[frozenset[str]]) -> Iterator[tuple[slice, frozenset[str]]]:
    """Stretches of windows that have one value."""
    first = 0
    for value, alike in groupby(values):
        last = first + len(list(alike))
        yield slice(first, last), value
        first = last


def _usage_of(
    answers: Mapping[str, MetricAnswer],
    windows: Sequence[Window],
    names: MetricNames,
    meanings: Meanings,
    scrape_interval: timedelta | None,
) -> Usage:
    """Of windows in which every label means the same."""
    lengths = np.array([window.length.total_seconds() for window in windows])
    configured = None if scrape_interval is None else np.full(lengths.size, scrape_interval.total_seconds())
    tracks = tracks_of(meanings.of_series)
    by_track = Lanes(tracks.of_series, meanings.lanes, tracks.count)
    marked = mark_totals(told_by(names, answers, meanings, tracks), tracks, by_track)
    at_most = None if configured is None else np.ceil(lengths / configured)
    counting, dropped = _count_once(tracks, marked.values(), meanings, lengths.size, at_most)

    weight = counting.weight[tracks.of_series]
    samples = counted({group: one.times(weight) for group, one in marked.items()}, meanings, lengths.size)
    memory, compute = uses_of(samples, names)
    device, devices = samples.cells.device[samples.cells.of_series], len(samples.cells.devices)
    most = max_rows(np.where(weight > 0, counting.most_scrapes[tracks.of_series], 0.0), device, devices)
    interval = np.divide(lengths, most, out=np.full_like(most, np.nan), where=most > 0)
    for answer in answers.values():
        dropped += Counter({reason: _total(count) for reason, count in answer.dropped.items()})
    return _rows(
        windows,
        samples.cells,
        scrapes_of(samples, meanings, _scrapes_at_most(tracks, counting, device, devices)),
        memory=memory,
        compute=compute,
        left_out=left_out(samples),
        interval=interval if configured is None else np.broadcast_to(configured, most.shape),
        dropped=dropped + memory.dropped + compute.dropped,
    )


def _count_once(
    tracks: Tracks, told: Collection[Told], meanings: Meanings, windows: int, scrapes_at_most: Floats | None
) -> tuple[Counting, Counter[str]]:
    """Which tracks count, and how many samples those have that do not."""
    is_naming = np.array([meaning.holder is not None for meaning in meanings.of_series], dtype=np.bool_)
    names = np.zeros((tracks.count, windows), dtype=np.bool_)
    for one in told:
        lines = is_naming[one.series]
        names |= max_rows(one.counts[lines], tracks.of_series[one.series[lines]], tracks.count) > 0
    samples = samples_by(tracks.of_series, tracks.count, told, windows)
    scrapes = _track_scrapes(tracks, told, meanings, windows)
    counting = count_once(tracks, scrapes, samples, names, scrapes_at_most)
    impossible = np.array([meaning.is_impossible for meaning in meanings.of_series], dtype=np.bool_)
    dropped = Counter(
        {
            DUPLICATE_JOB: _total(np.where(counting.is_chosen, 0.0, samples)),
            DUPLICATE_INSTANCE: _total(np.where(counting.is_chosen, samples * (1.0 - counting.weight), 0.0)),
            IMPOSSIBLE_NAME: sum(_total(one.counts[impossible[one.series]]) for one in told),
        }
    )
    return counting, dropped


def _track_scrapes(tracks: Tracks, told: Collection[Told], meanings: Meanings, windows: int) -> Floats:
    """(k, w)"""
    by_track = Lanes(tracks.of_series, meanings.lanes, tracks.count)
    scrapes = scrapes_by(by_track, tracks.count, told, windows)
    if not by_track.may_be_crowded:
        return scrapes
    fullest, crowded = np.zeros(scrapes.shape), np.zeros(scrapes.shape, dtype=np.bool_)
    for one in told:
        fullest = np.maximum(fullest, max_rows(one.counts, tracks.of_series[one.series], tracks.count))
        crowded |= by_track.crowded(one.counts, one.series)
    return plausible_scrapes(tracks, scrapes, fullest, crowded)


def _scrapes_at_most(tracks: Tracks, counting: Counting, device: Indices, devices: int) -> Floats:
    """(d, w) of all tracks that tell of a device; ``device`` (s,)."""
    pair = np.unique(device * tracks.count + tracks.of_series)
    device_of, track = np.divmod(pair, max(tracks.count, 1))
    return add_rows(counting.scrapes[track], device_of, devices)


def _rows(
    windows: Sequence[Window],
    cells: Cells,
    scrapes: Scrapes,
    *,
    memory: Use,
    compute: Use,
    left_out: tuple[Bools, Bools],
    interval: Floats,
    dropped: Counter[str],
) -> Usage:
    """A row for every cell that was seen in a window, and one for every total that was printed beside holders.

    ``left_out``: (c, w) and (d, w) some samples were. ``interval`` is (d, w).
    """
    totals = np.flatnonzero((scrapes.beside > 0).any(axis=1))
    device = np.concatenate([cells.device, totals])
    holder = np.concatenate([cells.holder, np.full(totals.size, -1)])
    order = np.lexsort((np.arange(device.size), holder, device))
    device, holder, is_total = device[order], holder[order], order >= cells.count
    nothing = np.zeros((len(cells.devices), len(windows)))

    def lines(of_cells: Array, of_totals: Array) -> Array:
        return np.concatenate([of_cells, of_totals[totals]])[order] if totals.size else of_cells

    all_scrapes = lines(scrapes.cell, scrapes.beside)
    window, row = np.nonzero(all_scrapes.T > 0)
    devices, device_of = _used(device[row], len(cells.devices))
    holders, holder_of = _used(holder[row], len(cells.holders))
    row_interval = interval[device[row], window]
    shortest = np.full(len(windows), np.nan)
    np.fmin.at(shortest, window, row_interval)
    return Usage(
        windows=tuple(windows),
        devices=tuple(cells.devices[number] for number in devices),
        holders=tuple(cells.holders[number] for number in holders),
        window=window,
        device=device_of[device[row]],
        holder=holder_of[holder[row]],
        scrapes=all_scrapes[row, window],
        memory_ratio=lines(memory.ratio, memory.device)[row, window],
        compute_ratio=lines(compute.ratio, compute.device)[row, window],
        row_interval_seconds=row_interval,
        interval_seconds=shortest,
        device_scrapes=scrapes.device[device[row], window],
        slots=lines(scrapes.slots, nothing)[row, window],
        own_memory=lines(memory.is_own, nothing > 0)[row, window],
        own_compute=lines(compute.is_own, nothing > 0)[row, window],
        beside=is_total[row],
        odd=(
            lines(*left_out)
            | lines(memory.is_replaced, memory.device_is_replaced)
            | lines(compute.is_replaced, compute.device_is_replaced)
        )[row, window],
        dropped={reason: count for reason, count in dropped.items() if count},
        compute_metrics=tuple(sorted(compute.names)),
    )


def _used(numbers: Indices, size: int) -> tuple[list[int], Indices]:
    """Those that occur, and the new number of each; that of -1 is -1, which is what the index -1 finds."""
    occurs = np.zeros(size + 1, dtype=np.bool_)
    occurs[numbers] = True
    occurs[-1] = False
    new = np.cumsum(occurs) - 1
    new[-1] = -1
    return np.flatnonzero(occurs).tolist(), new


def _total(samples: Floats) -> int:
    """Of all windows, each rounded by itself."""
    return int(np.rint(samples.reshape(-1, samples.shape[-1]).sum(axis=0)).sum())

from collections import defaultdict
from datetime import timedelta
from fractions import Fraction

import numpy as np
import pytest
from simulated_fleets import START, make_day, read_samples, sample_times, windows_of, windows_with_a_change_of_holder

from gpucost.model.errors import InputError
from gpucost.model.time import Window
from gpucost.simulation.fleet import Fleet
from gpucost.simulation.samples import window_samples
from gpucost.simulation.scrape import stored_labels, targets

Series = tuple[str, frozenset[tuple[str, str]]]


def brute_sums(fleet: Fleet, window: Window) -> dict[Series, tuple[Fraction, int]]:
    """(sum, count) of every series that has a sample in the window, from the exporters' pages."""
    found: defaultdict[Series, list[Fraction]] = defaultdict(list)
    for at in sample_times(window):
        for target in targets(fleet)[:-1]:
            for sample in read_samples(target.page(at)):
                labels = frozenset(stored_labels(target, sample.labels).items())
                found[sample.name, labels].append(sample.value)
    return {series: (sum(values, Fraction(0)), len(values)) for series, values in found.items()}


def test_sums_and_counts_are_those_of_the_pages() -> None:
    fleet = make_day()
    change, *_ = windows_with_a_change_of_holder(fleet)
    early, late = windows_of(fleet)[0], windows_of(fleet)[-1]
    windows = (late, change, early)
    answer = window_samples(fleet, windows)
    for column, window in enumerate(windows):
        expected = brute_sums(fleet, window)
        seen = 0
        for name, metric in answer.items():
            for row, labels in enumerate(metric.labels):
                total, count = expected.get((name, frozenset(labels.items())), (Fraction(0), 0))
                assert metric.counts[row, column] == count
                assert metric.sums[row, column] == pytest.approx(float(total), rel=1e-15)
                seen += count > 0
        assert seen == len(expected)


def test_no_series_comes_twice_and_every_device_has_ten_samples_in_five_minutes() -> None:
    fleet = make_day()
    windows = windows_of(fleet)
    for metric in window_samples(fleet, windows).values():
        series = [frozenset(labels.items()) for labels in metric.labels]
        assert len(set(series)) == len(series)
        devices: defaultdict[tuple[str, str], np.ndarray] = defaultdict(lambda: np.zeros(len(windows)))
        for labels, counts in zip(metric.labels, metric.counts, strict=True):
            devices[labels["UUID"], labels.get("GPU_I_ID", "")] += counts
        assert all(np.all(counts == 10) for counts in devices.values())


def test_no_window_has_no_samples() -> None:
    assert window_samples(make_day(), ()) == {}


def test_a_window_off_the_grid_is_refused() -> None:
    window = Window(START, START + timedelta(seconds=45))
    with pytest.raises(InputError, match="cuts a scrape interval"):
        window_samples(make_day(), [window])
